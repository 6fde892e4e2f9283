/* SPDX-License-Identifier: Apache-2.0
 * How many bytes of long bodies are on their way in. They stay in memory, since a spool would put what people
 * send onto the disk in clear; so there is a most for all of them, and of it for each session and address. */
#include "gateway/host/door.h"
#include <arpa/inet.h>
#include <math.h>
#include <string.h>

#define BODY_SHORT       (64u << 10) /* what is shorter does not count */
#define BODY_SESSION_MB  200.0       /* soon after each other, and then so many a minute: films of a phone */
#define BODY_SESSION_MIN 10.0
#define BODY_PEER_MB     2048.0 /* one address may be a whole camp */
#define BODY_PEER_MIN    200.0
#define BODY_WHO         100000u /* sessions and addresses that are remembered */
#define BODY_SWEEP_MS    1000
#define MB               (1024.0 * 1024.0)

struct body_who {         /* a session or an address; named by a hash that dies with the process */
    size_t under_way;     /* bytes */
    double left;          /* MB that it may still send */
    double burst, minute; /* as its limit says */
    int64_t at_ms;
};

struct limit {
    size_t at_once;       /* bytes */
    double burst, minute; /* MB */
    bool must;            /* who cannot be remembered is refused; else not counted */
};

struct body {         /* of one request; counts what has come of it */
    struct list link; /* in host.bodies_here */
    struct host *h;   /* NULL: closed */
    struct http_req *rq;
    size_t n;
    bool chat;
    unsigned char who[2][16]; /* its address, and a person's session */
    struct limit limit[2];
    size_t of[2], who_n;
};

/* An IPv6 site has 2^64 addresses: its first half counts. */
static struct slice site_of(struct slice peer, unsigned char v6[8])
{
    char text[64] = "";
    unsigned char whole[16];
    if (peer.n >= sizeof(text) || !memchr(peer.p ? peer.p : "", ':', peer.n))
        return peer;
    memcpy(text, peer.p, peer.n);
    if (inet_pton(AF_INET6, text, whole) != 1)
        return peer;
    memcpy(v6, whole, 8);
    return slice_of(v6, 8);
}

static void name_of(struct host *h, const char *what, struct slice value, unsigned char out[16])
{
    unsigned char mac[32];
    struct buf b;
    buf_init(&b, 65536);
    buf_str(&b, what);
    buf_slice(&b, value);
    host_hmac(slice_of(h->body_key, sizeof(h->body_key)), buf_view(&b), mac);
    memcpy(out, mac, 16);
    buf_clear(&b);
}

static double left_now(const struct body_who *w, int64_t now)
{
    double left = w->left + (double)(now - w->at_ms) * w->minute / 60000.0;
    return left > w->burst ? w->burst : left;
}

/* Forgets whoever may send all again: as if nothing had ever been heard of them. */
void body_sweep(struct host *h)
{
    struct slice key;
    void *value;
    int64_t now = (int64_t)loop_now_ms(h->loop);
    h->bodies_swept_ms = now;
    for (size_t i = 0; map_each(&h->bodies, &i, &key, &value);) {
        struct body_who *w = value;
        if (!w->under_way && left_now(w, now) >= w->burst) {
            map_del(&h->bodies, key);
            mem_free(w);
        }
    }
}

/* NULL: too many are remembered. Names of sessions cost whoever makes them up nothing: only who has sent
 * something has a place. */
static struct body_who *who_put(struct host *h, const unsigned char name[16], const struct limit *l)
{
    int64_t now = (int64_t)loop_now_ms(h->loop);
    if (h->bodies.n >= BODY_WHO && now - h->bodies_swept_ms >= BODY_SWEEP_MS)
        body_sweep(h);
    if (h->bodies.n >= BODY_WHO)
        return NULL;
    struct body_who *w = mem_alloc(sizeof(*w));
    *w = (struct body_who){.left = l->burst, .burst = l->burst, .minute = l->minute, .at_ms = now};
    map_put(&h->bodies, slice_of(name, 16), w);
    return w;
}

