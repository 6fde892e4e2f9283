/* SPDX-License-Identifier: Apache-2.0
 * Articles of an operation, in the memory of every worker: for the bot, and what the files articles*.c share.
 */
#ifndef PARLEY_API_ARTICLES_H
#define PARLEY_API_ARTICLES_H

#include "gateway/api/api.h"

struct article_ask {
    const char *id;  /* "" with */
    const char *tag; /* a tag or a shortcut ("/thanks" or "thanks"): the best, of the nearest area */
    const char *language, *area; /* "" unknown; "" the whole operation */
    int clearance;               /* of the thread: what is marked higher is not given */
};
struct article_found { /* lives until the next turn of the loop */
    const char *id, *language, *title, *text, *source_url;
    bool overdue; /* its review date is over */
};
/* Published ones alone, in the language asked for, then along the operation's chain, then in its own order of
 * languages. False: nothing fits, or the articles are not loaded yet. {variables} stay as they are. */
bool api_article(struct api *a, struct store_op *op, const struct article_ask *q, struct article_found *out);

#endif
