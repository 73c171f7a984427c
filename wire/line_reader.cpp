#include "wire/line_reader.h"

namespace cordon::wire {

LineReader::Status LineReader::next(std::string& line) {
  const std::size_t end = pending_.find('\n', scanned_);
  if (end == std::string::npos) {
    pending_.erase(0, start_);
    start_ = 0;
    scanned_ = pending_.size();
    return pending_.size() > max_line_ ? Status::too_long : Status::more;
  }
  if (end - start_ > max_line_) return Status::too_long;
  line.assign(pending_, start_, end - start_);
  start_ = end + 1;
  scanned_ = start_;
  return Status::line;
}

}  // namespace cordon::wire
