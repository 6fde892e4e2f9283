/* SPDX-License-Identifier: Apache-2.0
 * The same frames by long poll, for where websockets are blocked. A poll keeps no state between calls: the
 * page says what it has (`after`), and an answer that never arrives is no loss. */
#include "webchat.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX   (512u << 10)
#define FRAMES_MAX 32
#define WAIT_MAX   25
#define PAGE_NEW   50
#define PAGE_AFTER 200
#define GATHER_MS  30 /* after the first event, for what comes with it */

struct poll {
    struct poll *next, **at; /* in connector_instance.polls */
    struct link link;
    connector_request rq;
    connector_watch watch;
    connector_timer timer;
    struct out frames; /* what will be answered: frames, comma-separated */
    char after[40];
    unsigned wait_s;
    bool hello; /* the body began with one: answered by welcome */
    bool asked, answered, reading, again;
};

static struct poll *poll_of(struct link *l)
{
    return (struct poll *)(void *)((char *)l - offsetof(struct poll, link));
}

static void release(struct poll *p)
{
    if (!p->answered || p->link.refs)
        return;
    out_clear(&p->frames);
    p->link.c->links--;
    free(p);
}

static void answer(struct poll *p)
{
    static const struct connector_header heads[] = {{"Content-Type", "application/json"},
                                                    {"Cache-Control", "no-store"}};
    struct out o;
    if (p->answered)
        return;
    p->answered = true;
    p->link.gone = true;
    *p->at = p->next;
    if (p->next)
        p->next->at = p->at;
    if (p->watch)
        p->link.c->h->unwatch(p->watch);
    if (p->timer)
        p->link.c->h->timer_cancel(p->timer);
    out_init(&o, 32u << 20);
    out_str(&o, "{\"frames\":[");
    out_bytes(&o, out_view(&p->frames));
    out_str(&o, "],\"cursor\":null}");
    p->link.c->h->reply(p->rq, 200, heads, 2, out_view(&o));
    out_clear(&o);
    release(p);
}

static void on_frame(struct link *l, struct connector_bytes json)
{
    struct poll *p = poll_of(l);
    if (p->frames.n)
        out_str(&p->frames, ",");
    out_bytes(&p->frames, json);
}

/* ---- reading what is new ---- */

static void on_timer(void *arg)
{
    struct poll *p = arg;
    p->timer = NULL;
    answer(p);
}

static void read_history(struct poll *p);

static void on_history(void *arg, int err, const struct connector_entry *entries, size_t n)
{
    struct poll *p = arg;
    struct link *l = &p->link;
    l->refs--;
    p->reading = false;
    if (p->answered) {
        release(p);
        return;
    }
    if (err == CONNECTOR_EINVALID)
        on_frame(l, bytes_of("{\"type\":\"reset\"}"));
    else if (err != CONNECTOR_OK)
        frames_error(l, "unavailable", "the conversation can't be read now", (struct connector_bytes){0, 0},
                     5000);
    else if (p->hello) {
        size_t from = !*p->after && n > PAGE_NEW ? n - PAGE_NEW : 0;
        frames_welcome(l, entries + from, n - from, from > 0);
    } else
        for (size_t i = 0; i < n; i++) {
            struct out one;
            out_init(&one, 1u << 20);
            out_str(&one, "{\"type\":\"entry\",\"entry\":");
            if (frames_entry(&one, &entries[i])) {
                out_str(&one, "}");
                on_frame(l, out_view(&one));
            }
            out_clear(&one);
        }
    if (p->again) {
        p->again = false;
        read_history(p);
    } else if (p->frames.n || !p->wait_s)
        answer(p);
    else if (!p->timer)
        p->timer = l->c->h->timer(l->c->inst, p->wait_s * 1000, on_timer, p);
}

static void read_history(struct poll *p)
{
    struct link *l = &p->link;
    p->reading = true;
    l->refs++;
    l->c->h->history(l->c->inst, session_address(&l->session), p->after,
                     *p->after ? PAGE_AFTER : PAGE_NEW + 1, on_history, p);
}

static void soon(struct poll *p)
{
    if (p->timer)
        p->link.c->h->timer_cancel(p->timer);
    p->timer = p->link.c->h->timer(p->link.c->inst, GATHER_MS, on_timer, p);
}

static void on_change(void *arg, enum connector_change what, const struct connector_entry *en, bool on)
{
    struct poll *p = arg;
    if (p->answered)
        return;
    if (what == CONNECTOR_ENTRY_ADDED || what == CONNECTOR_ENTRY_CHANGED) {
        if (p->reading)
            p->again = true;
        else if (!p->hello)
            read_history(p);
        return;
    }
    if (what == CONNECTOR_AGENT_TYPING)
        on_frame(&p->link,
                 bytes_of(on ? "{\"type\":\"typing\",\"on\":true}" : "{\"type\":\"typing\",\"on\":false}"));
    else if (what == CONNECTOR_AGENT_READ && en && en->id) {
        struct out o;
        out_init(&o, 256);
        out_str(&o, "{\"type\":\"read\",\"id\":");
        out_json(&o, bytes_of(en->id));
        out_str(&o, "}");
        on_frame(&p->link, out_view(&o));
        out_clear(&o);
    } else
        return;
    if (!p->reading)
        soon(p);
}

