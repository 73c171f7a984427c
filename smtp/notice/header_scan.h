// Reads what Cordon wants to know of a message's header while the content streams by. On the fast
// path of every message, and fed by anyone: it keeps only the fields it looks for, each bounded,
// and stops after 64 KiB.
//
// A field counts by its first occurrence. Automatic mail is told by Auto-Submitted alone (RFC 3834
// 5; any value but "no"): Precedence and X- headers are on too much ordinary mail. The other sign,
// a null reverse path, is in the envelope.
//
// Received fields are counted, all and those that this gateway has put there before ("by" its own
// name, RFC 5321 4.4): a loop shows in either (RFC 5321 6.3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cordon::notice {

inline constexpr std::size_t max_header_octets = 65'536;
inline constexpr std::size_t max_subject_code_points = 200;
inline constexpr std::size_t max_references_octets = 1000;

struct HeaderFacts {
  std::string subject;     // decoded, clean UTF-8 (clean_text), cut to 200 code points
  std::string message_id;  // "<...>" of the strict grammar (is_message_id), else empty
  std::string references;  // such ids parted by spaces; the first and the last that fit are kept
  bool auto_submitted = false;
  std::uint32_t received_count = 0;
  std::uint32_t own_received_count = 0;
};

class HeaderScan {
 public:
  // `own_name` is looked for in Received fields; no host is meant by an empty one, nor by
  // "localhost", by which name content filters add fields on the same machine.
  explicit HeaderScan(std::string_view own_name = {});
  // The next piece of the content; any size, cut anywhere. Does nothing once ended.
  void feed(std::string_view piece);
  // The header is over (an empty line, a line that is no field, 64 KiB): further pieces need not
  // be fed.
  bool ended() const { return ended_; }
  // What was found so far; a header that was cut off counts as far as it came.
  HeaderFacts facts() const;

 private:
  enum class Field : std::uint8_t {
    other,
    subject,
    message_id,
    references,
    auto_submitted,
    received
  };
  struct Value {
    std::string text;
    bool seen = false;
  };

  void line_start(char first);
  void take(std::string_view octets);
  void line_end();
  void name_complete();
  void received_complete();
  bool names_us(std::string_view received) const;
  Value* current();

  std::string own_name_;  // lower case
  std::size_t octets_ = 0;
  bool ended_ = false;
  bool at_line_start_ = true;
  bool blank_so_far_ = true;  // nothing but CR on this line
  bool in_name_ = false;
  std::string name_;  // of the field under way, lower case, cut at 32 octets
  Field field_ = Field::other;
  Value subject_;
  Value message_id_;
  Value references_;
  Value auto_submitted_;
  Value received_;  // the last one, as long as it may still grow
  std::uint32_t received_count_ = 0;
  std::uint32_t own_received_count_ = 0;
};

}  // namespace cordon::notice
