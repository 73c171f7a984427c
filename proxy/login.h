// The login of a client at the real server (AUTH with auth_verify = "upstream"): what its mail is
// delivered with. Shared between those who need it just now; wiped when the last lets go of it.
#pragma once

#include <memory>
#include <string>

#include "smtp/credentials.h"
#include "smtp/reply.h"

namespace cordon::proxy {

using Login = std::shared_ptr<const smtp::Credentials>;  // null: none

// Who that is, for people and to find mail of the same login by: "user", or "user for other" who
// acts for another. Empty if only a token tells it (RFC 7628 3.1 lets the name out).
std::string login_name(const smtp::Credentials& credentials);
// What is kept with the message: the name, or that there is none. Never empty.
std::string login_text(const smtp::Credentials& credentials);

// Whether both act as the same user. Passwords may differ, as before and after a change; tokens may
// not: a server may look at them alone, whatever name is told with them.
bool same_login(const Login& one, const Login& other);

// A server's answer to AUTH that says that the credentials are not, or no longer, right (RFC 4954
// 6: 535, 534). Any other refusal, also a 5xx, is about something else and may pass.
bool is_refusal(const smtp::Reply& answer);

}  // namespace cordon::proxy
