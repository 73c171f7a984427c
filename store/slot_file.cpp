#include "store/slot_file.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite_store.h"

namespace cordon::store {
namespace {

constexpr std::uint32_t growth = 256;  // slots at a time: 16 MiB
constexpr std::uint32_t most_slots = UINT32_MAX;
constexpr std::size_t page_octets = 4096;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

off_t offset_of(Slot slot) {
  return static_cast<off_t>(static_cast<std::uint64_t>(slot) * slot_octets);
}

std::uint64_t size_of(const File& file) {
  struct stat status {};
  if (::fstat(file.descriptor(), &status) != 0) fail("fstat");
  return static_cast<std::uint64_t>(status.st_size);
}

File open_file(const std::filesystem::path& path) {
  File file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (file.is_open() || errno != ENOENT) return file;
  file = File(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (file.is_open()) sync_directory(path.parent_path());
  return file;
}

}  // namespace

SlotFile::SlotFile(const std::filesystem::path& directory, const SlotSet& used)
    : file_(open_file(directory / slots_name)) {
  const std::filesystem::path path = directory / slots_name;
  if (!file_.is_open()) {
    throw OpenError(path.string() +
                    ": cannot be opened: " + std::generic_category().message(errno));
  }
  // What grew by less than a slot before a crash does not count: it is grown anew.
  const std::uint64_t whole = size_of(file_) / slot_octets;
  slots_ = synced_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(whole, most_slots));
  free_.reserve(slots_);
  holes_.reserve(slots_);
  for (std::uint32_t slot = 0; slot < slots_; ++slot) {
    if (!used.has(Slot{slot})) free_.add(Slot{slot});
  }
  padded_.resize(slot_octets);
}

Slot SlotFile::take() {
  if (free_.size() == 0) grow();
  const Slot slot = *free_.lowest();
  free_.remove(slot);
  holes_.remove(slot);
  return slot;
}

void SlotFile::free(Slot slot) noexcept { free_.add(slot); }

// On a nearly full disk by what still fits.
void SlotFile::grow() {
  for (std::uint32_t slots = growth; slots > 0; slots /= 2) {
    if (slots <= most_slots - slots_ && grow_by(slots)) return;
  }
  if (slots_ == most_slots) errno = EFBIG;
  fail("fallocate");
}

bool SlotFile::grow_by(std::uint32_t slots) {
  free_.reserve(std::uint64_t{slots_} + slots);
  holes_.reserve(std::uint64_t{slots_} + slots);
  const off_t end = offset_of(Slot{slots_});
  const off_t length = offset_of(Slot{slots});
  int result = ::fallocate(file_.descriptor(), 0, end, length);
  // A file system without preallocation tells at the write when it is full.
  if (result != 0 && errno == EOPNOTSUPP) result = ::ftruncate(file_.descriptor(), end + length);
  if (result != 0) {
    const int error = errno;
    [[maybe_unused]] const int cut = ::ftruncate(file_.descriptor(), end);  // what came of it
    errno = error;
    if (error == ENOSPC || error == EDQUOT || error == EFBIG) return false;
    fail("fallocate");
  }
  for (std::uint32_t slot = slots_; slot < slots_ + slots; ++slot) free_.add(Slot{slot});
  slots_ += slots;
  return true;
}

void SlotFile::write(Slot slot, std::string_view bytes) {
  if (bytes.size() % page_octets != 0) {
    std::memcpy(padded_.data(), bytes.data(), bytes.size());
    const std::size_t padded = (bytes.size() / page_octets + 1) * page_octets;
    std::memset(padded_.data() + bytes.size(), 0, padded - bytes.size());
    bytes = std::string_view(padded_).substr(0, padded);
  }
  const off_t begin = offset_of(slot);
  const auto whole = static_cast<off_t>(bytes.size());
  off_t at = begin;
  while (!bytes.empty()) {
    const auto written = ::pwrite(file_.descriptor(), bytes.data(), bytes.size(), at);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("pwrite");
    bytes.remove_prefix(static_cast<std::size_t>(written));
    at += written;
  }
  // The disk may begin; only speed depends on it.
  ::sync_file_range(file_.descriptor(), begin, whole, SYNC_FILE_RANGE_WRITE);
}

void SlotFile::sync() {
  if (::fdatasync(file_.descriptor()) != 0) fail("fdatasync");
  synced_ = slots_;
}

void SlotFile::forget_unsynced_growth() noexcept {
  for (std::uint32_t slot = synced_; slot < slots_; ++slot) {
    if (!free_.has(Slot{slot})) return;
  }
  cut_to(synced_);
}

void SlotFile::cut_to(std::uint32_t slots) noexcept {
  if (slots >= slots_ || ::ftruncate(file_.descriptor(), offset_of(Slot{slots})) != 0) return;
  free_.cut(slots);
  holes_.cut(slots);
  slots_ = slots;
  synced_ = std::min(synced_, slots);
}

void SlotFile::give_back(std::size_t keep) noexcept {
  std::uint32_t end = slots_;
  for (std::size_t left = spare(); end > 0 && free_.has(Slot{end - 1}); --end) {
    if (holes_.has(Slot{end - 1})) continue;
    if (left <= keep) break;
    --left;
  }
  cut_to(end);
  // Then the free slots between used ones, run by run.
  std::uint32_t above = slots_;
  while (spare() > keep && above > 0) {
    const auto has_space = [this](std::uint32_t slot) {
      return free_.has(Slot{slot}) && !holes_.has(Slot{slot});
    };
    while (above > 0 && !has_space(above - 1)) --above;
    std::uint32_t begin = above;
    while (begin > 0 && has_space(begin - 1) && above - begin < spare() - keep) --begin;
    if (begin == above) return;
    if (::fallocate(file_.descriptor(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                    offset_of(Slot{begin}), offset_of(Slot{above - begin})) != 0) {
      return;
    }
    for (std::uint32_t slot = begin; slot < above; ++slot) holes_.add(Slot{slot});
    above = begin;
  }
}

}  // namespace cordon::store
