// The codes of the replies in what a server sends (RFC 5321 4.2). Keeps no text: the generator asks
// only whether it was a yes, and it shares no code with the servers that it measures.
#pragma once

#include <optional>
#include <string_view>

namespace cordon::bench {

class ReplyCodes {
 public:
  // Takes the next whole reply off the front of `bytes`; nullopt when more must come. A line that
  // is none gives the code 0.
  std::optional<int> take(std::string_view& bytes);

 private:
  int code_ = 0;   // of the line at hand
  int place_ = 0;  // in that line; 4 and above: behind the code
  bool bad_ = false;
  bool last_ = true;  // this line ends the reply: no '-' behind the code
  bool after_cr_ = false;
  int reply_ = -1;  // code of the lines before, -1 if this is the first
};

}  // namespace cordon::bench
