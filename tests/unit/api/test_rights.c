/* SPDX-License-Identifier: Apache-2.0
 * Rights as a matrix: every combination of role, clearance, area, state and holding, against an oracle
 * written from the sentences of the rules and not from the code. */
#include "gateway/api/rights.h"
#include "tests/unit/test.h"

static const char *const areas[] = {"", "tr", "tr/izmir", "tra", "lb"};
static const char *const agent_areas[] = {"", "tr", "tr/izmir", "lb tr/izmir"};

/* "tr" contains "tr/izmir"; written with another method than the code's. */
static bool oracle_area(const char *lists, const char *area)
{
    char pattern[64], list[64];
    if (!*lists || !*area)
        return !*lists;
    snprintf(list, sizeof list, " %s ", lists);
    for (size_t n = strlen(area); n > 0; n--) {
        if (area[n] != '\0' && area[n] != '/')
            continue;
        snprintf(pattern, sizeof pattern, " %.*s ", (int)n, area);
        if (strstr(list, pattern))
            return true;
    }
    return false;
}

#define HOUR 3600000ll
static const int64_t now = 1800000000000;

/* mine: they hold it or it is offered to them; had: it was resolved so many hours ago, and theirs then (-1:
 * it was not). */
static unsigned oracle(const struct who *w, const struct store_thread *t, bool mine, int had,
                       bool holds_contact)
{
    bool over = w->roles & (ROLE_SUPERVISOR | ROLE_FOCAL | ROLE_INTEGRATOR);
    bool worker = w->roles & (ROLE_AGENT | ROLE_PARTNER | ROLE_FOCAL | ROLE_SUPERVISOR);
    unsigned r = 0;
    if (w->clearance < t->clearance || !oracle_area(w->areas, t->area))
        return 0;
    if (over)
        r |= RIGHT_SEE | RIGHT_READ | RIGHT_WRITE | RIGHT_MOVE | RIGHT_ASSIGN;
    if (w->roles & ROLE_SUPERVISOR)
        r |= RIGHT_WIRE;
    if (worker && mine)
        switch (t->state) {
        case STORE_OFFERED:
            r |= RIGHT_SEE | RIGHT_READ | RIGHT_ANSWER;
            break;
        case STORE_ASSIGNED:
        case STORE_SNOOZED:
            r |= RIGHT_SEE | RIGHT_READ | RIGHT_WRITE | RIGHT_MOVE;
            break;
        default:
            break;
        }
    if (worker && t->state == STORE_RESOLVED && had >= 0 && had < 72)
        r |= RIGHT_SEE | RIGHT_READ | RIGHT_MOVE;
    if ((w->roles & ROLE_AGENT) && holds_contact)
        r |= RIGHT_SEE | RIGHT_READ;
    return r;
}

static unsigned cells;

static void walk(struct who *w, struct store_thread *t)
{
    static const int ago[] = {-1, 0, 71, 72, 500};
    for (int state = STORE_BOT; state <= STORE_RESOLVED; state++)
        for (int mine = 0; mine < 2; mine++)
            for (int holds = 0; holds < 2; holds++)
                for (size_t h = 0; h < sizeof ago / sizeof *ago; h++) {
                    t->state = (enum store_state)state;
                    t->assignee = mine ? w->agent : "somebody";
                    t->last_agent = ago[h] >= 0 ? w->agent : "somebody";
                    t->resolved_ms = now - ago[h] * HOUR;
                    unsigned got = rights_thread(w, t, holds, now);
                    EQ_INT(got, oracle(w, t, mine && *w->agent, *w->agent ? ago[h] : -1, holds));
                    cells++;
                }
}

T(every_combination_is_as_the_rules_say)
{
    cells = 0;
    for (unsigned roles = 0; roles < 128; roles++)
        for (int cw = 0; cw < 3; cw++)
            for (int ct = 0; ct < 3; ct++)
                for (size_t aw = 0; aw < sizeof agent_areas / sizeof *agent_areas; aw++)
                    for (size_t at = 0; at < sizeof areas / sizeof *areas; at++)
                        for (int agent = 0; agent < 2; agent++) {
                            struct who w = {"amal", agent ? "amal" : "", "Amal", roles,
                                            cw,     agent_areas[aw],     "",     false};
                            struct store_thread t = {.clearance = ct, .area = areas[at], .topic = ""};
                            walk(&w, &t);
                        }
    OK(cells >= 10000);
}

