/* SPDX-License-Identifier: Apache-2.0
 * Retention: walks all threads, a few per call with a pause in between, and removes what is older than its
 * channel keeps: the files first, then the entries, then threads without messages, then people without
 * threads. */
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "store/admin_internal.h"
#include "store/blob_internal.h"
#include "store/rewrite.h"
#include "store/side.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE     500
#define PAUSE_MS 20
#define DAY_MS   ((int64_t)86400000)
#define CHANNELS 40

struct due {
    uint64_t thread;
    char *numbers; /* as Redis told them */
};

struct retention {
    struct store_op *op;
    struct {
        char *channel;
        int64_t end_ms;
    } channels[CHANNELS];
    size_t channels_n;
    int64_t newest_end;
    char cursor[24];
    struct due *due;
    size_t due_n, at;
    uint64_t from, to; /* numbers that are still to be read for their files */
    struct buf blobs;
    uint64_t contact;
    uint64_t entries, contacts;
    store_done done;
    void *arg;
};

static void due_clear(struct retention *r)
{
    for (size_t i = 0; i < r->due_n; i++)
        mem_free(r->due[i].numbers);
    mem_clear(&r->due);
    r->due_n = r->at = 0;
}

static void end(struct retention *r, const struct err *e)
{
    if (r->entries || e->code)
        log_event(e->code ? LOG_WARN : LOG_INFO, "retention", log_str("operation", store_op_name(r->op)),
                  log_int("entries", (int64_t)r->entries), log_int("contacts", (int64_t)r->contacts),
                  log_err(e));
    r->done(r->arg, e);
    due_clear(r);
    buf_clear(&r->blobs);
    for (size_t i = 0; i < r->channels_n; i++)
        mem_free(r->channels[i].channel);
    mem_free(r);
}

static bool failed(struct retention *r, const struct err *e)
{
    if (e->code)
        end(r, e);
    return e->code != 0;
}

static void next(struct retention *r);

/* ---- a person without threads ---- */

static void contact_gone(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct retention *r = arg;
    (void)reply;
    if (failed(r, e))
        return;
    r->contacts++;
    r->at++;
    next(r);
}

static void contact_erased(void *arg, const struct err *e, int64_t expires)
{
    struct retention *r = arg;
    struct store_args a;
    (void)expires;
    if (failed(r, e))
        return;
    store_args_init(&a);
    store_arg_handle(&a, r->contact);
    store_call(r->op, "retention_contact", &a, contact_gone, r);
}

/* ---- one thread ---- */

static void dropped(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct retention *r = arg;
    if (failed(r, e))
        return;
    r->contact = store_handle_get(store_item(reply, 1));
    if (reply->n == 2 && store_number(reply->items[0]) == 1 && r->contact) {
        admin_erase(r->op, r->contact, "system", true, contact_erased, r);
        return;
    }
    r->at++;
    next(r);
}

static void files_removed(void *arg, const struct err *e)
{
    struct retention *r = arg;
    struct store_args a;
    if (failed(r, e))
        return;
    store_args_init(&a);
    store_arg_handle(&a, r->due[r->at].thread);
    store_arg_str(&a, r->due[r->at].numbers);
    store_call(r->op, "retention_drop", &a, dropped, r);
}

