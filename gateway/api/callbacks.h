/* SPDX-License-Identifier: Apache-2.0
 * Call-backs as agents' pages hear of them. */
#ifndef PARLEY_API_CALLBACKS_H
#define PARLEY_API_CALLBACKS_H

#include "gateway/api/records.h"

extern const struct record_row callback_row;

#endif
