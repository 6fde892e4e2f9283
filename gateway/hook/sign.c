/* SPDX-License-Identifier: Apache-2.0
 * The signature of Standard Webhooks: HMAC-SHA256 of "<id>.<seconds>.<body>" under what stands behind
 * "whsec_", in base 64. With two secrets there are two signatures: so a receiver changes from one to the
 * other without losing anything. */
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/hook/hook_internal.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#define KEY_MAX 128

static bool sign_one(struct slice secret, struct slice said, struct buf *out)
{
    static const char prefix[] = "whsec_";
    unsigned char key[KEY_MAX + 4], mac[32];
    char text[64];
    unsigned n = sizeof mac;
    if (!slice_starts(secret, prefix) || secret.n > sizeof prefix - 1 + KEY_MAX)
        return false;
    secret = slice_of(secret.p + sizeof prefix - 1, secret.n - (sizeof prefix - 1));
    size_t pad = 0;
    while (pad < 2 && pad < secret.n && secret.p[secret.n - 1 - pad] == '=')
        pad++;
    int got = secret.n && secret.n % 4 == 0
                  ? EVP_DecodeBlock(key, (const unsigned char *)secret.p, (int)secret.n)
                  : -1;
    if (got - (int)pad < 16)
        return false;
    HMAC(EVP_sha256(), key, got - (int)pad, (const unsigned char *)said.p, said.n, mac, &n);
    EVP_EncodeBlock((unsigned char *)text, mac, (int)n);
    buf_printf(out, "%sv1,%s", out->n ? " " : "", text);
    mem_wipe(key, sizeof key);
    return true;
}

bool sign_body(const char *secrets, const char *id, int64_t at_s, struct slice body, struct buf *out)
{
    struct slice rest = slice_str(secrets), one;
    struct buf said;
    bool any = false;
    buf_init(&said, body.n + 256);
    buf_printf(&said, "%s.%lld.", id, (long long)at_s);
    buf_slice(&said, body);
    while (slice_next(&rest, ' ', &one))
        any |= one.n && sign_one(one, buf_view(&said), out);
    buf_clear(&said);
    return any;
}
