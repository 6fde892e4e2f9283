/* SPDX-License-Identifier: Apache-2.0
 * Contacts, threads and entries: what comes in, what is answered, what is read. */
#ifndef PARLEY_STORE_THREAD_H
#define PARLEY_STORE_THREAD_H

#include "store/store.h"

/* ---- the records, as read (decrypted) ---- */

enum store_state { STORE_BOT, STORE_WAITING, STORE_OFFERED, STORE_ASSIGNED, STORE_SNOOZED, STORE_RESOLVED };
extern const char *const store_state_names[]; /* "bot", "waiting", … */
enum store_how {
    STORE_UNKNOWN,
    STORE_GUESSED,
    STORE_SET,
    STORE_STATED
}; /* how a language is known; a higher one is never overwritten by a lower */
enum store_kind {
    STORE_MESSAGE,
    STORE_EDIT,
    STORE_DELETION,
    STORE_REACTION,
    STORE_NOTE,
    STORE_CALL,
    STORE_EVENT
};
extern const char *const store_kind_names[];
enum store_status {
    STORE_STORED,
    STORE_SENT,
    STORE_DELIVERED,
    STORE_READ,
    STORE_FAILED,
    STORE_UNKNOWN_OUTCOME
};
extern const char *const store_status_names[];
enum store_author { STORE_PERSON, STORE_AGENT, STORE_ROBOT, STORE_SYSTEM };

struct store_language {
    char tag[12];   /* "ar"; "" when unknown */
    char script[5]; /* "Latn" when it is not the language's usual one; else "" */
    enum store_how how;
};

struct store_thread {
    struct id id, contact;
    enum store_state state;
    struct store_language language;
    const char *topic, *area, *channel; /* "" when none; channel: of the last message that came in */
    const char *assignee;               /* agent id; while offered: to whom; "" */
    const char *last_agent;             /* who held it, or this contact's thread before it, last; "" */
    const char *team;                   /* "" any */
    const char *tags;                   /* blank-separated */
    const char *outcome;                /* when resolved; "" */
    const char *reason, *known; /* when resolved: for which reason, or how it is known that an answer reached
                                   the person (functions/guard.lua); "" */
    const char *ending;         /* an end that waits for a focal point: "reason outcome who when seq"; "" */
    const char *declined; /* agents who declined or let it expire since it waits, blank-separated; after those
                             who declined a colon and when, in Redis's time */
    int priority, clearance;
    bool no_last_agent; /* a complaint, or the person asks for somebody else */
    /* "Same person?" (same.h): why it is kept apart from the contact's other threads ("channel", "silence",
     * "quiet": nothing is asked, "name", "language"; "" it is not); why it was, before somebody confirmed;
     * "no": it is somebody else. */
    const char *doubt, *doubt_was, *doubt_answer;
    const char *identity_how, *identity_by; /* the last check that was passed; "" none */
    int64_t identity_ms;
    int64_t opened_ms, waiting_ms, first_reply_ms, last_ms, offer_expires_ms, resolved_ms,
        snoozed_until_ms;                              /* 0: none */
    uint64_t entries, read_seq, last_in_seq, last_seq; /* read_seq: up to which the assignee has read */
    uint64_t version;                                  /* grows with each change */
};

struct store_entry {
    struct id id, thread;
    uint64_t seq;
    enum store_kind kind;
    bool inbound;
    const char *channel; /* "" for notes and events */
    int64_t time_ms, provider_ms;
    enum store_author author;
    const char *author_id; /* agent id; "" */
    struct id target;      /* EDIT, DELETION, REACTION: the entry it changes; s[0] 0 otherwise */
    struct slice text;
    /* The rest as a JSON object: attachments [{"id","type","name","size","voice","state"}], choices, choice,
     * location, contact_card, reply_to, address, event, language, ref, … Encrypted like text. */
    struct slice extra;
    int clearance;
    /* messages that go out: */
    enum store_status status;
    unsigned attempt;
    struct slice external_ids; /* JSON array of strings */
    struct slice error;        /* JSON {"code","text"}; empty when none */
    bool erased;               /* its key is gone: text and extra are empty */
};

struct store_address {
    struct slice uri;
    const char *channel; /* on which it was seen last */
    bool verified;
    int64_t last_ms;
    bool blocked;
};

struct store_contact {
    struct id id;
    struct store_language language;
    const char *area;
    /* JSON object: name, fields, notes, country, consent… encrypted. What whoever sees the contact may see;
     * and what those who see a thread of clearance 1 and 2 wrote over it: store_contact_profile. */
    struct slice profile, above[2];
    const struct store_address *addresses;
    size_t addresses_n;
    const struct id *threads; /* newest first, at most 50; rights are the caller's matter */
    size_t threads_n;
    /* Those it was merged with (link.h); `threads` are those of all then, addresses and profile its own. */
    const struct id *merged;
    size_t merged_n;
    const char *unsafe;  /* channels on which the person must not be reached, or "*"; store_unsafe_on */
    bool provider_named; /* the name in the profile is what a provider told */
    bool erased;
};

