/* SPDX-License-Identifier: Apache-2.0
 * One JSON object per line on stderr. A field's constructor is its privacy class, so that nothing that a
 * person wrote, no name, address or secret can be logged by accident: there is no constructor for them but
 * log_personal, which prints a keyed hash. What people wrote appears as a length only (log_len).
 *
 *   log_event(LOG_INFO, "outbox.sent", log_str("channel", ch), log_personal("to", to), log_int("ms", ms)); */
#ifndef PARLEY_BASE_LOG_H
#define PARLEY_BASE_LOG_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_field {
    const char *key;
    char kind; /* 's' text, 'i' number, 'p' personal (hashed), 0 end */
    struct slice s;
    int64_t i;
};

static inline struct log_field log_str(const char *key, const char *s)
{
    return (struct log_field){key, 's', slice_str(s), 0};
}
static inline struct log_field log_slice(const char *key, struct slice s)
{
    return (struct log_field){key, 's', s, 0};
}
static inline struct log_field log_int(const char *key, int64_t i)
{
    return (struct log_field){key, 'i', {0, 0}, i};
}
static inline struct log_field log_len(const char *key, struct slice s)
{
    return (struct log_field){key, 'i', {0, 0}, (int64_t)s.n};
}
static inline struct log_field log_personal(const char *key, struct slice s)
{
    return (struct log_field){key, 'p', s, 0};
}
/* "error":"NOT_FOUND: …" from an err. */
static inline struct log_field log_err(const struct err *e)
{
    return (struct log_field){"error", 's', slice_str(e->text), 0};
}

void log_open(int fd, enum log_level least, const unsigned char hash_key[32]); /* key NULL: a random one */
void log_write(enum log_level level, const char *event, const struct log_field *fields);
bool log_enabled(enum log_level level);
bool log_level_parse(struct slice s, enum log_level *out);
/* Who is told of each line as well (tests, the /metrics counter of errors). */
void log_set_tap(void (*tap)(enum log_level level, const char *event, struct slice line));

#define log_event(level, event, ...)                                                                         \
    do {                                                                                                     \
        if (log_enabled(level))                                                                              \
            log_write(level, event, (const struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){0}});              \
    } while (0)

#endif
