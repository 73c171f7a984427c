// The login of a client at the real server (AUTH with auth_verify = "upstream"): what its mail is
// delivered with. Shared between those who need it just now; wiped when the last lets go of it.
#pragma once

#include <memory>
#include <string>

#include "smtp/credentials.h"

namespace cordon::proxy {

using Login = std::shared_ptr<const smtp::Credentials>;  // null: none

// Who that is, for people and to find mail of the same login by: "user", or "user for other" who
// acts for another. Empty if only a token tells it (RFC 7628 3.1 lets the name out).
std::string login_name(const smtp::Credentials& credentials);
// What is kept with the message: the name, or that there is none. Never empty.
std::string login_text(const smtp::Credentials& credentials);

// Whether both act as the same user; the secrets may differ, as before and after a change of
// password, unless it is they that tell who it is.
bool same_login(const Login& one, const Login& other);

}  // namespace cordon::proxy
