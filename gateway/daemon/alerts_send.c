/* SPDX-License-Identifier: Apache-2.0
 * Notices: each has a timer of its own, so that a way that fails delays none, and none is lost with a node. A
 * notice carries operation, area, category, time and code: no person, no word of theirs. */
#include "gateway/daemon/alerts_internal.h"
#include "gateway/daemon/texts.h"
#include "router/zone.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AGAIN_MS 1000 /* doubled with each try, in functions/alert.lua */
#define TEXT_MAX 1000

/* ---- the text ---- */

struct hole {
    const char *name;
    struct slice value;
};

/* {name} by its value, each of them. */
static void fill(struct buf *out, struct slice text, const struct hole *holes)
{
    while (text.n) {
        const struct hole *h = text.p[0] == '{' ? holes : NULL;
        size_t n = 0;
        for (; h && h->name; h++) {
            n = strlen(h->name);
            if (text.n >= n + 2 && memcmp(text.p + 1, h->name, n) == 0 && text.p[n + 1] == '}')
                break;
        }
        if (h && h->name) {
            buf_slice(out, h->value);
            text = slice_of(text.p + n + 2, text.n - n - 2);
        } else {
            buf_char(out, text.p[0]);
            text = slice_of(text.p + 1, text.n - 1);
        }
    }
}

static void local_time(const struct alerts *a, int64_t ms, char out[8])
{
    int32_t offset = a->ladder->zone ? zone_at(a->ladder->zone, ms).offset_s : 0;
    int64_t minute = ((ms / 1000 + offset) % 86400 + 86400) % 86400 / 60;
    snprintf(out, 8, "%02d:%02d", (int)(minute / 60), (int)(minute % 60));
}

static char *own_text(struct alerts *a, const char *key, const char *language)
{
    const char *tag;
    return slice_dup(host_text(a->w->host, a->op, key, language, &tag));
}

static void notice_text(struct alerts *a, const struct store_alert *al, const char *language, struct buf *out)
{
    char time[8], more[24] = "";
    char *name = own_text(a, "operation.name", language), *form = own_text(a, "alert.notice", language),
         *drill = al->drill ? own_text(a, "alert.drill", language) : mem_strdup("");
    local_time(a, al->raised_ms, time);
    if (al->count > 1)
        snprintf(more, sizeof more, " \xc3\x97%u", al->count);
    struct slice op = slice_str(*name ? name : store_op_name(a->op));
    const struct hole holes[] = {{"operation", op},
                                 {"area", slice_str(*al->area ? al->area : "-")},
                                 {"category", slice_str(al->category)},
                                 {"count", slice_str(more)},
                                 {"time", slice_str(time)},
                                 {"code", slice_str(al->code)},
                                 {NULL, {0}}};
    if (*drill)
        buf_printf(out, "%s ", drill);
    fill(out, slice_str(form), holes);
    mem_free(name);
    mem_free(form);
    mem_free(drill);
}

/* ---- one notice ---- */

struct notice {
    struct alerts *a;
    struct store_firing *f;
    char *id, *which; /* "code step login way"; what follows the code */
    char code[16], step[24], login[64];
    int way;
    struct store_alert al;
    const char *outcome;
};

static void notice_end(struct notice *n)
{
    map_del(&n->a->sending, slice_str(n->id));
    store_timer_finished(n->f, false); /* its end has dropped the timer, or set it anew */
    alerts_drop(n->a);
    mem_free(n->id);
    mem_free(n);
}

static void on_told(void *arg, const struct err *e, unsigned tries)
{
    struct notice *n = arg;
    if (e->code)
        log_event(LOG_WARN, "alert.notice", log_err(e)); /* it comes again */
    else if (strcmp(n->outcome, "sent") != 0)
        log_event(LOG_WARN, "alert.notice", log_str("code", n->al.clearance < 2 ? n->code : ""),
                  log_str("outcome", n->outcome), log_int("tries", tries));
    notice_end(n);
}

static void told(struct notice *n, const char *outcome, unsigned again_ms)
{
    n->outcome = outcome;
    if (n->a->op)
        store_alert_told(n->a->op, n->code, n->which, outcome, again_ms, on_told, n);
    else
        notice_end(n);
}

