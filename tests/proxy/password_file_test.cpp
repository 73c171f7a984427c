#include "proxy/password_file.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <crypt.h>
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <stdlib.h>

using cordon::proxy::PasswordFile;

namespace {

std::vector<std::string> settings_hashed_by;  // of each call of crypt_r since it was cleared

}  // namespace

// In front of the one of libcrypt.
extern "C" char* crypt_r(const char* phrase, const char* setting, crypt_data* data) {
  static const auto real = reinterpret_cast<decltype(&crypt_r)>(dlsym(RTLD_NEXT, "crypt_r"));
  settings_hashed_by.emplace_back(setting);
  return real(phrase, setting, data);
}

namespace {

std::string hash_of(const std::string& password, const char* method) {
  std::array<char, CRYPT_GENSALT_OUTPUT_SIZE> setting{};
  crypt_gensalt_rn(method, 0, nullptr, 0, setting.data(), setting.size());
  crypt_data data{};
  return crypt_r(password.c_str(), setting.data(), &data);
}

class Folder {
 public:
  Folder() {
    std::string pattern = "/tmp/cordon-passwords-XXXXXX";
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string write(const std::string& text, bool readable_by_all = false) const {
    const auto file = path_ / "passwords";
    std::filesystem::remove(file);
    std::ofstream(file) << text;
    using std::filesystem::perms;
    std::filesystem::permissions(
        file, perms::owner_read | (readable_by_all ? perms::others_read : perms::none));
    return file;
  }
  std::string refusal(const std::string& text, bool readable_by_all = false) const {
    try {
      const PasswordFile file(write(text, readable_by_all));
    } catch (const std::runtime_error& fault) {
      return std::string(fault.what()).substr((path_ / "passwords").string().size());
    }
    return "none";
  }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("the right password is right, by each method that mkpasswd has") {
  const Folder folder;
  const PasswordFile file(folder.write("# who may send\n\nanna:" + hash_of("s3cret", "$y$") +
                                       "\r\nbert@in.example:" + hash_of("grüße: 1", "$6$") + "\n"));
  CHECK(file.size() == 2);
  CHECK(file.verify("anna", "s3cret"));
  CHECK(file.verify("bert@in.example", "grüße: 1"));
  CHECK_FALSE(file.verify("anna", "S3cret"));
  CHECK_FALSE(file.verify("anna", ""));
  CHECK_FALSE(file.verify("bert@in.example", "s3cret"));
  CHECK_FALSE(file.verify("Anna", "s3cret"));
  CHECK_FALSE(file.verify("nobody", "s3cret"));
  CHECK_FALSE(file.verify("nobody", ""));
  // crypt would stop at the NUL, and find it right.
  CHECK_FALSE(file.verify("anna", std::string("s3cret\0x", 8)));
  CHECK(file.knows("anna"));
  CHECK_FALSE(file.knows("nobody"));
}

TEST_CASE("an unknown name costs what a known one does, so that time does not tell them apart") {
  const Folder folder;
  for (const char* const method : {"$y$", "$6$"}) {
    const std::string hash = hash_of("s3cret", method);
    const std::string cost = hash.substr(0, hash.rfind('$', hash.rfind('$') - 1));
    const PasswordFile file(folder.write("anna:" + hash + "\n"));
    for (const char* const name : {"anna", "nobody"}) {
      CAPTURE(name);
      settings_hashed_by.clear();
      CHECK_FALSE(file.verify(name, "wrong"));
      REQUIRE(settings_hashed_by.size() == 1);
      CHECK(settings_hashed_by.front().starts_with(cost + "$"));
    }
  }
}

TEST_CASE("a password file that is wrong is refused with its line, and without what is in it") {
  const Folder folder;
  CHECK(folder.refusal("") == "none");
  CHECK(folder.refusal("anna\n") == ":1: expected NAME:HASH");
  CHECK(folder.refusal("#\n:x\n") == ":2: expected NAME:HASH");
  const std::string no_hash = ":1: no hash as `mkpasswd -m yescrypt` prints it";
  CHECK(folder.refusal("anna:s3cret\n") == no_hash);
  CHECK(folder.refusal("anna:$nonsense$\n") == no_hash);
  CHECK(folder.refusal("anna:" + hash_of("x", "$1$") + "\n") == no_hash);  // MD5
  const std::string anna = "anna:" + hash_of("x", "$6$") + "\n";
  CHECK(folder.refusal(anna + anna) == ":2: the name is there twice");
  CHECK(folder.refusal(anna, true).starts_with(": may be read by everybody"));
  CHECK_THROWS_WITH(PasswordFile("/nowhere"), "/nowhere: No such file or directory");
}
