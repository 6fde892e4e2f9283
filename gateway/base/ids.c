/* SPDX-License-Identifier: Apache-2.0
 * Randomness, ids and the names that operators give. */
#include "gateway/base/err.h"
#include "gateway/base/text.h"
#include <errno.h>
#include <string.h>
#include <sys/random.h>

void text_random(void *p, size_t n)
{
    unsigned char *to = p;
    while (n) {
        ssize_t got = getrandom(to, n, 0);
        if (got < 0 && errno == EINTR)
            continue;
        err_assert(got > 0);
        to += got;
        n -= (size_t)got;
    }
}

uint64_t text_random_u64(void)
{
    uint64_t v;
    text_random(&v, sizeof(v));
    return v;
}

struct id id_new(void)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
    struct id id;
    unsigned char raw[17] = {0};
    text_random(raw, 16);
    for (size_t i = 0; i < ID_LEN; i++) {
        size_t bit = i * 5;
        unsigned two = (unsigned)raw[bit / 8] << 8 | (bit / 8 + 1 < sizeof(raw) ? raw[bit / 8 + 1] : 0u);
        id.s[i] = letters[two >> (11 - bit % 8) & 31];
    }
    id.s[ID_LEN] = '\0';
    return id;
}

bool id_valid(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') || (s.p[i] >= '2' && s.p[i] <= '7')))
            return false;
    return s.n == ID_LEN;
}

static bool name_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool name_valid(struct slice s)
{
    if (s.n == 0 || s.n > 63 || !name_letter(s.p[0]))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!name_letter(s.p[i]) && (s.p[i] == '\0' || !strchr("._-", s.p[i])))
            return false;
    return true;
}

bool area_valid(struct slice s)
{
    struct slice rest = s, part;
    if (s.n == 0 || s.n > 255)
        return false;
    while (slice_next(&rest, '/', &part))
        if (!name_valid(part))
            return false;
    return true;
}
