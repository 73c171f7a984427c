#include "store/body_reader.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "store/commands.h"
#include "store/reader_sql.h"

namespace cordon::store {

BodyReader::BodyReader(Database& db, const std::filesystem::path& directory)
    : db_(db), slots_(::open((directory / slots_name).c_str(), O_RDONLY | O_CLOEXEC)) {
  if (!slots_.is_open()) throw std::system_error(errno, std::generic_category(), slots_name);
}

// Every piece but the last is full, so a division tells where an offset is. A message is deleted
// whole: if a later piece is gone, so are those that were read before it.
std::size_t BodyReader::read(MessageId id, std::uint64_t offset, std::span<char> buffer) {
  const auto number = static_cast<std::int64_t>(id);
  if (number < 1 || number > max_message_id) return 0;
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const std::uint64_t at = offset + filled;
    if (at / max_body_piece >= max_pieces) break;
    const auto row = body_row(id, static_cast<std::uint32_t>(at / max_body_piece));
    const auto skip = static_cast<std::size_t>(at % max_body_piece);
    const auto rest = buffer.subspan(filled);
    const Found piece = look_up(row, skip, rest);
    if (!piece.any || piece.octets <= skip) break;
    const auto take = std::min(piece.octets - skip, rest.size());
    if (piece.in_slot && !read_slot(piece, row, skip, rest.first(take))) return 0;
    filled += take;
    if (piece.octets < max_body_piece) break;
  }
  return filled;
}

BodyReader::Found BodyReader::look_up(std::int64_t row, std::size_t skip, std::span<char> buffer) {
  Found found;
  Query piece = db_.query(sql::piece);
  if (!piece.with(row).step()) return found;
  found.any = true;
  found.in_slot = !piece.is_null(0);
  if (found.in_slot) {
    found.slot = piece.as<Slot>(0);
    found.octets = piece.as<std::size_t>(1);
    return found;
  }
  const std::string_view bytes = piece.text(2);
  found.octets = bytes.size();
  if (skip < bytes.size()) {
    std::memcpy(buffer.data(), bytes.data() + skip, std::min(bytes.size() - skip, buffer.size()));
  }
  return found;
}

// False if the message was deleted meanwhile.
bool BodyReader::read_slot(const Found& piece, std::int64_t row, std::size_t skip,
                           std::span<char> buffer) {
  std::size_t filled = 0;
  while (filled < buffer.size()) {
    const auto at = static_cast<std::uint64_t>(piece.slot) * max_body_piece + skip + filled;
    const auto octets = ::pread(slots_.descriptor(), buffer.data() + filled, buffer.size() - filled,
                                static_cast<off_t>(at));
    if (octets < 0 && errno == EINTR) continue;
    if (octets < 0) throw std::system_error(errno, std::generic_category(), slots_name);
    if (octets == 0) break;  // cut off
    filled += static_cast<std::size_t>(octets);
  }
  if (!still_there(row, piece.slot)) return false;
  if (filled < buffer.size()) throw std::runtime_error("cordon.slots is shorter than its rows say");
  return true;
}

// In a read transaction of its own, begun after the bytes were read.
bool BodyReader::still_there(std::int64_t row, Slot slot) {
  Query query = db_.query(sql::slot_of);
  return query.with(row).step() && query.as<Slot>(0) == slot;
}

}  // namespace cordon::store
