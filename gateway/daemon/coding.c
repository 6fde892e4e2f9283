/* SPDX-License-Identifier: Apache-2.0
 * See coding.h. */
#include "gateway/daemon/coding.h"
#include "gateway/base/mem.h"
#include "gateway/daemon/operation_pack.h"
#include "gateway/daemon/worker.h"
#include "gateway/host/host.h"
#include "store/guard.h"
#include "store/record.h"
#include <stdio.h>
#include <string.h>

#define TELLS_MOST 80

/* A channel whose page fetches knows what was fetched; others show it by what they tell. */
static void guard_settings(struct worker *w, struct store_op *op, const json_t *document, bool pack)
{
    const char *tells[TELLS_MOST];
    struct guard_settings s = {.pack = pack, .tells = tells};
    const json_t *g = json_object_get(document, "guard");
    size_t i;
    json_t *channel;
    json_array_foreach(json_object_get(document, "channels"), i, channel)
    {
        struct host_channel_info info;
        const char *id = json_string_value(json_object_get(channel, "id"));
        if (id && s.tells_n < TELLS_MOST && host_channel_info(w->host, op, id, &info) && info.pull)
            tells[s.tells_n++] = id;
    }
    s.presume_hours = (unsigned)json_opt_int(g, "presume_hours", 0);
    s.tries = (unsigned)json_opt_int(g, "tries", 0);
    s.days = (unsigned)json_opt_int(g, "days", 0);
    store_op_document(op, &s.version);
    store_guard_set(op, &s);
}

/* ---- the pack ---- */

struct pack_job {
    struct store_op *op;
    char *json; /* NULL: there is none any more */
    size_t n;
    char id[RECORD_ID + 1];
};

static void job_free(struct pack_job *j)
{
    mem_free(j->json);
    mem_free(j);
}

static void log_failed(const struct pack_job *j, const struct err *e)
{
    if (e->code && e->code != ERR_CONFLICT) /* another node was faster */
        log_event(LOG_WARN, "operation.pack", log_str("operation", store_op_name(j->op)), log_err(e));
}

static void on_gone(void *arg, const struct err *e)
{
    log_failed(arg, e);
    job_free(arg);
}

static void on_current(void *arg, const struct err *e, uint64_t version)
{
    (void)version;
    log_failed(arg, e);
    job_free(arg);
}

static void put(struct pack_job *j, const char *id, uint64_t expect,
                void (*done)(void *arg, const struct err *e, uint64_t version))
{
    char facets[RECORD_ID + 8];
    snprintf(facets, sizeof facets, "pack=%s", j->id);
    struct record_put p = {
        .r = {.kind = "pack", .id = id, .json = slice_of(j->json, j->n), .group = "", .facets = facets},
        .expect = expect,
        .actor = "system",
        .action = "pack.put",
        .detail = j->id};
    store_record_put(j->op, &p, done, j);
}

static void on_kept(void *arg, const struct err *e, uint64_t version)
{
    struct pack_job *j = arg;
    (void)version;
    log_failed(j, e);
    put(j, "current", RECORD_ANY, on_current);
}

static void on_was(void *arg, const struct err *e, const struct store_record *r)
{
    struct pack_job *j = arg;
    bool there = !e->code;
    if (e->code && e->code != ERR_NOT_FOUND) {
        log_failed(j, e);
        job_free(j);
    } else if (!j->json && there)
        store_record_delete(j->op, "pack", "current", RECORD_ANY, "system", "pack.drop", on_gone, j);
    else if (!j->json || (there && slice_is(record_facet(r->facets, "pack"), j->id)))
        job_free(j);
    else
        put(j, j->id, 0, on_kept);
}

static bool pack_set(struct worker *w, struct store_op *op, const json_t *document)
{
    struct err e = {0};
    json_t *pack = pack_resolve(w->config->packs_dir, json_object_get(document, "pack"), &e);
    struct pack_job *j = mem_alloc(sizeof *j);
    j->op = op;
    if (e.code)
        log_event(LOG_ERROR, "operation.pack", log_str("operation", store_op_name(op)), log_err(&e));
    if (pack) {
        struct buf b;
        buf_init(&b, RECORD_JSON);
        json_write(pack, &b);
        strncpy(j->id, json_string_value(json_object_get(pack, "id")), RECORD_ID);
        if (!b.err)
            j->json = buf_take(&b, &j->n);
        buf_clear(&b);
        json_decref(pack);
    }
    bool coded = j->json != NULL;
    if (e.code)
        job_free(j); /* what was there stays */
    else
        store_record_get(op, "pack", "current", on_was, j);
    return coded || e.code;
}

void coding_configure(struct worker *w, struct store_op *op, const json_t *document)
{
    guard_settings(w, op, document, pack_set(w, op, document));
}
