/* SPDX-License-Identifier: Apache-2.0
 * How many bytes of long bodies are on their way in. They stay in memory until they are sealed; so there is a
 * most for all of them, for each user, and for each address from which somebody sends whom we don't know. */
#include "gateway/api/api_internal.h"
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#define BODY_SHORT   (64u << 10) /* what is shorter does not count */
#define BODIES_MAX   (256u << 20)
#define BODIES_FILES 4      /* of the longest, for one user at a time */
#define SECRETS_MAX  20000u /* that are remembered with whose they are */

struct body_who { /* a user, or an address */
    size_t under_way;
};

struct body { /* of one request; counts what has come of it */
    struct list link;
    struct api *a; /* NULL: closed */
    struct http_req *rq;
    size_t n;
    bool known;
    char who[96];
};

static void secret_hash(struct slice secret, unsigned char out[SHA256_DIGEST_LENGTH])
{
    SHA256((const unsigned char *)secret.p, secret.n, out);
}

/* Only once a request was let in it is known who sends it, and then its body is here already: so each request
 * with a secret that was good before counts for its user. It is asked for anew all the same. */
void bodies_knows(struct api *a, struct http_req *rq, const char *login)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    struct slice secret = auth_secret(rq), key = {(const char *)hash, sizeof hash};
    if (!secret.n)
        return;
    secret_hash(secret, hash);
    const char *was = map_get(&a->secrets, key);
    if (was && strcmp(was, login) == 0)
        return;
    if (a->secrets.n >= SECRETS_MAX)
        map_clear(&a->secrets, mem_free); /* each is learned again with its next call */
    mem_free(map_put(&a->secrets, key, mem_strdup(login)));
}

static void whose(struct body *b)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    struct slice secret = auth_secret(b->rq), peer = http_req_peer(b->rq);
    const char *login = NULL;
    if (secret.n) {
        secret_hash(secret, hash);
        login = map_get(&b->a->secrets, (struct slice){(const char *)hash, sizeof hash});
    }
    b->known = login != NULL;
    if (login)
        snprintf(b->who, sizeof b->who, "user %s", login);
    else
        snprintf(b->who, sizeof b->who, "peer %.*s", (int)peer.n, peer.p ? peer.p : "");
}

/* 0, or the status that refuses n more bytes. taken: they are there and count. */
static int room(struct body *b, size_t n, bool taken)
{
    struct api *a = b->a;
    if (!a)
        return 503;
    size_t file = (a->cf.upload_max ? (size_t)a->cf.upload_max : UPLOAD_MAX) + (1u << 20);
    size_t each = (b->known ? BODIES_FILES : 2) * file, all = BODIES_MAX > 2 * each ? BODIES_MAX : 2 * each;
    struct body_who *w = map_get(&a->bodies_of, slice_str(b->who));
    if ((w ? w->under_way : 0) + n > each)
        return 429;
    /* Whom we don't know leave half of it to the others. */
    if (a->body_bytes + n > all || (!b->known && a->strange_bytes + n > all / 2))
        return 503;
    if (!taken)
        return 0;
    if (!w) {
        w = mem_alloc(sizeof *w);
        map_put(&a->bodies_of, slice_str(b->who), w);
    }
    w->under_way += n;
    a->body_bytes += n;
    a->strange_bytes += b->known ? 0 : n;
    b->n += n;
    return 0;
}

static void body_end(void *arg)
{
    struct body *b = arg;
    struct body_who *w = b->a ? map_get(&b->a->bodies_of, slice_str(b->who)) : NULL;
    if (b->n && w && (w->under_way -= b->n) == 0)
        mem_free(map_del(&b->a->bodies_of, slice_str(b->who)));
    if (b->a) {
        b->a->body_bytes -= b->n;
        b->a->strange_bytes -= b->known ? 0 : b->n;
    }
    list_del(&b->link);
    mem_free(b);
}

static void refuse(struct http_req *rq, int status)
{
    char body[160];
    int n = snprintf(
        body, sizeof body,
        "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%d,\"detail\":\"too much is being sent "
        "just now; try again in a moment\",\"code\":\"%s\"}",
        status == 429 ? "Too Many Requests" : "Service Unavailable", status,
        status == 429 ? "rate" : "unavailable");
    const struct http_head heads[] = {{"Content-Type", SLICE("application/problem+json")},
                                      {"Cache-Control", SLICE("no-store")},
                                      {"Retry-After", status == 429 ? SLICE("5") : SLICE("2")},
                                      {NULL, {0, 0}}};
    http_reply(rq, status, heads, (struct slice){body, (size_t)n});
}

static bool body_grows(void *arg, size_t total)
{
    struct body *b = arg;
    int status = total <= BODY_SHORT ? 0 : room(b, total - b->n, true);
    if (status)
        refuse(b->rq, status);
    return status == 0;
}

bool bodies_admit(struct api *a, struct http_req *rq, size_t most)
{
    struct slice told = http_req_header(rq, "content-length");
    bool chunked = http_req_header(rq, "transfer-encoding").n > 0;
    uint64_t n = 0;
    if (!chunked && (!slice_u64(told, &n) || n <= BODY_SHORT || n > most))
        return true; /* none, or short; what is too long is refused by the server */
    struct body *b = mem_alloc(sizeof *b);
    *b = (struct body){.a = a, .rq = rq};
    list_push(&a->bodies, &b->link);
    whose(b);
    int status = room(b, (size_t)n, false);
    if (status) {
        refuse(rq, status);
        body_end(b);
        return false;
    }
    http_req_on_body(rq, body_grows, body_end, b);
    return true;
}

void bodies_open(struct api *a)
{
    list_init(&a->bodies);
    map_init(&a->bodies_of);
    map_init(&a->secrets);
}

void bodies_close(struct api *a)
{
    for (struct list *l; (l = list_pop(&a->bodies));) {
        struct body *b = container_of(l, struct body, link);
        list_init(&b->link);
        b->a = NULL; /* its request outlives us */
    }
    map_clear(&a->bodies_of, mem_free);
    map_clear(&a->secrets, mem_free);
}
