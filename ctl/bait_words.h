// How an operator writes a bait.
#pragma once

#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/request.h"

namespace cordon::ctl {

// "name@domain" is an address, "@domain" a domain, "local:NAME" a local part. `kind`, if given,
// says it instead: "address", "domain" or "local" for the bare value.
std::optional<wire::NewBait> read_bait(std::string_view text, std::string_view kind,
                                       std::string& fault);

// The words, and one bait a line from `in` where "-" stands; empty lines and # comments are passed
// over.
std::optional<std::vector<wire::NewBait>> read_baits(const std::vector<std::string>& words,
                                                     const std::string& kind,
                                                     const std::string& label, std::istream& in,
                                                     std::string& fault);

}  // namespace cordon::ctl
