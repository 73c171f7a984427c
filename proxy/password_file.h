// The names and hashed passwords of those who may use AUTH at a listener, as read from a file:
// lines NAME:HASH, with HASH as crypt(5) has it (`mkpasswd -m yescrypt`); blank lines and lines
// with "#" in front are passed over. Names are compared octet by octet. Immutable; any thread.
#pragma once

#include <string>
#include <unordered_map>

namespace cordon::proxy {

class PasswordFile {
 public:
  // Throws std::runtime_error with file, line and reason: if it cannot be read, may be read by
  // everybody, or a line is wrong. Never with what the line holds.
  explicit PasswordFile(const std::string& path);

  bool knows(const std::string& name) const { return hashes_.contains(name); }
  std::size_t size() const { return hashes_.size(); }
  // Whether `password` is that of `name`. Slow on purpose, milliseconds and megabytes: not for an
  // event thread. An unknown name takes as long as a known one.
  bool verify(const std::string& name, const std::string& password) const;

 private:
  std::unordered_map<std::string, std::string> hashes_;
  std::string stand_in_;  // a hash that nobody's password meets, as costly as the first one's
};

}  // namespace cordon::proxy
