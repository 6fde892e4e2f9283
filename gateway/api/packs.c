/* SPDX-License-Identifier: Apache-2.0
 * The packs that matters are coded with: the current one, and earlier ones, since what was coded keeps its
 * codes. */
#include "gateway/api/matters_internal.h"
#include <string.h>

struct pack_ask {
    void (*done)(void *arg, const json_t *pack);
    void *arg;
};

static void on_pack(void *arg, const struct err *e, const struct store_record *r)
{
    struct pack_ask ask = *(struct pack_ask *)arg;
    json_t *pack = !e->code && r->json.n ? json_parse(r->json, JSON_DEPTH_DEFAULT, NULL) : NULL;
    mem_free(arg);
    ask.done(ask.arg, pack);
    json_decref(pack);
}

void pack_current(struct call *c, void (*done)(void *arg, const json_t *pack), void *arg)
{
    struct pack_ask *ask = mem_alloc(sizeof *ask);
    *ask = (struct pack_ask){done, arg};
    store_record_get(c->op->op, "pack", "current", on_pack, ask);
}

static void packs_answer(void *arg, const json_t *pack)
{
    struct call *c = arg;
    struct buf b;
    buf_init(&b, 1u << 20);
    buf_str(&b, "{\"pack\":");
    if (pack)
        json_write(pack, &b);
    else
        buf_str(&b, "null");
    buf_str(&b, ",\"reasons\":[");
    for (const struct guard_reason *r = guard_reasons; r->code; r++)
        buf_printf(&b, "%s{\"code\":\"%s\",\"approved\":%s}", r == guard_reasons ? "" : ",", r->code,
                   r->approved ? "true" : "false");
    buf_str(&b, "]}");
    call_json(c, 200, buf_view(&b));
    buf_clear(&b);
}

static void packs_get(struct call *c)
{
    pack_current(c, packs_answer, c);
}

static void on_old_pack(void *arg, const struct err *e, const struct store_record *r)
{
    struct call *c = arg;
    if (e->code)
        call_err(c, e);
    else
        call_json(c, 200, r->json);
}

static void pack_get(struct call *c)
{
    char id[RECORD_ID + 1] = "";
    if (c->args[0].n <= RECORD_ID)
        memcpy(id, c->args[0].p, c->args[0].n);
    if (!*id || strcmp(id, "current") == 0)
        call_problem(c, 404, "no such pack");
    else
        store_record_get(c->op->op, "pack", id, on_old_pack, c);
}

bool pack_has(const json_t *pack, const char *list, const char *key, struct slice code)
{
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(pack, list), i,
                       one) if (slice_eq(json_opt_str(one, key), code)) return true;
    return false;
}

int pack_clearance(const json_t *pack, struct slice path)
{
    size_t i;
    json_t *one;
    json_array_foreach(
        json_object_get(pack, "paths"), i,
        one) if (slice_eq(json_opt_str(one, "code"), path)) return (int)json_opt_int(one, "clearance", 0);
    return 0;
}

const struct call_route pack_routes[] = {
    {HTTP_M_GET, "packs", packs_get, MATTER_READERS | ROLE_ADMINISTRATOR, 0},
    {HTTP_M_GET, "packs/{}", pack_get, MATTER_READERS, 0},
    {.run = NULL},
};
