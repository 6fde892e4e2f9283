/* SPDX-License-Identifier: Apache-2.0
 * Redis's protocol, without sockets: commands to bytes, and bytes to replies by hiredis's reader. Private to
 * this folder. */
#ifndef PARLEY_NET_REDIS_WIRE_H
#define PARLEY_NET_REDIS_WIRE_H

#include "gateway/net/redis.h"
#include <stdarg.h>

/* Appends one command. */
void redis_wire_command(struct buf *out, size_t argc, const struct slice *argv);
/* Splits a redis_sendf format into arguments that live in `scratch` (reset first). Returns how many. */
#define REDIS_WIRE_ARGS 64
size_t redis_wire_format(struct buf *scratch, struct slice argv[REDIS_WIRE_ARGS], const char *fmt,
                         va_list ap);

struct redis_reader;
struct redis_reader *redis_reader_new(void);
void redis_reader_free(struct redis_reader **r);
void redis_reader_feed(struct redis_reader *r, const char *p, size_t n);
/* The next whole reply, NULL when there is none; it lives until the next call. false: the stream is broken.
 */
bool redis_reader_next(struct redis_reader *r, const struct redis_reply **reply);

#endif
