/* SPDX-License-Identifier: Apache-2.0
 * People by hand: contacts and threads that an agent makes, addresses linked and unlinked, contacts merged
 * into one person and taken apart, "same person?" and checks of identity. Rights are the caller's matter. */
#ifndef PARLEY_STORE_LINK_H
#define PARLEY_STORE_LINK_H

#include "store/thread.h"

#define LINK_PERSON_MOST 16 /* contacts that may be one person */

struct store_contact_new {
    struct slice address; /* canonical; empty: none */
    const char *channel;  /* of the address; "" */
    struct slice profile; /* a JSON object; empty */
    const char *language; /* set by an agent; "" */
    const char *area;     /* "" */
    const char *actor;
};
typedef void (*store_contact_id_done)(void *arg, const struct err *e, struct id contact, bool made);
/* made false: the address leads to this contact already, and nothing was changed. */
void store_contact_make(struct store_op *op, const struct store_contact_new *n, store_contact_id_done done,
                        void *arg);

struct store_thread_new {
    struct id contact;
    int clearance;
    const char *channel;  /* "" */
    struct slice address; /* to write to; empty */
    const char *topic, *area, *language;
    const char *agent; /* who has it at once; "": it waits */
    const char *actor;
    /* Whoever it is was found by an address alone: kept apart from the threads that are there until somebody
     * has confirmed that it is the same person. */
    bool by_address;
};
/* made false: the contact's open thread at that clearance, unchanged. */
void store_thread_make(struct store_op *op, const struct store_thread_new *n,
                       void (*done)(void *arg, const struct err *e, struct id thread, bool made), void *arg);

/* ERR_CONFLICT: the address leads to somebody else. Linking what is linked does nothing. */
void store_contact_link(struct store_op *op, struct id contact, struct slice address, const char *channel,
                        const char *actor, store_done done, void *arg);
void store_contact_unlink(struct store_op *op, struct id contact, struct slice address, const char *actor,
                          store_done done, void *arg);
/* Each keeps its key, its addresses and its threads; reading one tells of the others. ERR_CONFLICT: more than
 * LINK_PERSON_MOST; when taken apart: these two were not merged with each other. */
void store_contact_merge(struct store_op *op, struct id a, struct id b, const char *actor, store_done done,
                         void *arg);
void store_contact_unmerge(struct store_op *op, struct id a, struct id b, const char *actor, store_done done,
                           void *arg);
/* Handles of all contacts of a person, the one asked for first. */
void link_person(struct store_op *op, uint64_t contact,
                 void (*done)(void *arg, const struct err *e, const uint64_t *contacts, size_t n), void *arg);

/* answer: "yes", "no", "undo". ERR_CONFLICT: nothing of this kind is asked about the thread. ERR_FORBIDDEN:
 * whoever opened it by a number says "yes" alone: the person has not written in it. */
void store_same_person(struct store_op *op, struct id thread, const char *actor, const char *answer,
                       store_thread_done done, void *arg);
/* how: a code. One that failed takes an earlier one away. */
void store_identity(struct store_op *op, struct id thread, const char *actor, const char *how, bool passed,
                    store_thread_done done, void *arg);

#endif
