# What every room's library, program and test has in common: warnings are errors, sanitizers as
# asked, one precompiled header of std.
set(CORDON_PCH <algorithm> <chrono> <cstdint> <functional> <map> <memory> <optional> <span> <string>
    <string_view> <unordered_map> <utility> <variant> <vector>)

function(cordon_common target)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  # Designated initializers leave the rest to its defaults: that is what they are for.
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                         -Wno-sign-conversion -Wno-missing-field-initializers
                         -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    # With optimization g++ 12 sees these in its own std::string and std::optional (its bugs 105329,
    # 105651 and 80635); the sanitizers watch for the real ones.
    target_compile_options(${target} PRIVATE -Wno-array-bounds -Wno-restrict -Wno-stringop-overflow
                           -Wno-maybe-uninitialized)
  endif()
  if(CORDON_SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${CORDON_SANITIZE} -fno-omit-frame-pointer
                           -fno-sanitize-recover=all)
    target_link_options(${target} PRIVATE -fsanitize=${CORDON_SANITIZE})
    if(CORDON_SANITIZE STREQUAL thread)
      # Asio has fences, which TSan does not follow; its own locks, which TSan does, order the same.
      target_compile_options(${target} PRIVATE -Wno-tsan)
    endif()
  elseif(CORDON_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link,address,undefined
                           -fno-sanitize-recover=all)
    target_link_options(${target} PRIVATE -fsanitize=fuzzer-no-link,address,undefined)
  else()
    target_compile_definitions(${target} PRIVATE $<$<CONFIG:Debug>:_GLIBCXX_ASSERTIONS>)
  endif()
  target_precompile_headers(${target} PRIVATE ${CORDON_PCH})
endfunction()

# cordon_library(name SOURCES ... USES ...)
function(cordon_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  target_include_directories(${name} INTERFACE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PUBLIC ${ARG_USES})
  cordon_common(${name})
endfunction()

# cordon_program(name SOURCES ... USES ...)
function(cordon_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_USES})
  cordon_common(${name})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
endfunction()

# cordon_test(name SOURCES ... USES ...): one doctest program a room, one ctest entry.
function(cordon_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} $<TARGET_OBJECTS:cordon_test_main> ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_USES})
  cordon_common(${name})
  target_compile_definitions(${name} PRIVATE CORDON_TEST_DATA="${CMAKE_CURRENT_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND ${name})
endfunction()
