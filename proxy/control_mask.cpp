#include "proxy/control_mask.h"

namespace cordon::proxy {
namespace {

std::string name_of(baits::BaitId id) {
  return "bait:" + std::to_string(static_cast<std::int64_t>(id));
}

// What parts mailboxes from the text around them. A quote may be part of a mailbox; a source route
// ends with a colon.
constexpr std::string_view around = " \t\r\n<>(),;:=";

}  // namespace

std::string BaitMask::value(const baits::Bait& bait) const {
  return show_baits_ ? bait.value : name_of(bait.id);
}

std::string BaitMask::mailbox(const std::string& text) const {
  if (show_baits_ || text.empty()) return text;
  const auto hit = actions_.test_bait(text);
  return hit ? name_of(hit->id) : text;
}

std::string BaitMask::line(std::string_view text) const {
  if (show_baits_) return std::string(text);
  return mask_baits(text, [&](const std::string& mailbox) -> std::optional<baits::BaitId> {
    const auto hit = actions_.test_bait(mailbox);
    if (!hit) return std::nullopt;
    return hit->id;
  });
}

std::string mask_baits(
    std::string_view text,
    const std::function<std::optional<baits::BaitId>(const std::string& mailbox)>& bait_of) {
  if (text.find('@') == std::string_view::npos) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(around), text.size());
    const std::string token(text.substr(0, end));
    const auto bait = token.find('@') != std::string::npos ? bait_of(token) : std::nullopt;
    out += bait ? name_of(*bait) : token;
    text.remove_prefix(end);
    if (text.empty()) break;
    out += text.front();
    text.remove_prefix(1);
  }
  return out;
}

}  // namespace cordon::proxy
