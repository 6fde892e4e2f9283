/* SPDX-License-Identifier: Apache-2.0
 * The recovery key: X25519, HKDF, and a form that people can write down. */
#include "store/recovery.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <string.h>

#define GROUPS 13
#define DIGITS 4 /* of a group, before its check digit */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void recovery_public(const unsigned char secret[RECOVERY_KEY], unsigned char public_half[RECOVERY_KEY])
{
    size_t n = RECOVERY_KEY;
    EVP_PKEY *k = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, RECOVERY_KEY);
    err_assert(k && EVP_PKEY_get_raw_public_key(k, public_half, &n) == 1 && n == RECOVERY_KEY);
    EVP_PKEY_free(k);
}

void recovery_new(unsigned char secret[RECOVERY_KEY], unsigned char public_half[RECOVERY_KEY])
{
    text_random(secret, RECOVERY_KEY);
    recovery_public(secret, public_half);
}

/* Odd weights find every wrong digit; the group's number finds groups in the wrong place. */
static unsigned check_digit(const unsigned char *digits, unsigned group)
{
    unsigned sum = 11 * (group + 1);
    for (unsigned i = 0; i < DIGITS; i++)
        sum += (2 * i + 1) * digits[i];
    return sum % 32;
}

/* 256 bits of key and 4 of its hash are 52 digits. */
static void bits_to_digits(const unsigned char secret[RECOVERY_KEY], unsigned char digits[GROUPS * DIGITS])
{
    unsigned char bits[RECOVERY_KEY + 1], hash[32];
    err_assert(EVP_Digest(secret, RECOVERY_KEY, hash, NULL, EVP_sha256(), NULL) == 1);
    memcpy(bits, secret, RECOVERY_KEY);
    bits[RECOVERY_KEY] = hash[0] & 0xf0;
    for (unsigned i = 0; i < GROUPS * DIGITS; i++) {
        unsigned bit = i * 5, two = (unsigned)bits[bit / 8] << 8;
        if (bit / 8 + 1 < sizeof bits)
            two |= bits[bit / 8 + 1];
        digits[i] = (two >> (11 - bit % 8)) & 31;
    }
    mem_wipe(bits, sizeof bits);
}

void recovery_text(const unsigned char secret[RECOVERY_KEY], char out[RECOVERY_TEXT])
{
    unsigned char digits[GROUPS * DIGITS];
    bits_to_digits(secret, digits);
    for (unsigned g = 0; g < GROUPS; g++) {
        for (unsigned i = 0; i < DIGITS; i++)
            *out++ = alphabet[digits[g * DIGITS + i]];
        *out++ = alphabet[check_digit(digits + g * DIGITS, g)];
        *out++ = g + 1 < GROUPS ? ' ' : '\0';
    }
    mem_wipe(digits, sizeof digits);
}

static int digit_of(char c)
{
    if (c >= 'a' && c <= 'z')
        c = (char)(c - 'a' + 'A');
    c = c == '0' ? 'O' : c == '1' ? 'I' : c == '8' ? 'B' : c;
    const char *at = c ? strchr(alphabet, c) : NULL;
    return at ? (int)(at - alphabet) : -1;
}

int recovery_parse(struct slice text, unsigned char secret[RECOVERY_KEY], struct err *e)
{
    unsigned char all[GROUPS * (DIGITS + 1)], digits[GROUPS * DIGITS], again[GROUPS * DIGITS];
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        if (strchr(" -\t\r\n", text.p[i]) && text.p[i])
            continue;
        int d = digit_of(text.p[i]);
        if (d < 0 || n == sizeof all)
            return err_set(e, ERR_INVALID, "a recovery key has %d groups of %d letters and digits", GROUPS,
                           DIGITS + 1);
        all[n++] = (unsigned char)d;
    }
    if (n != sizeof all)
        return err_set(e, ERR_INVALID, "a recovery key has %d groups of %d letters and digits", GROUPS,
                       DIGITS + 1);
    for (unsigned g = 0; g < GROUPS; g++) {
        memcpy(digits + g * DIGITS, all + g * (DIGITS + 1), DIGITS);
        if (check_digit(digits + g * DIGITS, g) != all[g * (DIGITS + 1) + DIGITS])
            return err_set(e, ERR_INVALID, "group %u of the recovery key is mistyped", g + 1);
    }
    memset(secret, 0, RECOVERY_KEY);
    for (unsigned bit = 0; bit < RECOVERY_KEY * 8; bit++)
        secret[bit / 8] |= (unsigned char)(((digits[bit / 5] >> (4 - bit % 5)) & 1) << (7 - bit % 8));
    bits_to_digits(secret, again);
    bool good = memcmp(again, digits, sizeof digits) == 0;
    mem_wipe(all, sizeof all);
    mem_wipe(digits, sizeof digits);
    mem_wipe(again, sizeof again);
    return good ? 0 : err_set(e, ERR_INVALID, "the recovery key is mistyped");
}

static bool derive(const unsigned char secret[RECOVERY_KEY], const unsigned char peer[RECOVERY_KEY],
                   const char *purpose, const unsigned char once[RECOVERY_KEY],
                   unsigned char key[RECOVERY_KEY])
{
    unsigned char shared[RECOVERY_KEY];
    size_t n = sizeof shared, kn = RECOVERY_KEY;
    EVP_PKEY *mine = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, secret, RECOVERY_KEY);
    EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer, RECOVERY_KEY);
    EVP_PKEY_CTX *c = mine ? EVP_PKEY_CTX_new(mine, NULL) : NULL;
    /* OpenSSL refuses the points that would give an all-zero secret. */
    bool ok = c && theirs && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_derive_set_peer(c, theirs) == 1 &&
              EVP_PKEY_derive(c, shared, &n) == 1 && n == sizeof shared;
    EVP_PKEY_CTX_free(c);
    EVP_PKEY_free(mine);
    EVP_PKEY_free(theirs);
    if (!ok)
        return false;
    c = EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, NULL);
    ok = c && EVP_PKEY_derive_init(c) == 1 && EVP_PKEY_CTX_set_hkdf_md(c, EVP_sha256()) == 1 &&
         EVP_PKEY_CTX_set1_hkdf_salt(c, once, RECOVERY_KEY) == 1 &&
         EVP_PKEY_CTX_set1_hkdf_key(c, shared, sizeof shared) == 1 &&
         EVP_PKEY_CTX_add1_hkdf_info(c, (const unsigned char *)purpose, (int)strlen(purpose)) == 1 &&
         EVP_PKEY_derive(c, key, &kn) == 1;
    EVP_PKEY_CTX_free(c);
    mem_wipe(shared, sizeof shared);
    return ok;
}

void recovery_seal_key(const unsigned char public_half[RECOVERY_KEY], const char *purpose,
                       unsigned char once[RECOVERY_KEY], unsigned char key[RECOVERY_KEY])
{
    unsigned char secret[RECOVERY_KEY];
    recovery_new(secret, once);
    err_assert(derive(secret, public_half, purpose, once, key));
    mem_wipe(secret, sizeof secret);
}

bool recovery_open_key(const unsigned char secret[RECOVERY_KEY], const char *purpose,
                       const unsigned char once[RECOVERY_KEY], unsigned char key[RECOVERY_KEY])
{
    return derive(secret, once, purpose, once, key);
}
