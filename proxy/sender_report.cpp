#include "proxy/sender_report.h"

#include <algorithm>
#include <utility>

#include "cordon/warning_plan.h"
#include "proxy/bait_masking.h"
#include "proxy/notice_texts.h"
#include "smtp/xtext.h"

namespace cordon::proxy {

using notice::DsnAction;
using store::MessageKind;
using store::RecipientState;

namespace {

constexpr std::uint64_t header_octets = 32UL * 1024;  // more than a report returns of a header

bool wants(std::uint8_t notify, std::uint8_t bit) { return (notify & bit) != 0; }

bool any_failed(const store::Message& message, const Attempt& attempt) {
  return std::any_of(attempt.fates.begin(), attempt.fates.end(), [&](const Fate& fate) {
    return action_to_tell(message, fate) == DsnAction::failed;
  });
}

// RET says what a report of a failure returns; any other returns the header (RFC 3461 4.3). Of our
// own report that failed operators get all, since it tells of another message.
bool whole_wanted(const Config& config, const store::Message& message, const Attempt& attempt) {
  const bool asked =
      message.envelope.ret == smtp::DsnReturn::full || message.kind == MessageKind::bounce;
  return asked && any_failed(message, attempt) &&
         message.octets <= config.settings().notices.max_returned_octets;
}

// What was written by the sender goes back to him as he wrote it: a mask in it would tell him which
// addresses are baits. The operators are shown ids.
enum class Reader : bool { sender, operators };

std::string_view domain_of(std::string_view mailbox) {
  const auto at = mailbox.rfind('@');
  return at == std::string_view::npos ? std::string_view() : mailbox.substr(at + 1);
}

std::string shown_to(Reader reader, const baits::Matcher& matcher, const std::string& text) {
  return reader == Reader::sender ? text : without_baits(matcher, text);
}

// Of an ORCPT, which is xtext (RFC 3461 4.2).
bool names_a_bait(const baits::Matcher& matcher, const std::string& orcpt) {
  const auto plain = smtp::decode_xtext_utf8(orcpt).value_or(orcpt);
  return without_baits(matcher, orcpt) != orcpt || without_baits(matcher, plain) != plain;
}

notice::DsnRecipient told_of(Reader reader, const baits::Matcher& matcher,
                             const smtp::Recipient& recipient, const Fate& fate, DsnAction action,
                             const Attempt& attempt) {
  notice::DsnRecipient told{.mailbox = recipient.mailbox.to_string(),
                            .orcpt = recipient.orcpt,
                            .action = action,
                            .reply = fate.reply,
                            .remote_mta = fate.heard_from,
                            .will_retry_until = attempt.will_retry_until};
  if (reader == Reader::operators && names_a_bait(matcher, told.orcpt)) told.orcpt.clear();
  told.reply.text = without_baits(matcher, told.reply.text);
  // Given up because of what may yet pass: class 4 (RFC 3463 2, RFC 3464 2.3.3).
  if (fate.expired) told.status = {4, 4, 7};
  if (attempt.tried) told.last_attempt = attempt.at;
  return told;
}

struct Addressees {
  std::vector<std::string> mailboxes;
  std::string remark;  // to them, if they are not the sender
};

Addressees addressees(const Config& config, const baits::Matcher& matcher,
                      const store::Message& message, const Attempt& attempt) {
  const auto& settings = config.settings().notices;
  if (message.kind == MessageKind::bounce) {
    Addressees to{
        settings.operators,
        "It is a report of this gateway on another message. Nobody else will hear of it."};
    for (const Fate& fate : attempt.fates)
      std::erase(to.mailboxes, message.envelope.recipients.at(fate.index).mailbox.to_string());
    return to;
  }
  const auto& sender = message.envelope.sender.mailbox;
  const std::string text = sender.to_string();
  if (matcher.match(sender)) return {settings.operators, "Its sender's address is a bait."};
  if (is_local(text, settings.local_domains)) return {{text}, {}};
  return {settings.operators, "Its sender, <" + text +
                                  ">, is not told: the address is at none\nof the domains here, "
                                  "and may be forged."};
}

}  // namespace

std::optional<DsnAction> action_to_tell(const store::Message& message, const Fate& fate) {
  if (message.kind == MessageKind::bounce)
    return fate.state == RecipientState::failed ? std::optional(DsnAction::failed) : std::nullopt;
  if (message.kind != MessageKind::mail || message.envelope.sender.null) return std::nullopt;
  const std::uint8_t notify = message.envelope.recipients.at(fate.index).notify;
  const bool unsaid = notify == smtp::notify::unspecified;
  switch (fate.state) {
    case RecipientState::failed:
      if (unsaid || wants(notify, smtp::notify::failure)) return DsnAction::failed;
      return std::nullopt;
    case RecipientState::pending:
      if (fate.late && (unsaid || wants(notify, smtp::notify::delay))) return DsnAction::delayed;
      return std::nullopt;
    case RecipientState::delivered:  // RFC 3461 5.2.2
      if (wants(notify, smtp::notify::success) && !fate.dsn_passed_on) return DsnAction::relayed;
      return std::nullopt;
    case RecipientState::suppressed:
      return std::nullopt;
  }
  return std::nullopt;
}

std::uint64_t original_wanted(const Config& config, const store::MessageView& view,
                              const Attempt& attempt) {
  const bool any = std::any_of(attempt.fates.begin(), attempt.fates.end(), [&](const Fate& fate) {
    return action_to_tell(view.message, fate).has_value();
  });
  if (!any) return 0;
  // Never 0, though the message may be empty.
  const std::uint64_t all = std::max<std::uint64_t>(view.message.octets, 1);
  return whole_wanted(config, view.message, attempt) ? all : std::min(all, header_octets);
}

std::optional<Notice> sender_report(const Config& config, const baits::Matcher& matcher,
                                    const store::MessageView& view, const Attempt& attempt,
                                    std::string_view content) {
  const store::Message& message = view.message;
  auto [mailboxes, remark] = addressees(config, matcher, message, attempt);
  if (mailboxes.empty()) return std::nullopt;
  const Reader reader = remark.empty() ? Reader::sender : Reader::operators;
  notice::DsnFacts facts{.arrival = message.accepted_at,
                         .envid = message.envelope.envid,
                         .original_message_id = message.message_id,
                         .original_subject = shown_to(reader, matcher, message.subject)};
  for (const Fate& fate : attempt.fates) {
    const auto action = action_to_tell(message, fate);
    const auto& recipient = message.envelope.recipients.at(fate.index);
    if (action)
      facts.recipients.push_back(told_of(reader, matcher, recipient, fate, *action, attempt));
  }
  if (facts.recipients.empty()) return std::nullopt;

  const std::string original = message.trace + std::string(content);
  facts.original = shown_to(reader, matcher, original);
  const bool whole = whole_wanted(config, message, attempt) && content.size() == message.octets &&
                     facts.original == original;
  facts.returned = whole ? notice::Returned::whole : notice::Returned::header;
  facts.internationalized = message.envelope.smtputf8;
  // What came that way was offered to, because mail can go on that way.
  facts.may_be_eight_bit =
      message.envelope.body == smtp::BodyType::eight_bit_mime &&
      config.route_of(notice_listener, domain_of(mailboxes.front())) ==
          config.route_of(message.listener, message.envelope.recipients.front().mailbox.domain);
  facts.remark = std::move(remark);

  Notice notice{
      .kind = message.kind == MessageKind::bounce ? MessageKind::report : MessageKind::bounce,
      .recipients = std::move(mailboxes)};
  notice.content = notice::make_dsn(notice_head(config, notice.recipients.front()), facts);
  return notice;
}

}  // namespace cordon::proxy
