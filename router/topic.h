/* SPDX-License-Identifier: Apache-2.0
 * Topics by words: which matter a text is about, and whether its words seal it. Made once from an operation's
 * document, then only read. */
#ifndef PARLEY_ROUTER_TOPIC_H
#define PARLEY_ROUTER_TOPIC_H

#include "gateway/base/json.h"
#include "router/language.h"

struct topic_table;

/* What a topic says of threads that are about it. */
struct topic_rule {
    int clearance, priority; /* priority -1: says nothing */
    bool no_last_agent;
};

/* topics: the document's "topics" array:
 * [{"id","words":{tag:[phrase,…]},"clearance"?,"priority"?,"no_last_agent"?, "disabled"?}]; NULL is an empty
 * one. Fills e with the place of what is wrong. */
int topic_table_load(struct topic_table **out, const json_t *topics, struct err *e);
void topic_table_free(struct topic_table *t); /* NULL is fine */

/* By hand, in this order: */
struct topic_table *topic_table_new(void);
/* Returns the topic's number. id "" is for rules that give no topic. */
unsigned topic_table_add(struct topic_table *t, struct slice id, const struct topic_rule *rule);
/* phrase: one word or several in a row. -ERR_INVALID when nothing of it is a word, -ERR_TOO_LARGE over 8
 * words. */
int topic_table_phrase(struct topic_table *t, unsigned topic, enum language l, struct slice phrase,
                       struct err *e);
/* Parley's own words for reports about its users' staff ("report misconduct", in every language we have):
 * they give clearance 2 and no topic. */
void topic_table_add_sealing(struct topic_table *t);

struct topic_match {
    const char *id;         /* "" none; lives as long as the table */
    struct topic_rule rule; /* the strictest of all that was found, also of other topics */
    unsigned words, hits;   /* of the longest phrase found; how many different phrases of the topic */
    bool own_language;      /* found by words of the person's language */
};
/* The topic with the longest phrase found, then found in the person's language, then with most phrases, then
 * with the higher clearance, then the first. words: those of the text, folded, in order (fold_list). l
 * LANGUAGE_UNKNOWN: no language is preferred. True when a topic was found; out->rule.clearance holds either
 * way. */
bool topic_match(const struct topic_table *t, const struct slice *words, size_t n, enum language l,
                 struct topic_match *out);

#endif