/* Room for n more bytes; taken: they are there and count. */
static bool who_may(struct body *b, size_t i, size_t n, bool taken)
{
    const struct limit *l = &b->limit[i];
    int64_t now = (int64_t)loop_now_ms(b->h->loop);
    struct body_who *w = map_get(&b->h->bodies, slice_of(b->who[i], 16));
    size_t under_way = w ? w->under_way : 0;
    double left = w ? left_now(w, now) : l->burst;
    if (under_way + n > l->at_once || left < (double)n / MB)
        return false;
    if (!taken)
        return true;
    w = w ? w : who_put(b->h, b->who[i], l);
    if (!w)
        return !l->must;
    w->left = left - (double)n / MB;
    w->at_ms = now;
    w->under_way += n;
    b->of[i] += n;
    return true;
}

/* What people send leaves some for providers. */
static bool room(struct body *b, size_t n, bool taken)
{
    struct host *h = b->h;
    if (!h || h->body_bytes + n > (b->chat ? h->cf.bodies_max / 8 * 7 : h->cf.bodies_max))
        return false;
    for (size_t i = 0; i < b->who_n; i++) {
        if (!who_may(b, i, n, taken))
            return false;
    }
    if (taken) {
        h->body_bytes += n;
        b->n += n;
    }
    return true;
}

static void body_end(void *arg)
{
    struct body *b = arg;
    for (size_t i = 0; b->h && i < b->who_n; i++) {
        struct body_who *w = map_get(&b->h->bodies, slice_of(b->who[i], 16));
        if (w)
            w->under_way -= b->of[i];
    }
    if (b->h)
        b->h->body_bytes -= b->n;
    list_del(&b->link);
    mem_free(b);
}

static void refuse(const struct body *b)
{
    door_problem(b->rq, b->chat ? 429 : 503, "too much is being sent just now; try again in a moment");
}

static bool body_grows(void *arg, size_t total)
{
    struct body *b = arg;
    if (total <= BODY_SHORT || room(b, total - b->n, true))
        return true;
    refuse(b);
    return false;
}

static void whose(struct host *h, struct body *b)
{
    unsigned char v6[8];
    struct slice session = http_req_header(b->rq, "x-parley-session");
    size_t each = 2 * ((size_t)h->cf.upload_max + (1u << 20)), most = h->cf.bodies_max / 4 * 3;
    name_of(h, b->chat ? "peer " : "provider ", site_of(http_req_peer(b->rq), v6), b->who[0]);
    b->limit[0] = (struct limit){most > each ? most : each, BODY_PEER_MB, BODY_PEER_MIN, true};
    b->who_n = 1;
    if (!b->chat) /* nobody knows yet whether it is one: no more at a time, but as often as it likes */
        b->limit[0].burst = HUGE_VAL;
    else if (session.n) {
        name_of(h, "session ", session, b->who[1]);
        b->limit[1] = (struct limit){each, BODY_SESSION_MB, BODY_SESSION_MIN, false};
        b->who_n = 2;
    }
}

bool body_admit(struct host *h, struct http_req *rq, size_t most, bool chat)
{
    struct slice told = http_req_header(rq, "content-length");
    uint64_t n = 0;
    if (http_req_header(rq, "transfer-encoding").n && chat) {
        door_problem(rq, 411, "say how long it is");
        return false;
    }
    if (told.n && (!slice_u64(told, &n) || n <= BODY_SHORT || n > most))
        return true; /* what is too long is refused by the server */
    struct body *b = mem_alloc(sizeof(*b));
    *b = (struct body){.h = h, .rq = rq, .chat = chat};
    list_push(&h->bodies_here, &b->link);
    whose(h, b);
    if (!room(b, (size_t)n, false)) {
        refuse(b);
        body_end(b);
        return false;
    }
    http_req_on_body(rq, body_grows, body_end, b);
    return true;
}

void body_close(struct host *h)
{
    for (struct list *n; (n = list_pop(&h->bodies_here));) {
        struct body *b = container_of(n, struct body, link);
        list_init(&b->link);
        b->h = NULL; /* its request outlives us */
    }
    map_clear(&h->bodies, mem_free);
}
