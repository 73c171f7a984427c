#include "proxy/password_file.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <stdexcept>

#include <crypt.h>
#include <openssl/crypto.h>
#include <sys/stat.h>

namespace cordon::proxy {

namespace {

// crypt_r(3) works in this; 32 KiB, too much for a stack, and it holds the password.
struct Bench {
  crypt_data data{};
  Bench() = default;
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  ~Bench() { OPENSSL_cleanse(&data, sizeof data); }
};

// Empty if crypt cannot hash with that setting.
std::string hashed(const std::string& password, const std::string& setting) {
  const auto bench = std::make_unique<Bench>();
  const char* hash = crypt_r(password.c_str(), setting.c_str(), &bench->data);
  return hash == nullptr || hash[0] == '*' ? std::string() : std::string(hash);
}

[[noreturn]] void refuse(const std::string& path, std::size_t line, const char* reason) {
  throw std::runtime_error(path + ":" + std::to_string(line) + ": " + reason);
}

// Whether this system's crypt knows the method, and thinks it good enough for new passwords.
bool is_sound(const std::string& hash) {
  const int verdict = crypt_checksalt(hash.c_str());
  return hash.starts_with('$') && (verdict == CRYPT_SALT_OK || verdict == CRYPT_SALT_TOO_CHEAP);
}

}  // namespace

PasswordFile::PasswordFile(const std::string& path) {
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) throw std::runtime_error(path + ": " + std::strerror(errno));
  if ((facts.st_mode & S_IROTH) != 0)
    throw std::runtime_error(path + ": may be read by everybody; take that away: chmod o= " + path);
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  std::string line;
  std::string first;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (line.ends_with('\r')) line.pop_back();
    if (line.empty() || line.front() == '#') continue;
    const auto colon = line.rfind(':');  // a hash has none, a name may
    if (colon == std::string::npos || colon == 0) refuse(path, number, "expected NAME:HASH");
    const std::string hash = line.substr(colon + 1);
    if (!is_sound(hash)) refuse(path, number, "no hash as `mkpasswd -m yescrypt` prints it");
    if (!hashes_.emplace(line.substr(0, colon), hash).second)
      refuse(path, number, "the name is there twice");
    if (first.empty()) first = hash;
  }
  if (file.bad()) throw std::runtime_error(path + ": cannot be read");
  stand_in_ = hashed("", first.empty() ? "$y$j9T$" : first);
}

bool PasswordFile::verify(const std::string& name, const std::string& password) const {
  // crypt takes a C string: of a password with a NUL it would look at the beginning only.
  if (password.empty() || password.find('\0') != std::string::npos) return false;
  const auto found = hashes_.find(name);
  const bool known = found != hashes_.end();
  const std::string& hash = known ? found->second : stand_in_;
  const std::string made = hashed(password, hash);
  return known && made.size() == hash.size() &&
         CRYPTO_memcmp(made.data(), hash.data(), hash.size()) == 0;
}

}  // namespace cordon::proxy
