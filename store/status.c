/* SPDX-License-Identifier: Apache-2.0
 * What providers say of messages that we sent. An error's text is sealed for the person, so it is asked first
 * whose message it is; an id that is not known yet waits, its error sealed for the operation. */
#include "store/ingest.h"
#include "store/outbox.h"
#include "store/state.h"
#include "gateway/base/mem.h"
#include <string.h>

struct status_in {
    struct store_op *op;
    char id[3 + 24]; /* where it is kept, and its hash */
    size_t id_n;
    enum store_status status;
    struct buf error; /* plain, then sealed */
    uint64_t thread, contact;
    uint32_t seq, kid;
    int clearance;
    store_done done;
    void *arg;
};

static void end(struct status_in *s, const struct err *e)
{
    s->done(s->arg, e);
    buf_clear(&s->error);
    mem_free(s);
}

static void applied(void *arg, const struct err *e, const struct redis_reply *r)
{
    (void)r;
    end(arg, e);
}

static void apply(struct status_in *s, struct slice sealed)
{
    struct store_args a;
    store_args_init(&a);
    store_arg(&a, slice_of(s->id, s->id_n));
    store_arg_int(&a, s->status);
    store_arg(&a, sealed);
    store_arg(&a, slice_of(s->op->store->tag, 2));
    store_call(s->op, "status", &a, applied, s);
}

static void apply_early(struct status_in *s)
{
    struct buf sealed;
    buf_init(&sealed, s->error.n + 256);
    keys_seal_own(s->op, KEYS_CONFIG, "early", slice_of(s->id, s->id_n), buf_view(&s->error), &sealed);
    apply(s, buf_view(&sealed));
    buf_clear(&sealed);
}

static void loaded(void *arg, const struct err *e)
{
    struct status_in *s = arg;
    struct buf sealed;
    if (e->code) {
        end(s, e);
        return;
    }
    buf_init(&sealed, s->error.n + 256);
    if (keys_state(s->op, s->kid) == KEYS_HERE)
        record_seal(s->op, RECORD_ERROR, s->contact, s->kid, s->clearance, s->thread, s->seq,
                    buf_view(&s->error), &sealed);
    apply(s, sealed.n ? buf_view(&sealed) : SLICE(""));
    buf_clear(&sealed);
}

static void known(void *arg, const struct err *e, const struct redis_reply *r)
{
    struct status_in *s = arg;
    if (e->code) {
        end(s, e);
        return;
    }
    s->thread = store_handle_get(store_item(r, 0));
    if (!s->thread || r->n < 5) {
        apply_early(s);
        return;
    }
    s->seq = (uint32_t)store_number(r->items[1]);
    s->contact = store_handle_get(store_item(r, 2));
    s->kid = (uint32_t)store_number(r->items[3]);
    s->clearance = (int)store_number(r->items[4]);
    keys_load(s->op, &s->kid, 1, loaded, s);
}

size_t status_id(const struct store_op *op, const char *channel, struct slice external, char out[27])
{
    int64_t hash;
    struct store_args digits;
    ingest_id_hash(op, "id", slice_str(channel), SLICE(""), external, &hash, out);
    store_args_init(&digits);
    store_arg_int(&digits, hash);
    memcpy(out + 3, digits.v[0].p, digits.v[0].n);
    return 3 + digits.v[0].n;
}

void store_status_in(struct store_op *op, const char *channel, struct slice external_id,
                     enum store_status status, struct slice error_json, store_done done, void *arg)
{
    struct store_args a;
    struct status_in *s = mem_alloc(sizeof(*s));
    *s = (struct status_in){.op = op, .status = status, .done = done, .arg = arg};
    s->id_n = status_id(op, channel, external_id, s->id);
    buf_init(&s->error, (size_t)1 << 20);
    buf_slice(&s->error, error_json);
    if (error_json.n == 0 || s->error.err) {
        apply(s, SLICE(""));
        return;
    }
    store_args_init(&a);
    store_arg(&a, slice_of(s->id, s->id_n));
    store_call(op, "status_known", &a, known, s);
}
