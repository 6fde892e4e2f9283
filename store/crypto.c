/* SPDX-License-Identifier: Apache-2.0
 * AES-256-GCM envelopes, wrapped keys, HKDF and keyed hashes by OpenSSL. Algorithms are fetched once:
 * OpenSSL 3.0 looks them up on each use otherwise, which takes longer than the work. */
#include "store/crypto.h"
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include "gateway/base/siphash.h"
#include "gateway/base/text.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

#define NONCE 12
#define TAG   16
#define POOL  4096

static struct {
    EVP_CIPHER *gcm, *ecb;
    EVP_MD *sha256;
    EVP_CIPHER_CTX *seal, *open;
    EVP_MD_CTX *digest;
    unsigned char *pool; /* random bytes to come; secret until they are used */
    size_t left;
} c;

static void crypto_start(void)
{
    if (c.gcm)
        return;
    c.gcm = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    c.ecb = EVP_CIPHER_fetch(NULL, "AES-128-ECB", NULL);
    c.sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    c.seal = EVP_CIPHER_CTX_new();
    c.open = EVP_CIPHER_CTX_new();
    c.digest = EVP_MD_CTX_new();
    err_assert(c.gcm && c.ecb && c.sha256 && c.seal && c.open && c.digest);
    err_assert(EVP_EncryptInit_ex(c.seal, c.gcm, NULL, NULL, NULL) == 1);
    err_assert(EVP_DecryptInit_ex(c.open, c.gcm, NULL, NULL, NULL) == 1);
    c.pool = mem_secret_alloc(POOL);
}

void crypto_random(void *p, size_t n)
{
    crypto_start();
    if (n > POOL / 8) {
        text_random(p, n);
        return;
    }
    if (c.left < n) {
        text_random(c.pool, POOL);
        c.left = POOL;
    }
    c.left -= n;
    memcpy(p, c.pool + c.left, n);
    mem_wipe(c.pool + c.left, n);
}

/* ---- AES-256-GCM ---- */

