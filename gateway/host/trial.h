/* SPDX-License-Identifier: Apache-2.0
 * One message that an administrator sends to try a channel: straight to the connector, stored nowhere. */
#ifndef PARLEY_HOST_TRIAL_H
#define PARLEY_HOST_TRIAL_H

#include "gateway/host/out.h"

/* The connector has said how it ended; r NULL: its channel has stopped. Frees the trial. */
void trial_end(struct trial *t, const struct connector_result *r);

#endif
