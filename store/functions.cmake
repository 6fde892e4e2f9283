# SPDX-License-Identifier: Apache-2.0
# Joins functions/*.lua into one library, as a C file. Its version is the hash of the text, so that nodes of different builds each run their
# own: cmake -DFOLDER=… -DOUT=… -P functions.cmake
file(GLOB all "${FOLDER}/*.lua")
list(SORT all)
set(first "${FOLDER}/common.lua" "${FOLDER}/move.lua")
list(REMOVE_ITEM all ${first})
set(text "")
foreach(name ${first} ${all})
  file(READ "${name}" hex HEX)
  string(APPEND text "${hex}")
endforeach()
string(SHA256 version "${text}")
string(SUBSTRING "${version}" 0 8 version)
string(HEX "#!lua name=parley_${version}\nlocal VERSION = '${version}'\n" head)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${head}${text}")
string(REGEX REPLACE "((0x..,){24})" "\\1\n" bytes "${bytes}")
file(WRITE "${OUT}" "/* Made from store/functions by store/functions.cmake. */
#include \"store/functions.h\"
const char functions_version[] = \"${version}\";
static const unsigned char text[] = {
${bytes}};
const struct slice functions_library = {(const char *)text, sizeof(text)};
")
