/* SPDX-License-Identifier: Apache-2.0
 * What the files of the host share: plugins, operations, channels with their instances, and what is owed to
 * them. */
#ifndef PARLEY_HOST_INTERNAL_H
#define PARLEY_HOST_INTERNAL_H

#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "gateway/base/metric.h"
#include "gateway/base/text.h"
#include "gateway/host/host.h"
#include "store/events.h"

#define HOST_SECRETS 16 /* values that are kept out of the wire log, per channel */

struct plugin {
    void *handle; /* of dlopen */
    const struct connector *c;
    struct connector_limits limits;     /* complete: members that an older plugin does not have are 0 */
    struct connector_setting *settings; /* the connector's, and those that every channel has */
    bool door_hooks, door_chat, door_socket, has_verified;
};

struct host {
    struct host_config cf;
    struct arena *arena; /* copies of the configuration */
    struct loop *loop;
    struct store *store;
    struct guard *guard;       /* for what operators set: any port */
    struct guard *guard_media; /* for links that come from outside */
    struct plugin **plugins;
    size_t plugins_n;
    struct map ops;     /* name -> struct host_op */
    struct list gone;   /* operations that were destroyed: calls and signals may still name them */
    struct list dying;  /* channels that are stopping */
    struct map pages;   /* name -> struct host_page */
    struct map buckets; /* hash -> struct bucket (allow) */
    struct map bodies;  /* body.c: hash of a session or an address -> struct body_who */
    unsigned char body_key[32];
    struct list bodies_here;
    size_t body_bytes; /* of long bodies that are in memory */
    int64_t bodies_swept_ms;
    struct timer *sweep; /* each minute: buckets that are full again */
    struct connector_host api;
    unsigned ingests; /* messages being stored now */
    bool draining;
    void (*drained)(void *arg);
    void *drained_arg;
};

struct bucket {
    double left;
    int64_t at_ms;
};
/* One token, refilled at per_ms tokens a millisecond up to burst. False: none; *wait_ms says when. */
bool bucket_take(struct bucket *b, int64_t now_ms, double per_ms, double burst, unsigned *wait_ms);

struct host_op {
    struct list link; /* in host.gone */
    struct host *h;
    struct store_op *op;
    char *name;
    char **languages;    /* NULL-terminated */
    struct map fallback; /* tag -> "fa en" */
    struct map
        texts; /* "tag\nkey" -> text: the operation's own; "operation.name", "emergency", "privacy" as well */
    struct map channels; /* id -> struct channel */
    unsigned reopen_hours;
    struct store_listener *listener;
    bool signals; /* store_signal_listen was called (there is no way back) */
    bool gone;
    /* watch.c */
    struct map watched;  /* contact id -> struct watched */
    struct list unbound; /* watches of addresses that nobody has written from yet */
    struct map people;   /* thread id -> contact id, for signals; a cache */
    struct map typing;   /* address -> struct typing_to: the thread that a person types in; a cache */
    /* media.c */
    struct timer *media_timer;
    unsigned media_busy;
    bool media_again;
    /* files.c */
    unsigned char file_key[32];
    bool file_key_known, file_key_asked;
    struct timer *file_key_timer;
    struct store_lease *file_key_lease;
};

enum channel_state { CHANNEL_NEW, CHANNEL_DISABLED, CHANNEL_DOWN, CHANNEL_RUNNING, CHANNEL_STOPPING };

struct channel {
    struct host_op *o;
    struct list link; /* in host.dying */
    char *id;
    char *name_json;        /* what the document says; NULL */
    char *connector;        /* as the document says, even when there is no such plugin */
    unsigned char spec[32]; /* hash of its part of the document: a change makes a new instance */
    const struct plugin *plugin;
    struct map settings; /* name -> text */
    struct connector_limits limits;
    unsigned capabilities;
    char *schemes; /* that the provider vouches for here; "" none */
    char *area, *topic;
    int clearance;
    bool paused;          /* by an administrator: what comes in is taken, nothing goes out */
    char path_secret[64]; /* "" none needed */
    char hook[512];
    char **origins;
    char *secrets[HOST_SECRETS]; /* for the wire log */
    size_t secrets_n;

    enum channel_state state;
    connector_instance *c;
    bool up;       /* by the connector's word */
    char why[256]; /* down: why */
    struct timer *stop_timer;
    bool stopped; /* host->stopped came */

