// What a text in the settings may have to be: a domain, a network, an address to listen on.
#pragma once

#include <string>
#include <string_view>

#include "proxy/settings_values.h"

namespace cordon::proxy {

// Whether `text` has `form`; may give a reason why not.
bool has_form(std::string_view text, Form form, std::string& reason);

// "a network such as ...": for messages.
std::string_view form_text(Form form);
std::string_view list_text(Form form);

}  // namespace cordon::proxy
