#include "smtp/transaction_commands.h"

namespace cordon::smtp {
namespace {

std::string notify_value(std::uint8_t bits) {
  if ((bits & notify::never) != 0) return "NEVER";
  std::string value;
  const auto add = [&](std::uint8_t bit, std::string_view word) {
    if ((bits & bit) == 0) return;
    if (!value.empty()) value += ',';
    value += word;
  };
  add(notify::success, "SUCCESS");
  add(notify::failure, "FAILURE");
  add(notify::delay, "DELAY");
  return value;
}

}  // namespace

std::optional<Reply> refused_by_offer(const Envelope& envelope, std::uint64_t octets,
                                      const UpstreamOffer& offer) {
  // RFC 6531 3.2 and RFC 6152 3 forbid to send such a message on, and we never change one.
  if (envelope.smtputf8 && !offer.smtputf8) {
    return Reply{550, {5, 6, 7}, "The next server does not offer SMTPUTF8"};
  }
  if (envelope.body == BodyType::eight_bit_mime && !offer.eight_bit_mime) {
    return Reply{554, {5, 6, 3}, "The next server does not offer 8BITMIME"};
  }
  if (offer.size && offer.max_size != 0 && octets > offer.max_size) {
    return Reply{552, {5, 3, 4}, "Message too large for the next server"};
  }
  return std::nullopt;
}

std::string mail_command(const Envelope& envelope, std::uint64_t octets, const UpstreamOffer& offer,
                         bool authenticated) {
  std::string line = "MAIL FROM:" + envelope.sender.to_string();
  if (offer.size && octets != 0) line += " SIZE=" + std::to_string(octets);
  if (envelope.body == BodyType::eight_bit_mime) line += " BODY=8BITMIME";
  if (envelope.smtputf8) line += " SMTPUTF8";
  if (offer.dsn) {
    if (envelope.ret == DsnReturn::full) line += " RET=FULL";
    if (envelope.ret == DsnReturn::headers) line += " RET=HDRS";
    if (!envelope.envid.empty()) line += " ENVID=" + envelope.envid;
  }
  // RFC 4954 5: no client is trusted to name a submitter, so each is as if it had said "<>", and
  // that is to be passed on to a server which we have authenticated to.
  if (authenticated) line += " AUTH=<>";
  return line + "\r\n";
}

std::string rcpt_command(const Recipient& recipient, const UpstreamOffer& offer) {
  std::string line = "RCPT TO:<" + recipient.mailbox.to_string() + '>';
  if (offer.dsn) {
    if (recipient.notify != notify::unspecified)
      line += " NOTIFY=" + notify_value(recipient.notify);
    if (!recipient.orcpt.empty()) line += " ORCPT=" + recipient.orcpt;
  }
  return line + "\r\n";
}

}  // namespace cordon::smtp
