/* SPDX-License-Identifier: Apache-2.0
 * The host of connectors: loads the plugins, runs one instance for each channel of each operation, and does
 * for all of them what connector.h promises: storing, media, sending with rates and retries, doors, sockets,
 * files. README.md tells how. */
#ifndef PARLEY_HOST_H
#define PARLEY_HOST_H

#include "connectors/connector.h"
#include "gateway/base/json.h"
#include "gateway/net/fetch.h"
#include "gateway/net/http.h"
#include "gateway/net/loop.h"
#include "store/thread.h"

struct host;

/* What is known of a message besides what is in the store_inbound: what the channel and the connector say.
 * All borrowed. */
struct host_said {
    struct slice locale;              /* what the provider says of the person's language; may be empty */
    bool locale_stated;               /* the person chose it */
    struct slice topic;               /* chosen by the person; may be empty */
    int clearance;                    /* the higher of the channel's and the item's */
    const char *area, *channel_topic; /* of the channel's settings; "" */
    bool has_text; /* false: a file, a location, a reaction: nothing to learn a language from */
};
/* The decisions that the host does not make. Filled by the daemon over router/. */
struct host_router {
    void *arg;
    /* Fills the members of `in` below "to be set by decide". Called before a message is encrypted, and again
     * when another node was faster. What it points to lives in `a`. */
    void (*decide)(void *arg, struct store_op *op, const struct host_said *said,
                   const struct store_known *known, struct store_inbound *in, struct arena *a);
    /* A MESSAGE was stored (not a duplicate); for the first answer, "nobody is there", flows. May be NULL. */
    void (*stored)(void *arg, struct store_op *op, const struct store_inbound *in,
                   const struct store_ingested *r);
    /* Before a MESSAGE is stored: is it somebody's of the staff who answers an alert from there? True: it is
     * not a person's message; done(ok) comes once, later, when what it does is on disk. May be NULL. */
    bool (*staff)(void *arg, struct store_op *op, const char *channel, struct slice address,
                  struct slice text, void (*done)(void *done_arg, bool ok), void *done_arg);
    /* Are these the same words, however they are typed? NULL: only the same bytes are. */
    bool (*same)(void *arg, struct slice a, struct slice b);
    /* Parley's own text for people, e.g. ("ar", "notice.first"); empty: there is none. May be NULL. */
    struct slice (*text)(void *arg, const char *tag, const char *key);
    /* "Closed, and open again …" in that language for who comes to the channel now; empty: it is open.
     * Borrowed until the next is asked for. May be NULL. */
    struct slice (*closed)(void *arg, struct store_op *op, const char *channel, const char *language);
};

struct host_config {
    struct loop *loop;
    struct store *store;
    struct fetcher *fetcher;
    const char *plugin_dir;           /* NAME.so of each connector */
    const char *pages_dir;            /* what host->page reads; NULL: none */
    const char *public_url;           /* "https://example.org", no slash at the end; "" */
    const char *const *allow_private; /* CIDRs, NULL-terminated; NULL: none */
    const char *const *egress;  /* hosts ("example.org", "*.example.org") that files may be fetched from; NULL
                                   or empty: any */
    const char *const *origins; /* Origins that count as ours beside public_url; NULL: none */
    struct host_router router;
    size_t text_max, attachments_max; /* 0: 65,536 and 10 */
    size_t body_max;                  /* of hooks whose connector sets none; 0: 1 MiB */
    uint64_t upload_max;              /* files that come in; 0: 25 MiB */
    size_t bodies_max;                /* bytes of long bodies in memory at a time; 0: 256 MiB */
    unsigned json_depth;              /* 0: 32 */
    unsigned ingests_max;             /* messages being stored at a time before doors answer 503; 0: 4,096 */
    unsigned reopen_hours;            /* unless the operation's document says; 0: 72 */
};

/* Loads every plugin of plugin_dir; one that does not fit is left out with a warning in the log. */
struct host *host_new(const struct host_config *cf, struct err *e);
/* Starts, replaces and stops the operation's channels as its document says (JSON object). Call it for each
 * operation when it is open and at each STORE_EV_CONFIG. What is wrong with one channel is told in its state
 * and does not stop the others. */
