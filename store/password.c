/* SPDX-License-Identifier: Apache-2.0
 * scrypt by OpenSSL. */
#include "store/password.h"
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include <openssl/evp.h>
#include <string.h>

#define SALT_AT    4
#define HASH_AT    20
#define HASH_N     32
#define LOG_N      15
#define R          8
#define PAR        1
#define MEMORY_MAX (256u << 20)

static void derive(struct slice password, const unsigned char *head, unsigned char out[HASH_N])
{
    int ok = EVP_PBE_scrypt(password.n ? password.p : "", password.n, head + SALT_AT, HASH_AT - SALT_AT,
                            (uint64_t)1 << head[1], head[2], head[3], MEMORY_MAX, out, HASH_N);
    err_assert(ok == 1);
}

void password_hash(struct slice password, unsigned char out[PASSWORD_HASH])
{
    out[0] = 1, out[1] = LOG_N, out[2] = R, out[3] = PAR;
    text_random(out + SALT_AT, HASH_AT - SALT_AT);
    derive(password, out, out + HASH_AT);
}

bool password_fits(struct slice stored, struct slice password)
{
    unsigned char head[PASSWORD_HASH] = {1, LOG_N, R, PAR}, got[HASH_N];
    bool usable = stored.n == PASSWORD_HASH && stored.p[0] == 1 && stored.p[1] >= 14 && stored.p[1] <= 17 &&
                  stored.p[2] == R && stored.p[3] == PAR;
    if (usable)
        memcpy(head, stored.p, PASSWORD_HASH);
    derive(password, head, got);
    bool same = text_equal_secret(slice_of(got, HASH_N), slice_of(head + HASH_AT, HASH_N));
    mem_wipe(got, sizeof got);
    return same && usable;
}
