// From what the store knows to the mail that people read: fills in the facts of smtp/notice.
#pragma once

#include <optional>
#include <string>

#include "cordon/warning_plan.h"
#include "proxy/config.h"
#include "proxy/notices.h"
#include "smtp/notice/notice.h"
#include "store/store.h"

namespace cordon::proxy {

// For a notice of now to `to`, a mailbox or the local part of one here.
notice::NoticeHead notice_head(const Config& config, std::string to);

// To the operators, on every alert; both values as the store has them. Reads; may block.
Notice operator_report(const Config& config, const baits::Matcher& matcher, store::Reader& reader,
                       const store::Alert& alert, const std::optional<store::Cordon>& cordon);

// The digest for one recipient.
Notice warning_for(const Config& config, store::AlertId alert, const PlannedWarning& planned);

}  // namespace cordon::proxy
