/* SPDX-License-Identifier: Apache-2.0
 * What Parley itself says to people. */
#ifndef PARLEY_DAEMON_NOTICE_H
#define PARLEY_DAEMON_NOTICE_H

#include "store/thread.h"

struct worker;
/* "Nobody is there yet", in the person's language. When it is the first answer in the thread it also says who
 * we are, who reads this, what happens next, the emergency number and where the privacy page is, and keeps
 * which wording that was. */
void notice_nobody(struct worker *w, struct store_op *op, const struct store_thread *t);

#endif
