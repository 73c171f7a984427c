#include "proxy/notices.h"

#include <openssl/sha.h>

#include "proxy/log.h"
#include "smtp/notice/text.h"

namespace cordon::proxy {

using store::MessageId;

std::optional<MessageId> add_notice(store::Batch& batch, Gateway& gateway, const Notice& notice) {
  store::Message message;
  for (const std::string& text : notice.recipients) {
    // "postmaster" alone is a valid forward path (RFC 5321 4.1.1.3).
    const auto path = smtp::parse_forward_path("<" + text + ">", smtp::Utf8::yes);
    if (!path) {
      log::warn("notice.bad_recipient", {{"recipient", text}});
      continue;
    }
    message.envelope.recipients.push_back({.mailbox = path->path, .notify = smtp::notify::never});
    if (!notice::is_ascii(text)) message.envelope.smtputf8 = true;  // RFC 6531 3.4
  }
  if (message.envelope.recipients.empty()) return std::nullopt;

  const std::string& content = notice.content;
  message.id = gateway.store().next_message_id();
  message.kind = notice.kind;
  message.origin = store::the_gateway;
  message.listener = notice_listener;
  message.accepted_at = wall_now();
  message.accepted_up = gateway.clock().now();
  message.due = message.accepted_up;
  message.clearance = store::released;  // never held
  message.octets = content.size();
  SHA256(reinterpret_cast<const unsigned char*>(content.data()), content.size(),
         message.digest.data());
  bool eight_bit = false;
  for (const char c : content) eight_bit = eight_bit || static_cast<unsigned char>(c) > 0x7f;
  if (eight_bit) message.envelope.body = smtp::BodyType::eight_bit_mime;

  const MessageId id = message.id;
  std::uint32_t piece = 0;
  std::size_t at = 0;
  for (; content.size() - at > store::max_body_piece; at += store::max_body_piece)
    batch.push_back(store::AppendBody{id, piece++, content.substr(at, store::max_body_piece)});
  batch.push_back(store::Accept{std::move(message), piece, content.substr(at)});
  return id;
}

bool is_bait(const baits::Matcher& matcher, std::string_view mailbox) {
  const auto path = smtp::parse_forward_path("<" + std::string(mailbox) + ">", smtp::Utf8::yes);
  return path && matcher.match(path->path);
}

void notice_stored(Gateway& gateway, MessageId id) {
  const auto now = gateway.clock().now();
  const auto config = gateway.config();
  const std::string route = config->route_name(notice_listener);
  gateway.with_policy([&](Policy& policy) {
    policy.cordoner.add({.id = id,
                         .origin = store::the_gateway,
                         .due = now,
                         .clearance = store::released,
                         .counted = false,
                         .lane = policy.lane_of(route),
                         .look_by = next_look(config->retry_plan(), now, now)},
                        now);
  });
  gateway.wake();
}

}  // namespace cordon::proxy
