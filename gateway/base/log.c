/* SPDX-License-Identifier: Apache-2.0
 * Log lines: built in a buffer on the stack's side and written at once, so that lines of several processes
 * don't mix. */
#include "gateway/base/log.h"
#include "gateway/base/text.h"
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <unistd.h>

#define LOG_LINE  4000 /* below PIPE_BUF: a write to a pipe is whole or not at all */
#define LOG_VALUE 1000

static const char *const log_names[] = {"debug", "info", "warn", "error"};
static struct {
    int fd;
    enum log_level least;
    unsigned char key[32];
    bool keyed;
    void (*tap)(enum log_level level, const char *event, struct slice line);
} log_state = {.fd = STDERR_FILENO, .least = LOG_INFO};

void log_open(int fd, enum log_level least, const unsigned char hash_key[32])
{
    log_state.fd = fd;
    log_state.least = least;
    if (hash_key)
        memcpy(log_state.key, hash_key, sizeof(log_state.key));
    else
        text_random(log_state.key, sizeof(log_state.key));
    log_state.keyed = true;
}

bool log_enabled(enum log_level level)
{
    return level >= log_state.least;
}

bool log_level_parse(struct slice s, enum log_level *out)
{
    for (size_t i = 0; i < sizeof(log_names) / sizeof(log_names[0]); i++)
        if (slice_is(s, log_names[i])) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

void log_set_tap(void (*tap)(enum log_level level, const char *event, struct slice line))
{
    log_state.tap = tap;
}

/* Bytes that are no UTF-8 become U+FFFD, and what is long is cut. */
static void log_text(struct buf *b, struct slice s)
{
    struct buf clean;
    buf_init(&clean, LOG_VALUE + 16);
    for (size_t i = 0; i < s.n && clean.n < LOG_VALUE;) {
        size_t from = i;
        if (text_next(s, &i) == 0xFFFD)
            buf_str(&clean, "\xEF\xBF\xBD");
        else
            buf_add(&clean, s.p + from, i - from);
    }
    if (clean.n >= LOG_VALUE)
        buf_str(&clean, "\xE2\x80\xA6");
    buf_json_str(b, buf_view(&clean));
    buf_clear(&clean);
}

/* Ten digits of a keyed hash: enough to join lines about one person, not enough to try numbers without the
 * key. */
static void log_hash(struct buf *b, struct slice s)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    char hex[11];
    if (!log_state.keyed)
        log_open(log_state.fd, log_state.least, NULL);
    if (!HMAC(EVP_sha256(), log_state.key, sizeof(log_state.key), (const unsigned char *)(s.p ? s.p : ""),
              s.n, mac, &n))
        memset(mac, 0, sizeof(mac));
    text_hex(hex, mac, 5);
    buf_printf(b, "\"h:%s\"", hex);
}

static void log_one(struct buf *b, const struct log_field *f)
{
    size_t before = b->n;
    buf_char(b, ',');
    buf_json_str(b, slice_str(f->key));
    buf_char(b, ':');
    switch (f->kind) {
    case 'i':
        buf_printf(b, "%lld", (long long)f->i);
        break;
    case 'p':
        log_hash(b, f->s);
        break;
    default:
        log_text(b, f->s);
    }
    if (b->err) { /* the field that does not fit is left out */
        b->err = 0;
        buf_drop_back(b, b->n - before);
    }
}

static void log_put(struct slice line)
{
    /* A full disk or a closed pipe must not stop the daemon, and there is nowhere else to complain. */
    ssize_t done;
    do
        done = write(log_state.fd, line.p, line.n);
    while (done < 0 && errno == EINTR);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    char when[TIME_TEXT];
    struct buf b;
    buf_init(&b, LOG_LINE);
    time_text(time_wall_ms(), when);
    buf_printf(&b, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":", when, log_names[level]);
    buf_json_str(&b, slice_str(event));
    for (; fields && fields->key; fields++)
        log_one(&b, fields);
    b.max += 2; /* room for the end, always */
    buf_add(&b, "}\n", 2);
    log_put(buf_view(&b));
    if (log_state.tap)
        log_state.tap(level, event, slice_of(b.p, b.n - 1));
    buf_clear(&b);
}
