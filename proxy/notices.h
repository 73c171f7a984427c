// Cordon's own mail: warnings, bounces, reports. Each is queued in the store like any message, with
// the gateway as its origin, so that it survives and is retried like any; but it is never held.
#pragma once

#include <string>
#include <vector>

#include "proxy/gateway.h"
#include "store/store.h"

namespace cordon::proxy {

struct Notice {
  store::MessageKind kind = store::MessageKind::report;
  std::vector<std::string>
      recipients;       // mailboxes; a bare local part is at the notice route's host
  std::string content;  // RFC 5322, CRLF lines
};

// Adds the commands that queue `notice` to `batch`, so that it becomes durable together with what
// caused it. nullopt if no recipient is a valid mailbox. After the batch was stored call
// notice_stored() with the id. The reverse path is null (RFC 3464 2, RFC 3834 3.3).
std::optional<store::MessageId> add_notice(store::Batch& batch, Gateway& gateway,
                                           const Notice& notice);
void notice_stored(Gateway& gateway, store::MessageId id);

// Whether `mailbox`, as records have it, is a bait: nobody is to be warned there. A released
// message whose delivery is in doubt leaves such a record.
bool is_bait(const baits::Matcher& matcher, std::string_view mailbox);

}  // namespace cordon::proxy
