#include "ctl/part_rows.h"

#include <nlohmann/json.hpp>

namespace cordon::ctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto right = Align::right;
constexpr std::size_t digest_columns = 64;
// A name is not cut before its extension: that is what matters of it.
constexpr std::size_t name_columns = 255;

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : "; ") + text;
  return out;
}

Json as_json(const MessagePart& part) {
  Json json{{"type", "part"}, {"part", part.number}, {"content_type", part.content_type}};
  if (!part.file_name.empty()) json["file_name"] = part.file_name;
  if (!part.encoding.empty()) json["encoding"] = part.encoding;
  json["octets"] = part.octets;
  if (!part.sha256.empty()) {
    json["decoded_octets"] = part.decoded_octets;
    json["sha256"] = part.sha256;
  }
  if (!part.remarks.empty()) json["remarks"] = part.remarks;
  return json;
}

void print_line(const Json& json, std::ostream& out) {
  out << json.dump(-1, ' ', true, Json::error_handler_t::replace) << '\n';
}

}  // namespace

void print_parts_as_table(const MessageOutline& outline, std::ostream& out, Table::Style style) {
  out << '\n' << (style.colours ? coloured("Parts", Colour::bold) : "Parts") << '\n';
  Table table({{"PART"},
               {"TYPE"},
               {"ENCODING"},
               {"OCTETS", right},
               {"DECODED", right},
               {"SHA-256", Align::left, digest_columns},
               {"FILE NAME", Align::left, name_columns},
               {"REMARKS"}},
              out, style);
  for (const MessagePart& part : outline.parts) {
    const bool whole = !part.sha256.empty();
    table.add({{part.number},
               {part.content_type},
               {part.encoding.empty() ? "-" : part.encoding},
               {std::to_string(part.octets)},
               {whole ? std::to_string(part.decoded_octets) : "-"},
               {whole ? part.sha256 : "-"},
               {part.file_name.empty() ? "-" : part.file_name},
               {joined(part.remarks), Colour::yellow}});
  }
}

void print_parts_as_json(const MessageOutline& outline, std::ostream& out) {
  for (const MessagePart& part : outline.parts) print_line(as_json(part), out);
  for (const std::string& note : outline.notes) {
    print_line({{"type", "note"}, {"text", note}}, out);
  }
}

}  // namespace cordon::ctl
