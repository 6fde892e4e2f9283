/* SPDX-License-Identifier: Apache-2.0
 * Envelopes, wrapped keys, HKDF, keyed hashes, words, the cache of keys: known vectors, and that nothing
 * opens what it should not. */
#include "gateway/base/err.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "store/crypto.h"
#include "store/keys_internal.h"
#include "store/words.h"
#include "tests/unit/test.h"

static struct slice hex(const char *text)
{
    static unsigned char out[8][256];
    static int at;
    at = (at + 1) % 8;
    size_t n = strlen(text) / 2;
    OK(text_unhex(out[at], n, slice_str(text)));
    return slice_of(out[at], n);
}

/* RFC 5869, test case 1 (the first 32 bytes) and 3. */
T(hkdf_vectors)
{
    unsigned char out[32];
    crypto_hkdf(hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), hex("000102030405060708090a0b0c"),
                hex("f0f1f2f3f4f5f6f7f8f9"), out);
    OK(slice_eq(slice_of(out, 32), hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf")));
    crypto_hkdf(hex("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b"), SLICE(""), SLICE(""), out);
    OK(slice_eq(slice_of(out, 32), hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")));
}

/* FIPS 180-4, and one that another program computed. */
T(hash_vectors)
{
    unsigned char out[32], again[32];
    crypto_sha256(SLICE("abc"), out);
    OK(slice_eq(slice_of(out, 32), hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")));
    const unsigned char *key = (const unsigned char *)"0123456789abcdef0123456789abcdef";
    crypto_hmac(key, SLICE("ab"), SLICE("c"), out);
    crypto_hmac(key, SLICE("abc"), SLICE(""), again);
    OK(memcmp(out, again, 32) == 0);
    OK(slice_eq(slice_of(out, 32), hex("a60c859a6827c5ea576a48d8d368672fbfe4667c6a927428284a0cb3859cc1d6")));
}

T(envelopes_open_only_as_sealed)
{
    unsigned char key[32], other[32];
    struct buf sealed, plain;
    struct slice text = SLICE("a person's words");
    uint32_t kid = 0;
    text_random(key, 32);
    memcpy(other, key, 32);
    other[31] ^= 1;
    buf_init(&sealed, 4096);
    buf_init(&plain, 4096);
    crypto_seal(key, 0x01020304, SLICE("where"), text, &sealed);
    EQ_INT(sealed.n, text.n + CRYPTO_OVERHEAD);
    OK(crypto_key_id(buf_view(&sealed), &kid) && kid == 0x01020304);
    EQ_INT(crypto_open(key, SLICE("where"), buf_view(&sealed), &plain), 0);
    OK(slice_eq(buf_view(&plain), text));
    buf_reset(&plain);
    EQ_INT(crypto_open(key, SLICE("elsewhere"), buf_view(&sealed), &plain), -ERR_CORRUPT);
    EQ_INT(crypto_open(other, SLICE("where"), buf_view(&sealed), &plain), -ERR_CORRUPT);
    for (size_t bit = 0; bit < sealed.n * 8; bit++) {
        if (bit / 8 >= 1 && bit / 8 < 5)
            continue; /* the key id only says which key: a wrong one does not open */
        sealed.p[bit / 8] = (char)(sealed.p[bit / 8] ^ 1 << bit % 8);
        EQ_INT(crypto_open(key, SLICE("where"), buf_view(&sealed), &plain), -ERR_CORRUPT);
        sealed.p[bit / 8] = (char)(sealed.p[bit / 8] ^ 1 << bit % 8);
    }
    for (size_t n = 0; n < sealed.n; n++)
        EQ_INT(crypto_open(key, SLICE("where"), slice_of(sealed.p, n), &plain), -ERR_CORRUPT);
    EQ_INT(plain.n, 0);
    buf_clear(&sealed);
    buf_clear(&plain);
}

T(the_same_text_never_looks_the_same)
{
    unsigned char key[32] = {7};
    struct buf a, b;
    buf_init(&a, 256);
    buf_init(&b, 256);
    crypto_seal(key, 1, SLICE(""), SLICE("x"), &a);
    crypto_seal(key, 1, SLICE(""), SLICE("x"), &b);
    OK(memcmp(a.p + 5, b.p + 5, a.n - 5) != 0);
    buf_clear(&a);
    buf_clear(&b);
}

T(wrapped_keys)
{
    unsigned char master[32], key[32], back[32], wrapped[CRYPTO_WRAPPED];
    text_random(master, 32);
    text_random(key, 32);
    crypto_wrap(master, 3, SLICE("op contact 1"), key, wrapped);
    EQ_INT(wrapped[0], 3);
    EQ_INT(crypto_unwrap(master, SLICE("op contact 1"), slice_of(wrapped, sizeof(wrapped)), back), 0);
    OK(memcmp(key, back, 32) == 0);
    EQ_INT(crypto_unwrap(master, SLICE("op contact 2"), slice_of(wrapped, sizeof(wrapped)), back),
           -ERR_CORRUPT);
    EQ_INT(crypto_unwrap(key, SLICE("op contact 1"), slice_of(wrapped, sizeof(wrapped)), back), -ERR_CORRUPT);
    EQ_INT(crypto_unwrap(master, SLICE("op contact 1"), slice_of(wrapped, 60), back), -ERR_CORRUPT);
}

T(keyed_hashes_are_hmacs)
{
    unsigned char key[CRYPTO_KEY], other[32], hash[32];
    memset(key, 7, sizeof(key));
    struct crypto_keyed *k = crypto_keyed_new(key);
    crypto_keyed_hash(k, "purpose", SLICE("value"), hash, 32);
    crypto_hmac(key, slice_of("purpose", 8), SLICE("value"), other);
    OK(memcmp(hash, other, 32) == 0);
    crypto_keyed_free(&k);
}

T(keyed_hashes_differ_by_purpose_and_key)
{
    unsigned char a[16], b[16], k1[32] = {1}, k2[32] = {2}, block[16] = {9}, back[16];
    struct crypto_keyed *one = crypto_keyed_new(k1), *two = crypto_keyed_new(k2);
    crypto_keyed_hash(one, "address", SLICE("tel:+1"), a, 16);
    crypto_keyed_hash(one, "address", SLICE("tel:+1"), b, 16);
    OK(memcmp(a, b, 16) == 0);
    crypto_keyed_hash(one, "login", SLICE("tel:+1"), b, 16);
    OK(memcmp(a, b, 16) != 0);
    crypto_keyed_hash(two, "address", SLICE("tel:+1"), b, 16);
    OK(memcmp(a, b, 16) != 0);
    crypto_keyed_permute(one, block, a);
    OK(memcmp(a, block, 16) != 0);
    crypto_keyed_unpermute(one, a, back);
    OK(memcmp(back, block, 16) == 0);
    crypto_keyed_free(&one);
    crypto_keyed_free(&two);
    OK(!one && !two);
}

static struct slice word(char *to, const char *kind, size_t i)
{
    snprintf(to, 32, "%s%zu", kind, i);
    return slice_str(to);
}

static void check_words(struct crypto_keyed *k, size_t n)
{
    static struct slice words[9000];
    static char texts[9000][32];
    struct buf set;
    size_t wrong = 0, tries = n < 1000 ? 40000 : 12000; /* each walks the whole set */
    buf_init(&set, 1 << 20);
    for (size_t i = 0; i < n; i++)
        words[i] = word(texts[i], "word", i);
    words_write(k, words, n, &set);
    for (size_t i = 0; i < n && i < WORDS_MOST; i++) {
        uint64_t h;
        crypto_keyed_words(k, &words[i], 1, &h);
        OK(words_has(buf_view(&set), h));
    }
    for (size_t i = 0; i < tries; i++) {
        char text[32];
        struct slice w = word(text, "other", i);
        uint64_t h;
        crypto_keyed_words(k, &w, 1, &h);
        wrong += words_has(buf_view(&set), h);
    }
    printf("%zu words: %.2f bytes each, wrong once in %zu\n", n, (double)set.n / (double)n,
           wrong ? tries / wrong : tries);
    OK(wrong <= tries / 1500);
    OK(n < 20 || set.n <= 2 * n);
    buf_clear(&set);
}

T(words_are_found_and_few_others)
{
    unsigned char key[32] = {5};
    struct crypto_keyed *k = crypto_keyed_new(key);
    static const size_t counts[] = {1, 2, 33, 127, 128, 1000, WORDS_MOST, 9000};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        check_words(k, counts[i]);
    crypto_keyed_free(&k);
}

T(sets_behind_each_other_are_all_searched)
{
    unsigned char key[32] = {5};
    struct crypto_keyed *k = crypto_keyed_new(key);
    struct slice one[] = {SLICE("visa"), SLICE("home")}, two[] = {SLICE("boat")}, other = SLICE("car");
    struct buf sets;
    uint64_t h;
    buf_init(&sets, 1000);
    words_write(k, one, 2, &sets);
    words_write(k, two, 1, &sets);
    words_write(k, one, 1, &sets);
    struct slice wanted[] = {one[0], one[1], two[0]};
    for (int i = 0; i < 3; i++) {
        crypto_keyed_words(k, &wanted[i], 1, &h);
        OK(words_has(buf_view(&sets), h));
    }
    crypto_keyed_words(k, &other, 1, &h);
    OK(!words_has(buf_view(&sets), h));
    buf_clear(&sets);
    crypto_keyed_free(&k);
}

/* Damaged sets are read without harm. */
T(damaged_words)
{
    unsigned char bytes[64];
    for (int i = 0; i < 20000; i++) {
        text_random(bytes, sizeof(bytes));
        words_has(slice_of(bytes, (size_t)bytes[63] % 63), text_random_u64());
    }
}

T(the_cache_of_keys_forgets_the_oldest)
{
    struct keys_cache *c = keys_cache_new(100);
    unsigned char key[32] = {0}, class[3][32] = {{1}, {2}, {3}}, first[32];
    unsigned char *classes[3] = {class[0], class[1], class[2]};
    for (uint32_t kid = 1; kid <= 250; kid++) {
        key[0] = (unsigned char)kid;
        keys_cache_put(c, kid, key);
        if (kid > 1)
            OK(keys_cache_key(c, 1)); /* used all the time: it stays */
    }
    EQ_INT(keys_cache_state(c, 1), KEYS_HERE);
    EQ_INT(keys_cache_state(c, 2), KEYS_NOT_LOADED);
    EQ_INT(keys_cache_state(c, 250), KEYS_HERE);
    EQ_INT(keys_cache_key(c, 250)[0], 250);
    memcpy(first, keys_cache_derived(c, 250, 0, classes), 32);
    OK(memcmp(first, keys_cache_derived(c, 250, 1, classes), 32) != 0);
    OK(memcmp(first, keys_cache_derived(c, 250, 0, classes), 32) == 0);
    keys_cache_gone(c, 250);
    EQ_INT(keys_cache_state(c, 250), KEYS_GONE);
    OK(!keys_cache_key(c, 250));
    keys_cache_drop(c, 249);
    EQ_INT(keys_cache_state(c, 249), KEYS_NOT_LOADED);
    keys_cache_drop(c, 0);
    EQ_INT(keys_cache_state(c, 1), KEYS_NOT_LOADED);
    keys_cache_free(&c);
}

TEST_MAIN
