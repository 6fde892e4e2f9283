/* SPDX-License-Identifier: Apache-2.0
 * How an entry stands in log:<thread> (README.md): a small clear head and an envelope, and beside it the part
 * that changes. The head is authenticated with the envelope, with the contact and the thread. */
#ifndef PARLEY_STORE_ENTRY_H
#define PARLEY_STORE_ENTRY_H

#include "store/internal.h"

struct entry_head {
    enum store_kind kind;
    bool inbound;
    enum store_author author;
    int clearance;
    struct slice channel, author_id;
    uint64_t target_thread; /* 0: none */
    uint32_t target_seq;
    const unsigned char *blind; /* of the recipient's address; NULL: none */
    bool despite;               /* it goes out although it is not safe to reach them there */
};

/* What the function puts before it: the form and the time; in form 2 search sets and their length stand
 * behind the envelope, and the functions keep them there. */
#define ENTRY_PREFIX   7
#define ENTRY_PLAIN    1
#define ENTRY_SEARCHED 2
/* Head and envelope, appended. The contact's key must be there. */
void entry_seal(struct store_op *op, uint64_t contact, uint32_t kid, uint64_t thread,
                const struct entry_head *h, int64_t provider_ms, struct slice text, struct slice extra,
                struct buf *out);
/* Reads the head. rest: the envelope. False: not an entry of this form. */
bool entry_parse(struct slice value, struct entry_head *h, int64_t *time_ms, struct slice *head,
                 struct slice *envelope);
/* The whole record; what it holds lives in a. The key must be loaded (keys_load); without it e->erased. 0 or
 * -ERR_CORRUPT. */
int entry_open(struct store_op *op, uint64_t contact, uint64_t thread, uint32_t seq, struct slice value,
               struct slice status, struct arena *a, struct store_entry *e);

struct entry_status {
    enum store_status status;
    unsigned attempt, tries;
    bool begun;
    uint32_t sent_s;                /* since when it is sent, until it is known to have arrived; 0 */
    struct slice parts, ids, error; /* ids and error are envelopes, or empty */
};
bool entry_status_parse(struct slice s, struct entry_status *st);
void entry_status_write(const struct entry_status *st, struct buf *out);

/* What else is sealed under a contact's key; each kind with its own associated data. */
enum record {
    RECORD_PROFILE = 'p',
    RECORD_ADDRESS = 'a',
    RECORD_IDS = 'i',
    RECORD_ERROR = 'r',
    RECORD_PROGRESS = 'g',
    RECORD_MEDIA = 'm',
    RECORD_WIRE = 'w'
};
/* thread and seq 0 where the record belongs to the contact alone. */
void record_seal(struct store_op *op, enum record kind, uint64_t contact, uint32_t kid, int clearance,
                 uint64_t thread, uint32_t seq, struct slice plain, struct buf *out);
int record_open(struct store_op *op, enum record kind, uint64_t contact, int clearance, uint64_t thread,
                uint32_t seq, struct slice envelope, struct buf *out);
/* The same into an arena; empty when it does not open. */
struct slice record_text(struct store_op *op, enum record kind, uint64_t contact, int clearance,
                         uint64_t thread, uint32_t seq, struct slice envelope, struct arena *a);

#endif
