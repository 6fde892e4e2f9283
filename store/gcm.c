/* SPDX-License-Identifier: Apache-2.0
 * AES-256-GCM by OpenSSL. */
#include "store/gcm.h"
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include <limits.h>
#include <openssl/evp.h>

void gcm_seal(const unsigned char key[GCM_KEY], const unsigned char nonce[GCM_NONCE], struct slice aad,
              struct slice plain, unsigned char *out)
{
    err_assert(plain.n <= INT_MAX - GCM_TAG && aad.n <= INT_MAX);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0, ok = c && EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1;
    if (ok && aad.n)
        ok = EVP_EncryptUpdate(c, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) == 1;
    if (ok && plain.n)
        ok = EVP_EncryptUpdate(c, out, &n, (const unsigned char *)plain.p, (int)plain.n) == 1;
    ok = ok && EVP_EncryptFinal_ex(c, out + plain.n, &n) == 1 &&
         EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, GCM_TAG, out + plain.n) == 1;
    EVP_CIPHER_CTX_free(c);
    err_assert(ok);
}

bool gcm_open(const unsigned char key[GCM_KEY], const unsigned char nonce[GCM_NONCE], struct slice aad,
              struct slice sealed, unsigned char *out)
{
    if (sealed.n < GCM_TAG || sealed.n > INT_MAX || aad.n > INT_MAX)
        return false;
    size_t plain = sealed.n - GCM_TAG;
    const unsigned char *p = (const unsigned char *)sealed.p;
    unsigned char tag[GCM_TAG];
    for (size_t i = 0; i < GCM_TAG; i++)
        tag[i] = p[plain + i];
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0, ok = c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, nonce) == 1;
    if (ok && aad.n)
        ok = EVP_DecryptUpdate(c, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) == 1;
    if (ok && plain)
        ok = EVP_DecryptUpdate(c, out, &n, p, (int)plain) == 1;
    unsigned char none[1];
    ok = ok && EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, GCM_TAG, tag) == 1 &&
         EVP_DecryptFinal_ex(c, plain ? out + plain : none, &n) == 1;
    EVP_CIPHER_CTX_free(c);
    if (!ok && plain)
        mem_wipe(out, plain);
    return ok;
}
