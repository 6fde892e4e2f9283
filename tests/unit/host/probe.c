/* SPDX-License-Identifier: Apache-2.0
 * A connector for tests of the host. Built three times: `probe` signs and sends, `quiet` neither signs nor
 * has files or buttons, `pull` has pages and sockets and sends nothing. */
#include "probe.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((visibility("default"))) struct probe probe;

struct connector_instance {
    const struct connector_host *h;
    void *inst;
    connector_watch watch;
    connector_request waiting;
};

static const struct connector_setting settings[] = {
    {"token", CONNECTOR_S_SECRET, true, NULL, NULL, "t"},
    {"api", CONNECTOR_S_URL, false, "https://api.example", NULL, "a"},
    {"mode", CONNECTOR_S_CHOICE, false, "one", "one|two", "m"},
    {"deep.number", CONNECTOR_S_NUMBER, false, NULL, NULL, "n"},
    {"origins", CONNECTOR_S_LIST, false, NULL, NULL, "o"},
    {0}};

static void put(char *to, size_t cap, struct connector_bytes b)
{
    snprintf(to, cap, "%.*s", (int)b.n, b.p ? b.p : "");
}
#define PUT(to, b) put(to, sizeof(to), b)

static int check(const struct connector_values *v, struct connector_error *e)
{
    if (!probe.refuse_settings || strcmp(v->get(v->ctx, "token"), probe.refuse_settings) != 0)
        return CONNECTOR_OK;
    snprintf(e->text, sizeof(e->text), "that token is no good");
    return CONNECTOR_EINVALID;
}

static connector_instance *create(const struct connector_host *h, void *inst, struct connector_error *e)
{
    connector_instance *c = calloc(1, sizeof(*c));
    (void)e;
    c->h = probe.h = h;
    c->inst = probe.inst = inst;
    probe.created++;
    return c;
}

static void start(connector_instance *c)
{
    (void)c;
    probe.started++;
}

static void stop(connector_instance *c, uint32_t grace_ms)
{
    (void)grace_ms;
    probe.stopped++;
    if (!probe.never_stops)
        c->h->stopped(c->inst);
}

static void destroy(connector_instance *c)
{
    probe.destroyed++;
    free(c);
}

#ifndef PROBE_PULL
static int verify(connector_instance *c, connector_request rq, const struct connector_request_info *i,
                  struct connector_error *e)
{
    struct connector_bytes b = c->h->header(rq, "x-probe");
    (void)i, (void)e;
    return b.n == 3 && memcmp(b.p, "yes", 3) == 0 ? CONNECTOR_OK : CONNECTOR_EAUTH;
}
#endif

struct incoming {
    connector_instance *c;
    connector_request rq;
};

static void delivered(void *arg, int err, const struct connector_delivered *r, size_t n)
{
    struct incoming *in = arg;
    probe.delivered_err = err;
    probe.delivered_n = n < 64 ? n : 64;
    if (n)
        memcpy(probe.delivered, r, probe.delivered_n * sizeof(*r));
    if (err == CONNECTOR_ECANCELLED)
        probe.cancelled = true;
    if (in->rq) {
        if (err)
            in->c->h->problem(in->rq, 503, "again");
        else
            in->c->h->reply(in->rq, 200, NULL, 0, (struct connector_bytes){0});
    }
    free(in);
}

static void request(connector_instance *c, connector_request rq, const struct connector_request_info *i)
{
    struct incoming *in = calloc(1, sizeof(*in));
    static char id[32];
    struct connector_item it = {
        .size = sizeof(it), .kind = CONNECTOR_MESSAGE, .from = {"probe:1", 7}, .text = i->body};
    if (i->body.n == 4 && memcmp(i->body.p, "wait", 4) == 0) {
        c->waiting = rq;
        free(in);
        return;
    }
    it.id = (struct connector_bytes){id, (size_t)snprintf(id, sizeof(id), "m%zu", i->body.n)};
    *in = (struct incoming){c, rq};
    c->h->deliver(c->inst, &it, 1, delivered, in);
}

/* For the test: delivers as if it had come in. */
__attribute__((visibility("default"))) void probe_deliver(const struct connector_item *items, size_t n);
void probe_deliver(const struct connector_item *items, size_t n)
{
    struct incoming *in = calloc(1, sizeof(*in));
    probe.delivered_n = 0;
    probe.delivered_err = 1;
    probe.h->deliver(probe.inst, items, n, delivered, in);
}

