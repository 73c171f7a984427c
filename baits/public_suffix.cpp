#include "baits/public_suffix.h"

#include <memory>
#include <stdexcept>
#include <string>

#include <libpsl.h>

namespace cordon::baits {
namespace {

struct Freed {
  void operator()(psl_ctx_t* list) const { psl_free(list); }
};

const psl_ctx_t& suffixes() {
  static const std::unique_ptr<psl_ctx_t, Freed> list{psl_latest(nullptr)};
  if (!list) throw std::runtime_error("no public suffix list: install the package publicsuffix");
  return *list;
}

}  // namespace

bool is_public_suffix(std::string_view domain) {
  return psl_is_public_suffix2(&suffixes(), std::string{domain}.c_str(), PSL_TYPE_ANY) != 0;
}

}  // namespace cordon::baits