/* ---- what comes in ---- */

/* What is known of who writes, before the message is stored. */
struct store_known {
    bool known;
    struct id contact;
    struct store_language language;
    struct slice sums; /* language_sums, as it was given with the last message; empty */
    const char *area;  /* "" */
    bool open_thread;  /* at the clearance asked for */
    const char *topic; /* of the open thread; "" */
    /* `asks`: the newest message to them in that thread offers choices: its extra, its id and channel. */
    struct slice asked; /* empty: nothing is asked */
    struct id asked_entry;
    const char *asked_channel;
};

struct store_media { /* to be fetched after the message is stored; see store_media_next */
    const char *job; /* JSON that the connector host understands; encrypted */
};

/* One item. `decide` fills what depends on who writes; the rest is set by the caller. */
struct store_inbound {
    const char *channel;
    enum store_kind kind;     /* MESSAGE, EDIT, DELETION, REACTION */
    struct slice provider_id; /* dedupe; never empty */
    bool id_per_sender; /* unique per address instead of per channel, remembered as long as the contact */
    bool forever;       /* dedupe for good (mail, imports) */
    struct slice
        address; /* canonical URI, already namespaced to the channel where its provider does not verify it */
    struct slice also; /* a second one that joins (verified by the provider); empty */
    bool verified;
    struct slice name; /* display name, as of now; kept in the profile when there is none yet or it comes from
                          the provider */
    int64_t provider_ms;
    struct slice text, extra;
    struct slice target; /* external id that EDIT, DELETION, REACTION change */
    struct slice quotes; /* external or our id of what a MESSAGE answers: it goes on there */
    const struct store_media *media;
    size_t media_n;
    unsigned reopen_hours; /* 72: a message within so many hours of resolving reopens */
    /* An album. Items of one group from one address within two minutes are one entry: its attachments, `ids`
     * and text grow (an entry.changed). All ids of a call are taken in one step, or none. */
    struct slice group;           /* empty: none */
    const struct slice *also_ids; /* provider ids of further items that are in this one */
    size_t also_ids_n;            /* at most STORE_ALSO_IDS */
    unsigned group_files;         /* attachments that such an entry may have; 0: 10 */
    bool asks;                    /* it may answer what was asked: decide is told (`asked`) */

    /* to be set by decide: */
    struct store_language language; /* how: GUESSED, STATED or UNKNOWN */
    struct slice sums;
    const char *topic; /* "" none */
    const char *area;  /* "" none: of a new contact and thread */
    int clearance, priority;
    bool no_last_agent;
    bool alarm;                /* a word of alarm is in it: functions/alert.lua looks after it */
    bool bot;                  /* a thread that this opens begins with the bot (store/flow.h) */
    const struct slice *words; /* folded, distinct; for search */
    size_t words_n;
};

#define STORE_ALSO_IDS 31

enum store_ingested_how {
    STORE_NEW_ENTRY,
    STORE_DUPLICATE,
    STORE_IGNORED, /* a change of something unknown */
    STORE_JOINED,  /* it is in the entry of its group now */
    STORE_PARTLY   /* nothing was stored: some of its ids (`seen`) were taken before, the rest were not */
};
struct store_ingested {
    enum store_ingested_how how;
    struct id entry, thread, contact;
    uint64_t seq;
    uint32_t seen; /* PARTLY: bit 0 provider_id, bit n also_ids[n - 1] */
    bool new_contact, new_thread, reopened;
};

/* Stores one item: one round trip for who is in the node's cache, two otherwise; done when it is on disk
 * (fsync). decide is called before it is encrypted, and again when another node was faster. Calls are
 * pipelined: give a whole batch at once. */
void store_ingest(struct store_op *op, const struct store_inbound *in,
                  void (*decide)(void *arg, const struct store_known *k, struct store_inbound *in),
                  void (*done)(void *arg, const struct err *e, const struct store_ingested *r), void *arg);

/* A provider's word on a message that we sent. Statuses only move up; one for an id that is not known yet is
 * parked for 5 minutes and applied when the id comes. */
void store_status_in(struct store_op *op, const char *channel, struct slice external_id,
                     enum store_status status, struct slice error_json, store_done done, void *arg);
/* PULL channels and read marks: status of our entries up to seq or of one. */
void store_status_set(struct store_op *op, struct id thread, uint64_t seq, bool and_before,
                      enum store_status status, store_done done, void *arg);
