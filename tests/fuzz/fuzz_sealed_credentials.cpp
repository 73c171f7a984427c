// What the store gives back as sealed credentials, and the text within: whatever it holds, it is
// what was sealed or nothing.
#include "fuzz.h"
#include "proxy/sealed_credentials.h"

using namespace cordon;
using cordon::fuzz::require;

namespace {

constexpr store::MessageId message{0x0102030405};

store::MessageKey key() {
  store::MessageKey made;
  for (std::size_t i = 0; i < made.octets.size(); ++i)
    made.octets[i] = static_cast<std::uint8_t>(i);
  return made;
}

// Nothing may differ by an octet and still open.
void check_seal(const smtp::Credentials& credentials, std::size_t place) {
  std::string sealed = proxy::seal_credentials(key(), {}, message, credentials);
  require(proxy::open_credentials(key(), message, sealed) == credentials, "what is sealed opens");
  require(sealed.size() % 64 == 29, "its length tells little");
  sealed[place % sealed.size()] ^= 1;
  require(!proxy::open_credentials(key(), message, sealed), "what was changed does not");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::as_text(data, size);
  if (const auto credentials = proxy::read_credentials(text)) {
    require(proxy::write_credentials(*credentials) == text, "a text is written in one way");
    check_seal(*credentials, size + static_cast<unsigned char>(text[text.size() / 2]));
  }
  const auto opened = proxy::open_credentials(key(), message, text);
  if (opened) require(opened->user == "ann", "only what the test sealed opens");
  return 0;
}
