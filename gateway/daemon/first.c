/* SPDX-License-Identifier: Apache-2.0
 * What happens when the store is ready for the first time: on an empty data directory the recovery key and
 * the demo operation; at each start of the daemon the addresses, and a reminder as long as the recovery key
 * was not saved. */
#include "gateway/base/log.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/daemon/apply.h"
#include "gateway/daemon/operation_files.h"
#include "gateway/daemon/worker.h"
#include "store/admin.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_FILE_MAX (4u << 20)

struct first {
    struct worker *w;
    json_t *demo;
    char recovery[200];
    json_t *passwords; /* of the demo's users, told once */
    json_t *secrets;   /* [{"channel","secret"}], made here, told once */
};

void first_recovery_path(const struct worker *w, char *out, size_t n)
{
    snprintf(out, n, "%s/keys/recovery-key", w->config->data_dir);
}

static void mark_path(const struct worker *w, char *out, size_t n)
{
    snprintf(out, n, "%s/first-start", w->config->data_dir);
}

/* ---- what is printed ---- */

/* How the tool finds this daemon: by itself only in var/ beside the build, which for an installed one is a
 * link to where the data is. */
static const char *tool(const struct worker *w)
{
    static char line[PATH_MAX + 32];
    char top[PATH_MAX], usual[PATH_MAX + 8], real[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", top, sizeof top - 1);
    top[n > 0 ? n : 0] = '\0';
    bool built = true;
    for (int up = 0; up < 2; up++) {
        char *slash = strrchr(top, '/');
        if (up && slash)
            built = strcmp(slash, "/bin") != 0;
        if (slash)
            *slash = '\0';
    }
    snprintf(usual, sizeof usual, "%s/var", top);
    bool other = strcmp(usual, w->config->data_dir) != 0 &&
                 !(realpath(usual, real) && strcmp(real, w->config->data_dir) == 0);
    snprintf(line, sizeof line, "%sparley%s%s", built ? "build/" : "", other ? " --data " : "",
             other ? w->config->data_dir : "");
    return line;
}

static void print_addresses(const struct worker *w, const json_t *demo)
{
    const char *scheme = w->tls ? "https" : "http",
               *operation = json_string_value(json_object_get(demo, "operation"));
    char own[128];
    snprintf(own, sizeof own, "%s://%s", scheme, w->listen);
    const char *base = *w->config->public_url ? w->config->public_url : own;
    printf("\n  Parley is running.\n\n  Agents and supervisors:  %s/\n", base);
    json_t *channel;
    size_t i;
    json_array_foreach(json_object_get(demo, "channels"), i, channel)
    {
        if (slice_is(json_opt_str(channel, "connector"), "webchat"))
            printf("  People, on the web:      %s/chat/%s/%s%s\n", base, operation,
                   json_string_value(json_object_get(channel, "id")),
                   json_opt_str(channel, "flow").n ? "  (a bot asks first)" : "");
    }
}

static void print_sign_in(const struct first *f)
{
    json_t *item;
    size_t i;
    if (json_array_size(f->passwords))
        printf("\n  First sign-in (random passwords, shown only now; `%s user passwd LOGIN` makes new "
               "ones):\n",
               tool(f->w));
    json_array_foreach(f->passwords, i, item)
    {
        printf("    %-14s %s\n", json_string_value(json_object_get(item, "login")),
               json_string_value(json_object_get(item, "password")));
    }
    json_array_foreach(f->secrets, i, item)
    {
        printf("\n  Secret of the channel %s, shown only now:\n    %s\n",
               json_string_value(json_object_get(item, "channel")),
               json_string_value(json_object_get(item, "secret")));
    }
    if (json_array_size(f->passwords))
        printf("\n  This is the demo operation, for this computer alone. `%s demo remove` removes it.\n",
               tool(f->w));
}

static void print_recovery(const struct first *f)
{
    char path[400];
    first_recovery_path(f->w, path, sizeof path);
    if (*f->recovery) {
        printf("\n  RECOVERY KEY. Write it down and keep it away from this machine:\n\n    %s\n\n"
               "  Without it no backup can be opened: if this machine is lost, everything in it is lost for "
               "good. Whoever has it\n"
               "  and a backup can read everything. When it is safe, run\n"
               "  `%s recovery saved`; until then it stays in\n"
               "  %s\n",
               f->recovery, tool(f->w), path);
    } else if (access(path, F_OK) == 0) {
        printf("\n  The recovery key was not saved yet. It is in %s:\n  write it down, keep it away from "
               "this machine, then run `%s recovery saved`.\n",
               path, tool(f->w));
    }
}

/* The example lies beside the texts. */
static void print_begin(const struct worker *w)
{
    const char *texts = w->config->texts_dir, *end = strrchr(texts, '/');
    printf("\n  There is no operation yet. Copy %.*s/office.json, put in your people\n"
           "  and languages, and run `%s apply FILE`: it tells their passwords. Everything\n"
           "  else can be done in the administration page.\n",
           end ? (int)(end - texts) : 1, end ? texts : ".", tool(w));
}

static void finish(struct first *f)
{
    if (f->w->greet || json_array_size(f->passwords) || *f->recovery) {
        print_addresses(f->w, f->demo);
        print_sign_in(f);
        if (!store_op_at(f->w->store, 0))
            print_begin(f->w);
        print_recovery(f);
        printf("\n");
        fflush(stdout);
    }
    mem_wipe(f->recovery, sizeof f->recovery);
    json_decref(f->demo);
    json_decref(f->passwords);
    json_decref(f->secrets);
    mem_free(f);
}

/* ---- the demo operation ---- */

static void on_applied(void *arg, const struct err *e, const struct apply_result *r)
{
    struct first *f = arg;
    if (e->code) {
        log_event(LOG_ERROR, "first.demo", log_err(e), log_slice("problems", r->problems));
        json_decref(f->secrets);
        f->secrets = NULL;
    } else {
        char mark[400];
        mark_path(f->w, mark, sizeof mark);
        unlink(mark);
        f->passwords = json_deep_copy(r->passwords);
    }
    finish(f);
}

/* Channels of the http connector get a secret of their own: a file that everybody has must not hold one. */
static void make_secrets(struct first *f)
{
    json_t *channel;
    size_t i;
    f->secrets = json_array();
    json_array_foreach(json_object_get(f->demo, "channels"), i, channel)
    {
        json_t *settings = json_object_get(channel, "settings");
        unsigned char key[24];
        char text[64] = "whsec_";
        if (!slice_is(json_opt_str(channel, "connector"), "http") || !settings ||
            json_object_get(settings, "secret"))
            continue;
        text_random(key, sizeof key);
        text_base64(text + 6, key, sizeof key);
        json_object_set_new(settings, "secret", json_string(text));
        json_array_append_new(
            f->secrets, json_pack("{s:O,s:s}", "channel", json_object_get(channel, "id"), "secret", text));
    }
}

static json_t *demo_read(const char *path)
{
    struct buf b;
    struct err e = {0};
    buf_init(&b, FIRST_FILE_MAX);
    FILE *f = fopen(path, "re");
    size_t n = 1;
    while (f && n) {
        char *room = buf_reserve(&b, 16384);
        n = room ? fread(room, 1, 16384, f) : 0;
        buf_commit(&b, n);
    }
    json_t *o = f && !b.err ? json_parse(buf_view(&b), JSON_DEPTH_DEFAULT, &e) : NULL;
    if (o && !operation_files(o, path, &e)) {
        json_decref(o);
        o = NULL;
    }
    if (!o)
        log_event(LOG_ERROR, "first.demo_file", log_str("file", path),
                  log_str("error", *e.text ? e.text : strerror(errno)));
    if (f)
        fclose(f);
    buf_clear(&b);
    return o;
}

static void demo(struct first *f)
{
    char mark[400];
    struct worker *w = f->w;
    mark_path(w, mark, sizeof mark);
    bool fresh = access(mark, F_OK) == 0;
    if (*w->config->demo && config_loopback(w->config->listen))
        f->demo = demo_read(w->config->demo);
    const char *name = f->demo ? json_string_value(json_object_get(f->demo, "operation")) : NULL;
    if (fresh && name) {
        make_secrets(f);
        apply_run(
            w, &(struct apply_want){.file = f->demo, .actor = "first-start", .done = on_applied, .arg = f});
        return;
    }
    unlink(mark);
    if (name && !store_op_find(w->store, slice_str(name))) { /* removed: its pages are not there either */
        json_decref(f->demo);
        f->demo = NULL;
    }
    finish(f);
}

/* ---- the recovery key ---- */

static void on_recovery(void *arg, const struct err *e, struct slice text)
{
    struct first *f = arg;
    /* The store keeps it in a file beside the keys until the operator says that it is saved. */
    if (e->code)
        log_event(LOG_ERROR, "first.recovery", log_err(e));
    else
        snprintf(f->recovery, sizeof f->recovery, "%.*s", (int)text.n, text.p);
    demo(f);
}

void first_ready(struct worker *w)
{
    char mark[400];
    if (w->slot != 0)
        return;
    struct first *f = mem_alloc(sizeof *f);
    f->w = w;
    mark_path(w, mark, sizeof mark);
    if (access(mark, F_OK) == 0)
        store_recovery_key(w->store, on_recovery, f);
    else
        demo(f);
}
