# Warnings are errors in every preset; hardening in every build that a user
# could run.  Both arrive in a target by linking kw_flags, nowhere else.
include(CheckCCompilerFlag)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(kw_flags INTERFACE)
target_compile_definitions(kw_flags INTERFACE _GNU_SOURCE)
target_compile_options(kw_flags INTERFACE
  -Wall -Wextra -Werror -Wshadow -Wconversion -Wstrict-prototypes
  -Wmissing-prototypes -Wvla -Wformat=2 -Wundef -Wpointer-arith -Wcast-qual
  -Wimplicit-fallthrough -Wwrite-strings)

function(kw_flag_if_known flag)
  string(MAKE_C_IDENTIFIER "have${flag}" have)
  check_c_compiler_flag(${flag} ${have})
  if(${have})
    target_compile_options(kw_flags INTERFACE ${flag})
  endif()
endfunction()

if(CMAKE_BUILD_TYPE STREQUAL "Release" OR
   CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
  target_compile_options(kw_flags INTERFACE
    -O2 -fstack-protector-strong -fstack-clash-protection)
  target_compile_definitions(kw_flags INTERFACE
    $<$<COMPILE_LANGUAGE:C>:_FORTIFY_SOURCE=3>)
  kw_flag_if_known(-fcf-protection)
  # clang 14 knows neither of the next two.
  kw_flag_if_known(-fzero-call-used-regs=used)
  kw_flag_if_known(-ftrivial-auto-var-init=zero)
  target_link_options(kw_flags INTERFACE
    -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
target_link_options(kw_flags INTERFACE
  $<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)

if(KW_COVERAGE)
  target_compile_options(kw_flags INTERFACE --coverage)
  target_link_options(kw_flags INTERFACE --coverage)
endif()
