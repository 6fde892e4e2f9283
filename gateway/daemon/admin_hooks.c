/* SPDX-License-Identifier: Apache-2.0
 * Verbs of the admin socket about webhooks out: how they stand, sending again what is dead, going on. */
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/daemon/admin.h"
#include "gateway/daemon/worker.h"
#include "store/webhook.h"
#include <string.h>

/* ---- how they stand ---- */

static void set_time(json_t *o, const char *name, int64_t ms)
{
    char text[TIME_TEXT] = "";
    if (ms)
        time_text(ms, text);
    json_object_set_new(o, name, json_string(text));
}

struct standing {
    struct admin_call *c;
    json_t *left, *told;
};

static void look(struct standing *s);

static void on_state(void *arg, const struct err *e, const struct hook_state *h)
{
    struct standing *s = arg;
    json_t *hook = json_array_get(s->left, 0);
    if (e->code) {
        admin_error(s->c, e);
        json_decref(s->left);
        json_decref(s->told);
        mem_free(s);
        return;
    }
    bool off = json_opt_bool(hook, "disabled", false);
    json_t *o = json_pack("{s:O,s:O,s:s,s:I,s:I,s:I,s:s}", "id", json_object_get(hook, "id"), "url",
                          json_object_get(hook, "url"), "state",
                          off             ? "disabled"
                          : *h->stopped   ? "gone"
                          : h->failing_ms ? "failing"
                                          : "ok",
                          "waiting", (json_int_t)h->waiting, "dead", (json_int_t)h->dead, "lost",
                          (json_int_t)h->lost, "error", h->error);
    set_time(o, "last_ok", h->ok_ms);
    json_array_append_new(s->told, o);
    json_array_remove(s->left, 0);
    look(s);
}

static void look(struct standing *s)
{
    struct store_op *op = json_array_size(s->left) ? admin_op(s->c) : NULL;
    if (op) {
        store_hook_state(op, json_string_value(json_object_get(json_array_get(s->left, 0), "id")), on_state,
                         s);
        return;
    }
    if (!json_array_size(s->left))
        admin_done(s->c, json_pack("{s:O}", "webhooks", s->told));
    json_decref(s->left);
    json_decref(s->told);
    mem_free(s);
}

static void list(struct admin_call *c)
{
    struct store_op *op = admin_op(c);
    if (!op)
        return;
    struct slice text = store_op_document(op, NULL);
    json_t *document = text.n ? json_parse(text, JSON_DEPTH_DEFAULT, NULL) : NULL;
    const json_t *hooks = json_object_get(document, "webhooks");
    struct standing *s = mem_alloc(sizeof *s);
    *s = (struct standing){c, hooks ? json_deep_copy(hooks) : json_array(), json_array()};
    json_decref(document);
    look(s);
}

/* ---- again ---- */

static void on_again(void *arg, const struct err *e, uint64_t n)
{
    if (e->code)
        admin_error(arg, e);
    else
        admin_done(arg, json_pack("{s:I}", "redelivered", (json_int_t)n));
}

static void redeliver(struct admin_call *c)
{
    struct store_op *op = admin_op(c);
    int64_t from = 0, to = 0;
    const char *first = admin_arg(c, "from"), *last = admin_arg(c, "to");
    if (!op)
        return;
    if ((*first && !time_parse(slice_str(first), &from)) || (*last && !time_parse(slice_str(last), &to)))
        admin_refuse(c, ERR_INVALID, "times are wanted as 2026-01-02T08:00:00Z");
    else
        store_hook_redeliver(op, admin_arg(c, "webhook"), admin_actor(c), from, to, NULL, 0, on_again, c);
}

static void on_resumed(void *arg, const struct err *e)
{
    if (e->code)
        admin_error(arg, e);
    else
        admin_done(arg, json_object());
}

static void resume(struct admin_call *c)
{
    struct store_op *op = admin_op(c);
    if (op)
        store_hook_resume(op, admin_arg(c, "webhook"), admin_actor(c), on_resumed, c);
}

const struct admin_verb admin_hook_verbs[] = {
    {"webhooks", list, "operation", false},
    {"webhook-redeliver", redeliver, "operation webhook from to", true},
    {"webhook-resume", resume, "operation webhook", true},
    {0}};
