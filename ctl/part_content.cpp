#include "ctl/part_content.h"

#include <array>
#include <cstddef>
#include <iterator>
#include <memory>
#include <stdexcept>

#include <mimetic/mimetic.h>
#include <openssl/evp.h>

namespace cordon::ctl {
namespace {

class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) {
    require(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
  }
  void add(std::string_view octets) {
    require(EVP_DigestUpdate(context_.get(), octets.data(), octets.size()) == 1);
    octets_ += octets.size();
  }
  void add(char octet) {
    pending_[pending_size_++] = octet;
    if (pending_size_ == pending_.size()) flush();
  }
  void flush() {
    add({pending_.data(), pending_size_});
    pending_size_ = 0;
  }
  DecodedContent finish() {
    flush();
    std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
    unsigned int size = 0;
    require(EVP_DigestFinal_ex(context_.get(), sum.data(), &size) == 1);
    DecodedContent out{octets_, {}, true};
    constexpr std::string_view digits = "0123456789abcdef";
    for (unsigned int i = 0; i < size; ++i) {
      out.sha256 += {digits[sum[i] >> 4], digits[sum[i] & 15]};
    }
    return out;
  }

 private:
  static void require(bool done) {
    if (!done) throw std::runtime_error("SHA-256 is not available");
  }

  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
  std::array<char, 4096> pending_{};
  std::size_t pending_size_ = 0;
  std::uint64_t octets_ = 0;
};

// What mimetic's decoders write to.
class IntoDigest {
 public:
  using iterator_category = std::output_iterator_tag;
  using value_type = void;
  using difference_type = std::ptrdiff_t;
  using pointer = void;
  using reference = void;

  explicit IntoDigest(Digest& digest) : digest_(&digest) {}
  IntoDigest& operator*() { return *this; }
  IntoDigest& operator++() { return *this; }
  IntoDigest operator++(int) { return *this; }
  template <typename Octet>
  IntoDigest& operator=(Octet octet) {
    digest_->add(static_cast<char>(octet));
    return *this;
  }

 private:
  Digest* digest_;
};

// Ends at the padding: mimetic's decoder makes octets of padding beyond what is due. Nor may it see
// "|", which is one past its table.
void decode_base64(std::string_view body, Digest& digest) {
  mimetic::Base64::Decoder decoder;
  IntoDigest out(digest);
  for (const char c : body.substr(0, body.find('='))) {
    if (c >= '+' && c <= 'z') decoder.process(static_cast<unsigned char>(c), out);
  }
  decoder.flush(out);
}

// Line by line, since mimetic's decoder writes LF for CRLF and makes "=" of a blank at the end.
void decode_quoted_printable(std::string_view body, Digest& digest) {
  IntoDigest out(digest);
  while (!body.empty()) {
    const std::size_t end = body.find('\n');
    std::string_view line = body.substr(0, end);
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
    std::string_view line_end = end == std::string_view::npos ? "" : "\n";
    if (!line_end.empty() && line.ends_with('\r')) {
      line.remove_suffix(1);
      line_end = "\r\n";
    }
    line = line.substr(0, line.find_last_not_of(" \t") + 1);
    const bool soft = line.ends_with('=');
    if (soft) line.remove_suffix(1);
    const std::size_t text = line.find_last_not_of(" \t") + 1;
    mimetic::QP::Decoder decoder;
    for (const char c : line.substr(0, text)) decoder.process(static_cast<unsigned char>(c), out);
    decoder.flush(out);
    for (const char c : soft ? line.substr(text) : line_end) digest.add(c);
  }
}

}  // namespace

DecodedContent decoded_content(std::string_view body, std::string_view encoding) {
  Digest digest;
  bool known = true;
  if (encoding == "base64") {
    decode_base64(body, digest);
  } else if (encoding == "quoted-printable") {
    decode_quoted_printable(body, digest);
  } else {
    known = encoding.empty() || encoding == "7bit" || encoding == "8bit" || encoding == "binary";
    digest.add(body);
  }
  DecodedContent out = digest.finish();
  out.known_encoding = known;
  return out;
}

}  // namespace cordon::ctl
