// One form for the many spellings of an internationalized domain label (RFC 5891, UTS 46).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cordon::baits {

// The A-label, in lower case, of one domain label: of a U-label in any case, width or normalization
// form, or of an A-label. UTS 46, non-transitional: sharp s and final sigma stay letters of their
// own, as browsers and registries have it. Nothing if the label is no valid IDNA label.
std::optional<std::string> idna_label(std::string_view label);

}  // namespace cordon::baits
