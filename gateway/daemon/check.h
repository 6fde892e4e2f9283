/* SPDX-License-Identifier: Apache-2.0
 * Checking JSON values, each problem with its JSON pointer: small values, lists, maps, objects by a table of
 * members. For operation_*.c. */
#ifndef PARLEY_DAEMON_CHECK_H
#define PARLEY_DAEMON_CHECK_H

#include "gateway/base/json.h"

struct operation_connectors;

struct check {
    struct buf *problems, at; /* at: JSON pointer of what is looked at */
    const json_t *merged, *agents;
    const struct operation_connectors *con;
};
typedef void (*check_value)(struct check *c, const json_t *v);
struct check_member {
    const char *name;
    check_value check;
    bool required;
};

/* Each of these writes a line for what is wrong with v and goes on: one reading tells all problems. v may be
 * of any type, also NULL. */

/* A problem at the place that is looked at. */
void check_wrong(struct check *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Goes into a member, or an item of a list; returns where to come back to. */
size_t check_into(struct check *c, const char *name);
size_t check_into_item(struct check *c, size_t i);
void check_out(struct check *c, size_t back);

/* In order: a language tag; a name (a-z 0-9 . _ -); an area ("tr/izmir"); a text of at most 4,000 bytes; one
 * of 1 to 200; true or false; "", http:// or https:// …; a zone of the tz database; any object; a number of
 * min … max. */
void check_tag(struct check *c, const json_t *v);
void check_name(struct check *c, const json_t *v);
void check_area(struct check *c, const json_t *v);
void check_text(struct check *c, const json_t *v);
void check_short_text(struct check *c, const json_t *v);
void check_flag(struct check *c, const json_t *v);
void check_url(struct check *c, const json_t *v);
/* What somebody may be in an operation: "agent", "supervisor", … */
void check_role(struct check *c, const json_t *v);
void check_timezone(struct check *c, const json_t *v);
void check_any_object(struct check *c, const json_t *v);
void check_number(struct check *c, const json_t *v, json_int_t min, json_int_t max);
void check_clearance(struct check *c, const json_t *v);
/* One of the words, which end with NULL. */
void check_word(struct check *c, const json_t *v, const char *const *words);
/* {"en":"Demo","ar":"…"} */
void check_by_language(struct check *c, const json_t *v);
/* At most 200. */
void check_areas(struct check *c, const json_t *v);

/* At most `max`, each by `item`. */
void check_list(struct check *c, const json_t *v, size_t max, check_value item);
/* An object whose members are named by `key` and hold what `value` checks. */
void check_map(struct check *c, const json_t *v, check_value key, check_value value);
/* Members by a table that ends with {0}; what it has not is wrong. */
void check_object(struct check *c, const json_t *v, const struct check_member *members);
/* A list of objects that are named by `key`, each once. */
void check_things(struct check *c, const json_t *v, const char *key, size_t max, check_value item);

#endif
