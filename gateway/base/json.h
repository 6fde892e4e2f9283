/* SPDX-License-Identifier: Apache-2.0
 * JSON at the edges, by jansson, but strict: duplicate keys, NUL, invalid UTF-8, trailing bytes and too great
 * a depth are errors with their place. Nothing keeps a json_t for long: read what you need and let go. */
#ifndef PARLEY_BASE_JSON_H
#define PARLEY_BASE_JSON_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include <jansson.h>

#define JSON_DEPTH_DEFAULT 32

/* NULL with e filled ("line 3, column 7: …"). The caller json_decref()s. Integers keep 64 bits. The
 * outermost value is an object or an array. */
json_t *json_parse(struct slice text, unsigned max_depth, struct err *e);

/* Typed reads from an object. The `need` forms fill e with the member's name when it is missing or of another
 * type. Strings are borrowed from o. */
bool json_need_str(const json_t *o, const char *key, struct slice *out, struct err *e);
bool json_need_int(const json_t *o, const char *key, int64_t *out, struct err *e);
struct slice json_opt_str(const json_t *o, const char *key); /* empty when missing or not a string */
int64_t json_opt_int(const json_t *o, const char *key, int64_t dflt);
bool json_opt_bool(const json_t *o, const char *key, bool dflt);
/* Every member of o must be named in the NULL-terminated list; else e says which is not known. */
bool json_only(const json_t *o, const char *const *known, struct err *e);

/* Compact text with sorted keys off; appended to b. */
int json_write(const json_t *v, struct buf *b);

#endif
