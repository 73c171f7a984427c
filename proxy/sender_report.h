// Who is told what of an attempt: the delivery status notifications (RFC 3461, RFC 3464).
//
// The sender of a message is told, as far as NOTIFY lets us, what failed, what is late, and what
// was passed on to a server without DSN if he asked to hear of success. If his address is at none
// of local_domains, or is a bait, operators are told in his place: a report to a stranger could be
// backscatter. Nobody is told about mail from the null path (RFC 5321 6.1). A report of ours that
// cannot be delivered is shown to the operators once, unless it was for them; a warning or an
// alert's report is not.
//
// A bait is shown nowhere, not even in what a message itself says: where it stands there, "bait:ID"
// does, and of such a message only the header is returned.
#pragma once

#include <optional>
#include <string_view>

#include "baits/matcher.h"
#include "proxy/attempt.h"
#include "proxy/config.h"
#include "proxy/notices.h"
#include "smtp/notice/dsn.h"
#include "store/store.h"

namespace cordon::proxy {

// What somebody is to be told of one recipient's fate, if anything.
std::optional<notice::DsnAction> action_to_tell(const store::Message& message, const Fate& fate);

// How much of the message, in octets from the front of its content, sender_report() wants to see;
// 0: there is no report.
std::uint64_t original_wanted(const Config& config, const store::MessageView& view,
                              const Attempt& attempt);

// `content`: as much as original_wanted() said, or less if it could not be read. nullopt if nobody
// is to be told, or nobody can be.
std::optional<Notice> sender_report(const Config& config, const baits::Matcher& matcher,
                                    const store::MessageView& view, const Attempt& attempt,
                                    std::string_view content);

}  // namespace cordon::proxy
