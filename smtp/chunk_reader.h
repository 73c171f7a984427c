// The content of a message that comes by BDAT (RFC 3030 2), chunk after chunk, without copying:
// pieces of content are views into the input. There is no dot-stuffing; a dot on a line of its own
// is content, and only the count of octets ends a chunk.
//
// What is refused in DATA is refused here, also across the edge of two chunks: a bare CR, a bare
// LF, a NUL (BINARYMIME is not offered), more than the limit. After a fault nothing more is given
// out, but every chunk is taken to its end, so that what follows is not taken for commands. The
// last line need not end in CRLF: the octets are carried as they came, and DATA adds what it needs
// (RFC 5321 4.1.1.4) when the message is sent on.
#pragma once

#include <cstdint>
#include <string_view>

#include "smtp/data_reader.h"

namespace cordon::smtp {

class ChunkReader {
 public:
  // Begins a new message of at most `max_octets`; 0 = no limit.
  void start(std::uint64_t max_octets);
  // Begins the next chunk; the one before must have ended. One that would go over the limit is a
  // fault at once.
  void begin_chunk(std::uint64_t octets, bool last);
  // The rest of the chunk at hand is taken unseen.
  void pass_over() { passing_over_ = true; }
  // As DataReader::next(); `end` is that of the chunk.
  DataStep next(std::string_view& input);

  DataFault fault() const { return fault_; }        // the first one
  std::uint64_t octets() const { return octets_; }  // of content given out, in all chunks
  std::uint64_t chunk_octets() const { return chunk_octets_ - left_; }  // taken of this chunk
  bool last() const { return last_; }

 private:
  DataStep skip(std::string_view& input);
  DataStep give(std::string_view& input, std::size_t octets, std::size_t taken, DataFault fault);

  std::uint64_t max_octets_ = 0;
  std::uint64_t octets_ = 0;
  std::uint64_t chunk_octets_ = 0;
  std::uint64_t left_ = 0;  // of this chunk, not yet taken
  bool last_ = false;
  bool passing_over_ = false;
  bool after_cr_ = false;
  bool fault_untold_ = false;
  DataFault fault_ = DataFault::none;
};

// What stands behind BDAT: "1000" or "1000 LAST". False if it cannot be read, or is beyond 64 bits.
struct ChunkSize {
  std::uint64_t octets = 0;
  bool last = false;
};
bool read_chunk_size(std::string_view argument, ChunkSize& size);

}  // namespace cordon::smtp
