/* SPDX-License-Identifier: Apache-2.0
 * A store, an HTTP server and an HTTP client for tests of the host: what the host asks of them is kept, and
 * the test says what they answer. The loop is the real one. */
#ifndef TEST_HOST_FAKE_H
#define TEST_HOST_FAKE_H

#include "gateway/host/host.h"
#include "gateway/net/ws.h"
#include "store/blob.h"
#include "store/events.h"

#define FAKE_MAX 2048

struct fake_in { /* a store_ingest, copied */
    char channel[64], id[600], address[300], also[300], name[300], target[600], area[64], topic[64];
    char *text, *extra;
    char *jobs[10];
    size_t jobs_n;
    enum store_kind kind;
    bool verified, per_sender;
    int clearance, priority;
    char entry[32];
};
struct fake_result {
    char item[32];
    enum store_status status;
    int64_t retry_ms;
    char ids[10][128];
    size_t ids_n;
    char error[512];
    bool dead, blocked;
};
struct fake_status {
    char channel[64], id[600], error[512];
    enum store_status status;
    char thread[32];
    uint64_t seq;
    bool before;
};

struct fake {
    struct loop *loop;
    bool ready, away, hold; /* away: every call says ERR_UNAVAILABLE; hold: ingests wait for fake_release */
    struct fake_in *in[FAKE_MAX];
    size_t in_n;
    char *quarantined[64], *quarantine_why[64];
    size_t quarantined_n;
    struct fake_status statuses[64];
    size_t statuses_n;
    struct fake_result results[256];
    size_t results_n;
    size_t begun, progressed;
    char progress[256];
    bool paused;
    char *wire[64];
    size_t wire_n;
    struct store_entry *entries;
    size_t entries_n;
    struct store_signal signal;
    char signal_thread[32];
    size_t signals_n;
    char blocked[300];
    char media_done[1024];
    int64_t media_retry;
    size_t media_done_n;
    const char *asked, *asked_channel; /* the extra of the newest message, when it offers choices; NULL */
};
extern struct fake fake;

void fake_start(void);
void fake_end(void);
struct store *fake_store(void);
struct store_op *fake_op(void); /* "op" */
void fake_turns(unsigned n);    /* turns of the loop, a millisecond each at most */
void fake_release(void);
/* A contact with a thread for an address; ids follow from the number. */
struct id fake_id(unsigned n);
void fake_contact(const char *address, const char *channel, unsigned contact, unsigned thread);
void fake_event(const struct store_event *ev);
void fake_signal(const struct store_signal *s);
void fake_lease(const char *name, bool held); /* takes it away, gives it again */
/* A message into the open outbox of that channel. */
void fake_out(const char *channel, const struct store_out_item *i);
bool fake_outbox_open(const char *channel);
void fake_media(const char *channel, const char *job, unsigned tries);

/* ---- HTTP ---- */

struct fake_reply {
    int status;
    char *body;
    char headers[1024]; /* "name: value\n" … */
};
/* headers: "name", "value", …, NULL. Lives until the next one. */
struct fake_reply *fake_request(struct host *h, enum http_method m, const char *target,
                                const char *const *headers, const char *body);
struct fake_reply *fake_request_n(struct host *h, enum http_method m, const char *target,
                                  const char *const *headers, struct slice body);

struct fake_fetch {
    char method[16], url[600];
    char headers[2048];
    char *body;
    size_t parts;
    char part[4][64]; /* the first bytes of each */
    bool media_guard;
};
/* What fetches get; `answer` fills r (status, body, err, …). */
extern void (*fake_answer)(const struct fake_fetch *f, struct fetch_response *r);
extern struct fake_fetch fake_fetches[256];
extern size_t fake_fetches_n;

struct ws *fake_socket(struct host *h, const char *path,
                       const char *origin); /* NULL: refused; fake_socket_status says how */
extern int fake_socket_status;
void fake_socket_text(struct ws *w, const char *text);
void fake_socket_leave(struct ws *w);
const char *fake_socket_frame(struct ws *w, size_t i);
bool fake_socket_closed(struct ws *w);

#endif
