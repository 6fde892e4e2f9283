/* SPDX-License-Identifier: Apache-2.0
 * Flows: what a bot asks before a person takes over. A container of the FLOIP flow specification 1.0.0-rc4 is
 * checked and loaded once; a run of it is a small JSON object that goes from step to step. Pure: no clock, no
 * chance, no I/O, so that the same flow, run and input give the same prompts on every node. README.md says
 * what of the specification is there. */
#ifndef PARLEY_ROUTER_FLOW_H
#define PARLEY_ROUTER_FLOW_H

#include "gateway/base/json.h"

#define FLOW_BYTES 524288 /* of a container's JSON */
#define FLOW_SAYS  12     /* prompts of one step; what says more is handed over */
#define FLOW_TEXT  8192   /* bytes of one prompt */
#define FLOW_TITLE 200    /* bytes of a choice's title */

/* ---- checking and loading ---- */

/* `at` is the JSON pointer of what is wrong. */
typedef void (*flow_problem)(void *arg, const char *at, const char *text);
/* True when nothing is wrong. arg may be told up to 50 problems. */
bool flow_check(const json_t *container, flow_problem problem, void *arg);

/* What a HandOver, or an Article block names, so that others can look whether it is there. */
struct flow_names {
    void *arg;
    void (*topic)(void *arg, const char *at, const char *topic, int clearance);
    void (*article)(void *arg, const char *at, const char *article);
};
void flow_names(const json_t *container, const struct flow_names *to);

struct flow;
/* NULL, with e filled, when flow_check says no. */
struct flow *flow_load(const json_t *container, struct err *e);
void flow_free(struct flow **f);
/* Seconds of silence after which a run ends; 0: the flow says nothing. */
unsigned flow_timeout(const struct flow *f);

/* ---- running ---- */

enum flow_mode { FLOW_MODE_TEXT, FLOW_MODE_SMS, FLOW_MODE_RICH }; /* TEXT, SMS, RICH_MESSAGING */

/* What a step has to know besides flow and run. All borrowed. */
struct flow_world {
    enum flow_mode mode;
    const char *const *languages; /* tags that the operation serves, NULL-terminated; may be NULL */
    /* Tags that are tried for one that a text does not have, NULL-terminated; NULL: none. May be NULL. */
    const char *const *(*fallback)(void *arg, const char *language);
    /* Parley's own texts: "flow.not_understood", "flow.handed_over", "flow.person_words" … Empty: none. May
     * be NULL. */
    struct slice (*text)(void *arg, const char *language, const char *key);
    void *arg;
    const char *language;  /* the person's, as known when the run begins; "" */
    bool language_stated;  /* by the person: a Language block does not ask again */
    const char *name;      /* contact.name; "" */
    const json_t *contact; /* kept properties, as contact.x; NULL */
};

struct flow_input {
    bool start;          /* a new run; text is what the person wrote first, and no answer to anything */
    struct slice text;   /* as typed */
    struct slice choice; /* id of a choice that was pressed or typed; empty */
    bool other;          /* there is something else in the message (a file, a location) */
};

/* Takes one step of a run. `run` is what the last step left there ({} for a new one); it is changed. Returns
 * what is to be done (the caller decrefs):
 *
 * {"say":[{"text","choices":[{"id","title"}]?} or {"article","tag","language"}…], "language":"ar"? (the
 *  person chose it), "contact":{…}? (properties to be kept), "alarm":true?, "expects":"one|number|text"?,
 *  "hand_over":{"why","topic"?,"priority"?,"clearance"?,"category"?}?}
 *
 * Without hand_over the run waits for the next input. why: "flow" (a HandOver block), "alarm", "end" (the
 * flow's), "asked" (the person wants a person), "not_understood", "loop" (too many blocks, prompts, inputs or
 * flows within each other), "broken" (flow and run do not fit: the flow was changed meanwhile), "expired",
 * "urgent". */
json_t *flow_step(const struct flow *f, const struct flow_world *w, const struct flow_input *in, json_t *run);
/* The same for a run that ends for a reason of its host's: "expired", "urgent", "agent"… f may be NULL, as
 * above: the flow is not there any more. */
json_t *flow_end(const struct flow *f, const struct flow_world *w, const char *why, json_t *run);

/* Names of languages in themselves, for Language blocks; "" for one that is not known. */
const char *flow_language_name(const char *tag);

#endif