static void gcm_encrypt(const unsigned char *key, const unsigned char *nonce, struct slice aad,
                        struct slice plain, unsigned char *out, unsigned char *tag)
{
    int n = 0, end = 0;
    err_assert(aad.n < 1 << 20 && plain.n < 1 << 30);
    crypto_start();
    err_assert(EVP_EncryptInit_ex(c.seal, NULL, NULL, key, nonce) == 1);
    if (aad.n)
        err_assert(EVP_EncryptUpdate(c.seal, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) == 1);
    n = 0;
    if (plain.n)
        err_assert(EVP_EncryptUpdate(c.seal, out, &n, (const unsigned char *)plain.p, (int)plain.n) == 1);
    err_assert(EVP_EncryptFinal_ex(c.seal, out + n, &end) == 1 && (size_t)n == plain.n && end == 0);
    err_assert(EVP_CIPHER_CTX_ctrl(c.seal, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1);
}

static bool gcm_decrypt(const unsigned char *key, const unsigned char *nonce, struct slice aad,
                        struct slice sealed, const unsigned char *tag, unsigned char *out)
{
    int n = 0, end = 0;
    unsigned char expected[TAG];
    memcpy(expected, tag, TAG);
    if (aad.n >= 1 << 20 || sealed.n >= 1 << 30)
        return false;
    crypto_start();
    err_assert(EVP_DecryptInit_ex(c.open, NULL, NULL, key, nonce) == 1);
    if (aad.n)
        err_assert(EVP_DecryptUpdate(c.open, NULL, &n, (const unsigned char *)aad.p, (int)aad.n) == 1);
    n = 0;
    if (sealed.n)
        err_assert(EVP_DecryptUpdate(c.open, out, &n, (const unsigned char *)sealed.p, (int)sealed.n) == 1);
    err_assert(EVP_CIPHER_CTX_ctrl(c.open, EVP_CTRL_AEAD_SET_TAG, TAG, expected) == 1);
    if (EVP_DecryptFinal_ex(c.open, out + n, &end) == 1)
        return true;
    mem_wipe(out, sealed.n);
    return false;
}

void crypto_seal(const unsigned char key[CRYPTO_KEY], uint32_t key_id, struct slice aad, struct slice plain,
                 struct buf *out)
{
    unsigned char *p = (unsigned char *)buf_reserve(out, plain.n + CRYPTO_OVERHEAD);
    err_assert(p);
    p[0] = CRYPTO_VERSION;
    for (int i = 0; i < 4; i++)
        p[1 + i] = (unsigned char)(key_id >> (24 - 8 * i));
    crypto_random(p + 5, NONCE);
    gcm_encrypt(key, p + 5, aad, plain, p + CRYPTO_HEAD, p + CRYPTO_HEAD + plain.n);
    buf_commit(out, plain.n + CRYPTO_OVERHEAD);
}

bool crypto_key_id(struct slice envelope, uint32_t *key_id)
{
    const unsigned char *p = (const unsigned char *)envelope.p;
    if (envelope.n < CRYPTO_OVERHEAD || p[0] != CRYPTO_VERSION)
        return false;
    *key_id = (uint32_t)p[1] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 8 | p[4];
    return true;
}

int crypto_open(const unsigned char key[CRYPTO_KEY], struct slice aad, struct slice envelope, struct buf *out)
{
    uint32_t kid;
    if (!crypto_key_id(envelope, &kid))
        return -ERR_CORRUPT;
    const unsigned char *p = (const unsigned char *)envelope.p;
    size_t n = envelope.n - CRYPTO_OVERHEAD;
    unsigned char *to = (unsigned char *)buf_reserve(out, n);
    if (!to)
        return -ERR_TOO_LARGE;
    if (!gcm_decrypt(key, p + 5, aad, slice_of(p + CRYPTO_HEAD, n), p + CRYPTO_HEAD + n, to))
        return -ERR_CORRUPT;
    buf_commit(out, n);
    return 0;
}

void crypto_wrap(const unsigned char master[CRYPTO_KEY], unsigned char version, struct slice aad,
                 const unsigned char key[CRYPTO_KEY], unsigned char out[CRYPTO_WRAPPED])
{
    out[0] = version;
    crypto_random(out + 1, NONCE);
    gcm_encrypt(master, out + 1, aad, slice_of(key, CRYPTO_KEY), out + 1 + NONCE,
                out + 1 + NONCE + CRYPTO_KEY);
}

int crypto_unwrap(const unsigned char master[CRYPTO_KEY], struct slice aad, struct slice wrapped,
                  unsigned char key[CRYPTO_KEY])
{
    const unsigned char *p = (const unsigned char *)wrapped.p;
    if (wrapped.n != CRYPTO_WRAPPED)
        return -ERR_CORRUPT;
    bool good =
        gcm_decrypt(master, p + 1, aad, slice_of(p + 1 + NONCE, CRYPTO_KEY), p + 1 + NONCE + CRYPTO_KEY, key);
    return good ? 0 : -ERR_CORRUPT;
}

/* ---- hashes ---- */

#define BLOCK 64

/* The key's two blocks, inner and outer. OpenSSL's own HMAC copies a context with an allocation for each of
 * them and for each use, which takes longer than to hash them anew. */
static void hmac_pads(struct slice key, unsigned char pads[2 * BLOCK])
{
    memset(pads, 0, 2 * BLOCK);
    if (key.n > BLOCK)
        crypto_sha256(key, pads);
    else if (key.n)
        memcpy(pads, key.p, key.n);
    for (size_t i = 0; i < BLOCK; i++) {
        pads[BLOCK + i] = pads[i] ^ 0x5c;
        pads[i] ^= 0x36;
    }
}

static void digest_end(const struct slice *parts, size_t n, unsigned char out[32])
{
    unsigned got = 0;
    for (size_t i = 0; i < n; i++)
        if (parts[i].n)
            err_assert(EVP_DigestUpdate(c.digest, parts[i].p, parts[i].n) == 1);
    err_assert(EVP_DigestFinal_ex(c.digest, out, &got) == 1 && got == 32);
}

static void digest(const unsigned char block[BLOCK], const struct slice *parts, size_t n,
                   unsigned char out[32])
{
    err_assert(EVP_DigestInit_ex(c.digest, c.sha256, NULL) == 1 &&
               EVP_DigestUpdate(c.digest, block, BLOCK) == 1);
    digest_end(parts, n, out);
}

static void hmac_with(const unsigned char pads[2 * BLOCK], const struct slice *parts, size_t n,
                      unsigned char out[32])
{
    unsigned char inner[32];
    digest(pads, parts, n, inner);
    digest(pads + BLOCK, &(struct slice){(const char *)inner, sizeof(inner)}, 1, out);
}

static void hmac(struct slice key, const struct slice *parts, size_t n, unsigned char out[32])
{
    unsigned char pads[2 * BLOCK];
    hmac_pads(key, pads);
    hmac_with(pads, parts, n, out);
    mem_wipe(pads, sizeof(pads));
}

void crypto_hmac(const unsigned char key[CRYPTO_KEY], struct slice a, struct slice b, unsigned char out[32])
{
    crypto_start();
    hmac(slice_of(key, CRYPTO_KEY), (const struct slice[]){a, b}, 2, out);
}

void crypto_hkdf(struct slice secret, struct slice salt, struct slice info, unsigned char out[CRYPTO_KEY])
{
    unsigned char prk[32];
    crypto_start();
    hmac(salt, &secret, 1, prk);
    hmac(slice_of(prk, 32), (const struct slice[]){info, slice_of("\x01", 1)}, 2, out);
    mem_wipe(prk, sizeof(prk));
}

void crypto_sha256(struct slice s, unsigned char out[32])
{
    unsigned n = 0;
    crypto_start();
    err_assert(EVP_DigestInit_ex(c.digest, c.sha256, NULL) == 1 &&
               EVP_DigestUpdate(c.digest, s.p, s.n) == 1 && EVP_DigestFinal_ex(c.digest, out, &n) == 1 &&
               n == 32);
}

struct crypto_keyed {
    EVP_CIPHER_CTX *words, *permute, *unpermute;
    EVP_MD_CTX *inner, *outer; /* an HMAC's two hashes after the key's blocks */
    unsigned char *sip;        /* 16, secret */
};

static EVP_MD_CTX *begun(const unsigned char block[BLOCK])
{
    EVP_MD_CTX *x = EVP_MD_CTX_new();
    err_assert(x && EVP_DigestInit_ex(x, c.sha256, NULL) == 1 && EVP_DigestUpdate(x, block, BLOCK) == 1);
    return x;
}

static EVP_CIPHER_CTX *ecb_new(const unsigned char key[16], int encrypt)
{
    EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
    err_assert(x && EVP_CipherInit_ex(x, c.ecb, NULL, key, NULL, encrypt) == 1 &&
               EVP_CIPHER_CTX_set_padding(x, 0) == 1);
    return x;
}

struct crypto_keyed *crypto_keyed_new(const unsigned char key[CRYPTO_KEY])
{
    crypto_start();
    struct crypto_keyed *k = mem_alloc(sizeof(*k));
    unsigned char d[32], pads[2 * BLOCK];
    k->sip = mem_secret_alloc(16);
    hmac_pads(slice_of(key, CRYPTO_KEY), pads);
    k->inner = begun(pads);
    k->outer = begun(pads + BLOCK);
    mem_wipe(pads, sizeof(pads));
    crypto_hkdf(slice_of(key, CRYPTO_KEY), SLICE(""), SLICE("parley words"), d);
    memcpy(k->sip, d, 16);
    k->words = ecb_new(d + 16, 1);
    crypto_hkdf(slice_of(key, CRYPTO_KEY), SLICE(""), SLICE("parley ids"), d);
    k->permute = ecb_new(d, 1);
    k->unpermute = ecb_new(d, 0);
    mem_wipe(d, sizeof(d));
    return k;
}

void crypto_keyed_free(struct crypto_keyed **kp)
{
    struct crypto_keyed *k = *kp;
    if (!k)
        return;
    EVP_CIPHER_CTX_free(k->words); /* wipes its key */
    EVP_CIPHER_CTX_free(k->permute);
    EVP_CIPHER_CTX_free(k->unpermute);
    EVP_MD_CTX_free(k->inner);
    EVP_MD_CTX_free(k->outer);
    mem_secret_free(k->sip, 16);
    mem_clear(kp);
}

void crypto_keyed_hash(struct crypto_keyed *k, const char *purpose, struct slice s, unsigned char *out,
                       size_t n)
{
    unsigned char d[32];
    err_assert(n <= 32 && EVP_MD_CTX_copy_ex(c.digest, k->inner) == 1);
    digest_end((const struct slice[]){{purpose, strlen(purpose) + 1}, s}, 2, d);
    err_assert(EVP_MD_CTX_copy_ex(c.digest, k->outer) == 1);
    digest_end(&(struct slice){(const char *)d, sizeof(d)}, 1, d);
    memcpy(out, d, n);
}

static void ecb(EVP_CIPHER_CTX *x, const unsigned char *in, size_t n, unsigned char *out)
{
    int got = 0;
    err_assert(EVP_CipherUpdate(x, out, &got, in, (int)n) == 1 && (size_t)got == n);
}

void crypto_keyed_words(struct crypto_keyed *k, const struct slice *words, size_t n, uint64_t *out)
{
    enum { AT_ONCE = 32 };
    unsigned char block[AT_ONCE * 16];
    for (size_t done = 0; done < n;) {
        size_t now = n - done < AT_ONCE ? n - done : AT_ONCE;
        memset(block, 0, sizeof(block));
        for (size_t i = 0; i < now; i++) {
            uint64_t h = siphash13(k->sip, words[done + i].p, words[done + i].n);
            memcpy(block + i * 16, &h, 8);
        }
        ecb(k->words, block, now * 16, block);
        for (size_t i = 0; i < now; i++)
            memcpy(&out[done + i], block + i * 16, 8);
        done += now;
    }
}

void crypto_keyed_permute(struct crypto_keyed *k, const unsigned char in[16], unsigned char out[16])
{
    ecb(k->permute, in, 16, out);
}

void crypto_keyed_unpermute(struct crypto_keyed *k, const unsigned char in[16], unsigned char out[16])
{
    ecb(k->unpermute, in, 16, out);
}
