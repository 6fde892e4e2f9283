/* SPDX-License-Identifier: Apache-2.0
 * Takes requests of the admin socket apart, finds the verb, sends the answer. */
#include "gateway/daemon/admin.h"
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/daemon/worker.h"
#include "gateway/net/local.h"
#include "store/store.h"
#include <stdio.h>
#include <string.h>

#define ADMIN_LINE_MAX (16u << 20) /* an operation file of a large office */

static struct list calls; /* under way, struct admin_call.node */

static void send_json(struct local_conn *conn, const json_t *o)
{
    struct buf b;
    buf_init(&b, 64u << 20);
    if (json_write(o, &b) == 0)
        local_send(conn, buf_view(&b));
    else
        local_send(conn, SLICE("{\"error\":{\"code\":\"TOO_LARGE\",\"text\":\"the answer is too large\"}}"));
    buf_clear(&b);
}

static void send_error(struct local_conn *conn, const struct err *e)
{
    json_t *o = json_pack("{s:{s:s,s:s}}", "error", "code", err_name(e->code), "text", e->text);
    send_json(conn, o);
    json_decref(o);
}

static void call_end(struct admin_call *c, json_t *answer)
{
    if (c->conn)
        send_json(c->conn, answer);
    json_decref(answer);
    json_decref(c->args);
    list_del(&c->node);
    mem_free(c->state);
    mem_free(c);
}

void admin_done(struct admin_call *c, json_t *answer)
{
    call_end(c, json_pack("{s:o}", "done", answer));
}

void admin_error(struct admin_call *c, const struct err *e)
{
    call_end(c, json_pack("{s:{s:s,s:s}}", "error", "code", err_name(e->code), "text",
                          *e->text ? e->text : err_text(e->code)));
}

void admin_refuse(struct admin_call *c, int code, const char *fmt, ...)
{
    struct err e = {.code = code};
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e.text, sizeof e.text, fmt, ap);
    va_end(ap);
    admin_error(c, &e);
}

void admin_progress(struct admin_call *c, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_t *o = json_pack("{s:s}", "progress", text);
    if (c->conn && o)
        send_json(c->conn, o);
    json_decref(o);
}

const char *admin_arg(const struct admin_call *c, const char *name)
{
    const char *s = json_string_value(json_object_get(c->args, name));
    return s ? s : "";
}

const char *admin_actor(const struct admin_call *c)
{
    const char *s = admin_arg(c, "actor");
    return name_valid(slice_str(s)) ? s : "operator";
}

struct store_op *admin_op(struct admin_call *c)
{
    const char *why, *name = admin_arg(c, "operation");
    struct store_op *op = store_op_find(c->w->store, slice_str(name));
    if (op)
        return op;
    if (!worker_ready(c->w, &why))
        admin_refuse(c, ERR_UNAVAILABLE, "the store is not ready: %s", why);
    else if (!*name)
        admin_refuse(c, ERR_INVALID, "an operation must be named");
    else
        admin_refuse(c, ERR_NOT_FOUND, "there is no operation called %.80s", name);
    return NULL;
}

static const struct admin_verb *verb_find(const char *name)
{
    const struct admin_verb *const tables[] = {admin_office_verbs,  admin_people_verbs, admin_report_verbs,
                                               admin_subject_verbs, admin_alert_verbs,  admin_hook_verbs};
    for (size_t t = 0; t < sizeof tables / sizeof tables[0]; t++)
        for (const struct admin_verb *v = tables[t]; v->name; v++)
            if (strcmp(v->name, name) == 0)
                return v;
    return NULL;
}

static bool args_known(const json_t *o, const struct admin_verb *v, struct err *e)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)o, name, value)
    {
        struct slice rest = slice_str(v->args), word;
        bool known = strcmp(name, "verb") == 0 || strcmp(name, "actor") == 0;
        while (!known && slice_next(&rest, ' ', &word))
            known = slice_is(word, name);
        if (!known)
            return err_set(e, ERR_INVALID, "%s takes no \"%.60s\"", v->name, name) == 0;
    }
    return true;
}

static void on_line(struct local_conn *conn, struct slice line, void *arg)
{
    struct err e = {0};
    json_t *o = json_parse(line, 64, &e);
    const char *name = o && json_is_object(o) ? json_string_value(json_object_get(o, "verb")) : NULL;
    const struct admin_verb *v = name ? verb_find(name) : NULL;
    if (!v || !args_known(o, v, &e)) {
        if (!e.code)
            err_set(&e, ERR_INVALID, name ? "there is no verb called %.60s" : "a verb is wanted%s",
                    name ? name : "");
        send_error(conn, &e);
        json_decref(o);
        return;
    }
    struct admin_call *c = mem_alloc(sizeof *c);
    c->w = arg;
    c->conn = conn;
    c->args = o;
    c->verb = v;
    list_push(&calls, &c->node);
    if (v->change)
        log_event(LOG_INFO, "admin", log_str("verb", v->name));
    v->run(c);
}

static void on_closed(struct local_conn *conn, void *arg)
{
    (void)arg;
    for (struct list *at = calls.next; at != &calls; at = at->next) {
        struct admin_call *c = container_of(at, struct admin_call, node);
        if (c->conn == conn)
            c->conn = NULL;
    }
}

struct local_server *admin_open(struct worker *w, int fd, struct err *e)
{
    list_init(&calls);
    return local_server_adopt(w->loop, fd, ADMIN_LINE_MAX, on_line, on_closed, w, e);
}
