/* SPDX-License-Identifier: Apache-2.0
 * Trying a flow before it is published: one step with the operation's texts and articles. The run comes with
 * the request and goes back with the answer; nothing is stored and nobody is told. */
#include "gateway/base/mem.h"
#include "gateway/daemon/bot_internal.h"
#include "gateway/daemon/worker.h"
#include <stdio.h>

static json_t *step_of(struct bot_job *j, const struct flow *f, const json_t *body)
{
    struct flow_world w;
    json_t *given = json_object_get(body, "run"),
           *run = json_is_object(given) ? json_deep_copy(given) : json_object();
    struct flow_input in = {.start = !json_is_object(given),
                            .text = json_opt_str(body, "text"),
                            .choice = json_opt_str(body, "choice")};
    bot_world(j, &w);
    w.language_stated = false;
    j->out = flow_step(f, &w, &in, run);
    json_t *answer = json_deep_copy(j->out);
    json_object_set_new(answer, "say", bot_says(j));
    json_object_set_new(answer, "run", run);
    json_object_del(answer, "expects");
    return answer;
}

json_t *bot_try(void *ctx, struct store_op *op, const json_t *container, const json_t *body, struct err *e)
{
    struct worker *w = ctx;
    struct bot *b = NULL;
    for (struct list *at = w->ops.next; at != &w->ops; at = at->next) {
        struct worker_op *o = container_of(at, struct worker_op, node);
        b = o->op == op ? o->bot : b;
    }
    if (!b) {
        err_set(e, ERR_UNAVAILABLE, "the operation is not open here");
        return NULL;
    }
    struct flow *f = flow_load(container, e);
    if (!f)
        return NULL;
    struct bot_job j = {.b = b, .a = arena_new(), .area = "", .name = ""};
    struct slice language = json_opt_str(body, "language"), channel = json_opt_str(body, "channel");
    j.channel = arena_dup(j.a, channel.n ? channel.p : "", channel.n);
    snprintf(j.language.tag, sizeof j.language.tag, "%.*s", (int)language.n, language.n ? language.p : "");
    json_t *answer = step_of(&j, f, body);
    json_decref(j.out);
    arena_free(&j.a);
    flow_free(&f);
    return answer;
}
