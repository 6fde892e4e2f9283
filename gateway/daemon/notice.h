/* SPDX-License-Identifier: Apache-2.0
 * What Parley itself says to people: the first notice, nobody is there, the office is closed, how long it may
 * take. Each is said once: its reference in the thread says for what. */
#ifndef PARLEY_DAEMON_NOTICE_H
#define PARLEY_DAEMON_NOTICE_H

#include "router/engine.h"
#include "store/thread.h"

struct worker;
struct notices; /* of one operation: its wording and rules */

struct notices *notices_new(struct worker *w, struct store_op *op);
void notices_free(struct notices **n);
void notices_configure(struct notices *n, const json_t *document);

/* A thread was opened by somebody's message: the first notice, where the operation sends it at once or a bot
 * answers. */
void notice_opened(struct notices *n, const struct store_thread *t);
/* "Nobody is there yet". */
void notice_nobody(struct notices *n, const struct store_thread *t);
/* "Closed, and open again …", once in the thread for each time that it is closed. */
void notice_away(struct notices *n, struct hours *hours, const struct store_thread *t, int64_t since_ms);
/* The same for who has not written yet; empty: it is open. Borrowed until it is asked again. */
struct slice notice_closed(struct notices *n, struct hours *hours, const char *channel, const char *language);
/* What the person asked for; at most one in a minute. place NULL: nothing may be told. */
void notice_place(struct notices *n, const struct store_thread *t, const struct engine_place *place);
/* A text of ours on the person's request, by its key; at most one in a minute. */
void notice_say(struct notices *n, const struct store_thread *t, const char *key);
/* Are these words one of a text's, "how long|queue", in the person's language or English? */
bool notice_asked(struct notices *n, const char *key, const char *language, struct slice text);

#endif
