// The Public Suffix List (publicsuffix.org): domains under which anyone may register a name.
#pragma once

#include <string_view>

namespace cordon::baits {

// Whether `domain`, in normal form, is a public suffix ("com", "co.uk", "github.io"). A top-level
// domain that the list does not know is one too. The list is the system's own if it is newer than
// the one built into libpsl; it is read at the first call.
bool is_public_suffix(std::string_view domain);

}  // namespace cordon::baits
