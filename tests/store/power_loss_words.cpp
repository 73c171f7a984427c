#include "power_loss_words.h"

#include <algorithm>
#include <sstream>

#include "power_loss_ledger.h"

namespace cordon::store::disk {
namespace {

template <typename Value>
std::int64_t number(Value value) {
  return static_cast<std::int64_t>(value);
}

std::int64_t number(WallTime time) { return time.time_since_epoch().count(); }
std::int64_t number(Uptime time) { return time.time_since_epoch().count(); }

template <typename Row>
std::string words_or_absent(const std::optional<Row>& row) {
  return row ? words_of(*row) : absent;
}

}  // namespace

std::string words_of(const MessageView& view, const std::string& content) {
  const Message& m = view.message;
  std::ostringstream words;
  words << "state " << number(m.state) << " kind " << number(m.kind) << " origin "
        << number(m.origin) << " listener " << m.listener << " session " << m.session
        << " accepted " << number(m.accepted_at) << " due " << number(m.due) << " clearance "
        << m.clearance << " frozen " << m.frozen << " attempts " << m.attempts << " from "
        << m.envelope.sender.mailbox.local << '@' << m.envelope.sender.mailbox.domain << " octets "
        << m.octets << " subject " << m.subject << " digest";
  for (const std::uint8_t octet : m.digest) words << ' ' << number(octet);
  for (std::size_t i = 0; i < m.envelope.recipients.size(); ++i) {
    const smtp::Mailbox& mailbox = m.envelope.recipients[i].mailbox;
    words << "; to " << mailbox.local << '@' << mailbox.domain;
    if (i < view.recipients.size()) {
      words << ' ' << number(view.recipients[i].state) << ' ' << view.recipients[i].last_reply
            << (view.recipients[i].delay_told ? " told" : "");
    }
  }
  words << "; content " << content;
  return words.str();
}

std::string words_of(const Origin& origin) {
  return origin.label + " epoch " + std::to_string(origin.cordon_epoch) + " identifiers " +
         std::to_string(origin.identifiers.size());
}

std::string words_of(const Alert& alert) {
  std::ostringstream words;
  words << "origin " << number(alert.origin) << " response " << number(alert.response) << " cordon "
        << number(alert.cordon) << " hits " << alert.hits << " reason " << alert.reason;
  return words.str();
}

std::string words_of(const Cordon& cordon) {
  std::ostringstream words;
  words << "origin " << number(cordon.origin) << " alert " << number(cordon.alert) << " epoch "
        << cordon.epoch << " before " << cordon.previous_epoch << " lifted "
        << cordon.lifted_at.has_value() << " withdrawn " << cordon.withdrawn << " cursor "
        << cordon.warning_cursor << " done " << cordon.warnings_done;
  return words.str();
}

std::string words_of(const BaitRow& bait) {
  return bait.bait.value + " hits " + std::to_string(bait.hits);
}

std::string words_of_warnings(std::vector<std::string> recipients) {
  if (recipients.empty()) return absent;
  std::sort(recipients.begin(), recipients.end());
  std::string words;
  for (const std::string& recipient : recipients) words += recipient + " ";
  return words;
}

std::string content_words(Reader& reader, MessageId id, const std::string& expected) {
  std::string buffer(max_body_piece + 100, '\0');  // not aligned with the pieces
  std::size_t read = 0;
  while (const std::size_t octets = reader.body(id, read, buffer)) {
    if (std::string_view(buffer).substr(0, octets) !=
        std::string_view(expected).substr(std::min(read, expected.size()), octets)) {
      return "wrong after octet " + std::to_string(read);
    }
    read += octets;
  }
  if (read == 0) return "none";
  if (read < expected.size()) return "cut at octet " + std::to_string(read);
  return "whole";
}

std::string look_at_message(Reader& reader, MessageId id, const std::string& content) {
  const auto view = reader.message(id);
  return view ? words_of(*view, content_words(reader, id, content)) : absent;
}

std::string look_at_origin(Reader& reader, OriginId id) {
  return words_or_absent(reader.origin(id));
}

std::string look_at_alert(Reader& reader, AlertId id) { return words_or_absent(reader.alert(id)); }

std::string look_at_cordon(Reader& reader, CordonId id) {
  return words_or_absent(reader.cordon(id));
}

std::string look_at_bait(Reader& reader, BaitId id) {
  const auto rows = reader.baits(true, BaitId{number(id) - 1}, 1);
  return rows.empty() || rows.front().bait.id != id ? absent : words_of(rows.front());
}

std::string look_at_warnings(Reader& reader, AlertId id) {
  std::vector<std::string> recipients;
  for (const Warning& warning : reader.warnings(id, 10'000)) {
    recipients.push_back(warning.recipient);
  }
  return words_of_warnings(std::move(recipients));
}

}  // namespace cordon::store::disk
