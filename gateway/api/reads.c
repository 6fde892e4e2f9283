/* SPDX-License-Identifier: Apache-2.0
 * See reads.h. What was noted this hour is kept in a table of hashes that forgets: who falls out of it is
 * noted once more, which costs a line and loses nothing. */
#include "gateway/api/reads.h"
#include "store/audit.h"
#include <stdio.h>
#include <string.h>

#define NOTED   16384
#define HOUR_MS ((int64_t)3600000)

static uint64_t noted[NOTED]; /* of the whole process: the hash holds operation and hour */

static uint64_t hash_of(const char *text)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a: nobody gains by a clash but a line less in the audit */
    for (; *text; text++)
        h = (h ^ (unsigned char)*text) * 1099511628211u;
    return h ? h : 1;
}

void reads_note(struct store_op *op, const struct who *w, const char *what, const char *object)
{
    char key[400];
    const char *actor = w->agent && *w->agent ? w->agent : w->login;
    snprintf(key, sizeof key, "%.63s|%lld|%.63s|%.31s|%.63s", store_op_name(op),
             (long long)(store_now_ms(store_of(op)) / HOUR_MS), actor, what, object);
    uint64_t h = hash_of(key);
    if (noted[h % NOTED] == h)
        return;
    noted[h % NOTED] = h;
    store_audit(op, actor, what, object, "", NULL, NULL);
}
