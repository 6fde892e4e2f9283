/* SPDX-License-Identifier: Apache-2.0
 * The Redis Functions of this build (functions.cmake). */
#ifndef PARLEY_STORE_FUNCTIONS_H
#define PARLEY_STORE_FUNCTIONS_H

#include "gateway/base/buf.h"

extern const char functions_version[]; /* 8 hex digits */
extern const struct slice functions_library;

#endif
