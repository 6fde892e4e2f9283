/* SPDX-License-Identifier: Apache-2.0
 * See rights.h. */
#include "gateway/api/rights.h"
#include <string.h>

static const struct {
    const char *name;
    unsigned bit;
} role_names[] = {
    {"agent", ROLE_AGENT},           {"supervisor", ROLE_SUPERVISOR},       {"focal", ROLE_FOCAL},
    {"partner", ROLE_PARTNER},       {"administrator", ROLE_ADMINISTRATOR}, {"auditor", ROLE_AUDITOR},
    {"integrator", ROLE_INTEGRATOR},
};

static bool next_name(struct slice *rest, struct slice *name)
{
    while (slice_next(rest, ' ', name))
        if (name->n)
            return true;
    return false;
}

unsigned rights_roles(const char *names)
{
    unsigned roles = 0;
    struct slice rest = slice_str(names), name;
    while (next_name(&rest, &name))
        for (size_t i = 0; i < sizeof role_names / sizeof *role_names; i++)
            if (slice_is(name, role_names[i].name))
                roles |= role_names[i].bit;
    return roles;
}

bool rights_listed(const char *list, const char *name)
{
    struct slice rest = slice_str(list), part;
    while (next_name(&rest, &part))
        if (slice_is(part, name))
            return true;
    return false;
}

/* "tr" holds "tr" and "tr/izmir", not "tra". */
static bool area_holds(struct slice outer, const char *inner)
{
    size_t n = strlen(inner);
    return n >= outer.n && memcmp(inner, outer.p, outer.n) == 0 && (n == outer.n || inner[outer.n] == '/');
}

static bool area_served(const char *areas, const char *area)
{
    if (!areas || !*areas)
        return true;
    if (!area || !*area) /* of the whole operation */
        return false;
    struct slice rest = slice_str(areas), one;
    while (next_name(&rest, &one))
        if (area_holds(one, area))
            return true;
    return false;
}

bool rights_area(const struct who *w, const char *area)
{
    return area_served(w->areas, area);
}

static bool same(const char *a, const char *b)
{
    return a && b && *a && strcmp(a, b) == 0;
}

/* Those who hold it. An offer shows what is needed to decide; accepting it opens the rest. */
static unsigned rights_of_holder(const struct store_thread *t)
{
    if (t->state == STORE_OFFERED)
        return RIGHT_SEE | RIGHT_READ | RIGHT_ANSWER;
    if (t->state == STORE_ASSIGNED || t->state == STORE_SNOOZED)
        return RIGHT_SEE | RIGHT_READ | RIGHT_WRITE | RIGHT_MOVE;
    return 0;
}

#define WORKERS (ROLE_AGENT | ROLE_PARTNER | ROLE_FOCAL | ROLE_SUPERVISOR) /* may hold threads */

/* Resolved, and they had it then: whoever gives a thread away before is its last agent no more. */
static bool just_had(const struct who *w, const struct store_thread *t, int64_t now_ms)
{
    return t->state == STORE_RESOLVED && same(t->last_agent, w->agent) &&
           now_ms - t->resolved_ms < RIGHTS_AFTER_MS;
}

unsigned rights_thread(const struct who *w, const struct store_thread *t, bool holds_contact, int64_t now_ms)
{
    if (t->clearance > w->clearance || !rights_area(w, t->area))
        return 0;
    unsigned r = 0;
    if (w->roles & (ROLE_SUPERVISOR | ROLE_FOCAL))
        r |= RIGHT_SEE | RIGHT_READ | RIGHT_WRITE | RIGHT_MOVE | RIGHT_ASSIGN;
    if (w->roles & ROLE_SUPERVISOR)
        r |= RIGHT_WIRE;
    if (w->roles & ROLE_INTEGRATOR)
        r |= RIGHT_SEE | RIGHT_READ | RIGHT_WRITE | RIGHT_MOVE | RIGHT_ASSIGN;
    if (w->roles & WORKERS && same(t->assignee, w->agent))
        r |= rights_of_holder(t);
    if (w->roles & WORKERS && just_had(w, t, now_ms))
        r |= RIGHT_SEE | RIGHT_READ | RIGHT_MOVE;
    if (w->roles & ROLE_AGENT && holds_contact && !rights_doubted(t))
        r |= RIGHT_SEE | RIGHT_READ; /* earlier threads of somebody they are talking with */
    return r;
}

bool rights_colleague(const struct who *w, const struct store_agent *a)
{
    if (w->roles & ROLE_ADMINISTRATOR || same(a->id, w->agent))
        return true;
    if (w->roles & (ROLE_SUPERVISOR | ROLE_FOCAL)) {
        if (!a->areas || !*a->areas || !w->areas || !*w->areas)
            return true;
        struct slice rest = slice_str(a->areas), area;
        while (next_name(&rest, &area)) {
            char one[256];
            if (area.n >= sizeof one)
                continue;
            memcpy(one, area.p, area.n);
            one[area.n] = '\0';
            if (area_served(w->areas, one))
                return true;
        }
        return false;
    }
    struct slice rest = slice_str(a->teams), team;
    while (next_name(&rest, &team)) {
        struct slice mine = slice_str(w->teams), my;
        while (next_name(&mine, &my))
            if (slice_eq(team, my))
                return true;
    }
    return false;
}

