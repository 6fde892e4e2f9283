/* SPDX-License-Identifier: Apache-2.0
 * What one code point becomes; slow, through ICU. Only fold.c asks. */
#ifndef PARLEY_ROUTER_FOLD_POINT_H
#define PARLEY_ROUTER_FOLD_POINT_H

#include <stdint.h>

#define FOLD_POINTS 24         /* the longest: a ligature of a whole sentence has 18 letters */
#define FOLD_BREAK  UINT32_MAX /* inside such a ligature: a word ends */

/* Returns how many code points it becomes, 0 when it is dropped, -1 when it separates words. */
int fold_point(uint32_t c, uint32_t out[FOLD_POINTS]);

#endif
