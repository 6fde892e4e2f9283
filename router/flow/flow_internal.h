/* SPDX-License-Identifier: Apache-2.0
 * What the files of this folder share. */
#ifndef PARLEY_ROUTER_FLOW_INTERNAL_H
#define PARLEY_ROUTER_FLOW_INTERNAL_H

#include "gateway/base/map.h"
#include "gateway/base/text.h"
#include "router/flow/flow.h"

#define FLOW_VERSION "1.0.0-rc4"
#define FLOW_CHOICES 30

struct flow {
    json_t *container;
    struct map flows, blocks, resources; /* uuid → json_t; blocks by "flow/block" */
};

enum flow_kind {
    FLOW_CASE,
    FLOW_RUN,
    FLOW_OUTPUT,
    FLOW_PROPERTY,
    FLOW_MESSAGE,
    FLOW_ONE,
    FLOW_NUMBER,
    FLOW_OPEN,
    FLOW_HAND_OVER,
    FLOW_ALARM,
    FLOW_LANGUAGE,
    FLOW_ARTICLE,
    FLOW_KINDS /* none of them */
};
enum flow_kind flow_kind(const json_t *block);
extern const char *const flow_kind_names[];

/* One step that is being taken. */
struct flow_go {
    const struct flow *f;
    const struct flow_world *w;
    json_t *run, *out;
    struct arena *a;
    const json_t *block;   /* that is being run */
    struct slice response; /* block.response */
    json_t *value;         /* block.value; NULL: none */
};

const json_t *flow_find(const struct flow *f, const char *uuid);
const json_t *flow_block(const struct flow *f, const char *flow, const char *block);
const char *flow_string(const json_t *o, const char *key); /* "" when there is none */
bool flow_is_uuid(const char *s);

/* expr.c */
struct flow_value {
    enum { FLOW_NULL, FLOW_BOOL, FLOW_NUM, FLOW_STR } kind;
    bool yes;
    double number;
    struct slice text;
};
/* False: it is no expression; why says so. g NULL: it is only looked whether it is one. */
bool flow_eval(const struct flow_go *g, struct slice expression, struct arena *a, struct flow_value *out,
               const char **why);
bool flow_truth(const struct flow_value *v);
struct slice flow_value_text(const struct flow_value *v, struct arena *a);
json_t *flow_value_json(const struct flow_value *v);
/* Digits of every set we know as ASCII; anything else stays. */
struct slice flow_digits(struct slice text, struct arena *a);
/* All of text is a decimal number, in whichever digits. */
bool flow_number(struct slice text, double *out);
/* A path's value: text.c's variables. Unknown ones are FLOW_NULL. */
void flow_variable(const struct flow_go *g, struct slice path, struct arena *a, struct flow_value *out);
/* Does such a path begin with something that can be known? */
bool flow_variable_known(struct slice path);

/* text.c */
/* The resource's text for mode and language with its variables filled in; empty: it has none. A text that is
 * no resource's uuid stands for itself. */
struct slice flow_text(const struct flow_go *g, const char *resource, const char *language);
/* Is there a text of it at all, for any mode and this language ("" any)? */
bool flow_has_text(const json_t *resource, const char *language);
/* "ara" and "ar" are the same language. */
bool flow_same_language(const char *a, const char *b);
const char *flow_language(const struct flow_go *g); /* the run's; "" */
void flow_say(struct flow_go *g, struct slice text, json_t *choices);
struct slice flow_own_text(const struct flow_go *g, const char *key);

/* answer.c */
bool flow_wants_person(const struct flow_go *g, const struct flow_input *in);
/* The input as the waiting block's answer: g->value and g->response. False: it is none. */
bool flow_answer(struct flow_go *g, const struct flow_input *in);
json_t *flow_choices(struct flow_go *g, const json_t *block);

#endif
