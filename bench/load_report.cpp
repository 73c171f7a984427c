#include "bench/load_report.h"

#include <array>
#include <cstdio>

namespace cordon::bench {
namespace {

// Numbers and fixed names only: nothing here needs escaping.
class Json {
 public:
  void member(const char* name, std::uint64_t number) {
    key(name);
    text_ += std::to_string(number);
  }
  void member(const char* name, double number, int digits) {
    std::array<char, 64> text{};
    const int length = std::snprintf(text.data(), text.size(), "%.*f", digits, number);
    key(name);
    text_.append(text.data(), static_cast<std::size_t>(length));
  }
  void member(const char* name, std::chrono::nanoseconds time) {
    member(name, static_cast<double>(time.count()) / 1000, 1);
  }
  void open(const char* name) {
    key(name);
    text_ += '{';
  }
  void close() { text_ += '}'; }
  std::string whole() && { return '{' + std::move(text_) + '}'; }

 private:
  void key(const char* name) {
    if (!text_.empty() && text_.back() != '{') text_ += ',';
    text_.append(1, '"').append(name).append("\":");
  }
  std::string text_;
};

void tails(Json& json, const char* name, const Histogram& times) {
  json.open(name);
  json.member("p50", times.quantile(0.5));
  json.member("p99", times.quantile(0.99));
  json.member("max", times.max());
  json.close();
}

}  // namespace

std::string report(const Plan& plan, const Tally& tally) {
  const std::chrono::duration<double> window = tally.end - tally.begin;
  const std::uint64_t accepted = tally.measured.accepted;
  Json json;
  json.member("accepted", accepted);
  json.member("refused", tally.measured.refused);
  json.member("lost", tally.measured.lost);
  json.member("errors", tally.measured.errors);
  json.member("accepted_in_all", tally.all.accepted);
  json.member("seconds", window.count(), 6);
  json.member("rate", window.count() > 0 ? static_cast<double>(accepted) / window.count() : 0, 1);
  json.member("octets", accepted * plan.content.octets());
  json.member("message_octets", std::uint64_t{plan.content.octets()});
  tails(json, "dot_us", tally.of(Phase::dot));
  json.open("phases_us");
  for (std::size_t i = 0; i < phase_names.size(); ++i) {
    json.open(phase_names[i]);
    json.member("p50", tally.phases[i].quantile(0.5));
    json.member("mean", tally.phases[i].mean());
    json.close();
  }
  json.close();
  if (plan.options.rate > 0) tails(json, "late_us", tally.late);
  json.member("cpu_s", tally.cpu_seconds, 4);
  return std::move(json).whole();
}

}  // namespace cordon::bench