/* ---- out ---- */

static void end(connector_instance *c, connector_token t)
{
    static char id[32];
    struct connector_result r = {.size = sizeof(r),
                                 .outcome = CONNECTOR_OUT_SENT,
                                 .code = {"c0de", 4},
                                 .text = {"why (s3cret-token)", 18}};
    if (probe.next_at < 16 && probe.next[probe.next_at])
        r.outcome = probe.next[probe.next_at];
    probe.next_at++;
    r.retry_after_ms = probe.retry_after_ms;
    r.whole_channel = probe.whole_channel;
    if (r.outcome == CONNECTOR_OUT_SENT)
        r.external_ids[r.external_ids_n++] =
            (struct connector_bytes){id, (size_t)snprintf(id, sizeof(id), "x%zu", probe.sends)};
    c->h->sent(c->inst, t, &r);
}

struct outgoing {
    connector_instance *c;
    connector_token t;
};

static struct outgoing under_way[64];

static void later(void *arg)
{
    struct outgoing *o = arg;
    end(o->c, o->t);
}

static void fetched(void *arg, const struct connector_fetched *f)
{
    struct outgoing *o = arg;
    snprintf(probe.fetched, sizeof(probe.fetched), "%d %d %.*s", f->error, f->status, (int)f->body.n,
             f->body.p ? f->body.p : "");
    if (f->error != CONNECTOR_ECANCELLED)
        end(o->c, o->t);
}

static int send(connector_instance *c, const struct connector_message *m, connector_token t)
{
    if (probe.eagain) {
        probe.eagain--;
        return CONNECTOR_EAGAIN;
    }
    size_t i = probe.sends++ % 64;
    PUT(probe.sent[i].to, m->to);
    PUT(probe.sent[i].text, m->text);
    PUT(probe.sent[i].target, m->target);
    PUT(probe.sent[i].reply_to, m->reply_to);
    snprintf(probe.sent[i].entry, sizeof(probe.sent[i].entry), "%s", m->entry);
    if (m->files_n)
        snprintf(probe.sent[i].file, sizeof(probe.sent[i].file), "%s %s", m->files[0].blob,
                 m->files[0].url ? m->files[0].url : "-");
    if (m->choices_n)
        PUT(probe.sent[i].choice, m->choices[0].title);
    probe.sent[i].part = m->part;
    probe.sent[i].parts = m->parts;
    probe.sent[i].attempt = m->attempt;
    probe.sent[i].files_n = m->files_n;
    probe.sent[i].choices_n = m->choices_n;
    probe.sent[i].kind = (int)m->kind;
    probe.token = t;
    if (probe.hold)
        return CONNECTOR_OK;
    if (probe.early) {
        end(c, t);
        return CONNECTOR_OK;
    }
    struct outgoing *o = &under_way[i]; /* a timer that a stop takes away frees nothing */
    *o = (struct outgoing){c, t};
    if (!probe.use_fetch) {
        c->h->timer(c->inst, 1, later, o);
        return CONNECTOR_OK;
    }
    const struct connector_header head = {"Authorization", "Bearer s3cret-token"};
    const struct connector_part part = {
        .name = "file", .filename = "a", .blob = m->files_n ? m->files[0].blob : NULL};
    c->h->fetch(c->inst,
                &(struct connector_fetch){.size = sizeof(struct connector_fetch),
                                          .method = "POST",
                                          .url = "https://api.example/bots3cret-token/send",
                                          .headers = &head,
                                          .headers_n = 1,
                                          .body = m->text,
                                          .parts = m->files_n ? &part : NULL,
                                          .parts_n = m->files_n ? 1 : 0,
                                          .about = t},
                fetched, o);
    return CONNECTOR_OK;
}

static void cancel(connector_instance *c, connector_token t)
{
    struct connector_result r = {.size = sizeof(r), .outcome = CONNECTOR_OUT_UNKNOWN};
    probe.cancels++;
    c->h->sent(c->inst, t, &r);
}

static void typing(connector_instance *c, struct connector_bytes to, bool on)
{
    (void)c;
    snprintf(probe.typing, sizeof(probe.typing), "%.*s %d", (int)to.n, to.p, on);
}

static void read_up_to(connector_instance *c, struct connector_bytes to, struct connector_bytes target)
{
    (void)c;
    snprintf(probe.read, sizeof(probe.read), "%.*s %.*s", (int)to.n, to.p, (int)target.n, target.p);
}

