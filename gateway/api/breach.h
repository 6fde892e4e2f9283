/* SPDX-License-Identifier: Apache-2.0
 * Whose records somebody saw or took away in a span of time, counted from the audit: what has to be known
 * within 72 hours of a breach. And the other way round: who saw one person's. */
#ifndef PARLEY_API_BREACH_H
#define PARLEY_API_BREACH_H

#include "store/thread.h"

struct breach_ask {
    int64_t from_ms, to_ms;
    const char *user;  /* as the audit names the actor; "" everybody */
    struct id contact; /* s[0] == 0: of everybody */
};

/* text: {"from","to","actors":[{"actor","persons":{"open","confidential","sensitive"},"threads","exports",
 * "lists","first","last"}],"persons":{…},"gone"}. A person counts once, under the highest clearance of what
 * was seen; gone: threads that are not there any more, whose persons are not known. */
void breach_run(struct store_op *op, const struct breach_ask *ask, store_text_done done, void *arg);

#endif