    struct list calls, requests, sockets, timers, leases, watches;
    struct list graves;  /* media.c: of calls into the connector that were given up */
    struct out_box *out; /* send.c; NULL for PULL and while stopped */

    struct channel_metrics {
        struct metric *in, *duplicates, *quarantined, *refused, *sent, *failed, *retried, *unknown, *store_s,
            *up;
    } m;
};

#define CHANNEL(inst) ((struct channel *)(inst))

/* ---- what is owed to an instance ---- */

/* An asynchronous call that ends in one of the instance's callbacks. Embedded in the struct of that call. */
struct host_call {
    struct list link;
    struct channel *ch;                  /* NULL once it was cancelled: free it, call nobody */
    void (*cancel)(struct host_call *c); /* tells the connector CONNECTOR_ECANCELLED; the struct lives until
                                            its own end comes */
};
void host_call_begin(struct channel *ch, struct host_call *c, void (*cancel)(struct host_call *c));
/* The answer has come. False: it was cancelled meanwhile. */
bool host_call_end(struct host_call *c);

/* ---- bytes ---- */

static inline struct slice slice_from(struct connector_bytes b)
{
    return (struct slice){b.p, b.n};
}
static inline struct connector_bytes bytes_from(struct slice s)
{
    return (struct connector_bytes){s.p, s.n};
}
int connector_code_of(const struct err *e); /* CONNECTOR_OK, _EAWAY, _EINVALID, … */

/* ---- plugin.c ---- */

bool plugins_load(struct host *h);
void plugins_unload(struct host *h);
const struct plugin *plugin_find(const struct host *h, struct slice name);
const struct connector_setting *plugin_setting(const struct plugin *p, struct slice name);
bool plugin_is(const char *words, const char *word); /* one of blank-separated words? */

/* ---- settings.c ---- */

/* Fills settings (name -> text) from the document's object by the plugin's table. */
bool settings_read(struct map *settings, const struct plugin *p, const json_t *object,
                   const struct guard *guard, struct err *e);
void settings_clear(struct map *settings);
const char *settings_get(const struct map *settings, const struct plugin *p, const char *name); /* "" */
bool settings_check(const struct map *settings, const struct plugin *p, struct err *e);
unsigned capabilities_parse(struct slice list,
                            struct err *e); /* names of capabilities; 0 with e for an unknown one */
void capabilities_json(unsigned capabilities, struct buf *out);

/* ---- channel.c ---- */

struct channel *channel_new(struct host_op *o, const json_t *spec);
struct channel *channel_find(const struct host *h, struct slice op, struct slice id);
void channel_start(struct channel *ch);
void channel_stop(struct channel *ch,
                  unsigned grace_ms); /* out of the operation's map; freed when it has stopped */
