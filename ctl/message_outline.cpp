// Finds the parts in one pass over the lines, with a stack of its own. mimetic, which reads the
// header of each part, could do it as well, but recurses for each level, copies each body, and
// passes over all that follows an inner multipart that is not closed.
#include "ctl/message_outline.h"

#include <algorithm>
#include <optional>

#include "ctl/part_content.h"
#include "ctl/part_header.h"

namespace cordon::ctl {
namespace {

// A part whose end is not met yet. The first is the message; each encloses the next.
struct Open {
  std::size_t part = 0;      // its index in the outline
  std::size_t begin = 0;     // of its body in the content
  std::size_t children = 0;  // parts found in it so far
  std::string boundary;      // empty unless it is a multipart that is looked into
  bool closed = false;       // its last boundary was met; what follows should be no part
  bool digest = false;       // of the body: it is no multipart, or one that is not looked into
  PartHeaderLines header;
};

struct Boundary {
  std::size_t level = 0;  // in the stack
  bool last = false;
};

class Walk {
 public:
  explicit Walk(std::string_view content) : content_(content) {}

  MessageOutline whole(bool cut_off) {
    cut_off_ = cut_off;
    open_part();
    std::size_t at = 0;
    while (at < content_.size() && !full_) {
      const std::size_t end = std::min(content_.find('\n', at), content_.size() - 1) + 1;
      line(at, end);
      at = end;
    }
    while (in_header_) end_header(at);
    close_to(0, at, full_ || cut_off_);
    if (cut_off_) {
      outline_.notes.push_back("The outline ends at " + std::to_string(content_.size()) +
                               " octets; the message goes on.");
    }
    return std::move(outline_);
  }