void host_operation_apply(struct host *h, struct store_op *op, struct slice document);
void host_operation_gone(struct host *h, struct store_op *op); /* destroyed: everything of it stops */
/* Stops all instances (each has grace_ms), ends what is under way, then done. */
void host_drain(struct host *h, unsigned grace_ms, void (*done)(void *arg), void *arg);
/* After done, and after store_close and fetcher_free, whose last callbacks still come here. */
void host_free(struct host **h);
/* Pages anew (SIGHUP). */
void host_reload(struct host *h);

/* ---- doors ---- */

/* The route for /hooks/…, /chat/{op}/{channel}…, /ws/chat/… and /files/…; handler NULL: not ours (or answered
 * already: 404, 503). */
struct http_route host_route(struct host *h, struct http_req *rq);
bool host_route_mine(struct slice path); /* does this path begin with one of the host's doors? */

/* ---- what apply and the API ask ---- */

/* Judges the `channels` section: known connectors, settings by their table and their `check`. false: e->text
 * says which channel and setting ("channels[2] (tg): settings.token is missing"). Secrets that `apply` leaves
 * out are filled in by the caller before. */
bool host_channels_check(struct host *h, const json_t *channels, struct err *e);
/* The settings table of a connector (ends with name NULL); NULL: no such connector. */
const struct connector_setting *host_connector_settings(const struct host *h, const char *connector);
/* What a connector can, as JSON members: "version","pull","signs","hooks","scheme",
 * "capabilities":{…}. */
void host_connector_json(const struct host *h, const char *connector, struct buf *out);
/* The i-th plugin's name; NULL at the end. */
const char *host_connector_at(const struct host *h, size_t i);

struct host_channel_info {
    const char *id, *connector, *scheme;
    bool pull;
    unsigned
        capabilities; /* enum connector_capability, as narrowed by the channel's setting `capabilities` */
    struct connector_limits limits;
    const char *state; /* "up", "down", "paused" (breaker or rate), "disabled" */
    const char *why;   /* of down and paused; "" */
    const char
        *hook; /* the path that the provider is told: "/hooks/op/tg", with its secret; "" without that door */
};
/* false: no such channel. What is borrowed lives until the next turn of the loop. */
bool host_channel_info(struct host *h, struct store_op *op, const char *channel,
                       struct host_channel_info *out);
/* The API's form: {"id","connector","name","capabilities":{…},"limits":{…},"state","state_text"},
 * comma-separated. No secrets. */
void host_channels_json(struct host *h, struct store_op *op, struct buf *out);
/* One message to an address as an administrator types it, straight to the connector and stored nowhere. done
 * may come from within. ERR_NOT_FOUND, ERR_CONFLICT (it cannot send now), ERR_INVALID (no address), ERR_BUSY.
 */
struct host_trial {
    const char *outcome;     /* "sent", "failed", "gone", "auth", "rate", "retry", "unknown" */
    const char *code, *text; /* the provider's, without secrets; "" */
};
typedef void (*host_tested)(void *arg, const struct err *e, const struct host_trial *r);
void host_channel_test(struct host *h, struct store_op *op, const char *channel, struct slice to,
                       struct slice text, const char *language, host_tested done, void *arg);
/* The same for Parley's own word to a member of staff: any number at a time, past the channel's rates,
 * breaker and pause, since somebody is in danger. Nothing of it is kept here; whoever calls keeps what is
 * owed and tries again with the same id, by which an idempotent receiver knows it. "unknown" after ten
 * seconds. */
struct host_notice {
    const char *channel, *id, *language; /* language may be NULL */
    struct slice to, text;
};
void host_notice(struct host *h, struct store_op *op, const struct host_notice *n, host_tested done,
                 void *arg);
/* An operation's text for people in the best of its languages; *tag: which. Also for the daemon's own
 * notices. */
struct slice host_text(struct host *h, struct store_op *op, const char *key, const char *language,
                       const char **tag);

#endif