/* All frames were done (their answers have come): what else is there to say? */
static void go_on(struct poll *p)
{
    struct link *l = &p->link;
    if (p->answered || l->refs || p->asked)
        return;
    p->asked = true;
    if (!l->hello) {
        answer(p);
        return;
    }
    if (p->frames.n)
        p->wait_s = 0; /* acks are told at once */
    if (!p->hello)
        p->watch = l->c->h->watch(l->c->inst, session_address(&l->session), on_change, p);
    read_history(p);
}

static void on_idle(struct link *l)
{
    struct poll *p = poll_of(l);
    if (p->answered)
        release(p);
    else
        go_on(p);
}

static void on_welcome(struct link *l, struct connector_bytes after)
{
    struct poll *p = poll_of(l);
    p->hello = true;
    if (after.n && after.n < sizeof p->after) {
        memcpy(p->after, after.p, after.n);
        p->after[after.n] = '\0';
        frames_got(l, after, false);
    } else
        p->after[0] = '\0';
}

static void on_forgotten(struct link *l)
{
    (void)l; /* the answer says so */
}

static void on_gone(void *arg)
{
    struct poll *p = arg;
    answer(p);
}

/* A newer call of a session ends the one that waits. */
static void end_older(struct poll *newer)
{
    for (struct poll *p = newer->link.c->polls, *next; p; p = next) {
        next = p->next;
        if (p != newer && p->asked && strcmp(p->link.session.secret, newer->link.session.secret) == 0)
            answer(p);
    }
}

static void run(struct poll *p, const json_t *body)
{
    struct link *l = &p->link;
    const json_t *frames = json_object_get(body, "frames"), *one;
    struct connector_bytes session = json_bytes(body, "session"), after = json_bytes(body, "after");
    size_t i;
    const json_t *first = json_array_get(frames, 0);
    if (!bytes_are(json_bytes(first, "type"), "hello")) {
        if (!session_take(l->c, session, &l->session)) {
            frames_error(l, "unknown_session", "this conversation is not known",
                         (struct connector_bytes){0, 0}, 0);
            answer(p);
            return;
        }
        l->hello = true;
        memcpy(p->after, after.p ? after.p : "", after.n);
        p->after[after.n] = '\0';
        if (after.n)
            frames_got(l, after, false);
    }
    json_array_foreach(frames, i, one) frames_in(l, one);
    if (l->hello)
        end_older(p);
    go_on(p);
}

static const char *body_wrong(const json_t *body)
{
    static const char *const known[] = {"session", "after", "cursor", "frames", "wait"};
    const char *key;
    json_t *value;
    if (!json_is_object(body))
        return "a JSON object is wanted";
    json_object_foreach((json_t *)(uintptr_t)body, key, value)
    {
        size_t i = 0;
        while (i < 5 && strcmp(key, known[i]) != 0)
            i++;
        if (i == 5)
            return "a member is not known";
    }
    const json_t *frames = json_object_get(body, "frames"), *wait = json_object_get(body, "wait"), *one;
    size_t i;
    if (frames && (!json_is_array(frames) || json_array_size(frames) > FRAMES_MAX))
        return "frames: a list of at most 32";
    json_array_foreach(frames, i, one) if (!json_is_object(one)) return "frames: each is an object";
    if (wait &&
        (!json_is_integer(wait) || json_integer_value(wait) < 0 || json_integer_value(wait) > WAIT_MAX))
        return "wait: 0 to 25";
    if (json_bytes(body, "after").n > 39)
        return "after: the id of an entry";
    return NULL;
}

void poll_request(connector_instance *c, connector_request rq, const struct connector_request_info *i)
{
    json_error_t e;
    json_t *body = i->body.n <= BODY_MAX
                       ? json_loadb(i->body.p ? i->body.p : "", i->body.n, JSON_REJECT_DUPLICATES, &e)
                       : NULL;
    const char *wrong = i->body.n > BODY_MAX ? "at most 512 KiB" : body_wrong(body);
    if (wrong) {
        c->h->problem(rq, i->body.n > BODY_MAX ? 413 : 400, wrong);
        json_decref(body);
        return;
    }
    struct poll *p = calloc(1, sizeof *p);
    if (!p)
        abort();
    p->link = (struct link){
        .c = c, .frame = on_frame, .idle = on_idle, .welcome = on_welcome, .forgotten = on_forgotten};
    p->link.refs = 1; /* until run is over */
    p->rq = rq;
    p->wait_s = (unsigned)json_integer_value(json_object_get(body, "wait"));
    out_init(&p->frames, 32u << 20);
    p->next = c->polls;
    p->at = &c->polls;
    if (p->next)
        p->next->at = &p->next;
    c->polls = p;
    c->links++;
    c->h->on_gone(rq, on_gone, p);
    run(p, body);
    json_decref(body);
    p->link.refs--;
    on_idle(&p->link);
}

void poll_stop(connector_instance *c)
{
    while (c->polls) {
        on_frame(&c->polls->link, bytes_of("{\"type\":\"bye\",\"retry_ms\":3000}"));
        answer(c->polls);
    }
}
