/* SPDX-License-Identifier: Apache-2.0
 * What alerts.c (the ladder), alerts_send.c (notices) and alerts_word.c (words of alarm, replies) share. */
#ifndef PARLEY_DAEMON_ALERTS_INTERNAL_H
#define PARLEY_DAEMON_ALERTS_INTERNAL_H

#include "gateway/base/log.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "gateway/daemon/alerts.h"
#include "gateway/daemon/worker.h"
#include "gateway/host/host.h"
#include "router/alert.h"
#include "store/agent.h"

struct alerts {
    struct worker *w;
    struct store_op *op; /* NULL once the operation is gone */
    struct alert_ladder *ladder;
    struct map categories; /* that the operation has switched off or added: id → "on" or "off" */
    char *zone;
    struct map sending; /* notices that are with a connector: a timer that comes again must not send twice */
    unsigned refs;
};

static inline struct alerts *alerts_keep(struct alerts *a)
{
    a->refs++;
    return a;
}
void alerts_drop(struct alerts *a);
/* May this agent know of the alert? */
bool alerts_may_know(const struct store_agent *agent, const struct store_alert *al);

/* alerts_send.c */
void alerts_on_notice(void *arg, const char *id, struct store_firing *f);
/* A short word to one of the ways of somebody on duty; how it ends does not matter. */
void alerts_word(struct alerts *a, const struct alert_person *p, const struct alert_way *way, const char *key,
                 const char *code);

/* alerts_word.c */
void alerts_on_alarm(void *arg, const char *id, struct store_firing *f);
void alerts_emergency(struct alerts *a, struct id thread, const char *code);

#endif
