/* SPDX-License-Identifier: Apache-2.0
 * What people ask Parley itself, in so many words: how long it takes, to be called back. */
#ifndef PARLEY_DAEMON_WISHES_H
#define PARLEY_DAEMON_WISHES_H

#include "gateway/daemon/notice.h"

struct wishes; /* of one operation */
struct wishes *wishes_new(struct store_op *op, struct notices *n, struct engine *en);
/* The store calls it as long as it lives: it ends with wishes_end, after store_close. */
void wishes_free(struct wishes **w, struct wishes **retired);
void wishes_end(struct wishes **retired);

enum wish { WISH_NONE, WISH_PLACE, WISH_CALLBACK };
/* What these words of a message ask Parley itself: the bot does not take that for an answer to its own
 * question. */
enum wish wish_of(struct notices *n, const char *language, struct slice text, struct slice extra);
/* A message was stored on this node. What is asked is told to all: the node that decides answers. */
void wishes_message(struct wishes *w, const struct store_inbound *in, const struct store_ingested *r);

#endif
