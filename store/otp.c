/* SPDX-License-Identifier: Apache-2.0
 * HMAC by OpenSSL, and what people type made a number. */
#include "store/otp.h"
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>

uint32_t otp_code(const unsigned char *secret, size_t n, uint64_t step, unsigned digits)
{
    unsigned char counter[8], mac[EVP_MAX_MD_SIZE];
    unsigned mac_n = 0;
    uint32_t modulus = 1;
    for (int i = 7; i >= 0; i--, step >>= 8)
        counter[i] = (unsigned char)(step & 0xff);
    err_assert(HMAC(EVP_sha1(), secret, (int)n, counter, sizeof counter, mac, &mac_n) && mac_n == 20);
    unsigned at = mac[19] & 15u;
    uint32_t value = ((uint32_t)(mac[at] & 0x7f) << 24) | ((uint32_t)mac[at + 1] << 16) |
                     ((uint32_t)mac[at + 2] << 8) | mac[at + 3];
    mem_wipe(mac, sizeof mac);
    for (unsigned i = 0; i < digits; i++)
        modulus *= 10;
    return value % modulus;
}

uint64_t otp_step(const unsigned char secret[OTP_SECRET], uint32_t code, int64_t now_ms)
{
    uint64_t now = (uint64_t)now_ms / 1000 / OTP_STEP_S, found = 0;
    for (uint64_t step = now ? now - 1 : 0; step <= now + 1; step++) /* all three, whichever fits */
        if (otp_code(secret, OTP_SECRET, step, OTP_DIGITS) == code)
            found = step;
    return found;
}

void otp_base32(const unsigned char secret[OTP_SECRET], char out[OTP_BASE32])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    size_t n = 0;
    for (size_t bit = 0; bit < (size_t)OTP_SECRET * 8; bit += 5) {
        unsigned pair = (unsigned)secret[bit / 8] << 8;
        if (bit / 8 + 1 < OTP_SECRET)
            pair |= secret[bit / 8 + 1];
        out[n++] = letters[(pair >> (11 - bit % 8)) & 31];
    }
    out[n] = '\0';
}

/* -1: none. Arabic-Indic digits are D9 A0.., those of Persian and Urdu DB B0... */
static int digit_at(struct slice s, size_t *i)
{
    unsigned char c = (unsigned char)s.p[*i], next = *i + 1 < s.n ? (unsigned char)s.p[*i + 1] : 0;
    ++*i;
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c == 0xd9 && next >= 0xa0 && next <= 0xa9) || (c == 0xdb && next >= 0xb0 && next <= 0xb9)) {
        ++*i;
        return next & 15;
    }
    return -1;
}

bool otp_read(struct slice typed, uint32_t *code)
{
    unsigned n = 0;
    *code = 0;
    for (size_t i = 0; i < typed.n;) {
        if (typed.p[i] == ' ' || typed.p[i] == '-') {
            i++;
            continue;
        }
        int digit = digit_at(typed, &i);
        if (digit < 0 || ++n > OTP_DIGITS)
            return false;
        *code = *code * 10 + (uint32_t)digit;
    }
    return n == OTP_DIGITS;
}
