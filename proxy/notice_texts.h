// From what the store knows to the mail that people read: fills in the facts of smtp/notice.
#pragma once

#include <optional>
#include <string_view>

#include "cordon/warning_plan.h"
#include "proxy/config.h"
#include "proxy/notices.h"
#include "store/store.h"

namespace cordon::proxy {

// The bounce (RFC 3464) for those of `attempt` that failed for good. To the sender if he is at one
// of local_domains, else to the operators: a bounce to a stranger could be backscatter. nullopt if
// nobody is to be told (null sender, NOTIFY without FAILURE, Cordon's own notices, no failure).
// `header` begins with the original's header block.
std::optional<Notice> bounce_for(const Config& config, const store::MessageView& view,
                                 const store::RecordAttempt& attempt, std::string_view header);

// To the operators, on every alert; both values as the store has them. Reads; may block.
Notice operator_report(const Config& config, const baits::Matcher& matcher, store::Reader& reader,
                       const store::Alert& alert, const std::optional<store::Cordon>& cordon);

// The digest for one recipient.
Notice warning_for(const Config& config, store::AlertId alert, const PlannedWarning& planned);

}  // namespace cordon::proxy