static void media(connector_instance *c, struct connector_bytes ref,
                  void (*done)(void *arg, int err, struct connector_bytes bytes, struct connector_bytes type,
                               struct connector_bytes name),
                  void *arg)
{
    (void)c;
    probe.media_n++;
    PUT(probe.media_ref, ref);
    done(arg, CONNECTOR_OK, (struct connector_bytes){"hello", 5}, (struct connector_bytes){"text/plain", 10},
         (struct connector_bytes){"a.txt", 5});
}

/* ---- sockets ---- */

static void changed(void *arg, enum connector_change what, const struct connector_entry *en, bool on)
{
    connector_instance *c = arg;
    (void)c;
    snprintf(probe.changed[probe.changes++ % 8], sizeof(probe.changed[0]), "%d %s %.*s %d", (int)what, en->id,
             (int)en->text.n, en->text.p ? en->text.p : "", on);
}

static void history_done(void *arg, int err, const struct connector_entry *entries, size_t n)
{
    connector_socket s = arg;
    char line[512];
    int len = snprintf(line, sizeof(line), "%d %zu", err, n);
    for (size_t i = 0; i < n; i++)
        len += snprintf(line + len, sizeof(line) - (size_t)len, " %.*s:%d:%s", (int)entries[i].text.n,
                        entries[i].text.p, (int)entries[i].status,
                        entries[i].files_n && entries[i].files[0].url ? entries[i].files[0].url : "");
    probe.h->socket_send(s, (struct connector_bytes){line, (size_t)len});
}

static void put_done(void *arg, int err, const char *blob)
{
    (void)arg;
    snprintf(probe.blob, sizeof(probe.blob), "%d %s", err, blob ? blob : "");
}

static bool socket_open(connector_instance *c, connector_socket s, const struct connector_request_info *i)
{
    (void)s, (void)c;
    return !(i->path.n == 5 && memcmp(i->path.p, "/deny", 5) == 0);
}

static void socket_text(connector_instance *c, connector_socket s, struct connector_bytes text)
{
    static const struct connector_bytes who = {"probe:1", 7};
    if (text.n == 5)
        c->watch = c->h->watch(c->inst, who, changed, c);
    else if (text.n == 7 && c->watch) {
        c->h->unwatch(c->watch);
        c->watch = NULL;
    } else if (text.n == 3)
        c->h->blob_put(c->inst, who, (struct connector_bytes){"text/plain", 10},
                       (struct connector_bytes){"n.txt", 5}, (struct connector_bytes){"hello", 5}, put_done,
                       NULL);
    else
        c->h->history(c->inst, who, "", 10, history_done, s);
}

static void socket_closed(connector_instance *c, connector_socket s)
{
    (void)c, (void)s;
}

const struct connector connector_plugin = {
    .abi = CONNECTOR_ABI,
    .size = sizeof(struct connector),
    .version = "1",
    .scheme = "probe",
#if defined(PROBE_PULL)
    .name = "pull",
    .capabilities = CONNECTOR_CAN_TEXT | CONNECTOR_PULL,
    .doors = "chat socket",
#elif defined(PROBE_QUIET)
    .name = "quiet",
    .capabilities = CONNECTOR_CAN_TEXT | CONNECTOR_IDEMPOTENT,
    .doors = "hooks",
#else
    .name = "probe",
    .capabilities = CONNECTOR_CAN_TEXT | CONNECTOR_CAN_FILES | CONNECTOR_CAN_CHOICES | CONNECTOR_CAN_EDIT |
                    CONNECTOR_CAN_TYPING | CONNECTOR_CAN_READ | CONNECTOR_CAN_REPLY | CONNECTOR_SIGNS,
    .doors = "hooks",
#endif
    .limits = {.size = sizeof(struct connector_limits),
               .text_max = 20,
               .files_max = 2,
               .file_bytes_max = 1000,
               .choices_max = 3,
               .choice_title_max = 10,
               .choice_id_max = 20},
    .settings = settings,
    .check = check,
    .create = create,
    .start = start,
    .stop = stop,
    .destroy = destroy,
#ifndef PROBE_PULL
    .verify = verify,
#endif
    .request = request,
    .socket_open = socket_open,
    .socket_text = socket_text,
    .socket_closed = socket_closed,
    .send = send,
    .cancel = cancel,
    .typing = typing,
    .read = read_up_to,
    .media = media,
};
