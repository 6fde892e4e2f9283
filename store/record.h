/* SPDX-License-Identifier: Apache-2.0
 * Records: whatever an operation keeps beside people, threads and entries (a run of a flow, an alert, a
 * matter, an article, a webhook's queue). One JSON object each, sealed: under the operation's configuration
 * key, or under a contact's key at a clearance, so that erasing the person erases it. What stands in clear is
 * codes and times alone (facets, score, group). record_kinds.c lists every kind with what it holds, why and
 * for how long; the record of processing is made from it, and a kind that is not there is refused.
 *
 * A put is compare-and-set and writes record, index, event (STORE_EV_RECORD) and audit line in one step.
 * functions/record.lua lends the same to other functions (P.record_put), for what must change together with
 * a thread. */
#ifndef PARLEY_STORE_RECORD_H
#define PARLEY_STORE_RECORD_H

#include "store/events.h"

#define RECORD_ID     64     /* bytes of an id or a group: a-z A-Z 0-9 . _ - : / */
#define RECORD_FACETS 512    /* bytes of the facets */
#define RECORD_JSON   262144 /* bytes of the JSON */
#define RECORD_ANY    UINT64_MAX
#define RECORD_LIST   500 /* most that one list answers */

struct store_record {
    const char *kind;   /* one of record_kinds.c */
    const char *id;     /* unique within the kind; a code, never anything of a person */
    uint64_t version;   /* 1 when made, one more with each put */
    struct slice json;  /* what is sealed; empty: it cannot be opened any more (the person was erased) */
    struct id contact;  /* whose key seals it; "" (s[0] == 0): the operation's own */
    int clearance;      /* the class of that key, 0-2; for own records a mark that readers compare */
    int64_t score;      /* what lists are ordered by: a time in ms mostly. 0: when it was written */
    int64_t updated_ms; /* Redis's time of the last put */
    const char *group;  /* "": none; else a code by which lists ask (a thread's id, an area) */
    const char *facets; /* "state=open area=tr/izmir": codes in clear, separated by spaces */
};

struct record_put {
    struct store_record r; /* version and updated_ms are not read */
    uint64_t expect;       /* the version that is there; 0: none may be; RECORD_ANY: whatever is there */
    const char *actor;     /* of event and audit */
    const char *action;    /* of the audit line, "article.put"; NULL: no line */
    const char *detail;    /* codes; may be NULL */
};

/* code ERR_CONFLICT: another version is there (its number is in `version`, 0: none). ERR_NOT_FOUND: no such
 * contact; ERR_ERASED: the person was erased; ERR_INVALID: an id, group, facets or kind that is none. */
void store_record_put(struct store_op *op, const struct record_put *p,
                      void (*done)(void *arg, const struct err *e, uint64_t version), void *arg);
/* ERR_NOT_FOUND: there is none. r lives until the callback returns. */
void store_record_get(struct store_op *op, const char *kind, const char *id,
                      void (*done)(void *arg, const struct err *e, const struct store_record *r), void *arg);
/* ERR_CONFLICT as put. Deleting what is not there succeeds when expect is RECORD_ANY. */
void store_record_delete(struct store_op *op, const char *kind, const char *id, uint64_t expect,
                         const char *actor, const char *action, store_done done, void *arg);

/* In the order of their scores. Records of an erased person come with empty json. */
struct record_list {
    const char *kind;
    const char *group; /* NULL: of every group */
    int64_t from, to;  /* scores, both inclusive; to 0: no end */
    bool newest_first;
    unsigned offset, limit; /* limit at most RECORD_LIST; 0: RECORD_LIST */
    /* Called before anything is opened, by the facets, so that what may not be seen is not decrypted; NULL:
     * all. Those refused count for offset and limit all the same. */
    bool (*visible)(void *arg, const struct store_record *r);
};
void store_record_list(struct store_op *op, const struct record_list *q,
                       void (*done)(void *arg, const struct err *e, const struct store_record *r, size_t n,
                                    bool more),
                       void *arg);
/* All records sealed for a contact, of every kind, for an access export. */
void store_records_of(struct store_op *op, struct id contact,
                      void (*done)(void *arg, const struct err *e, const struct store_record *r, size_t n),
                      void *arg);

/* The value of one facet; "" when it is not there. */
struct slice record_facet(const char *facets, const char *name);

/* ---- what is kept of whom, and why: of every kind of record and of everything else in the store ---- */

struct record_kind {
    const char *kind; /* of a record; else the name of the key's family: "contact", "thread", … */
    bool is_record;
    const char *what; /* the data, in words for a data protection officer */
    const char *why;  /* purpose */
    const char *key;  /* under which key: "contact", "configuration", "index (keyed hash)", "clear: codes" */
    const char *how_long; /* retention */
    unsigned days;        /* of a record: dropped when its last put is older; 0: by its own rules */
};
extern const struct record_kind record_kinds[]; /* ends with kind NULL */

#endif
