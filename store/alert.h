/* SPDX-License-Identifier: Apache-2.0
 * Red alerts as they are kept: records of kind "alert" (record.h), named by their code. The state stands in
 * clear facets, so that functions/alert.lua changes it together with the thread, the timers and the audit;
 * what somebody wrote about it is sealed under the person's key at the thread's clearance. The ladder is
 * router/alert.h's, what is sent is gateway/daemon/alerts.c's. */
#ifndef PARLEY_STORE_ALERT_H
#define PARLEY_STORE_ALERT_H

#include "store/record.h"

#define ALERT_TEXT     2000 /* bytes of what somebody writes about one */
#define ALERT_CODE_LEN 6

struct store_alert {
    char code[RECORD_ID + 1];
    char state[16], how[16]; /* how: agent, flow, api, words, drill */
    char category[64], area[256];
    char by[64], holder[64]; /* who raised it; who held the thread then; "" */
    char acknowledged_by[64], handed_by[64], ended_by[64];
    char of[RECORD_ID + 1]; /* the alert that it was grouped to; "" */
    bool drill;
    int clearance;
    struct id contact;                                                                      /* s[0] 0: none */
    char thread[ID_LEN + 1];                                                                /* "" none */
    int64_t seen_ms, raised_ms, first_ms, acknowledged_ms, handed_ms, ended_ms, counted_ms; /* 0: not yet */
    unsigned steps, count, counted; /* steps taken; like events in it, and how many were told */
    uint64_t version;
};
/* By the facets alone: of an event (ev->record) or a record. clearance is then the one of the facets, which a
 * record's own may be above. */
void store_alert_read(struct store_alert *a, const char *code, const char *group, const char *facets);
void store_alert_of(struct store_alert *a, const struct store_record *r);

struct alert_raise {
    struct id thread;           /* s[0] 0: a drill */
    const char *category, *how; /* codes */
    const char *area;           /* of a drill */
    const char *actor;
    const char *timer; /* "alarm …" that is done with it; NULL */
    struct slice note; /* sealed; may be empty */
    bool possible, drill;
    int64_t group_ms, confirm_ms;
};
/* THERE: the thread has one that is open. */
enum alert_found { ALERT_NEW, ALERT_GROUPED, ALERT_THERE };
struct alert_raised {
    char code[RECORD_ID + 1], state[16];
    enum alert_found how;
};
/* The alert, the thread's priority and what is due, in one step. */
void store_alert_raise(struct store_op *op, const struct alert_raise *r,
                       void (*done)(void *arg, const struct err *e, const struct alert_raised *r), void *arg);

struct alert_moved {
    const char *code, *to, *actor;
    const char *via;    /* page, api, reply: a code for the audit */
    const char *member; /* of the sealed JSON that `text` becomes: "handover", "reason"; NULL: no text */
    struct slice text;
    int64_t group_ms;
};
/* to: raised (a possible one is confirmed), acknowledged, handed, closed, dismissed. ERR_CONFLICT: not from
 * the state that it is in (the text tells which); ERR_NOT_FOUND. before: the state until now. */
void store_alert_move(struct store_op *op, const struct alert_moved *m,
                      void (*done)(void *arg, const struct err *e, const char *before), void *arg);

/* ---- for whoever drives the ladder ---- */

struct alert_notice {
    const char *login;
    int way;             /* in the person's ways; -1: their page */
    const char *outcome; /* "": to be sent; else how it ended: "sent", "absent" */
};
/* step: "3", or "c5": that it are five now. taken false: somebody did before, or nobody waits for it. */
void store_alert_step(struct store_op *op, const char *code, const char *step, unsigned level,
                      int64_t next_ms, const struct alert_notice *n, size_t count,
                      void (*done)(void *arg, const struct err *e, bool taken), void *arg);
/* A possible alert that nobody confirmed in time. */
void store_alert_unconfirmed(struct store_op *op, const char *code, int64_t group_ms, store_done done,
                             void *arg);
/* which: "<step> <login> <way>". outcome: sent, failed, retry, dropped. again_ms: after so long; 0 never. */
void store_alert_told(struct store_op *op, const char *code, const char *which, const char *outcome,
                      unsigned again_ms, void (*done)(void *arg, const struct err *e, unsigned tries),
                      void *arg);
struct alert_told {
    const char *step, *login, *way, *outcome;
    unsigned tries;
    int64_t time_ms;
};
/* How its notices ended, the oldest first; kept 30 days. */
void store_alert_notices(struct store_op *op, const char *code,
                         void (*done)(void *arg, const struct err *e, const struct alert_told *t, size_t n),
                         void *arg);
/* The id of an "alarm" timer: thread and entry. False: it is none. */
bool store_alarm_parse(const struct store_op *op, const char *id, struct id *thread, uint64_t *seq);

#endif
