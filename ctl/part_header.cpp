#include "ctl/part_header.h"

#include <algorithm>
#include <exception>
#include <map>
#include <optional>

#include <mimetic/mimetic.h>

#include "smtp/notice/text.h"

namespace cordon::ctl {
namespace {

// mimetic cuts a field at each ";", quoted or not, so quoted ones pass through it as a control.
// The sender cannot write that: his controls are replaced first.
constexpr char masked_semicolon = '\x01';

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

std::string without_trailing_blanks(std::string text) {
  text.erase(text.find_last_not_of(" \t") + 1);
  return text;
}

bool begins_with_content(std::string_view line) {
  return line.size() >= 8 && lower(std::string(line.substr(0, 8))) == "content-";
}

// A name of printable ASCII, perhaps blanks, a colon (RFC 5322 2.2, 4.5.8).
bool is_field(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return false;
  std::string_view name = line.substr(0, colon);
  while (!name.empty() && is_blank(name.back())) name.remove_suffix(1);
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > 32 && c < 127; });
}

// Makes unfolded fields, one a line, safe for mimetic, which knows neither quoted ";" nor comments
// and whose comparisons run past a NUL.
class Masked {
 public:
  std::string operator()(std::string_view fields) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const char c = fields[i];
      const char next = i + 1 < fields.size() ? fields[i + 1] : '\n';
      if (c == '\n') {
        end_of_field();
      } else if (depth_ != 0) {
        in_comment(c, next, i);
      } else if (quoted_) {
        in_quotes(c, next, i);
      } else if (c == '(' && (out_.empty() || is_blank(out_.back()) || out_.back() == ';')) {
        depth_ = 1;  // only after a blank: "report(1).pdf" is a name that mail programs write
      } else {
        quoted_ = c == '"';
        out_ += plain(c);
      }
    }
    return std::move(out_);
  }

 private:
  static char plain(char c) { return (c >= 0 && c < 32 && c != '\t') || c == 127 ? '?' : c; }
  void end_of_field() {
    out_ += "\r\n";
    quoted_ = false;
    depth_ = 0;
  }
  void in_comment(char c, char next, std::size_t& i) {
    if (c == '\\' && next != '\n') ++i;
    if (c == '(') ++depth_;
    if (c == ')') --depth_;
  }
  // A backslash counts before what needs one; others are the separators of somebody's path.
  void in_quotes(char c, char next, std::size_t& i) {
    if (c == '\\' && (next == '"' || next == '\\')) {
      out_ += next;
      ++i;
      return;
    }
    quoted_ = c != '"';
    out_ += c == ';' ? masked_semicolon : plain(c);
  }

  std::string out_;
  bool quoted_ = false;
  std::size_t depth_ = 0;
};

std::string unmasked(std::string text) {
  std::replace(text.begin(), text.end(), masked_semicolon, ';');
  return text;
}

// ---- parameters

std::optional<int> hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return std::nullopt;
}

std::string from_percent(std::string_view text) {
  std::string octets;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto high = text[i] == '%' && i + 2 < text.size() ? hex(text[i + 1]) : std::nullopt;
    const auto low = high ? hex(text[i + 2]) : std::nullopt;
    octets += low ? static_cast<char>(*high * 16 + *low) : text[i];
    if (low) i += 2;
  }
  return octets;
}

// As UTF-8 if the charset is one that the notices know, else as it is. Said to them as an encoded
// word, which is what they read.
std::string in_utf8(const std::string& octets, const std::string& charset) {
  if (charset.empty() || charset.find_first_of(" ?\t") != std::string::npos) return octets;
  std::string word = "=?" + charset + "?Q?";
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (const char c : octets) {
    const auto octet = static_cast<std::uint8_t>(c);
    word += {'=', digits[octet >> 4], digits[octet & 15]};
  }
  const std::string text = notice::decode_words(word += "?=");
  return text == word ? octets : text;
}

struct Parameter {
  std::vector<std::string> plain;     // of name=
  std::map<int, std::string> pieces;  // of name*0=, name*1*=, name*=, percent sequences decoded
  std::string charset;

  void add_piece(int index, bool extended, std::string value) {
    if (extended && index == 0) {  // charset'language'text
      const std::size_t quote = value.find('\'');
      const std::size_t second = quote == std::string::npos ? quote : value.find('\'', quote + 1);
      if (second != std::string::npos) {
        charset = value.substr(0, quote);
        value.erase(0, second + 1);
      }
    }
    pieces.emplace(index, extended ? from_percent(value) : std::move(value));
  }
  std::string extended_value() const {
    std::string octets;
    int expected = 0;
    for (const auto& [index, value] : pieces) {
      if (index != expected++) break;
      octets += value;
    }
    return in_utf8(octets, charset);
  }
  std::string first_plain() const { return plain.empty() ? std::string() : plain.front(); }
};

