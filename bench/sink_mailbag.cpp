#include "bench/sink_mailbag.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <iostream>

namespace cordon::bench {

bool Mailbag::keep(const smtp::Envelope& envelope, const std::string& content,
                   std::uint64_t octets) {
  std::array<char, 32> name{};
  if (wants_content() || !options_.quiet) {
    const unsigned number = numbered_.fetch_add(1, std::memory_order_relaxed) + 1;
    std::snprintf(name.data(), name.size(), "%06u", number);
  }
  if (wants_content() && !write_files(envelope, content, name.data())) return false;
  if (!options_.quiet) print(envelope, octets, name.data());
  messages_.fetch_add(1, std::memory_order_relaxed);
  octets_.fetch_add(octets, std::memory_order_relaxed);
  return true;
}

bool Mailbag::write_files(const smtp::Envelope& envelope, const std::string& content,
                          const char* name) {
  const std::string path = options_.dir + '/' + name;
  std::ofstream body(path + ".part", std::ios::binary);
  body << content;
  std::ofstream env(path + ".env");
  env << envelope.sender.to_string() << '\n';
  for (const auto& to : envelope.recipients) env << to.mailbox.to_string() << '\n';
  body.close();
  env.close();
  if (!body || !env) return false;
  // Last, so that whoever sees the message sees all of it.
  return std::rename((path + ".part").c_str(), (path + ".eml").c_str()) == 0;
}

void Mailbag::print(const smtp::Envelope& envelope, std::uint64_t octets, const char* name) {
  const std::lock_guard lock(mutex_);
  std::cout << name << " from " << envelope.sender.to_string() << " to";
  for (const auto& to : envelope.recipients) std::cout << ' ' << to.mailbox.to_string();
  std::cout << ", " << octets << " octets" << std::endl;
}

bool Mailbag::first_try(const std::string& recipient) {
  const std::lock_guard lock(mutex_);
  return tried_.insert(recipient).second;
}

std::string Mailbag::counts() const {
  return "messages " + std::to_string(messages_.load()) + " octets " +
         std::to_string(octets_.load());
}

}  // namespace cordon::bench
