/* SPDX-License-Identifier: Apache-2.0
 * See office.h. */
#include "gateway/daemon/bot.h"
#include "gateway/daemon/office.h"
#include "gateway/base/mem.h"
#include "gateway/daemon/apply.h"
#include "gateway/daemon/texts.h"
#include "gateway/daemon/worker.h"
#include "gateway/host/host.h"
#include <string.h>

#define TEST_TEXT "channel.test"

/* ---- document ---- */

static void document(void *ctx, struct store_op *op,
                     void (*done)(void *arg, const struct err *e, const json_t *file, const json_t *secrets,
                                  const char *version),
                     void *arg)
{
    apply_export(ctx, op, done, arg);
}

struct applying {
    bool (*allowed)(void *arg, const struct api_change *c, struct buf *problems);
    void (*done)(void *arg, const struct err *e, const struct api_applied *r);
    void *arg;
};

static bool on_judge(void *arg, const struct apply_change *c, struct buf *problems)
{
    const struct applying *a = arg;
    const struct api_change change = {c->before, c->after, c->agents, c->agents_after};
    return a->allowed(a->arg, &change, problems);
}

static void on_applied(void *arg, const struct err *e, const struct apply_result *r)
{
    struct applying *a = arg;
    const struct api_applied told = {r->changes, r->problems, r->passwords, r->behind, r->version};
    a->done(a->arg, e, &told);
    mem_free(a);
}

static void apply(void *ctx, const struct api_apply *want)
{
    struct applying *a = mem_alloc(sizeof *a);
    *a = (struct applying){want->allowed, want->done, want->arg};
    apply_run(ctx, &(struct apply_want){.file = want->file,
                                        .dry_run = want->dry_run,
                                        .expect = want->expect,
                                        .allowed = on_judge,
                                        .actor = want->actor,
                                        .done = on_applied,
                                        .arg = a});
}

/* ---- connectors ---- */

static void setting_json(const struct connector_setting *s, struct buf *out)
{
    static const char *const types[] = {
        [CONNECTOR_S_TEXT] = "text",     [CONNECTOR_S_SECRET] = "secret", [CONNECTOR_S_URL] = "url",
        [CONNECTOR_S_NUMBER] = "number", [CONNECTOR_S_CHOICE] = "choice", [CONNECTOR_S_LIST] = "list",
        [CONNECTOR_S_BOOL] = "bool"};
    bool known = s->type > 0 && (size_t)s->type < sizeof types / sizeof *types && types[s->type];
    struct slice rest = slice_str(s->choices), one;
    buf_str(out, "{\"name\":");
    buf_json_str(out, slice_str(s->name));
    buf_printf(out, ",\"type\":\"%s\",\"required\":%s,\"default\":", known ? types[s->type] : "text",
               s->required ? "true" : "false");
    buf_json_str(out, slice_str(s->dflt));
    buf_str(out, ",\"help\":");
    buf_json_str(out, slice_str(s->help));
    buf_str(out, ",\"choices\":[");
    for (size_t n = 0; rest.n && slice_next(&rest, '|', &one);) {
        buf_str(out, n++ ? "," : "");
        buf_json_str(out, one);
    }
    buf_str(out, "]}");
}

static void connectors(void *ctx, struct buf *out)
{
    struct worker *w = ctx;
    const char *name;
    for (size_t i = 0; (name = host_connector_at(w->host, i)); i++) {
        buf_str(out, i ? ",{\"id\":" : "{\"id\":");
        buf_json_str(out, slice_str(name));
        buf_char(out, ',');
        host_connector_json(w->host, name, out);
        buf_str(out, ",\"settings\":[");
        const struct connector_setting *s = host_connector_settings(w->host, name);
        for (size_t k = 0; s && s[k].name; k++) {
            buf_str(out, k ? "," : "");
            setting_json(&s[k], out);
        }
        buf_str(out, "]}");
    }
}

/* ---- texts ---- */

static void texts(void *ctx, struct store_op *op, struct buf *out)
{
    struct worker *w = ctx;
    json_t *doc = json_parse(store_op_document(op, NULL), JSON_DEPTH_DEFAULT, NULL);
    texts_json(w->texts, doc, out);
    json_decref(doc);
}

/* ---- "send me one" ---- */

struct testing {
    void (*done)(void *arg, const struct err *e, const struct api_tested *r);
    void *arg;
};

static void on_tested(void *arg, const struct err *e, const struct host_trial *r)
{
    struct testing *t = arg;
    if (e->code)
        t->done(t->arg, e, NULL);
    else
        t->done(t->arg, e, &(struct api_tested){r->outcome, r->code, r->text});
    mem_free(t);
}

static void test(void *ctx, struct store_op *op, const char *channel, struct slice to, const char *language,
                 void (*done)(void *arg, const struct err *e, const struct api_tested *r), void *arg)
{
    struct worker *w = ctx;
    const char *tag = "", *tag_name;
    struct slice text = host_text(w->host, op, TEST_TEXT, language, &tag),
                 name = host_text(w->host, op, "operation.name", tag, &tag_name);
    struct testing *t = mem_alloc(sizeof *t);
    struct buf b;
    *t = (struct testing){done, arg};
    buf_init(&b, 16384);
    texts_fill(&b, text.n ? text : SLICE("Parley: a test"), "name",
               name.n ? name : slice_str(store_op_name(op)));
    host_channel_test(w->host, op, channel, to, buf_view(&b), tag, on_tested, t);
    buf_clear(&b);
}

struct api_admin office_admin(struct worker *w)
{
    return (struct api_admin){.ctx = w,
                              .document = document,
                              .apply = apply,
                              .connectors = connectors,
                              .texts = texts,
                              .checklist = office_checklist,
                              .flow_try = bot_try,
                              .test = test};
}
