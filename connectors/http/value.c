/* SPDX-License-Identifier: Apache-2.0
 * Small values: times, base64, addresses, secrets. Strict, and without a look at the locale. */
#include "http.h"
#include <string.h>

static bool digits(const char *s, size_t n, int *out)
{
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        v = v * 10 + (s[i] - '0');
    }
    *out = v;
    return true;
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar: years begin in March, so that a leap day is a
 * year's last. */
static int64_t days(int y, int m, int d)
{
    int64_t years = m <= 2 ? y - 1 : y;
    int64_t era = years / 400, of_era = years % 400;
    int64_t of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool zone(const char *s, size_t n, int64_t *ms)
{
    int h, m;
    if (n == 1 && (*s == 'Z' || *s == 'z'))
        return true;
    if (n != 6 || (*s != '+' && *s != '-') || s[3] != ':' || !digits(s + 1, 2, &h) || !digits(s + 4, 2, &m) ||
        h > 23 || m > 59)
        return false;
    int64_t off = (int64_t)(h * 60 + m) * 60000;
    *ms += *s == '+' ? -off : off;
    return true;
}

/* "2026-01-31T12:00:00" */
static bool date_time(const char *s, int64_t *ms)
{
    static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const struct {
        int at, n, least, most;
    } part[] = {{0, 4, 1, 9999}, {5, 2, 1, 12},  {8, 2, 1, 31},
                {11, 2, 0, 23},  {14, 2, 0, 59}, {17, 2, 0, 60}};
    int v[6];
    if (s[4] != '-' || s[7] != '-' || !strchr("Tt ", s[10]) || s[13] != ':' || s[16] != ':')
        return false;
    for (int i = 0; i < 6; i++) {
        if (!digits(s + part[i].at, (size_t)part[i].n, &v[i]) || v[i] < part[i].least || v[i] > part[i].most)
            return false;
    }
    bool leap = (v[0] % 4 == 0 && v[0] % 100 != 0) || v[0] % 400 == 0;
    if (v[2] > lengths[v[1] - 1] || (v[1] == 2 && v[2] == 29 && !leap))
        return false;
    *ms = ((days(v[0], v[1], v[2]) * 24 + v[3]) * 60 + v[4]) * 60000 + v[5] * 1000;
    return true;
}

bool http_time(const char *s, size_t n, int64_t *ms)
{
    if (n < 20 || n > 40 || memchr(s, 0, n) || !date_time(s, ms))
        return false;
    size_t i = 19;
    if (s[i] == '.') {
        size_t from = ++i;
        for (int scale = 100; i < n && s[i] >= '0' && s[i] <= '9'; i++, scale /= 10)
            *ms += (s[i] - '0') * scale;
        if (i == from)
            return false;
    }
    return i < n && zone(s + i, n - i, ms);
}

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

long http_unbase64(char *out, const char *s, size_t n)
{
    size_t o = 0;
    if (n % 4)
        return -1;
    for (size_t i = 0; i < n; i += 4) {
        int pad = i + 4 < n ? 0 : (s[i + 3] == '=') + (s[i + 3] == '=' && s[i + 2] == '=');
        unsigned v = 0;
        for (size_t k = 0; k < 4; k++) {
            int x = (int)k >= 4 - pad ? 0 : sextet(s[i + k]);
            if (x < 0)
                return -1;
            v = v << 6 | (unsigned)x;
        }
        if ((pad == 1 && (v & 0xff)) || (pad == 2 && (v & 0xffff)))
            return -1; /* bits behind the end: a second spelling of the same bytes */
        out[o++] = (char)(v >> 16);
        if (pad < 2)
            out[o++] = (char)(v >> 8);
        if (pad < 1)
            out[o++] = (char)v;
    }
    return (long)o;
}

void http_base64(char *out, const unsigned char *p, size_t n)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        unsigned v =
            (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) | (i + 2 < n ? p[i + 2] : 0u);
        *out++ = set[v >> 18];
        *out++ = set[v >> 12 & 63];
        *out++ = i + 1 < n ? set[v >> 6 & 63] : '=';
        *out++ = i + 2 < n ? set[v & 63] : '=';
    }
    *out = 0;
}

static bool tel(const char *s, size_t n)
{
    if (n < 6 || n > 16 || s[0] != '+' || s[1] < '1' || s[1] > '9')
        return false;
    for (size_t i = 2; i < n; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
    }
    return true;
}

bool http_address(const char *s, size_t n)
{
    const char *colon = memchr(s, ':', n);
    if (!colon || colon == s || n > HTTP_ID)
        return false;
    size_t scheme = (size_t)(colon - s);
    for (size_t i = 0; i < scheme; i++) {
        bool letter = s[i] >= 'a' && s[i] <= 'z';
        if (!letter && (i == 0 || !((s[i] >= '0' && s[i] <= '9') || strchr("+-.", s[i]))))
            return false;
    }
    if (scheme + 1 == n)
        return false;
    for (size_t i = scheme + 1; i < n; i++) {
        if ((unsigned char)s[i] <= ' ' || s[i] == 127)
            return false;
    }
    return scheme != 3 || memcmp(s, "tel", 3) != 0 || tel(colon + 1, n - 4);
}

bool http_keys(const char *secret, struct http_key keys[HTTP_KEYS], size_t *n)
{
    *n = 0;
    while (*secret) {
        size_t len = strcspn(secret, " ");
        if (len) {
            if (*n == HTTP_KEYS || len < 6 + 32 || len > 6 + 88 || memcmp(secret, "whsec_", 6) != 0)
                return false;
            char out[72];
            long got = http_unbase64(out, secret + 6, len - 6);
            if (got < 24 || got > 64)
                return false;
            memcpy(keys[*n].bytes, out, (size_t)got);
            keys[(*n)++].n = (size_t)got;
        }
        secret += len;
        secret += strspn(secret, " ");
    }
    return *n > 0;
}

bool http_number(struct connector_bytes b, int64_t *out)
{
    if (b.n == 0 || b.n > 15)
        return false;
    *out = 0;
    for (size_t i = 0; i < b.n; i++) {
        if (b.p[i] < '0' || b.p[i] > '9')
            return false;
        *out = *out * 10 + (b.p[i] - '0');
    }
    return true;
}
