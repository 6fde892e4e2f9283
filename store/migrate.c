/* SPDX-License-Identifier: Apache-2.0
 * Brings the layout of an older program up to ours before anything is served: operation by operation, some
 * threads a call. Steps may be repeated, so several nodes may do it at once and a crash loses nothing. */
#include "store/state.h"
#include "store/functions.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include <stdio.h>

struct migration {
    struct store *s;
    char **ops;
    size_t n, at;
    char cursor[24];
};

static void step(struct migration *m);

static void end(struct migration *m, const struct err *e)
{
    if (e->code)
        log_event(LOG_WARN, "store.migration", log_err(e));
    m->s->migrating = false;
    for (size_t i = 0; i < m->n; i++)
        mem_free(m->ops[i]);
    mem_free(m->ops);
    mem_free(m);
}

static void noted(int rc, bool maybe_done, const struct redis_reply *r, void *arg)
{
    struct migration *m = arg;
    struct err e;
    (void)maybe_done;
    if (store_reply_ok(m->s, rc, r, &e))
        log_event(LOG_INFO, "store.migrated", log_int("schema", STORE_SCHEMA));
    end(m, &e);
}

static void stepped(int rc, bool maybe_done, const struct redis_reply *r, void *arg)
{
    struct migration *m = arg;
    struct err e;
    (void)maybe_done;
    if (!store_reply_ok(m->s, rc, r, &e)) {
        end(m, &e);
        return;
    }
    struct slice next = store_text(r);
    snprintf(m->cursor, sizeof(m->cursor), "%.*s", (int)next.n, next.n ? next.p : "0");
    if (slice_is(next, "0"))
        m->at++;
    step(m);
}

static void step(struct migration *m)
{
    char text[80], prefix[300];
    if (m->at == m->n) {
        snprintf(text, sizeof(text), "%d", STORE_SCHEMA);
        redis_send(
            m->s->data, noted, m, 3,
            (const struct slice[]){SLICE("SET"), SLICE("p:{" STORE_SYSTEM "}:schema"), slice_str(text)});
        return;
    }
    snprintf(text, sizeof(text), "p%s_migrate_2", functions_version);
    snprintf(prefix, sizeof(prefix), "p:{%.200s}:", m->ops[m->at]);
    redis_send(m->s->data, stepped, m, 5,
               (const struct slice[]){SLICE("FCALL"), slice_str(text), SLICE("1"), slice_str(prefix),
                                      slice_str(m->cursor)});
}

static void listed(int rc, bool maybe_done, const struct redis_reply *r, void *arg)
{
    struct migration *m = arg;
    struct err e;
    (void)maybe_done;
    if (!store_reply_ok(m->s, rc, r, &e)) {
        end(m, &e);
        return;
    }
    m->ops = mem_array(r->n + 1, sizeof(*m->ops));
    for (size_t i = 0; r->kind == REDIS_ARRAY && i < r->n; i++)
        m->ops[m->n++] = mem_dup(store_item(r, i).p, store_item(r, i).n);
    step(m);
}

void store_migrate(struct store *s)
{
    if (s->migrating)
        return;
    struct migration *m = mem_alloc(sizeof(*m));
    *m = (struct migration){.s = s, .cursor = "0"};
    s->migrating = true;
    redis_sendf(s->data, listed, m, "SMEMBERS p:{" STORE_SYSTEM "}:ops");
}
