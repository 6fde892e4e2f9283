/* SPDX-License-Identifier: Apache-2.0
 * What the files ingest*.c share: a job is one item on its way, a lane is what one address has under way and
 * waiting. */
#ifndef PARLEY_STORE_INGEST_H
#define PARLEY_STORE_INGEST_H

#include "store/cache.h"
#include "store/entry.h"

#define INGEST_TRIES 10
#define INGEST_MEDIA 64

struct lane {
    struct list queue; /* jobs, in the order in which they came */
    struct store_op *op;
    unsigned char blind[16];
    unsigned under_way;
    bool alone;   /* the one under way must end before another is sent */
    bool stalled; /* a belief was wrong: wait for all answers, then go on in order */
};

struct job {
    struct list node;
    struct lane *lane;
    struct store_op *op;
    struct store_inbound in; /* our copy, before decide */
    void (*decide)(void *arg, const struct store_known *k, struct store_inbound *in);
    void (*done)(void *arg, const struct err *e, const struct store_ingested *r);
    void *arg;
    uint64_t order;
    unsigned tries;
    bool fresh;    /* known was told just now */
    bool guessed;  /* nobody was asked: they are taken for new */
    bool has_also; /* a second address that is not known to be theirs */
    char also_is;  /* 0 nobody's or not asked, '1' theirs, '2' another's, '3' theirs, the first one unknown */
    unsigned char also[16];
    struct cache_person known;
    uint64_t quoted;        /* the thread of what it answers; 0: none, or not asked */
    uint64_t target_thread; /* of what an edit changes */
    uint32_t target_seq;
    int target_clearance;
    /* as decided and sent last: */
    uint32_t kid; /* taken for a new contact; 0: none */
    uint64_t new_contact, new_thread;
    struct store_language language;
    const char *topic, *area; /* interned */
    char sums[CACHE_SUMS], name[4];
    unsigned char sums_n, name_n;
    int clearance;
    bool told;   /* of what was asked: not once more */
    char *asked; /* the entry with the choices, as it stands in its log; NULL */
    size_t asked_n;
    uint64_t asked_thread;
    uint32_t asked_seq;
    bool apart;               /* an album's item that wants an entry of its own */
    bool targeted;            /* it goes into the thread of its target */
    uint64_t same;            /* a hash of what it may change besides numbers */
    _Alignas(8) char bytes[]; /* what `in` points to */
};

struct job *ingest_job(struct store_op *op, const struct store_inbound *in);
/* Lets decide decide, then builds the arguments of `ingest`. They live until the next call. 0, or -ERR_x. */
int ingest_args(struct job *j, struct store_args *a);
/* The keyed hash of a provider's id: a number, and where it is kept (3 bytes). */
void ingest_id_hash(const struct store_op *op, const char *purpose, struct slice a, struct slice b,
                    struct slice c, int64_t *hash, char sel[3]);
void ingest_known_args(struct job *j, struct store_args *a);
void ingest_known_read(struct job *j, const struct redis_reply *r);
/* As if `known` had said that they are nobody's. */
void ingest_known_none(struct job *j);
/* The job ended: what this node believes from now on. */
void ingest_learn(struct job *j, uint64_t thread, uint64_t contact, unsigned flags, uint32_t version);
/* Takes the right one of the answers of `ingest` and `album_add` (26 bytes). */
#define INGEST_ANSWER 26
void ingest_stored(struct job *j, struct slice answer);
void ingest_send(struct job *j);
void ingest_finish(struct job *j, const struct err *e, const struct store_ingested *r);
void ingest_fail(struct job *j, int code, const char *text);
/* Lets decide decide; fills what the job keeps of it. */
void ingest_decide(struct job *j, struct store_inbound *in);
/* It was sent: what it will change is believed at once, for the ones behind it. */
void ingest_note(struct job *j);
/* album.c: the group's hash and the ids after `first`, for the function; and the way into an entry that is
 * there. */
void ingest_album_write(const struct job *j, const struct store_inbound *in, bool first, struct buf *out);
void ingest_album_join(struct job *j, uint64_t thread, uint32_t seq);
/* contact.c: a provider's name that differs from the one kept. */
void contact_provider_name(struct store_op *op, uint64_t contact, struct slice name);
void ingest_name_hash(const struct store_op *op, struct slice name, char out[4]);

#endif
