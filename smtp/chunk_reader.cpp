#include "smtp/chunk_reader.h"

#include <algorithm>
#include <charconv>

#include "smtp/octet_scan.h"
#include "smtp/text.h"

namespace cordon::smtp {

void ChunkReader::start(std::uint64_t max_octets) {
  *this = ChunkReader();
  max_octets_ = max_octets;
}

void ChunkReader::begin_chunk(std::uint64_t octets, bool last) {
  chunk_octets_ = left_ = octets;
  last_ = last;
  passing_over_ = false;
  if (fault_ == DataFault::none && max_octets_ != 0 && octets > max_octets_ - octets_) {
    fault_ = DataFault::too_large;
    fault_untold_ = true;
  }
}

DataStep ChunkReader::next(std::string_view& input) {
  if (passing_over_) return skip(input);
  if (fault_untold_) {
    fault_untold_ = false;
    return {DataEvent::fault, {}};
  }
  if (fault_ != DataFault::none) return skip(input);
  if (left_ == 0) {
    if (!last_ || !after_cr_) return {DataEvent::end, {}};
    fault_ = DataFault::bare_cr;  // nothing comes any more that could make a line end of it
    return {DataEvent::fault, {}};
  }
  const std::string_view chunk =
      input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size())));
  for (std::size_t at = 0; at < chunk.size(); ++at) {
    if (!after_cr_) at += plain_run(chunk, at);
    if (at == chunk.size()) break;
    const char c = chunk[at];
    if (after_cr_ && c != '\n') return give(input, at, at + 1, DataFault::bare_cr);
    if (!after_cr_ && c == '\n') return give(input, at, at + 1, DataFault::bare_lf);
    if (c == '\0') return give(input, at, at + 1, DataFault::nul);
    after_cr_ = c == '\r';
  }
  return give(input, chunk.size(), chunk.size(), DataFault::none);
}

// Gives the first `octets` of the input as content and takes `taken`; `fault` follows them.
DataStep ChunkReader::give(std::string_view& input, std::size_t octets, std::size_t taken,
                           DataFault fault) {
  const std::string_view bytes = input.substr(0, octets);
  fault_ = fault;
  octets_ += octets;
  left_ -= taken;
  input.remove_prefix(taken);
  if (bytes.empty()) {
    return {fault == DataFault::none ? DataEvent::need_input : DataEvent::fault, {}};
  }
  fault_untold_ = fault != DataFault::none;
  return {DataEvent::content, bytes};
}

DataStep ChunkReader::skip(std::string_view& input) {
  const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
  left_ -= taken;
  input.remove_prefix(taken);
  return {left_ == 0 ? DataEvent::end : DataEvent::need_input, {}};
}

bool read_chunk_size(std::string_view argument, ChunkSize& size) {
  const std::string_view digits = argument.substr(0, argument.find_first_of(" \t"));
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit)) return false;
  const auto end = digits.data() + digits.size();
  if (std::from_chars(digits.data(), end, size.octets).ec != std::errc()) return false;
  argument.remove_prefix(digits.size());
  argument.remove_prefix(std::min(argument.find_first_not_of(" \t"), argument.size()));
  size.last = same_ignoring_case(argument, "LAST");
  return size.last || argument.empty();
}

}  // namespace cordon::smtp
