/* SPDX-License-Identifier: Apache-2.0
 * What the two halves of the store in memory share. */
#ifndef TEST_HOST_FAKE_STORE_H
#define TEST_HOST_FAKE_STORE_H

#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "tests/unit/host/fake.h"

#define PUT(to, s) fake_put(to, sizeof(to), s)

extern const struct err fake_fine, fake_gone, fake_missing, fake_invalid;
void fake_put(char *to, size_t cap, struct slice s);
/* At the next turn; ERR_UNAVAILABLE while the store is away. */
void fake_finish(store_done done, void *arg, struct err e);
void fake_finish_text(store_text_done done, void *arg, struct err e, struct slice text);
void fake_keep_start(void);
void fake_keep_end(void);

#endif