T(nobody_sees_above_their_clearance)
{
    struct who w = {"x", "x", "X", 127, 1, "", "", false};
    struct store_thread t = {.clearance = 2, .area = "", .assignee = "x", .state = STORE_ASSIGNED};
    EQ_INT(rights_thread(&w, &t, true, now), 0);
}

T(administrators_and_auditors_read_no_threads)
{
    struct who w = {"root", "root", "Root", ROLE_ADMINISTRATOR | ROLE_AUDITOR, 2, "", "", false};
    struct store_thread t = {.clearance = 0, .area = "", .assignee = "root", .state = STORE_ASSIGNED};
    EQ_INT(rights_thread(&w, &t, true, now), 0);
}

T(who_resolved_a_thread_may_reopen_it_for_a_while)
{
    struct who w = {"x", "x", "X", ROLE_AGENT, 0, "tr", "", false};
    struct store_thread t = {.area = "tr", .assignee = "", .last_agent = "x", .state = STORE_RESOLVED};
    t.resolved_ms = now - 72 * HOUR + 1;
    EQ_INT(rights_thread(&w, &t, false, now), RIGHT_SEE | RIGHT_READ | RIGHT_MOVE);
    EQ_INT(rights_thread(&w, &t, false, now + 1), 0);
    t.state = STORE_WAITING; /* somebody else reopened it */
    EQ_INT(rights_thread(&w, &t, false, now), 0);
    t.state = STORE_RESOLVED;
    t.clearance = 1; /* sealed meanwhile */
    EQ_INT(rights_thread(&w, &t, false, now), 0);
    t.clearance = 0;
    t.area = "lb";
    EQ_INT(rights_thread(&w, &t, false, now), 0);
}

T(unknown_roles_give_nothing)
{
    EQ_INT(rights_roles("agents Agent  root"), 0);
    EQ_INT(rights_roles(" agent  focal "), ROLE_AGENT | ROLE_FOCAL);
}

T(who_may_erase_is_the_same_whoever_is_named)
{
    struct who w = {.roles = ROLE_ADMINISTRATOR, .areas = ""};
    OK(rights_erase(&w, false) && !rights_erase(&w, true));
    w.clearance = 2;
    OK(rights_erase(&w, true));
    w.areas = "tr";
    OK(!rights_erase(&w, true) && !rights_erase(&w, false));
    w = (struct who){.roles = ROLE_FOCAL | ROLE_AUDITOR, .clearance = 2, .areas = ""};
    OK(!rights_erase(&w, true));
}

T(a_colleague_is_of_ones_team_or_area)
{
    struct who agent = {"a", "a", "A", ROLE_AGENT, 0, "tr", "one two", false};
    struct who chief = {"c", "c", "C", ROLE_SUPERVISOR, 1, "tr", "", false};
    struct store_agent same = {.id = "b", .teams = "two", .areas = "lb"},
                       other = {.id = "d", .teams = "three", .areas = "tr/izmir"};
    OK(rights_colleague(&agent, &same));
    OK(!rights_colleague(&agent, &other));
    OK(rights_colleague(&chief, &other));
    OK(!rights_colleague(&chief, &same));
}

T(a_queue_is_told_to_those_who_could_serve_it)
{
    struct who w = {"a", "a", "A", ROLE_AGENT, 0, "tr", "", false};
    struct store_agent a = {.id = "a",
                            .areas = "tr",
                            .topics = "cash health",
                            .languages = {{"fa", 5}, {"en", 3}},
                            .languages_n = 2};
    const char *const chain[] = {"fa", "en", NULL};
    OK(rights_could_serve(&w, &a, "fa", "cash", 0, "tr/izmir", NULL));
    OK(rights_could_serve(&w, &a, "prs", "cash", 0, "tr", chain));
    OK(rights_could_serve(&w, &a, "", "", 0, "tr", NULL));
    OK(!rights_could_serve(&w, &a, "prs", "cash", 0, "tr", NULL));
    OK(!rights_could_serve(&w, &a, "fa", "legal", 0, "tr", NULL));
    OK(!rights_could_serve(&w, &a, "fa", "cash", 1, "tr", NULL));
    OK(!rights_could_serve(&w, &a, "fa", "cash", 0, "lb", NULL));
    OK(!rights_could_serve(&w, &a, "fa", "cash", 0, "", NULL)); /* of the whole operation */
}

TEST_MAIN
