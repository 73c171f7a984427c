#include "ctl/bait_words.h"

#include "ctl/terminal_text.h"

namespace cordon::ctl {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r";
  const std::size_t begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

}  // namespace

std::optional<wire::NewBait> read_bait(std::string_view text, std::string_view kind,
                                       std::string& fault) {
  constexpr std::string_view local = "local:";
  wire::NewBait bait;
  bait.value = text;
  if (!kind.empty()) {
    const auto known = wire::bait_kind(kind);
    if (!known) {
      fault = "--kind: expected address, domain or local";
      return std::nullopt;
    }
    bait.kind = *known;
  } else if (text.starts_with(local)) {
    bait.kind = wire::BaitKind::local_part;
    bait.value = text.substr(local.size());
  } else if (text.starts_with('@')) {
    bait.kind = wire::BaitKind::domain;
    bait.value = text.substr(1);
  } else if (text.find('@') == std::string_view::npos) {
    fault = "\"" + neutralised(text) +
            "\" may be a domain or a local part: write @domain, local:NAME, or give --kind";
    return std::nullopt;
  }
  if (bait.value.empty()) {
    fault = "\"" + neutralised(text) + "\" names no bait";
    return std::nullopt;
  }
  return bait;
}

std::optional<std::vector<wire::NewBait>> read_baits(const std::vector<std::string>& words,
                                                     const std::string& kind,
                                                     const std::string& label, std::istream& in,
                                                     std::string& fault) {
  std::vector<wire::NewBait> baits;
  const auto add = [&](std::string_view text) {
    auto bait = read_bait(text, kind, fault);
    if (!bait) return false;
    bait->label = label;
    baits.push_back(std::move(*bait));
    return true;
  };
  for (const std::string& word : words) {
    if (word != "-") {
      if (!add(word)) return std::nullopt;
      continue;
    }
    std::string line;
    while (std::getline(in, line)) {
      const std::string_view text = trimmed(line);
      if (text.empty() || text.starts_with('#')) continue;
      if (!add(text)) return std::nullopt;
    }
  }
  if (baits.empty()) {
    fault = "no baits were given";
    return std::nullopt;
  }
  return baits;
}

}  // namespace cordon::ctl
