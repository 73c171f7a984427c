// The file of keys, with whatever may stand in it: it is refused untouched, or what it keeps can be
// read, replaced and destroyed, and is the same when it is opened again.
#include <filesystem>
#include <fstream>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "store/key_file.h"

using namespace cordon;
using cordon::fuzz::require;

namespace {

namespace fs = std::filesystem;

class Directory {
 public:
  Directory() {
    // In memory where that is possible: a disk would only make it slow.
    const fs::path where = fs::exists("/dev/shm") ? "/dev/shm" : fs::temp_directory_path();
    std::string name = (where / "cordon_fuzz_XXXXXX").string();
    require(::mkdtemp(name.data()) != nullptr, "a directory");
    path_ = name;
  }
  ~Directory() { fs::remove_all(path_); }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  const fs::path& path() const { return path_; }
  fs::path file() const { return path_ / store::keys_name; }
  std::string octets() const {
    std::ifstream in(file(), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  fs::path path_;
};

void put_file(const fs::path& path, std::string_view octets) {
  std::ofstream(path, std::ios::binary) << octets;
  require(::chmod(path.c_str(), 0600) == 0, "a mode");
}

void use(const fs::path& directory) {
  store::MessageKey fresh;
  fresh.octets.fill(7);
  std::vector<store::MessageId> kept;
  {
    store::KeyFile keys(directory);
    kept = keys.kept();
    for (const auto id : kept) require(keys.get(id).has_value(), "what is kept is there");
    keys.put(store::MessageId{1}, store::WallTime{}, fresh);
    if (!kept.empty()) keys.destroy(kept.back());
    kept = keys.kept();
  }
  store::KeyFile again(directory);
  require(again.kept() == kept, "opened again it keeps the same");
  if (again.holds(store::MessageId{1}))
    require(again.get(store::MessageId{1}) == fresh, "also what was put");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Directory directory;
  const std::string_view octets = fuzz::as_text(data, size);
  put_file(directory.file(), octets);
  try {
    use(directory.path());
  } catch (const store::OpenError&) {
    require(directory.octets() == octets, "what is refused is left as it is");
  }
  return 0;
}