/* The address can('t) be reached there any more. */
void store_address_blocked(struct store_op *op, const char *channel, struct slice address, bool blocked,
                           store_done done, void *arg);
/* A bad item, encrypted under the operation's key, for 30 days. */
void store_quarantine_add(struct store_op *op, const char *channel, struct slice raw, const char *why,
                          store_done done, void *arg);

/* ---- what goes out ---- */

struct store_outbound {
    struct id thread;
    enum store_kind kind; /* MESSAGE, NOTE, EVENT, EDIT, DELETION, REACTION */
    enum store_author author;
    const char *author_id;
    struct slice ref; /* the author's own reference: the same one again in this thread gives the same entry;
                         may be empty */
    const char *channel;  /* MESSAGE…: "" takes the thread's; then `address` is the contact's on it */
    struct slice address; /* "" takes the one that wrote last on that channel */
    struct slice text, extra;
    struct id target;    /* s[0] 0: none; where it went, this goes, whatever `address` says */
    bool pull;           /* nothing to send: the person's page fetches */
    bool despite_unsafe; /* MESSAGE: also where it is not safe to reach them, which the audit then tells */
    const struct slice *words;
    size_t words_n;
    /* Allowed only while the thread is held by this agent; "" no check (supervisors, system). ERR_CONFLICT
     * otherwise. */
    const char *must_hold;
};

struct store_written {
    struct id entry;
    uint64_t seq;
    bool again; /* the same ref: nothing was written */
};

/* Entry in the thread and, unless pull, in its channel's outbox, in one step; done when on disk.
 * ERR_NOT_FOUND: no such thread; ERR_INVALID: no such target; ERR_CONFLICT: see must_hold, or the
 * address of the target is no longer the person's or is blocked; ERR_ERASED. */
void store_write(struct store_op *op, const struct store_outbound *out,
                 void (*done)(void *arg, const struct err *e, const struct store_written *w), void *arg);
/* A failed or unknown message once more, as a new attempt. */
void store_retry(struct store_op *op, struct id thread, uint64_t seq, const char *actor, store_done done,
                 void *arg);

/* ---- reading ---- */

typedef void (*store_thread_done)(void *arg, const struct err *e, const struct store_thread *t);
/* ERR_NOT_FOUND. */
void store_thread_get(struct store_op *op, struct id id, store_thread_done done, void *arg);
/* ids that do not exist are left out. */
void store_threads_get(struct store_op *op, const struct id *ids, size_t n,
                       void (*done)(void *arg, const struct err *e, const struct store_thread *const *t,
                                    size_t n),
                       void *arg);

struct store_thread_filter {
    unsigned states;                               /* bits 1 << STORE_x; 0 all */
    const char *assignee;                          /* NULL any */
    const struct id *contact;                      /* NULL any */
    const char *language, *topic, *channel, *area; /* NULL any; area: it and below */
    const struct slice *words; /* folded: each must be in the thread (may be wrong once in ~1,000 threads) */
    size_t words_n;
    int64_t before_ms; /* last activity older than that; 0 newest */
    unsigned limit;
    bool oldest_waiting_first;
    /* Rights: called for each candidate before it counts. */
    bool (*visible)(void *arg, const struct store_thread *t);
    void *visible_arg;
};
/* next_ms: before_ms for the next page, 0 at the end. */
void store_threads_find(struct store_op *op, const struct store_thread_filter *f,
                        void (*done)(void *arg, const struct err *e, const struct store_thread *const *t,
                                     size_t n, int64_t next_ms),
                        void *arg);

typedef void (*store_entries_done)(void *arg, const struct err *e, const struct store_entry *entries,
                                   size_t n);
/* seq in [from, to], oldest first; entries whose key is gone are given as erased. At most 500. */
void store_entries_get(struct store_op *op, struct id thread, uint64_t from, uint64_t to,
                       store_entries_done done, void *arg);
/* By id; ERR_NOT_FOUND. */
void store_entry_find(struct store_op *op, struct id entry,
                      void (*done)(void *arg, const struct err *e, const struct store_entry *en), void *arg);

typedef void (*store_contact_done)(void *arg, const struct err *e, const struct store_contact *c);
/* ERR_NOT_FOUND; who was erased is told as such (`erased`). */
void store_contact_get(struct store_op *op, struct id id, store_contact_done done, void *arg);
void store_contact_by_address(struct store_op *op, struct slice address, store_contact_done done,
                              void *arg); /* ERR_NOT_FOUND */
/* The profile as somebody sees it whose highest thread of this contact has that clearance. */
struct slice store_contact_profile(const struct store_contact *c, int clearance, struct arena *a);
/* Members of the JSON object replace those of the profile (null removes). clearance: the highest of the
 * threads of this contact that the author sees; who sees none of it does not see what is written. */
