/* SPDX-License-Identifier: Apache-2.0
 * What byhand.c, links.c and people.c share. */
#ifndef PARLEY_API_BYHAND_H
#define PARLEY_API_BYHAND_H

#include "gateway/api/api_internal.h"

#define BYHAND_CHANNEL "desk" /* of threads that no channel of the operation brought */

/* An address as people write it ("+90 555 …", "٠٥٥٥…", "mailto:…") in its canonical form; false: it is none.
 */
bool byhand_address(struct slice text, struct buf *out);
/* Does w see one of these threads that is not in doubt, so that the contact is known to them? The threads are
 * those of all whom it was merged with; a record that has threads of its own is known by one of these alone.
 */
bool people_knows(struct api_op *o, const struct who *w, struct id contact,
                  const struct store_thread *const *t, size_t n);

/* Answers with those whose name has words that begin so (names.c). */
void people_by_name(struct call *c, struct slice name);

/* What a contact's JSON tells beside its own record (person.c). */
struct person_view {
    bool closed;       /* what is known of the contact is not for who asks */
    struct buf merged; /* those it was merged with, of whom they see a thread */
    struct api_op *o;
    const struct store_contact *contact;
    int clearance;
    size_t at, seen_n;
    const struct store_thread **seen;
    struct arena *arena;
    void (*done)(void *arg, const struct store_thread *const *seen, size_t n);
    void *arg;
};
/* Who sees threads in doubt alone is told neither name nor language, and of the addresses those on which they
 * write. */
void person_close(struct person_view *v, struct store_contact *c, const struct store_thread *const *seen,
                  size_t n, struct arena *arena);
void person_load(struct person_view *v, struct api_op *o, const struct store_contact *c, int clearance,
                 const struct store_thread *const *seen, size_t n, struct arena *arena,
                 void (*done)(void *arg, const struct store_thread *const *seen, size_t n), void *arg);
void person_view_end(struct buf *b, const struct person_view *v);

#endif
