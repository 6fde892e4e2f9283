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

#endif