/* What may have been sent is sent again: told twice is better than not told. */
static void on_sent(void *arg, const struct err *e, const struct host_trial *r)
{
    struct notice *n = arg;
    if (!e->code && strcmp(r->outcome, "sent") == 0)
        told(n, "sent", 0);
    else if (e->code == ERR_INVALID || e->code == ERR_NOT_FOUND ||
             (!e->code && (strcmp(r->outcome, "failed") == 0 || strcmp(r->outcome, "gone") == 0)))
        told(n, "failed", 0);
    else
        told(n, "retry", AGAIN_MS);
}

/* The same on every try, and nobody's name in it. */
static void notice_id(const struct notice *n, char out[64])
{
    uint32_t h = 2166136261u;
    for (const char *p = n->login; *p; p++)
        h = (h ^ (unsigned char)*p) * 16777619u;
    snprintf(out, 64, "alert-%s-%s-%08x-%d", n->code, n->step, (unsigned)h, n->way);
}

static void on_record(void *arg, const struct err *e, const struct store_record *r)
{
    struct notice *n = arg;
    struct alerts *a = n->a;
    const struct alert_person *p = a->op ? alert_person_find(a->ladder, n->login) : NULL;
    char id[64];
    if (e->code && e->code != ERR_NOT_FOUND) {
        notice_end(n);
        return;
    }
    if (!e->code)
        store_alert_of(&n->al, r);
    if (e->code || !alert_rings(alert_state_find(slice_str(n->al.state)))) {
        told(n, "dropped", 0); /* somebody has answered meanwhile */
        return;
    }
    if (!p || n->way < 0 || (size_t)n->way >= p->ways_n) {
        told(n, "failed", 0); /* the rota has changed */
        return;
    }
    struct buf text;
    buf_init(&text, TEXT_MAX);
    notice_text(a, &n->al, p->language, &text);
    notice_id(n, id);
    const struct host_notice h = {.channel = p->ways[n->way].channel,
                                  .id = id,
                                  .to = slice_str(p->ways[n->way].address),
                                  .text = text.n ? buf_view(&text) : slice_str(n->code)};
    host_notice(a->w->host, a->op, &h, on_sent, n);
    buf_clear(&text);
}

static void word(struct slice *rest, char *to, size_t cap)
{
    struct slice w = {0};
    slice_next(rest, ' ', &w);
    snprintf(to, cap, "%.*s", (int)w.n, w.n ? w.p : "");
}

void alerts_on_notice(void *arg, const char *id, struct store_firing *f)
{
    struct alerts *a = arg;
    struct notice *n;
    char way[8];
    if (map_get(&a->sending, slice_str(id))) { /* it is with the connector still */
        store_timer_finished(f, false);
        return;
    }
    n = mem_alloc(sizeof *n);
    *n = (struct notice){.a = alerts_keep(a), .f = f, .id = mem_strdup(id)};
    struct slice rest = slice_str(n->id);
    word(&rest, n->code, sizeof n->code);
    n->which = n->id + strlen(n->code) + (rest.p ? 1 : 0);
    word(&rest, n->step, sizeof n->step);
    word(&rest, n->login, sizeof n->login);
    word(&rest, way, sizeof way);
    n->way = way[0] >= '0' && way[0] <= '9' ? way[0] - '0' : -1;
    map_put(&a->sending, slice_str(id), n);
    store_record_get(a->op, "alert", n->code, on_record, n);
}

/* ---- a word back ---- */

static void on_word(void *arg, const struct err *e, const struct host_trial *r)
{
    (void)arg, (void)e, (void)r;
}

void alerts_word(struct alerts *a, const struct alert_person *p, const struct alert_way *way, const char *key,
                 const char *code)
{
    struct buf text;
    struct id id = id_new();
    char *form = own_text(a, key, p->language);
    const struct hole holes[] = {{"code", slice_str(code)}, {NULL, {0}}};
    buf_init(&text, TEXT_MAX);
    fill(&text, slice_str(form), holes);
    const struct host_notice h = {
        .channel = way->channel, .id = id.s, .to = slice_str(way->address), .text = buf_view(&text)};
    if (text.n)
        host_notice(a->w->host, a->op, &h, on_word, NULL);
    buf_clear(&text);
    mem_free(form);
}