using Parameters = std::map<std::string, Parameter>;

// "name", "name*", "name*7", "name*7*" (RFC 2231 3, 4).
void add(Parameters& parameters, const mimetic::FieldParam& param) {
  std::string name = lower(without_trailing_blanks(param.name()));
  std::string value = unmasked(param.value());
  const std::size_t star = name.find('*');
  if (star == std::string::npos) {
    parameters[name].plain.push_back(std::move(value));
    return;
  }
  std::string_view index = std::string_view(name).substr(star + 1);
  const bool extended = index.empty() || index.ends_with('*');
  if (index.ends_with('*')) index.remove_suffix(1);
  if (index.size() > 3 ||
      !std::all_of(index.begin(), index.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return;
  }
  const int number = index.empty() ? 0 : std::stoi(std::string(index));
  parameters[name.substr(0, star)].add_piece(number, extended, std::move(value));
}

template <typename Field>
Parameters parameters_of(const Field& field) {
  Parameters parameters;
  for (const mimetic::FieldParam& param : field.paramList()) add(parameters, param);
  return parameters;
}

std::string file_name_of(const Parameter& parameter) {
  const std::string extended = parameter.extended_value();
  return extended.empty() ? notice::decode_words(parameter.first_plain()) : extended;
}

// ---- fields

// The token that a type or an encoding should be; what follows is ignored, as a comment would be.
std::string token(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return lower(text.substr(begin, text.find_first_of(" \t(),;\"", begin) - begin));
}

void read_type(const mimetic::Header& header, PartHeader& out, std::string& name) {
  const mimetic::ContentType& field = header.contentType();
  const std::string type = token(field.type());
  if (!type.empty()) out.type = type + "/" + token(field.subtype());
  Parameters parameters = parameters_of(field);
  const Parameter& boundary = parameters["boundary"];
  out.boundary = boundary.first_plain();
  if (out.boundary.empty()) out.boundary = boundary.extended_value();
  out.boundary = without_trailing_blanks(out.boundary);
  if (boundary.plain.size() + (boundary.pieces.empty() ? 0 : 1) > 1) {
    out.remarks.emplace_back("more than one boundary is named");
  }
  name = file_name_of(parameters["name"]);
}

void read_names(const mimetic::Header& header, PartHeader& out, const std::string& other) {
  Parameters parameters = parameters_of(header.contentDisposition());
  out.file_name = file_name_of(parameters["filename"]);
  if (out.file_name.empty()) {
    out.file_name = other;
  } else if (!other.empty() && other != out.file_name) {
    out.remarks.push_back("also named \"" + other + "\"");
  }
}

void note_repeated(const mimetic::Header& header, PartHeader& out) {
  std::map<std::string, int> seen;
  for (const mimetic::Field& field : header) ++seen[lower(field.name())];
  for (const char* name : {"content-type", "content-disposition", "content-transfer-encoding"}) {
    if (seen[name] > 1) out.remarks.push_back(std::string("more than one ") + name);
  }
}

}  // namespace

bool PartHeaderLines::take(std::string_view line) {
  const bool folded = !line.empty() && is_blank(line.front());
  if (folded ? !any_ : !is_field(line)) return false;
  any_ = true;
  if (!folded) keeping_ = begins_with_content(line);
  if (!keeping_ || too_long_) return true;
  too_long_ = kept_.size() + line.size() > max_part_header_octets;
  if (too_long_) return true;
  if (!folded && !kept_.empty()) kept_ += '\n';
  kept_ += line;
  return true;
}

PartHeader PartHeaderLines::read() const {
  PartHeader out;
  if (too_long_) out.remarks.emplace_back("a header too long to be read whole");
  try {
    const std::string fields = Masked()(kept_) + "\r\n\r\n";
    mimetic::MimeEntity entity;
    entity.load(
        fields.begin(), fields.end(),
        mimetic::imBody | mimetic::imChildParts | mimetic::imPreamble | mimetic::imEpilogue);
    const mimetic::Header& header = entity.header();
    std::string name;
    read_type(header, out, name);
    read_names(header, out, name);
    out.encoding = token(header.contentTransferEncoding().mechanism());
    note_repeated(header, out);
  } catch (const std::exception&) {
    out.remarks.emplace_back("a header that cannot be read");
  }
  return out;
}

}  // namespace cordon::ctl
