/* SPDX-License-Identifier: Apache-2.0
 * Other ways in which people type the same sentence: the wrong keyboard, no diacritics, Arabic in Latin
 * letters. */
#ifndef PARLEY_ROUTER_TRAIN_VARIANTS_H
#define PARLEY_ROUTER_TRAIN_VARIANTS_H

#include "gateway/base/buf.h"

/* A small generator with a fixed start, so that training twice gives the same model. */
struct dice {
    uint64_t s;
};
uint32_t dice_below(struct dice *d, uint32_t n);
bool dice_percent(struct dice *d, unsigned percent);

enum variant {
    VARIANT_CLEAN,
    VARIANT_KEYBOARD, /* Arabic yeh and kaf, no ZWNJ, no diacritics, lower case: always the same for the same
                         text */
    VARIANT_MIXED,    /* each habit by chance */
    VARIANTS
};
/* Appends text of the language as typed that way. d is used by VARIANT_MIXED only. */
void variant_write(struct buf *out, struct slice text, const char *language, enum variant v, struct dice *d);
/* Appends Arabic text written in Latin letters and digits, in one of several styles. */
void arabizi_write(struct buf *out, struct slice text, struct dice *d);

#endif
