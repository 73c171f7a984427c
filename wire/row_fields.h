// Names the fields of each row once, for both directions. For the room's .cpp files.
#pragma once

#include "wire/rows.h"

namespace cordon::wire {

template <typename V>
void visit_fields(V& v, StatusRow& r) {
  v("version", r.version);
  v("hostname", r.hostname);
  v("gateway_id", r.gateway_id);
  v("uptime", r.uptime);
  v("commits_stopped", r.commits_stopped);
  v("review_of_all", r.review_of_all);
  v("sessions", r.sessions);
  v("held", r.held);
  v("quarantined", r.quarantined);
  v("in_flight", r.in_flight);
  v("accepted", r.accepted);
  v("committed", r.committed);
  v("deferred", r.deferred);
  v("failed", r.failed);
  v("violations", r.violations);
  v("baits", r.baits);
  v("active_cordons", r.active_cordons);
  v("origins", r.origins);
}

template <typename V>
void visit_fields(V& v, MessageRow& r) {
  v("queue_name", r.queue_name);
  v("queue_id", r.queue_id);
  v("arrival_time", r.arrival_time);
  v("message_size", r.message_size);
  v("sender", r.sender);
  v("recipients", r.recipients);
  v("recipient_count", r.recipient_count);
  v("origin_id", r.origin_id);
  v("origin", r.origin);
  v("kind", r.kind);
  v("subject", r.subject);
  v("message_id", r.message_id);
  v("listener", r.listener);
  v("session", r.session);
  v("login", r.login);
  v("attempts", r.attempts);
  v("alert_id", r.alert_id);
}

template <typename V>
void visit_fields(V& v, IdRow& r) {
  v("queue_id", r.queue_id);
}

template <typename V>
void visit_fields(V& v, RecipientRow& r) {
  v("queue_id", r.queue_id);
  v("address", r.address);
  v("state", r.state);
  v("last_reply", r.last_reply);
  v("settled_time", r.settled_time);
}

template <typename V>
void visit_fields(V& v, HistoryRow& r) {
  v("time", r.time);
  v("who", r.who);
  v("text", r.text);
}

template <typename V>
void visit_fields(V& v, ContentRow& r) {
  v("queue_id", r.queue_id);
  v("offset", r.offset);
  v.octets("base64", r.octets);
}

template <typename V>
void visit_fields(V& v, AlertRow& r) {
  v("alert_id", r.alert_id);
  v("time", r.time);
  v("origin_id", r.origin_id);
  v("origin", r.origin);
  v("bait_id", r.bait_id);
  v("bait_kind", r.bait_kind);
  v("place", r.place);
  v("response", r.response);
  v("reason", r.reason);
  v("listener", r.listener);
  v("session", r.session);
  v("queue_id", r.queue_id);
  v("cordon_id", r.cordon_id);
  v("hits", r.hits);
}

template <typename V>
void visit_fields(V& v, CordonRow& r) {
  v("cordon_id", r.cordon_id);
  v("kind", r.kind);
  v("origin_id", r.origin_id);
  v("origin", r.origin);
  v("alert_id", r.alert_id);
  v("raised_time", r.raised_time);
  v("lifted_time", r.lifted_time);
  v("withdrawn", r.withdrawn);
  v("warnings_done", r.warnings_done);
  v("quarantined", r.quarantined);
  v("committed_before", r.committed_before);
}

template <typename V>
void visit_fields(V& v, TranscriptRow& r) {
  v("cordon_id", r.cordon_id);
  v("time", r.time);
  v("session", r.session);
  v("speaker", r.speaker);
  v("text", r.text);
}

template <typename V>
void visit_fields(V& v, BaitRow& r) {
  v("bait_id", r.bait_id);
  v("kind", r.kind);
  v("value", r.value);
  v("label", r.label);
  v("added_time", r.added_time);
  v("retired_time", r.retired_time);
  v("retired_why", r.retired_why);
  v("hits", r.hits);
}

template <typename V>
void visit_fields(V& v, HitRow& r) {
  v("bait_id", r.bait_id);
  v("kind", r.kind);
}

template <typename V>
void visit_fields(V& v, RevocationRow& r) {
  v("queue_id", r.queue_id);
  v("origin_id", r.origin_id);
  v("origin", r.origin);
  v("arrival_time", r.arrival_time);
  v("committed_time", r.committed_time);
  v("sender", r.sender);
  v("recipient", r.recipient);
  v("subject", r.subject);
  v("message_id", r.message_id);
  v("digest", r.digest);
  v("certain", r.certain);
}

template <typename V>
void visit_fields(V& v, WarningRow& r) {
  v("warning_id", r.warning_id);
  v("alert_id", r.alert_id);
  v("recipient", r.recipient);
  v("certain", r.certain);
  v("state", r.state);
  v("reason", r.reason);
  v("queue_id", r.queue_id);
  v("time", r.time);
}

template <typename V>
void visit_fields(V& v, AuditRow& r) {
  v("audit_id", r.audit_id);
  v("time", r.time);
  v("uid", r.uid);
  v("who", r.who);
  v("action", r.action);
  v("object", r.object);
  v("detail", r.detail);
}

}  // namespace cordon::wire
