/* SPDX-License-Identifier: Apache-2.0
 * Who may see and do what: the one place that decides (least visibility, areas, clearance). Pure functions
 * of what they are given; tests/unit/api walks them as a matrix against an oracle. */
#ifndef PARLEY_API_RIGHTS_H
#define PARLEY_API_RIGHTS_H

#include "store/agent.h"
#include <string.h>

enum right_role {
    ROLE_AGENT = 1,
    ROLE_SUPERVISOR = 2,
    ROLE_FOCAL = 4,
    ROLE_PARTNER = 8,
    ROLE_ADMINISTRATOR = 16,
    ROLE_AUDITOR = 32,
    ROLE_INTEGRATOR = 64, /* tokens only */
};

/* Blank-separated role names to bits; unknown names give none. */
unsigned rights_roles(const char *names);

/* Somebody in one operation. Strings are borrowed. */
struct who {
    const char *login; /* of a user; "" for a token */
    const char *agent; /* agent id in this operation; "" for none */
    const char *name;
    unsigned roles;
    int clearance;
    const char *areas; /* blank-separated; "" all */
    const char *teams;
    bool by_token;
};

/* What may be done with a thread; bits. */
enum right {
    RIGHT_SEE = 1,     /* that it exists, its state */
    RIGHT_READ = 2,    /* its entries, its contact */
    RIGHT_WRITE = 4,   /* messages and notes in it */
    RIGHT_MOVE = 8,    /* transfer, resolve, reopen, snooze, tag, patch */
    RIGHT_ASSIGN = 16, /* to anybody */
    RIGHT_ANSWER = 32, /* accept or decline: it is offered to them */
    RIGHT_WIRE = 64,   /* the log of provider requests */
};

/* So long who had a thread when it was resolved may look at it again and reopen it: as long as a message of
 * the person reopens it. */
#define RIGHTS_AFTER_MS (72 * 3600000ll)

/* holds_contact: another thread of the same contact is held by (not merely offered to) this agent now. */
unsigned rights_thread(const struct who *w, const struct store_thread *t, bool holds_contact, int64_t now_ms);
/* Is the area within what they serve? A thread without area is seen by those who serve the
 * whole operation. */
bool rights_area(const struct who *w, const char *area);
/* May be told of this colleague (name, team, presence)? */
bool rights_colleague(const struct who *w, const struct store_agent *a);
/* May be told how many threads the colleague holds? Of somebody with a higher clearance, or with sensitive
 * matters in other areas, that number would be a trace of what is sealed. */
bool rights_load(const struct who *w, const struct store_agent *a);
/* Supervisors and administrators see and change agents' skills. */
bool rights_manage_agents(const struct who *w);
/* May be told that something failed in a thread of this clearance and area (never what was in it)? */
bool rights_mend(const struct who *w, int clearance, const char *area);
/* The clearance that comes with roles. */
int rights_clearance(unsigned roles);
/* Administers the operation as a whole: administrators who are not of some areas alone. */
bool rights_administer(const struct who *w);
/* May erase people? sealed: the operation has focal points, so that anybody may have something sealed. It is
 * the same whoever is to be erased, or the refusal would tell of whom there is. */
bool rights_erase(const struct who *w, bool sealed);
/* May give this clearance to users and tokens, and act for those who have it (a new password opens all that
 * they see)? What is sensitive is given by those who have it. */
bool rights_may_give(const struct who *w, int clearance);
/* Could a waiting thread like this be offered to the agent (so that its queue's length may be told)? */
bool rights_could_serve(const struct who *w, const struct store_agent *a, const char *language,
                        const char *topic, int clearance, const char *area, const char *const *fallback);

/* What may be done with a red alert; bits. */
enum alert_right {
    ALERT_SEE = 1,     /* that there is one: category, area, times; and whom it is about */
    ALERT_CONFIRM = 2, /* a possible one: that it is one, or none */
    ALERT_ANSWER = 4,  /* acknowledge, hand over, close, dismiss */
};
struct alert_seen { /* of an alert; borrowed */
    int clearance;
    const char *area;        /* "" none */
    const char *holder, *by; /* agent ids: who held the thread, who raised it */
    bool drill;
};
/* on_rota: the document's duty rota names this agent. */
unsigned rights_alert(const struct who *w, const struct alert_seen *a, bool on_rota);

/* May the thread be another person's than the contact's others ("same person?")? It lends no right to those
 * and gets none from them. */
static inline bool rights_doubted(const struct store_thread *t)
{
    return t->doubt && *t->doubt;
}
/* Is what is known of the contact closed until somebody has asked? Where everything else has a higher
 * clearance nothing is asked, since the question would be a trace of it. */
static inline bool rights_closed(const struct store_thread *t)
{
    return rights_doubted(t) && strcmp(t->doubt, "quiet") != 0;
}
/* Articles: those of the areas served, of what is above these, and below; written by administrators,
 * supervisors of the area, and partners for what is their team's. */
enum right_article { ARTICLE_READ = 1, ARTICLE_EDIT = 2 };
unsigned rights_article(const struct who *w, const char *area, const char *owner, int clearance);

/* May they see a matter of that clearance and area without holding its thread? */
bool rights_matter(const struct who *w, int clearance, const char *area);

/* Up to which clearance somebody may hand a person what is kept about them; -1: not at all. What lies above
 * leaves no trace in it. */
int rights_subject(const struct who *w);

/* Is name one of the blank-separated list? */
bool rights_listed(const char *list, const char *name);

#endif
