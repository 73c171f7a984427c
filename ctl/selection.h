// What an operator's words select: ids, "-" for ids on standard input, ALL, and filters.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "wire/request.h"

namespace cordon::ctl {

struct SelectionWords {
  std::vector<std::string> ids;  // "17", "-", "ALL"
  std::string origin;
  std::string sender;
  std::string recipient;
  std::string alert;
  std::string older_than;  // "60s", "5m", "1h", "5d"
  std::string younger_than;
  bool any_filter() const;
};

struct Selection {
  wire::Arguments args;     // ids and filters
  bool everything = false;  // ALL
  bool filtered = false;
  bool by_ids() const { return !everything && !filtered && !args.ids.empty(); }
  bool nothing() const { return !everything && !filtered && args.ids.empty(); }
};

// Reads the words, and ids from `in` where "-" stands; on a fault gives nothing, and says in
// `fault` what is wrong.
std::optional<Selection> read_selection(const SelectionWords& words, std::istream& in,
                                        std::string& fault);

// "60s", "5m", "1h", "5d", "2w".
std::optional<std::int64_t> parse_age(std::string_view text);
std::optional<std::int64_t> parse_id(std::string_view text);

}  // namespace cordon::ctl