 private:
  void line(std::size_t begin, std::size_t end) {
    std::string_view text = content_.substr(begin, end - begin);
    if (text.ends_with('\n')) text.remove_suffix(1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (const auto boundary = boundary_at(text)) return at_boundary(*boundary, begin);
    if (!in_header_) return;
    if (text.empty()) {
      end_header(end);
    } else if (!stack_.back().header.take(text)) {
      remark(stack_.back(), "its header ends without an empty line");
      end_header(begin);
    }
  }

  // Those that are closed come last: another part may still follow, of an enclosing multipart with
  // the same boundary, or smuggled.
  std::optional<Boundary> boundary_at(std::string_view line) const {
    if (!line.starts_with("--")) return std::nullopt;
    line.remove_prefix(2);
    const auto open = boundary_at(line, false);
    return open ? open : boundary_at(line, true);
  }

  // The beginning of the line decides, not all of it (RFC 2046 5.1.1). Where one boundary begins
  // with another the longer one is meant, and of two that are alike the inner one.
  std::optional<Boundary> boundary_at(std::string_view line, bool closed) const {
    std::optional<Boundary> found;
    std::size_t longest = 0;
    for (std::size_t level = stack_.size(); level-- > 0;) {
      const Open& open = stack_[level];
      if (open.closed != closed || open.boundary.size() <= longest) continue;
      if (!line.starts_with(open.boundary)) continue;
      longest = open.boundary.size();
      found = Boundary{level, line.substr(longest).starts_with("--")};
    }
    return found;
  }

  void at_boundary(const Boundary& boundary, std::size_t begin) {
    while (in_header_) end_header(begin);
    close_to(boundary.level + 1, before_line_end(begin), false);
    Open& multipart = stack_[boundary.level];
    if (!boundary.last && multipart.closed) remark(multipart, "parts follow its end");
    multipart.closed = boundary.last;
    if (!boundary.last) open_part();
  }

  // The line end before a boundary belongs to the boundary.
  std::size_t before_line_end(std::size_t at) const {
    const std::string_view before = content_.substr(0, at);
    if (before.ends_with("\r\n")) return at - 2;
    return before.ends_with('\n') ? at - 1 : at;
  }

  void open_part() {
    if (outline_.parts.size() == max_outline_parts) {
      full_ = true;
      outline_.notes.push_back("The outline ends after " + std::to_string(max_outline_parts) +
                               " parts; there are more.");
      in_header_ = false;
      return;
    }
    MessagePart part;
    part.number = "1";
    if (!stack_.empty()) {
      Open& parent = stack_.back();
      part.number = outline_.parts[parent.part].number + "." + std::to_string(++parent.children);
    }
    Open open;
    open.part = outline_.parts.size();
    outline_.parts.push_back(std::move(part));
    stack_.push_back(std::move(open));
    in_header_ = true;
  }

  // The body begins at `body`.
  void end_header(std::size_t body) {
    in_header_ = false;
    Open& open = stack_.back();
    PartHeader header = open.header.read();
    MessagePart& part = outline_.parts[open.part];
    for (std::string& text : header.remarks) part.remarks.push_back(std::move(text));
    part.content_type = header.type.empty() ? default_type() : std::move(header.type);
    part.file_name = std::move(header.file_name);
    part.encoding = std::move(header.encoding);
    open.begin = body;
    look_into(open, part, std::move(header.boundary));
  }

  void look_into(Open& open, MessagePart& part, std::string boundary) {
    const bool multipart = part.content_type.starts_with("multipart/");
    const bool message =
        part.content_type == "message/rfc822" || part.content_type == "message/global";
    open.digest = true;
    if (!multipart && !message) return;
    if (stack_.size() == max_outline_depth) {
      remark(open, "nested too deep to be looked into");
    } else if (part.encoding == "base64" || part.encoding == "quoted-printable") {
      remark(open, "encoded as no " + std::string(multipart ? "multipart" : "message") +
                       " may be, and not looked into");
    } else if (message) {
      open_part();
    } else if (boundary.empty()) {
      remark(open, "names no boundary");
    } else {
      open.boundary = std::move(boundary);
      open.digest = false;
    }
  }

  // RFC 2045 5.2; RFC 2046 5.1.5.
  std::string default_type() const {
    const bool in_digest =
        stack_.size() > 1 &&
        outline_.parts[stack_[stack_.size() - 2].part].content_type == "multipart/digest";
    return in_digest ? "message/rfc822" : "text/plain";
  }

  // Ends all parts above the first `count` at `end`; `missing` if their real end is beyond it.
  void close_to(std::size_t count, std::size_t end, bool missing) {
    while (stack_.size() > count) {
      const Open& open = stack_.back();
      MessagePart& part = outline_.parts[open.part];
      // A body may be empty, and then begins behind the line end that the boundary took.
      const std::size_t begin = std::min(open.begin, end);
      part.octets = end - begin;
      if (missing) remark(open, "its end is not in the outline");
      if (!open.boundary.empty() && !missing) remark_boundaries(open);
      if (open.digest && !missing) digest(part, content_.substr(begin, end - begin));
      stack_.pop_back();
    }
  }

  void remark_boundaries(const Open& open) {
    if (open.closed) return;
    remark(open, open.children == 0 ? "its boundary is nowhere in it" : "not closed");
  }

  void digest(MessagePart& part, std::string_view body) {
    DecodedContent decoded = decoded_content(body, part.encoding);
    part.decoded_octets = decoded.octets;
    part.sha256 = std::move(decoded.sha256);
    if (!decoded.known_encoding) {
      part.remarks.emplace_back("unknown encoding; the digest is of the encoded form");
    }
  }

  void remark(const Open& open, std::string text) {
    outline_.parts[open.part].remarks.push_back(std::move(text));
  }

  std::string_view content_;
  MessageOutline outline_;
  std::vector<Open> stack_;
  bool in_header_ = false;  // of the part on top
  bool full_ = false;
  bool cut_off_ = false;
};

}  // namespace

MessageOutline outline_of(std::string_view content, bool cut_off) {
  return Walk(content).whole(cut_off);
}

}  // namespace cordon::ctl