static bool is_due(const struct due *d, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    size_t n = strlen(text);
    for (const char *p = d->numbers; (p = strstr(p, text)); p += n)
        if ((p == d->numbers || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
            return true;
    return false;
}

static void read_page(struct retention *r);

static void page_read(void *arg, const struct err *e, const struct store_entry *entries, size_t n)
{
    struct retention *r = arg;
    if (failed(r, e))
        return;
    for (size_t i = 0; i < n; i++)
        if (entries[i].extra.n && is_due(&r->due[r->at], entries[i].seq))
            admin_blobs_of(entries[i].extra, &r->blobs);
    r->from += PAGE;
    read_page(r);
}

static void read_page(struct retention *r)
{
    if (r->from <= r->to) {
        uint64_t last = r->from + PAGE - 1;
        store_entries_get(r->op, store_id_of(r->op, r->due[r->at].thread, STORE_SEQ_THREAD), r->from,
                          last < r->to ? last : r->to, page_read, r);
        return;
    }
    if (r->blobs.n)
        blobs_remove(r->op, r->blobs.p, files_removed, r);
    else
        files_removed(r, &(struct err){0});
}

static void begin_thread(struct retention *r)
{
    struct slice rest = slice_str(r->due[r->at].numbers), one;
    uint64_t number = 0;
    r->from = r->to = 0;
    while (slice_next(&rest, ' ', &one)) {
        if (!slice_u64(one, &number))
            continue;
        if (!r->from)
            r->from = number;
        r->to = number;
        r->entries++;
    }
    buf_reset(&r->blobs);
    r->blobs.err = 0;
    read_page(r);
}

/* ---- pages of threads ---- */

static void rewritten(void *arg, const struct err *e)
{
    end(arg, e);
}

static void told(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct retention *r = arg;
    (void)reply;
    if (failed(r, e))
        return;
    if (r->contacts)
        rewrite_keys(r->op->store, rewritten, r);
    else
        end(r, e);
}

static void finish(struct retention *r)
{
    struct store_args a;
    if (!r->entries) {
        end(r, &(struct err){0});
        return;
    }
    store_args_init(&a);
    store_arg_int(&a, (int64_t)r->entries);
    store_arg_int(&a, (int64_t)r->contacts);
    store_call(r->op, "retention_done", &a, told, r);
}

static void paged(void *arg, const struct err *e, const struct redis_reply *reply)
{
    struct retention *r = arg;
    if (failed(r, e))
        return;
    struct slice cursor = store_item(reply, 0);
    snprintf(r->cursor, sizeof r->cursor, "%.*s", (int)cursor.n, cursor.p);
    due_clear(r);
    r->due = mem_array(reply->n / 2 + 1, sizeof *r->due);
    for (size_t i = 1; i + 1 < reply->n; i += 2) {
        r->due[r->due_n].thread = store_handle_get(store_item(reply, i));
        r->due[r->due_n++].numbers = slice_dup(store_item(reply, i + 1));
    }
    next(r);
}

static void ask_page(void *arg, bool closing)
{
    struct retention *r = arg;
    struct store_args a;
    if (closing) {
        end(r, &(struct err){ERR_CANCELLED, "the store is closing"});
        return;
    }
    store_args_init(&a);
    store_arg_str(&a, r->cursor);
    store_arg_int(&a, r->newest_end);
    for (size_t i = 0; i < r->channels_n; i++) {
        store_arg_str(&a, r->channels[i].channel);
        store_arg_int(&a, r->channels[i].end_ms);
    }
    store_call(r->op, "retention_page", &a, paged, r);
}

static void next(struct retention *r)
{
    if (r->at < r->due_n)
        begin_thread(r);
    else if (strcmp(r->cursor, "0") == 0)
        finish(r);
    else
        side_sleep(r->op->store, PAUSE_MS, ask_page, r);
}

void retention_run(struct store_op *op, const struct store_retention *in, size_t n, store_done done,
                   void *arg)
{
    struct retention *r = mem_alloc(sizeof *r);
    int64_t now = store_now_ms(op->store);
    r->op = op;
    r->done = done;
    r->arg = arg;
    buf_init(&r->blobs, 1u << 20);
    memcpy(r->cursor, "0", 2);
    for (size_t i = 0; i < n && r->channels_n < CHANNELS; i++) {
        r->channels[r->channels_n].channel = mem_strdup(in[i].channel);
        r->channels[r->channels_n].end_ms = now - (int64_t)in[i].days * DAY_MS;
        if (r->channels[r->channels_n].end_ms > r->newest_end)
            r->newest_end = r->channels[r->channels_n].end_ms;
        r->channels_n++;
    }
    ask_page(r, false);
}