void channel_down(struct channel *ch, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool channel_running(const struct channel *ch);
const char *channel_state_name(const struct channel *ch, const char **why);

/* ---- the parts of struct connector_host ---- */

void host_api_channel(struct connector_host *a); /* channel.c: stopped, state, log */
void host_api_small(struct connector_host *a);   /* small.c: settings, timers, leases, cursors, hashes */
void host_api_deliver(struct connector_host *a); /* deliver.c */
void host_api_door(struct connector_host *a);    /* request.c */
void host_api_socket(struct connector_host *a);  /* socket.c */
void host_api_history(struct connector_host *a); /* history.c */
void host_api_watch(struct connector_host *a);   /* watch.c */
void host_api_page(struct connector_host *a);    /* page.c: pages, blobs */
void host_api_send(struct connector_host *a);    /* send.c */
void host_api_fetch(struct connector_host *a);   /* fetch.c */

void small_stop(struct channel *ch);                                        /* timers and leases end */
void host_hmac(struct slice key, struct slice data, unsigned char out[32]); /* HMAC-SHA-256 */
void requests_stop(struct channel *ch); /* 503 for those without an answer */
void requests_free(struct channel *ch); /* after the calls were cancelled */
void sockets_stop(struct channel *ch);
void pages_clear(struct host *h);

/* ---- address.c ---- */

/* Canonical? "tel:+905551234567"; see connectors/README.md. */
bool address_valid(struct slice uri);
/* As the store has it: itself when its provider vouches for the scheme, else "channel/uri". */
struct slice address_inward(const struct channel *ch, struct slice uri, struct arena *a);
struct slice address_outward(const struct channel *ch, struct slice stored); /* without "channel/" */
bool address_vouched(const struct channel *ch, struct slice uri);

/* ---- media.c ---- */

void media_kick(struct host_op *o);
void media_stop(struct host_op *o);
/* Looks at the content on another thread. type: what the peer says; may be empty. */
void media_type(struct host *h, struct slice bytes, struct slice declared,
                void (*done)(void *arg, const char *type, struct slice bytes), void *arg);
bool media_dangerous(const char *type);
void media_bury(struct channel *ch); /* the connector is gone: nobody answers any more */

/* ---- history.c, watch.c ---- */

/* en is filled from the store's entry; what it points to lives in a. */
void history_entry(struct channel *ch, const struct store_entry *from, struct arena *a,
                   struct connector_entry *en);
/* The provider's first name for an entry, of ours or of a person's; empty: it has none. */
struct slice history_external(const struct store_entry *en, struct arena *a);
/* All of them, at most `most`. */
size_t history_externals(const struct store_entry *en, struct arena *a, struct slice *out, size_t most);
void watch_stop(struct channel *ch);
void watch_event(struct host_op *o, const struct store_event *ev); /* NULL: some were missed */
void watch_signal(struct host_op *o, const struct store_signal *s);
/* A message of this address was stored here: its contact exists now. */
void watch_bind(struct channel *ch, struct slice address, struct id contact);
void watch_clear(struct host_op *o);
/* The contact of a thread, from the cache or the store. found is called at once or later; contact.s[0] 0: not
 * known. */
void watch_contact_of(struct host_op *o, struct id thread, void (*found)(void *arg, struct id contact),
                      void *arg);

/* ---- files.c ---- */

void files_open(struct host_op *o); /* asks for the key of its links */
void files_close(struct host_op *o);
/* "/files/…" for attachment `at` of an entry; NULL while the key is not known. */
char *files_url(struct host_op *o, struct id thread, uint64_t seq, size_t at, unsigned ttl_s, bool absolute,
                struct arena *a);
struct http_route files_route(struct host *h, struct http_req *rq);

/* ---- send.c ---- */

void send_open(struct channel *ch);
void send_pause(struct channel *ch); /* it stops: nothing new is begun */
void send_close(
    struct channel *ch); /* nothing more goes out; tokens stay, for a connector that still names them */
void send_free(struct channel *ch); /* its connector is destroyed */
bool send_paused(const struct channel *ch, const char **why);
void send_signal(struct host_op *o, const struct store_signal *s); /* an agent types or has read */
/* The attachment's JSON (with its key) of a file that is being sent; empty: no such. */
struct slice send_attachment(const struct channel *ch, const char *blob);

/* ---- wire.c ---- */

struct wire_about { /* what the log of a fetch belongs to; taken when it starts */
    bool set;
    struct id thread;
    uint64_t seq;
};
struct wire_about send_about(connector_token t); /* send.c */
/* The request as a JSON object without secrets; mem_free it. */
char *wire_request(const struct channel *ch, const struct connector_fetch *f);
void wire_log(struct channel *ch, const struct wire_about *about, const char *request,
              const struct fetch_response *r);
/* Appends text without the channel's secrets. */
void wire_redact(const struct channel *ch, struct slice text, struct buf *out);

/* ---- fetch.c ---- */

bool egress_allows(const struct host *h, struct slice url);

/* ---- door.c ---- */

/* An RFC 9457 problem, with Retry-After for 429 and 503. */
void door_problem(struct http_req *rq, int status, const char *detail);
bool door_json_ok(struct slice body, unsigned depth); /* UTF-8, and not too deep; not yet that it is JSON */
struct door_path {                                    /* "/hooks/op/channel/rest" */
    struct slice door, op, channel, rest;
};
bool door_path(struct slice path, struct door_path *out);

/* ---- body.c ---- */

void body_sweep(struct host *h); /* who may send all again */
void body_close(struct host *h);

/* ---- optext.c ---- */

/* own_only: what the operation wrote itself, not Parley's own text. */
struct slice optext_get(struct host_op *o, const char *key, const char *language, bool own_only,
                        const char **tag);
void optext_read(struct host_op *o, const json_t *document);

/* ---- host.c ---- */

void host_maybe_drained(struct host *h); /* a channel has stopped */

#endif
