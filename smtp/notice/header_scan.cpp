#include "smtp/notice/header_scan.h"

#include <algorithm>
#include <vector>

#include "smtp/notice/text.h"

namespace cordon::notice {
namespace {

constexpr std::size_t max_name = 32;      // longer than any name looked for
constexpr std::size_t max_value = 4'096;  // of one field
constexpr std::size_t max_references_read = 16'384;
constexpr std::size_t max_received_read = 1'024;  // "by" comes early

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string in_lower_case(std::string_view text) {
  std::string result{text};
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// The first word of an Auto-Submitted value, comments and parameters left out (RFC 3834 5).
std::string keyword(std::string_view value) {
  std::string word;
  int depth = 0;
  for (const char c : value) {
    if (c == '(') {
      ++depth;
    } else if (c == ')' && depth > 0) {
      --depth;
    } else if (depth > 0 || (word.empty() && is_blank(c))) {
      continue;
    } else if (c == ';' || is_blank(c)) {
      break;
    } else {
      word += lower(c);
    }
  }
  return word;
}

// The next word of a structured value, which goes off its front; comments are passed over (RFC 5322
// 3.2.2). Empty at the end.
std::string_view take_word(std::string_view& value) {
  int depth = 0;
  std::size_t start = 0;
  for (; start < value.size(); ++start) {
    const char c = value[start];
    if (c == '(') ++depth;
    if (depth == 0 && !is_blank(c) && c != ';') break;
    if (c == ')' && depth > 0) --depth;
  }
  std::size_t end = start;
  while (end < value.size() && !is_blank(value[end]) && value[end] != ';' && value[end] != '(')
    ++end;
  const std::string_view word = value.substr(start, end - start);
  value.remove_prefix(end);
  return word;
}

// The host of the "by" clause of a Received field (RFC 5321 4.4); empty if there is none.
std::string by_clause(std::string_view received) {
  while (true) {
    const std::string word = in_lower_case(take_word(received));
    if (word.empty()) return {};
    if (word != "by" && word != "from") continue;
    std::string name = in_lower_case(take_word(received));  // "from by" is a host named so
    if (word == "by") return name;
  }
}

// The well-formed ids of a References value. If not all fit, the first (the root of the thread) and
// as many of the last as can be: clients thread by either end.
std::string cut_references(std::string_view value) {
  std::vector<std::string_view> ids;
  for (std::size_t end = value.find('>'); end != std::string_view::npos; end = value.find('>')) {
    const std::size_t start = value.substr(0, end).rfind('<');
    if (start != std::string_view::npos && is_message_id(value.substr(start, end + 1 - start))) {
      ids.push_back(value.substr(start, end + 1 - start));
    }
    value.remove_prefix(end + 1);
  }
  if (ids.empty()) return {};
  std::size_t size = ids.front().size();
  std::size_t first_kept = ids.size();
  while (first_kept > 1 && size + 1 + ids[first_kept - 1].size() <= max_references_octets) {
    --first_kept;
    size += 1 + ids[first_kept].size();
  }
  std::string result{ids.front()};
  for (std::size_t i = first_kept; i < ids.size(); ++i) result.append(" ").append(ids[i]);
  return result;
}

}  // namespace

HeaderScan::HeaderScan(std::string_view own_name) : own_name_(in_lower_case(own_name)) {
  if (own_name_ == "localhost" || own_name_ == "localhost.localdomain") own_name_.clear();
}

HeaderScan::Value* HeaderScan::current() {
  switch (field_) {
    case Field::subject:
      return &subject_;
    case Field::message_id:
      return &message_id_;
    case Field::references:
      return &references_;
    case Field::auto_submitted:
      return &auto_submitted_;
    case Field::received:
      return &received_;
    case Field::other:
      break;
  }
  return nullptr;
}

void HeaderScan::feed(std::string_view piece) {
  while (!ended_ && !piece.empty()) {
    const std::size_t left = max_header_octets - octets_;
    const std::size_t newline = piece.find('\n');
    const std::size_t size = std::min({newline, piece.size(), left});
    if (size > 0) {
      if (at_line_start_) line_start(piece.front());
      if (ended_) return;
      take(piece.substr(0, size));
      octets_ += size;
    }
    if (octets_ >= max_header_octets) {
      ended_ = true;
    } else if (size == newline) {
      line_end();
      ++octets_;
      piece.remove_prefix(newline + 1);
    } else {
      return;
    }
  }
}

// Decides whether the line continues a field (RFC 5322 2.2.3) or begins one.
void HeaderScan::line_start(char first) {
  at_line_start_ = false;
  blank_so_far_ = true;
  if (first == ' ' || first == '\t') return;
  received_complete();
  in_name_ = true;
  name_.clear();
  field_ = Field::other;
}

void HeaderScan::take(std::string_view octets) {
  blank_so_far_ = blank_so_far_ && octets == "\r";
  if (in_name_) {
    const std::size_t colon = octets.find(':');
    for (const char c :
         octets.substr(0, std::min(colon, max_name - std::min(name_.size(), max_name)))) {
      name_ += lower(c);
    }
    if (colon == std::string_view::npos) return;
    name_complete();
    octets.remove_prefix(colon + 1);
  }
  if (Value* value = current()) {
    const std::size_t limit = field_ == Field::references ? max_references_read
                              : field_ == Field::received ? max_received_read
                                                          : max_value;
    value->text += octets.substr(0, limit - std::min(value->text.size(), limit));
  }
}

void HeaderScan::name_complete() {
  in_name_ = false;
  const std::string_view name = trimmed(name_);  // blanks before the colon: RFC 5322 4.5
  if (name == "subject") {
    field_ = Field::subject;
  } else if (name == "message-id") {
    field_ = Field::message_id;
  } else if (name == "references") {
    field_ = Field::references;
  } else if (name == "auto-submitted") {
    field_ = Field::auto_submitted;
  } else if (name == "received") {
    ++received_count_;
    field_ = own_name_.empty() ? Field::other : Field::received;
    return;
  }
  if (Value* value = current()) {
    if (value->seen) field_ = Field::other;
    value->seen = true;
  }
}

void HeaderScan::received_complete() {
  if (names_us(received_.text)) ++own_received_count_;
  received_.text.clear();
}

bool HeaderScan::names_us(std::string_view received) const {
  return !received.empty() && by_clause(received) == own_name_;
}

void HeaderScan::line_end() {
  // An empty line ends the header; so does one that is no field, as mail servers have it. A first
  // line of blanks only ("folding" into nothing) is none of either.
  if (at_line_start_ || blank_so_far_ || in_name_) ended_ = true;
  at_line_start_ = true;
}

HeaderFacts HeaderScan::facts() const {
  HeaderFacts facts;
  facts.subject = clean_text(decode_words(subject_.text), max_subject_code_points);
  const std::string_view id = trimmed(message_id_.text);
  if (is_message_id(id)) facts.message_id = id;
  facts.references = cut_references(references_.text);
  facts.auto_submitted = auto_submitted_.seen && keyword(auto_submitted_.text) != "no";
  facts.received_count = received_count_;
  facts.own_received_count = own_received_count_ + (names_us(received_.text) ? 1 : 0);
  return facts;
}

}  // namespace cordon::notice
