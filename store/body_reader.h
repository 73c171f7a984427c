// Reads the content of messages, from rows and from slots. A read of a slot that races with the
// deletion of its message gives nothing rather than bytes of another message: a slot is used again
// only after the deletion of its row was committed, so a row that is still there afterwards proves
// that the bytes before were whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

#include "store/opening.h"
#include "store/sqlite.h"
#include "store/types.h"

namespace cordon::store {

class BodyReader {
 public:
  BodyReader(Database& db, const std::filesystem::path& directory);

  // As Reader::body. Throws std::runtime_error when a slot cannot be read.
  std::size_t read(MessageId id, std::uint64_t offset, std::span<char> buffer);

 private:
  // What the rows say of one piece.
  struct Found {
    bool any = false;
    bool in_slot = false;
    Slot slot{};
    std::size_t octets = 0;  // of the piece
  };
  Found look_up(std::int64_t row, std::size_t skip, std::span<char> buffer);
  bool read_slot(const Found& piece, std::int64_t row, std::size_t skip, std::span<char> buffer);
  bool still_there(std::int64_t row, Slot slot);

  Database& db_;
  File slots_;
};

}  // namespace cordon::store
