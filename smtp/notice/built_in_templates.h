// The texts of conf/templates/, put into the program when it is built (built_in_templates.cpp.in).
#pragma once

#include <string_view>

namespace cordon::notice {

extern const std::string_view built_in_warning;
extern const std::string_view built_in_operator_report;

}  // namespace cordon::notice
