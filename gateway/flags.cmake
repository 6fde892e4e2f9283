# SPDX-License-Identifier: Apache-2.0
# Warnings and hardening for every C file of Parley. `parley_flags` is linked by each library and program.
include(CheckCCompilerFlag)
add_library(parley_flags INTERFACE)
target_compile_definitions(parley_flags INTERFACE _GNU_SOURCE)
target_include_directories(parley_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(parley_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
  -fstack-protector-strong -fno-strict-aliasing)
foreach(flag -fstack-clash-protection -fcf-protection)
  string(MAKE_C_IDENTIFIER "HAVE${flag}" have)
  check_c_compiler_flag(${flag} ${have})
  if(${have})
    target_compile_options(parley_flags INTERFACE ${flag})
  endif()
endforeach()
target_link_options(parley_flags INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)

if(PARLEY_SANITIZE OR PARLEY_FUZZ)
  target_compile_options(parley_flags INTERFACE
    -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g -O1)
  target_link_options(parley_flags INTERFACE -fsanitize=address,undefined)
  target_compile_definitions(parley_flags INTERFACE PARLEY_SANITIZED)
else()
  target_compile_definitions(parley_flags INTERFACE $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
endif()
if(PARLEY_FUZZ)
  target_compile_options(parley_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(PARLEY_COVERAGE)
  target_compile_options(parley_flags INTERFACE --coverage)
  target_link_options(parley_flags INTERFACE --coverage)
endif()

# parley_library(NAME SOURCES a.c b.c [LIBS x y] [PRIVATE_LIBS z])
# LIBS are seen by whoever links NAME; PRIVATE_LIBS (third parties, mostly) are not.
function(parley_library name)
  cmake_parse_arguments(P "" "" "SOURCES;LIBS;PRIVATE_LIBS" ${ARGN})
  add_library(${name} STATIC ${P_SOURCES})
  target_link_libraries(${name} PUBLIC ${P_LIBS} PRIVATE parley_flags ${P_PRIVATE_LIBS})
endfunction()

# parley_unit(NAME SOURCES test_x.c [LIBS parley_base ...]): a unit test program, run by ctest.
function(parley_unit name)
  cmake_parse_arguments(P "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${P_SOURCES})
  target_link_libraries(${name} PRIVATE parley_flags ${P_LIBS})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/unit)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
endfunction()

# parley_fuzzer(NAME SOURCES fuzz_x.c [LIBS ...]): a libFuzzer program in build/fuzz.
function(parley_fuzzer name)
  cmake_parse_arguments(P "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${P_SOURCES})
  target_link_libraries(${name} PRIVATE parley_flags ${P_LIBS})
  target_link_options(${name} PRIVATE -fsanitize=fuzzer)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
endfunction()
