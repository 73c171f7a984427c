// Makes the listening Unix socket.
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "proxy/control_connection.h"

namespace cordon::proxy {

// Listens at `path`, mode 0660, owned by `group` where that is permitted. Throws std::runtime_error
// with the path and what is wrong: too long, in use, not a socket, no such directory.
Descriptor listen_at(const std::string& path, std::optional<gid_t> group);

}  // namespace cordon::proxy
