/* SPDX-License-Identifier: Apache-2.0
 * Errors: one list gives the number, the name, the text and what a caller may do about it.
 *
 * A function that can fail returns 0 or -ERR_x. Where an operator or an integrator must understand the
 * failure it also takes `struct err *`, which may be NULL, and fills it before it returns. Running out of
 * memory and broken invariants abort the process (mem.h, err_assert): they are never returned. */
#ifndef PARLEY_BASE_ERR_H
#define PARLEY_BASE_ERR_H

#include <stdbool.h>

/* name, class (what a retry would do), text */
#define ERR_LIST(X)                                                                                          \
    X(AGAIN, TEMPORARY, "try again")                                                                         \
    X(BUSY, TEMPORARY, "somebody else is at it")                                                             \
    X(UNAVAILABLE, TEMPORARY, "a service that is needed is away")                                            \
    X(TIMEOUT, TEMPORARY, "no answer in time")                                                               \
    X(RATE, TEMPORARY, "too many in a short time")                                                           \
    X(FULL, TEMPORARY, "no room")                                                                            \
    X(IO, TEMPORARY, "input or output failed")                                                               \
    X(AUTH, PERMANENT, "not signed in, or the signature is wrong")                                           \
    X(FORBIDDEN, PERMANENT, "not allowed")                                                                   \
    X(NOT_FOUND, PERMANENT, "no such thing")                                                                 \
    X(CONFLICT, PERMANENT, "it has changed meanwhile, or is already there")                                  \
    X(GUARDED, PERMANENT, "what an end needs is lacking")                                                    \
    X(INVALID, PERMANENT, "malformed")                                                                       \
    X(TOO_LARGE, PERMANENT, "over a limit")                                                                  \
    X(UNSUPPORTED, PERMANENT, "not supported")                                                               \
    X(ERASED, PERMANENT, "erased")                                                                           \
    X(CORRUPT, PERMANENT, "does not decrypt or fails its checksum")                                          \
    X(CANCELLED, PERMANENT, "cancelled")                                                                     \
    X(BUG, PERMANENT, "internal error")

enum err_code {
    ERR_NONE = 0,
#define X(name, class, text) ERR_##name,
    ERR_LIST(X)
#undef X
        ERR_COUNT
};

struct err {
    int code;       /* ERR_x, positive; 0 when nothing failed */
    char text[240]; /* for people; holds no secret and nothing that a person wrote */
};

/* Fills e (may be NULL) and returns -code, so that `return err_set(e, ERR_INVALID, "…")` is the idiom. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts "where: " before the text that e already holds. Returns -e->code. */
int err_prefix(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "NOT_FOUND" for ERR_NOT_FOUND or -ERR_NOT_FOUND; "?" for a number that is none. */
const char *err_name(int code);
/* The list's text for a code of either sign. */
const char *err_text(int code);
/* Would the same call again, later, have a chance? */
bool err_temporary(int code);

/* For bugs only: says where and aborts, in release builds too. */
#define err_assert(cond)                                                                                     \
    do {                                                                                                     \
        if (!(cond))                                                                                         \
            err_panic(__FILE__, __LINE__, #cond);                                                            \
    } while (0)
void err_panic(const char *file, int line, const char *what) __attribute__((noreturn));

#endif
