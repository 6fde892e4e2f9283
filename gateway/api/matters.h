/* SPDX-License-Identifier: Apache-2.0
 * What the files on matters share: how they are shown, the pack they are coded with. */
#ifndef PARLEY_API_MATTERS_H
#define PARLEY_API_MATTERS_H

#include "gateway/api/records.h"
#include "store/matter.h"

extern const struct call_route matter_routes[], matter_code_routes[], matter_over_routes[], pack_routes[],
    guard_routes[];
extern const struct record_row matter_row;

/* May they see a matter of that clearance, when they see its thread? */
static inline bool matter_shown(const struct who *w, const struct store_record *r)
{
    return r->clearance <= w->clearance;
}

/* The members of a Matter, without its braces; json only where it was opened. */
void matter_json(struct buf *b, const struct store_record *r);
void referral_json(struct buf *b, const struct store_record *r);
/* Ends the call with the matter as the caller may see it now, its referrals and steps. status: 200, or 201
 * and 202 (told as 200) when the caller wrote it: what was sealed by that is told as {"sealed":true}. */
void matter_show(struct call *c, int status, const char *thread, const char *id);
/* All matters of a thread that the caller may see, with their referrals. */
void matter_list(struct call *c, const char *thread);

/* The pack of the operation; NULL: there is none. It lives until done returns. */
void pack_current(struct call *c, void (*done)(void *arg, const json_t *pack), void *arg);

/* Has that list of the pack an item whose `key` is `code`? */
bool pack_has(const json_t *pack, const char *list, const char *key, struct slice code);
/* What this path's matters are sealed to at least. */
int pack_clearance(const json_t *pack, struct slice path);

/* What a repetition of an Idempotency-Key shows. */
void call_show_matter(struct call *c, struct id thread, struct slice matter);
/* Who is named in the audit and in moves: the agent, or the login of who is none. */
const char *call_actor(const struct call *c);
/* A string of the body; "" when it is none. */
const char *matter_text(const struct call *c, const char *key);

#endif
