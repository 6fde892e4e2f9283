/* SPDX-License-Identifier: Apache-2.0
 * The model file, written by router/train and mapped by language.c. Little-endian. Per script one hash table
 * from n-grams to a weight per class; two places per n-gram, side by side. */
#ifndef PARLEY_ROUTER_LANGUAGE_MODEL_H
#define PARLEY_ROUTER_LANGUAGE_MODEL_H

#include "router/language_text.h"
#include <string.h>

#define LANGUAGE_MODEL_MAGIC   "PARLEYLI"
#define LANGUAGE_MODEL_VERSION 1u
#define LANGUAGE_CLASSES_MAX   9
#define LANGUAGE_FIRST_ROMAN   6 /* of the Latin ones: from here on languages of other scripts */

/* The classes of each script, in the order of their columns. */
static const char *const language_classes[LANGUAGE_TABLES][LANGUAGE_CLASSES_MAX + 1] = {
    [LANGUAGE_ARABIC] = {"ar", "fa", "prs", "ps", "ur", "ckb", NULL},
    [LANGUAGE_LATIN] = {"so", "fr", "tr", "en", "kmr", "es", "fa-Latn", "ur-Latn", "ar-Latn", NULL},
    [LANGUAGE_ETHIOPIC] = {"am", "ti", NULL},
};

struct language_model_table {
    uint32_t offset, rows; /* rows is a power of two */
    uint32_t classes, stride;
    float scale; /* nats per unit of weight */
    uint32_t spare;
};

struct language_model_head {
    char magic[8];
    uint32_t version, size;
    uint64_t checksum; /* of all that follows it */
    struct language_model_table table[LANGUAGE_TABLES];
};

/* A row: a 16-bit mark of the n-gram (0: empty), then an int8 per class, padded to the stride. */
static inline uint32_t language_model_place(uint64_t gram, uint32_t rows)
{
    return (uint32_t)gram & (rows - 1);
}
static inline uint16_t language_model_mark(uint64_t gram)
{
    uint16_t m = (uint16_t)(gram >> 48);
    return m ? m : 1;
}

static inline uint64_t language_model_checksum(const unsigned char *p, size_t n)
{
    uint64_t a = 0x243F6A8885A308D3ull, b = 0x13198A2E03707344ull ^ n, v;
    for (; n >= 8; p += 8, n -= 8) {
        memcpy(&v, p, 8);
        a = (a ^ v) * 0x9E3779B97F4A7C15ull;
        b = (b + (a ^ a >> 32)) * 0xBF58476D1CE4E5B9ull;
    }
    for (; n; p++, n--)
        a = (a ^ *p) * 0x9E3779B97F4A7C15ull;
    return a ^ a >> 31 ^ b;
}

#endif
