#include "bench/load_plan.h"

namespace cordon::bench {
namespace {

std::string first_of(const std::string& address) {
  std::string scratch;
  return std::string(Command(address).text(0, scratch));
}

}  // namespace

Command::Command(std::string line) : before_(std::move(line)) {
  const auto at = before_.find("%d");
  if (at == std::string::npos) return;
  numbered_ = true;
  behind_ = before_.substr(at + 2);
  before_.resize(at);
}

std::string_view Command::text(std::uint64_t number, std::string& scratch) const {
  if (!numbered_) return before_;
  scratch.assign(before_).append(std::to_string(number)).append(behind_);
  return scratch;
}

Plan::Plan(LoadOptions given)
    : options(std::move(given)),
      ehlo("EHLO " + options.helo + "\r\n"),
      mail("MAIL FROM:<" + options.sender + ">\r\n"),
      rcpt("RCPT TO:<" + options.recipient + ">\r\n"),
      content(options.octets, first_of(options.sender), first_of(options.recipient)) {}

}  // namespace cordon::bench
