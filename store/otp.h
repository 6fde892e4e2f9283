/* SPDX-License-Identifier: Apache-2.0
 * One-time codes by the clock (RFC 6238 on RFC 4226): SHA-1, 6 digits, 30 seconds, as every authenticator app
 * makes them. */
#ifndef PARLEY_STORE_OTP_H
#define PARLEY_STORE_OTP_H

#include "gateway/base/buf.h"

#define OTP_SECRET 20 /* bytes: 160 bits */
#define OTP_DIGITS 6
#define OTP_STEP_S 30
#define OTP_BASE32 33 /* characters of the secret in base 32, and the end */

uint32_t otp_code(const unsigned char *secret, size_t n, uint64_t step, unsigned digits);
/* The step whose code this is, of the present one and its neighbours; 0: of none. */
uint64_t otp_step(const unsigned char secret[OTP_SECRET], uint32_t code, int64_t now_ms);
void otp_base32(const unsigned char secret[OTP_SECRET], char out[OTP_BASE32]);
/* What somebody typed: digits of any of the three sets, with blanks or hyphens between. False: not a code. */
bool otp_read(struct slice typed, uint32_t *code);

#endif
