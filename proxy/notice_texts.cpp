#include "proxy/notice_texts.h"

#include <array>
#include <set>

#include <openssl/rand.h>

#include "proxy/uptime_clock.h"
#include "smtp/notice/notice.h"

namespace cordon::proxy {

namespace {

template <typename Id>
std::int64_t number(Id id) {
  return static_cast<std::int64_t>(id);
}

std::string fresh_message_id(const Config& config) {
  static constexpr char hex[] = "0123456789abcdef";
  std::array<unsigned char, 12> random{};
  RAND_bytes(random.data(), static_cast<int>(random.size()));
  std::string id = "<cordon.";
  for (const unsigned char octet : random) {
    id += hex[octet >> 4];
    id += hex[octet & 15];
  }
  return id + "@" + config.hostname() + ">";
}

std::string_view place_text(store::ViolationPlace place) {
  switch (place) {
    case store::ViolationPlace::mail_from:
      return "MAIL FROM";
    case store::ViolationPlace::rcpt_to:
      return "RCPT TO";
    case store::ViolationPlace::by_operator:
      return "an operator's command";
    case store::ViolationPlace::auth:
      return "AUTH";
  }
  return "";
}

std::string_view kind_text(baits::BaitKind kind) {
  switch (kind) {
    case baits::BaitKind::address:
      return "address";
    case baits::BaitKind::domain:
      return "domain";
    case baits::BaitKind::local_part:
      return "local part";
  }
  return "";
}

notice::AlertResponse response_of(store::Response response) {
  switch (response) {
    case store::Response::observed:
      return notice::AlertResponse::observed;
    case store::Response::quarantine_message:
      return notice::AlertResponse::quarantine_message;
    case store::Response::cordon:
      return notice::AlertResponse::cordon;
    case store::Response::review:
      return notice::AlertResponse::review;
  }
  return notice::AlertResponse::observed;
}

// Recipients of what had left; of more than the first records only those are counted.
std::uint64_t count_recipients(store::Reader& reader, const baits::Matcher& matcher,
                               const store::Cordon& cordon,
                               const std::optional<Seconds>& look_back) {
  constexpr std::uint32_t most_records = 10'000;
  const store::WallTime since = look_back ? cordon.raised_at - *look_back : store::WallTime{};
  std::set<std::string> recipients;
  for (const auto& record : reader.revocations(cordon.origin, since, "", most_records))
    if (!is_bait(matcher, record.recipient)) recipients.insert(record.recipient);
  return recipients.size();
}

std::string origin_text(const std::optional<store::Origin>& origin) {
  if (!origin) return "unknown";
  std::string text = origin->label;
  for (const auto& identifier : origin->identifiers)
    if (!identifier.valid_to && identifier.value != origin->label) text += " " + identifier.value;
  return text;
}

}  // namespace

notice::NoticeHead notice_head(const Config& config, std::string to) {
  if (to.find('@') == std::string::npos) to += "@" + config.hostname();
  return {.from = config.notice_from(),
          .to = std::move(to),
          .message_id = fresh_message_id(config),
          .hostname = config.hostname(),
          .date = wall_now()};
}

Notice operator_report(const Config& config, const baits::Matcher& matcher, store::Reader& reader,
                       const store::Alert& alert, const std::optional<store::Cordon>& cordon) {
  notice::ReportFacts facts;
  facts.alert = number(alert.id);
  facts.at = alert.at;
  facts.response = response_of(alert.response);
  facts.place = place_text(alert.place);
  facts.bait = number(alert.bait);
  facts.bait_kind = kind_text(alert.bait_kind);
  facts.origin = origin_text(reader.origin(alert.origin));
  facts.listener = alert.listener;
  facts.session = alert.session;
  facts.reason = alert.reason;
  facts.message = number(alert.message);
  if (cordon) {
    facts.cordon = number(cordon->id);
    facts.held = cordon->quarantined;
    facts.committed_before = cordon->committed_before;
    facts.to_warn =
        count_recipients(reader, matcher, *cordon, config.settings().cordoning.look_back);
  }
  Notice notice{.kind = store::MessageKind::report,
                .recipients = config.settings().notices.operators};
  if (!notice.recipients.empty())
    notice.content = notice::make_operator_report(
        config.report_template(), notice_head(config, notice.recipients.front()), facts);
  return notice;
}

Notice warning_for(const Config& config, store::AlertId alert, const PlannedWarning& planned) {
  notice::WarningFacts facts{.alert = number(alert)};
  for (const auto& record : planned.records)
    facts.messages.push_back({.at = record.accepted_at,
                              .sender = record.sender,
                              .subject = record.subject,
                              .message_id = record.message_id,
                              .references = record.references,
                              .certain = record.certain});
  return {.kind = store::MessageKind::warning,
          .recipients = {planned.recipient},
          .content = notice::make_warning(config.warning_template(),
                                          notice_head(config, planned.recipient), facts)};
}

}  // namespace cordon::proxy
