/* SPDX-License-Identifier: Apache-2.0
 * Who sees and answers red alerts: every role, clearance, area and place against the rule written once more.
 */
#include "gateway/api/rights.h"
#include "tests/unit/test.h"

static const char *const areas[] = {"", "tr", "tr/izmir", "sy"};
static const unsigned roles[] = {ROLE_AGENT,   ROLE_SUPERVISOR,    ROLE_FOCAL,     ROLE_PARTNER,
                                 ROLE_AUDITOR, ROLE_ADMINISTRATOR, ROLE_INTEGRATOR};

static bool within(const char *theirs, const char *area)
{
    size_t n = strlen(theirs);
    return !n || (strncmp(area, theirs, n) == 0 && (!area[n] || area[n] == '/'));
}

/* As README.md tells it, over one role. */
static unsigned oracle(unsigned role, int mine, const char *my_areas, int clearance, const char *area,
                       bool holder, bool by, bool drill, bool rota)
{
    bool worker = role == ROLE_AGENT || role == ROLE_PARTNER || role == ROLE_SUPERVISOR || role == ROLE_FOCAL;
    unsigned all = ALERT_SEE | ALERT_CONFIRM | ALERT_ANSWER;
    if (drill && role == ROLE_ADMINISTRATOR)
        return all;
    if (clearance > mine || !within(my_areas, area))
        return 0;
    if (role == ROLE_SUPERVISOR || role == ROLE_FOCAL || role == ROLE_INTEGRATOR || (worker && rota))
        return all;
    if (worker && holder)
        return ALERT_SEE | ALERT_CONFIRM;
    return worker && by ? ALERT_SEE : 0;
}

T(against_the_rule)
{
    unsigned cells = 0, seen = 0;
    for (size_t r = 0; r < sizeof roles / sizeof *roles; r++)
        for (int bits = 0; bits < 16; bits++)
            for (int mine = 0; mine < 3; mine++)
                for (int clearance = 0; clearance < 3; clearance++)
                    for (size_t m = 0; m < 4; m++)
                        for (size_t a = 0; a < 4; a++) {
                            bool holder = bits & 1, by = bits & 2, drill = bits & 4, rota = bits & 8;
                            struct who w = {.login = "amal",
                                            .agent = "amal",
                                            .name = "",
                                            .roles = roles[r],
                                            .clearance = mine,
                                            .areas = areas[m],
                                            .teams = ""};
                            struct alert_seen s = {clearance, areas[a], holder ? "amal" : "",
                                                   by ? "amal" : "x", drill};
                            unsigned got = rights_alert(&w, &s, rota);
                            EQ_INT(got, oracle(roles[r], mine, areas[m], clearance, areas[a], holder, by,
                                               drill, rota));
                            cells++;
                            seen += got != 0;
                        }
    EQ_INT(cells, 7 * 16 * 9 * 16);
    OK(seen > 1000 && seen < cells / 2);
}

TEST_MAIN