void store_contact_patch(struct store_op *op, struct id id, int clearance, struct slice profile_patch,
                         const struct store_language *lang /* NULL: as it is */, const char *actor,
                         store_done done, void *arg);
/* The person's wish on a channel: the address no longer leads to the contact. */
void store_address_forget(struct store_op *op, struct slice address, store_done done, void *arg);

/* A person's own entries on one channel (webchat): those of threads of this address's contact, of this
 * channel, messages only, after the entry `after` ("" the newest `limit`). ERR_NOT_FOUND: unknown address
 * (nothing there); ERR_INVALID: `after` is not known. Sealed threads are included: the person may always see
 * what they wrote and were answered. */
void store_history(struct store_op *op, const char *channel, struct slice address, const char *after,
                   unsigned limit, store_entries_done done, void *arg);

/* ---- outbox: what the holder of a channel's lease sends ---- */

struct store_out_item {
    const char *item; /* its id in the outbox */
    struct store_entry entry;
    struct id contact;
    struct slice address; /* decrypted */
    unsigned tries;       /* how often it was begun before, this attempt */
    bool begun; /* begun before by somebody who never said how it ended: unknown, unless the connector is
                   idempotent */
    struct slice progress;        /* JSON of what store_out_progress kept (parts that are done); empty */
    struct slice target_external; /* external id of entry.target; empty */
};
struct store_outbox;
/* item is called for each message that is due, oldest first per recipient, and at most one per recipient
 * until its result; up to `window` under way. lost: the lease's fence was refused: stop. */
struct store_outbox *store_outbox_open(struct store_op *op, const char *channel, uint64_t fence,
                                       unsigned window,
                                       void (*item)(void *arg, const struct store_out_item *i),
                                       void (*lost)(void *arg), void *arg);
void store_outbox_close(struct store_outbox **o);
void store_outbox_pause(struct store_outbox *o, bool paused); /* breaker open, rate used up */
/* Written to disk before the provider is called, so that a crash in between is told as unknown. */
void store_out_begin(struct store_outbox *o, const char *item, store_done done, void *arg);
/* What `progress` gives back when the item is begun again. */
void store_out_progress(struct store_outbox *o, const char *item, struct slice json, store_done done,
                        void *arg);
struct store_out_result {
    enum store_status status;         /* SENT, FAILED, UNKNOWN_OUTCOME; STORED: again at retry_ms */
    int64_t retry_ms;                 /* Redis time */
    const struct slice *external_ids; /* statuses that were parked for them are applied now */
    size_t external_ids_n;
    struct slice error; /* JSON {"code","text"} */
    bool dead;          /* FAILED: also into the channel's dead list */
    bool blocked;       /* the address is marked */
};
/* How it ended; the item is gone from the outbox unless it is due again. */
void store_out_result(struct store_outbox *o, const char *item, const struct store_out_result *r,
                      store_done done, void *arg);
/* The dead list: newest first. before: an item of the last page, "" at first. */
struct store_dead {
    const char *item;
    struct id thread;
    uint64_t seq;
    int64_t time_ms;
    struct slice error;
};
void store_dead_list(struct store_op *op, const char *channel, const char *before, unsigned limit,
                     void (*done)(void *arg, const struct err *e, const struct store_dead *d, size_t n),
                     void *arg);
/* Newest first; before: the "id" of the last one of a page, "" at first. */
void store_quarantine_list(struct store_op *op, const char *before, unsigned limit,
                           void (*done)(void *arg, const struct err *e, const char *const *json, size_t n),
                           void *arg);

/* The encrypted log of provider requests and responses of a message; kept 8 days; never for clearance 2 or
 * anonymous. */
void store_wire_log_add(struct store_op *op, struct id thread, uint64_t seq, struct slice json,
                        store_done done, void *arg);
void store_wire_log_get(struct store_op *op, struct id thread, uint64_t seq, store_text_done done,
                        void *arg); /* JSON array */

/* ---- media that must still be fetched ---- */

struct store_media_job {
    const char *item, *channel;
    struct id thread, entry, contact;
    uint64_t seq;
    struct slice job;
    unsigned tries;
};
/* Leased to this node for a minute; ERR_NOT_FOUND when there is none. */
void store_media_next(struct store_op *op,
                      void (*done)(void *arg, const struct err *e, const struct store_media_job *j),
                      void *arg);
/* ok: attachment number `at` of the entry becomes this JSON; again at retry_ms when it is not 0; else failed
 * with the JSON given. */
void store_media_done(struct store_op *op, const char *item, struct id thread, uint64_t seq, unsigned at,
                      struct slice attachment_json, int64_t retry_ms, store_done done, void *arg);

#endif
