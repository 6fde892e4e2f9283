/* SPDX-License-Identifier: Apache-2.0
 * Bodies of HTML forms: multipart/form-data (RFC 7578) and application/x-www-form-urlencoded. Strict: what no
 * browser writes is refused, nothing is guessed, and every count and length has a limit. */
#ifndef PARLEY_HOST_FORM_H
#define PARLEY_HOST_FORM_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"

#define FORM_PARTS 64    /* fields and files together */
#define FORM_HEAD  4096u /* bytes of header lines in one part */
#define FORM_NAME  1024u /* bytes of a field's or a file's name */

struct form_part {
    struct slice name;     /* decoded; of an urlencoded body too */
    struct slice filename; /* decoded; empty when it has none, or an empty one */
    struct slice type;     /* of a file, as the peer says; may be empty */
    struct slice value;    /* decoded */
    bool file;             /* a file name was given, even an empty one */
};

struct form {
    struct form_part parts[FORM_PARTS];
    size_t n;
};

/* Reads a body of the type that its Content-Type says. What is given lives in `a` and in `body`.
 * -ERR_UNSUPPORTED for another type, -ERR_INVALID with the place, -ERR_TOO_LARGE for too many parts. */
int form_parse(struct slice content_type, struct slice body, struct arena *a, struct form *f, struct err *e);
/* The first field of that name that is no file. */
const struct form_part *form_field(const struct form *f, const char *name);
/* The i-th file that has a name or bytes. */
const struct form_part *form_file(const struct form *f, size_t i);

#endif
