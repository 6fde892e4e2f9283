/* SPDX-License-Identifier: Apache-2.0
 * SipHash-1-3 (Aumasson, Bernstein 2012): a fast keyed hash for tables whose keys come from outside. Not a
 * MAC. */
#ifndef PARLEY_BASE_SIPHASH_H
#define PARLEY_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash13(const unsigned char key[16], const void *p, size_t n);

#endif