/* Is every area of theirs within those served? */
static bool areas_hold(const char *areas, const char *theirs)
{
    if (!areas || !*areas)
        return true;
    if (!theirs || !*theirs)
        return false;
    struct slice rest = slice_str(theirs), one;
    while (next_name(&rest, &one)) {
        char name[256] = "";
        if (one.n >= sizeof name)
            return false;
        memcpy(name, one.p, one.n);
        if (!area_served(areas, name))
            return false;
    }
    return true;
}

bool rights_load(const struct who *w, const struct store_agent *a)
{
    if (w->clearance < a->clearance)
        return false;
    if (same(a->id, w->agent))
        return true;
    return (w->roles & (ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_ADMINISTRATOR)) &&
           (a->clearance < 2 || areas_hold(w->areas, a->areas));
}

/* An article of an area concerns who serves it, something in it, or what holds it. */
static bool article_near(const struct who *w, const char *area)
{
    struct slice rest = slice_str(w->areas), one;
    if (!w->areas || !*w->areas || !*area || area_served(w->areas, area))
        return true;
    while (next_name(&rest, &one))
        if (one.n > strlen(area) && memcmp(one.p, area, strlen(area)) == 0 && one.p[strlen(area)] == '/')
            return true;
    return false;
}

unsigned rights_article(const struct who *w, const char *area, const char *owner, int clearance)
{
    if (clearance > w->clearance || !article_near(w, area))
        return 0;
    bool edits = (w->roles & (ROLE_ADMINISTRATOR | ROLE_SUPERVISOR) && rights_area(w, area)) ||
                 (w->roles & ROLE_PARTNER && *owner && rights_listed(w->teams, owner));
    return ARTICLE_READ | (edits ? ARTICLE_EDIT : 0u);
}

bool rights_matter(const struct who *w, int clearance, const char *area)
{
    return (w->roles & (ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_INTEGRATOR)) && clearance <= w->clearance &&
           area_served(w->areas, area);
}

bool rights_manage_agents(const struct who *w)
{
    return w->roles & (ROLE_SUPERVISOR | ROLE_ADMINISTRATOR);
}

int rights_clearance(unsigned roles)
{
    return roles & ROLE_FOCAL ? 2 : roles & ROLE_SUPERVISOR ? 1 : 0;
}

bool rights_mend(const struct who *w, int clearance, const char *area)
{
    return clearance <= w->clearance && rights_area(w, area);
}

bool rights_administer(const struct who *w)
{
    return (w->roles & ROLE_ADMINISTRATOR) && (!w->areas || !*w->areas);
}

bool rights_erase(const struct who *w, bool sealed)
{
    return rights_administer(w) && (!sealed || w->clearance >= 2);
}

bool rights_may_give(const struct who *w, int clearance)
{
    return clearance < 2 || w->clearance >= clearance;
}

static bool speaks(const struct store_agent *a, const char *tag)
{
    for (size_t i = 0; i < a->languages_n; i++)
        if (strcmp(a->languages[i].tag, tag) == 0)
            return true;
    return false;
}

bool rights_could_serve(const struct who *w, const struct store_agent *a, const char *language,
                        const char *topic, int clearance, const char *area, const char *const *fallback)
{
    if (clearance > w->clearance || !area_served(a->areas, area))
        return false;
    if (*topic && !rights_listed(a->topics, "*") && !rights_listed(a->topics, topic))
        return false;
    if (!*language || speaks(a, language))
        return true;
    for (size_t i = 0; fallback && fallback[i]; i++)
        if (speaks(a, fallback[i]))
            return true;
    return false;
}

/* Whoever is on the rota is told of people whose threads they do not hold: that is what it is for. */
unsigned rights_alert(const struct who *w, const struct alert_seen *a, bool on_rota)
{
    unsigned all = ALERT_SEE | ALERT_CONFIRM | ALERT_ANSWER;
    if (a->drill && (w->roles & ROLE_ADMINISTRATOR))
        return all;
    if (a->clearance > w->clearance || !rights_area(w, a->area))
        return 0;
    if (w->roles & (ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_INTEGRATOR))
        return all;
    if (on_rota && (w->roles & WORKERS))
        return all;
    if ((w->roles & WORKERS) && same(a->holder, w->agent))
        return ALERT_SEE | ALERT_CONFIRM;
    return (w->roles & WORKERS) && same(a->by, w->agent) ? ALERT_SEE : 0;
}

int rights_subject(const struct who *w)
{
    if (w->roles & ROLE_FOCAL)
        return w->clearance;
    return w->roles & ROLE_ADMINISTRATOR ? 1 : -1;
}
