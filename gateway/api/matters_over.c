/* SPDX-License-Identifier: Apache-2.0
 * Lists for those who oversee: matters and referrals of the whole operation, by what the caller may see. */
#include "gateway/api/matters.h"
#include <stdio.h>
#include <string.h>

#define OVERSEERS (ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_INTEGRATOR)

struct over_job {
    struct call *c;
    bool referrals;
    char state[16];
    unsigned limit, told;
    int64_t last;
    struct buf items;
};

static bool over_take(void *arg, const struct store_record *r)
{
    struct over_job *j = arg;
    char area[RECORD_FACETS + 1] = "";
    struct slice a = record_facet(r->facets, "area"), state = record_facet(r->facets, "state");
    memcpy(area, a.p, a.n);
    bool open =
        j->referrals ? slice_is(state, "made") || slice_is(state, "accepted") : !slice_is(state, "ended");
    if (j->told == j->limit)
        return false;
    j->last = r->score;
    if (!rights_matter(&j->c->caller.who, r->clearance, area) ||
        (j->state[0] && !(strcmp(j->state, "open") == 0 ? open : slice_is(state, j->state))))
        return false;
    call_item(&j->items);
    buf_char(&j->items, '{');
    if (j->referrals)
        referral_json(&j->items, r);
    else
        matter_json(&j->items, r);
    buf_char(&j->items, '}');
    j->told++;
    return false;
}

static void on_over(void *arg, const struct err *e, const struct store_record *r, size_t n, bool more)
{
    struct over_job *j = arg;
    char next[TIME_TEXT] = "";
    (void)r, (void)n;
    if (e->code) {
        call_err(j->c, e);
        buf_clear(&j->items);
    } else {
        if (more || j->told == j->limit)
            time_text(j->last, next);
        call_list_end(j->c, &j->items, next);
    }
    mem_free(j);
}

static void over_list(struct call *c, bool is_referrals)
{
    struct buf b;
    int64_t before = 0, after = 0;
    unsigned limit = call_limit(c);
    if (!limit)
        return;
    struct over_job *j = mem_alloc(sizeof *j);
    *j = (struct over_job){.c = c, .referrals = is_referrals, .limit = limit};
    buf_init(&b, 256);
    if (call_query(c, "state", &b) && b.n < sizeof j->state)
        memcpy(j->state, b.p, b.n);
    bool good = (!call_query(c, "before", &b) || time_parse(buf_view(&b), &before)) &&
                (!call_query(c, "after", &b) || time_parse(buf_view(&b), &after));
    buf_clear(&b);
    if (!good) {
        mem_free(j);
        call_problem(c, 400, "before, after: a time is wanted");
        return;
    }
    call_list(&j->items);
    /* Referrals by deadline, the nearest first; matters the newest first. */
    struct record_list q = {.kind = is_referrals ? "referral" : "matter",
                            .from = after,
                            .to = before,
                            .newest_first = !is_referrals,
                            .visible = over_take};
    store_record_list(c->op->op, &q, on_over, j);
}

static void matters_all(struct call *c)
{
    over_list(c, false);
}

static void referrals_all(struct call *c)
{
    over_list(c, true);
}

const struct call_route matter_over_routes[] = {
    {HTTP_M_GET, "matters", matters_all, OVERSEERS, 0},
    {HTTP_M_GET, "referrals", referrals_all, OVERSEERS, 0},
    {.run = NULL},
};
