/* SPDX-License-Identifier: Apache-2.0
 * A contact's profile in layers, one for each clearance: what was written by somebody who saw a sealed thread
 * is seen only by those who see one. A layer holds what differs from those below it; null: not there. */
#ifndef PARLEY_STORE_PROFILE_H
#define PARLEY_STORE_PROFILE_H

#include "gateway/base/json.h"
#include "store/keys.h"

/* Puts a layer over what is below it. Members of "fields" one by one. */
void profile_over(json_t *below, const json_t *layer);
/* Changes the layer so that, over what is below, the members of patch are as given (null: not there). */
void profile_patch(json_t *layer, const json_t *below, const json_t *patch);

/* What a layer holds, and when each member was written (ms): beside it, of the same form. What a provider
 * says has no time. */
struct profile_layer {
    json_t *what, *when;
};
/* Members of after that differ from before were written now. */
void profile_stamp(json_t *when, const json_t *before, const json_t *after, int64_t now);
/* What was written since then in the layers below moves up to that of the clearance, and what has no time
 * with it: only a name stays that a provider gave. Where both have a member the newer one is kept, but no
 * notes are lost. False: there is nothing to move. */
bool profile_lift(struct profile_layer *layers, int clearance, int64_t since, bool name_stays);

#endif
