#include "proxy/upstream_route.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

#include <sys/stat.h>

namespace cordon::proxy {
namespace {

constexpr std::size_t longest_secret = 8192;  // a bearer token is the longest kind

[[noreturn]] void blame(const std::string& path, const std::string& why) {
  throw std::runtime_error(path + ": " + why);
}

// The first line of the file.
std::string read_secret(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                             &std::fclose);
  if (!file) blame(path, std::strerror(errno));
  struct stat facts {};
  if (fstat(fileno(file.get()), &facts) != 0) blame(path, std::strerror(errno));
  if ((facts.st_mode & (S_IROTH | S_IWOTH)) != 0) {
    blame(path, "everybody may read or write it; try chmod 640");
  }
  std::setvbuf(file.get(), nullptr, _IONBF, 0);  // no copy in a buffer of stdio
  std::string secret(longest_secret + 1, '\0');
  secret.resize(std::fread(secret.data(), 1, secret.size(), file.get()));
  if (std::ferror(file.get()) != 0) blame(path, "cannot be read");
  const std::size_t end = std::min(secret.find_first_of("\r\n"), secret.size());
  std::string line(secret, 0, end);
  smtp::wipe(secret);
  if (line.empty()) blame(path, "its first line is empty; it must be the password");
  if (line.size() > longest_secret) blame(path, "its first line is too long for a password");
  if (line.find('\0') != std::string::npos) blame(path, "a password cannot have a NUL in it");
  return line;
}

smtp::Mechanism mechanism_of(AuthMechanism wanted) {
  switch (wanted) {
    case AuthMechanism::automatic:
    case AuthMechanism::plain:
      return smtp::Mechanism::plain;
    case AuthMechanism::login:
      return smtp::Mechanism::login;
    case AuthMechanism::xoauth2:
      return smtp::Mechanism::xoauth2;
    case AuthMechanism::oauthbearer:
      return smtp::Mechanism::oauthbearer;
  }
  return smtp::Mechanism::plain;
}

}  // namespace

UpstreamRoute make_upstream_route(const RouteSettings& settings) {
  UpstreamRoute route{.settings = settings};
  if (settings.tls != UpstreamTls::none) {
    const bool verify = settings.tls == UpstreamTls::verify;
    route.tls = ClientTls(verify ? ClientTlsDemands{true, settings.ca_file, settings.pins}
                                 : ClientTlsDemands{});
  }
  if (!settings.user.empty()) {
    route.credentials.emplace();
    route.credentials->mechanism = mechanism_of(settings.mechanism);
    route.credentials->user = settings.user;
    route.credentials->secret = read_secret(settings.password_file);
    if (settings.mechanism != AuthMechanism::automatic) {
      route.mechanisms = smtp::set_of(route.credentials->mechanism);
    }
  }
  return route;
}

}  // namespace cordon::proxy
