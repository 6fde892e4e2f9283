/* SPDX-License-Identifier: Apache-2.0
 * What a file is, by its content: libmagic on the loop's threads, one handle for each thread, since a handle
 * is not shared. */
#include "gateway/host/host_internal.h"
#include <magic.h>
#include <pthread.h>
#include <string.h>

#define MAGIC_LOOK (256u << 10) /* bytes that are looked at */

static pthread_key_t magic_key;
static pthread_once_t magic_once = PTHREAD_ONCE_INIT;

static void magic_end(void *m)
{
    magic_close(m);
}

static void magic_init(void)
{
    err_assert(pthread_key_create(&magic_key, magic_end) == 0);
}

static magic_t magic_mine(void)
{
    pthread_once(&magic_once, magic_init);
    magic_t m = pthread_getspecific(magic_key);
    if (!m) {
        m = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_ELF);
        if (m && magic_load(m, NULL) != 0) {
            magic_close(m);
            m = NULL;
        }
        pthread_setspecific(magic_key, m);
    }
    return m;
}

struct look {
    struct loop *loop;
    struct slice bytes;
    char declared[128], type[128];
    void (*done)(void *arg, const char *type, struct slice bytes);
    void *arg;
};

static bool starts(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* The content decides; what the peer says counts only where the same container carries both kinds, or where
 * libmagic has no name for what can do no harm. */
static const char *agree(const char *found, const char *declared)
{
    bool audio = starts(declared, "audio/");
    if (audio && (strcmp(found, "video/webm") == 0 || strcmp(found, "video/mp4") == 0 ||
                  strcmp(found, "video/3gpp") == 0 || strcmp(found, "application/ogg") == 0))
        return declared;
    if (strcmp(found, "application/octet-stream") == 0 &&
        (audio || starts(declared, "video/") || (starts(declared, "image/") && !strstr(declared, "svg"))))
        return declared;
    if (strcmp(found, "text/plain") == 0 &&
        (strcmp(declared, "text/csv") == 0 || strcmp(declared, "text/vcard") == 0))
        return declared;
    return found;
}

static void look_work(void *arg)
{
    struct look *l = arg;
    magic_t m = magic_mine();
    size_t n = l->bytes.n < MAGIC_LOOK ? l->bytes.n : MAGIC_LOOK;
    const char *found = m && n ? magic_buffer(m, l->bytes.p, n) : NULL;
    found = agree(found ? found : "application/octet-stream", l->declared);
    size_t len = strlen(found) < sizeof(l->type) ? strlen(found) : sizeof(l->type) - 1;
    memcpy(l->type, found, len);
    l->type[len] = 0;
}

static void look_done(void *arg)
{
    struct look *l = arg;
    l->done(l->arg, l->type, l->bytes);
    mem_free(l);
}

/* "audio/ogg; codecs=opus" becomes "audio/ogg"; what is no type becomes "". */
static void clean(struct slice type, char out[128])
{
    struct slice rest = type, part = {0};
    size_t n = 0;
    if (type.n)
        slice_next(&rest, ';', &part);
    part = slice_trim(part);
    for (; n < part.n && n < 127; n++) {
        char c = part.p[n];
        c = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("/.+-", c)) || !c) {
            n = 0;
            break;
        }
        out[n] = c;
    }
    out[n] = 0;
}

void media_type(struct host *h, struct slice bytes, struct slice declared,
                void (*done)(void *arg, const char *type, struct slice bytes), void *arg)
{
    struct look *l = mem_alloc(sizeof(*l));
    *l = (struct look){.loop = h->loop, .bytes = bytes, .done = done, .arg = arg};
    clean(declared, l->declared);
    loop_work(h->loop, look_work, look_done, l);
}

bool media_dangerous(const char *type)
{
    static const char *const kinds[] = {
        "application/x-dosexec",        "application/x-executable",
        "application/x-pie-executable", "application/x-sharedlib",
        "application/x-mach-binary",    "application/vnd.microsoft.portable-executable",
        "application/x-msdownload",     "application/x-ms-shortcut",
        "application/java-archive",     "application/vnd.android.package-archive",
        "text/x-shellscript",           "text/x-msdos-batch"};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(type, kinds[i]) == 0)
            return true;
    }
    return false;
}
