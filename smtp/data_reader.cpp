#include "smtp/data_reader.h"

#include "smtp/octet_scan.h"

namespace cordon::smtp {

void DataReader::start(std::uint64_t max_octets) {
  *this = DataReader();
  max_octets_ = max_octets;
}

DataReader::Place DataReader::advance(Place place, char c) {
  const bool after_cr = place == Place::after_cr || place == Place::dot_cr;
  if (c == '\r') return place == Place::dot ? Place::dot_cr : Place::after_cr;
  if (c == '\n' && after_cr) return Place::line_start;
  if (c == '.' && place == Place::line_start) return Place::dot;
  return Place::in_line;
}

DataFault DataReader::fault_at(Place place, char c) {
  const bool after_cr = place == Place::after_cr || place == Place::dot_cr;
  if (after_cr && c != '\n') return DataFault::bare_cr;
  if (!after_cr && c == '\n') return DataFault::bare_lf;
  return c == '\0' ? DataFault::nul : DataFault::none;
}

DataStep DataReader::next(std::string_view& input) {
  if (fault_untold_) {
    fault_untold_ = false;
    return {DataEvent::fault, {}};
  }
  if (fault_ != DataFault::none) return skip_to_end(input);

  std::size_t from = 0;  // where the content not yet given begins
  for (std::size_t at = 0; at < input.size(); ++at) {
    if (place_ == Place::in_line) at += plain_run(input, at);
    if (at == input.size()) break;
    const char c = input[at];
    if (place_ == Place::in_line && static_cast<unsigned char>(c) > '\r') continue;
    const DataFault fault = fault_at(place_, c);
    const bool ends = place_ == Place::dot_cr && c == '\n';
    place_ = advance(place_, c);
    if (fault != DataFault::none) return give(input, from, at, at + 1, fault);
    if (ends) {
      input.remove_prefix(at + 1);
      return {DataEvent::end, {}};
    }
    if (place_ == Place::dot || place_ == Place::dot_cr) {  // stuffing, or the end: not content
      if (at > from) return give(input, from, at, at + 1, DataFault::none);
      from = at + 1;
    }
  }
  return give(input, from, input.size(), input.size(), DataFault::none);
}

DataStep DataReader::give(std::string_view& input, std::size_t from, std::size_t to,
                          std::size_t taken, DataFault fault) {
  std::string_view bytes = input.substr(from, to - from);
  if (max_octets_ != 0 && bytes.size() > max_octets_ - octets_) {
    bytes = bytes.substr(0, static_cast<std::size_t>(max_octets_ - octets_));
    fault = DataFault::too_large;  // it stands before any other fault that ended this run
  }
  fault_ = fault;
  octets_ += bytes.size();
  input.remove_prefix(taken);
  if (bytes.empty()) {
    return {fault == DataFault::none ? DataEvent::need_input : DataEvent::fault, {}};
  }
  fault_untold_ = fault != DataFault::none;
  return {DataEvent::content, bytes};
}

DataStep DataReader::skip_to_end(std::string_view& input) {
  for (std::size_t at = 0; at < input.size(); ++at) {
    const bool ends = place_ == Place::dot_cr && input[at] == '\n';
    place_ = advance(place_, input[at]);
    if (ends) {
      input.remove_prefix(at + 1);
      return {DataEvent::end, {}};
    }
  }
  input = {};
  return {};
}

}  // namespace cordon::smtp
