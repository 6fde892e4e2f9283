/* SPDX-License-Identifier: Apache-2.0
 * Reads the settings by their table. All that is wrong is told at once, each with its line. */
#include "gateway/daemon/config.h"
#include "gateway/daemon/config_parts.h"
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CONFIG_BYTES_MAX (1u << 20)

struct reading {
    struct slice text;
    const char *name, *dir, *top;
    struct buf *problems;
    bool failed;
};

static void __attribute__((format(printf, 3, 4)))
problem(struct reading *r, const char *setting, const char *fmt, ...)
{
    char text[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    r->failed = true;
    if (setting)
        buf_printf(r->problems, "%s:%u: %s: %s\n", r->name, config_line_of(r->text, setting), setting, text);
    else
        buf_printf(r->problems, "%s: %s\n", r->name, text);
}

/* ---- values ---- */

static void list_free(char **list)
{
    for (size_t i = 0; list && list[i]; i++)
        mem_free(list[i]);
    mem_free(list);
}

void config_set_text(struct config *c, const struct config_setting *s, char *text)
{
    char **at = CONFIG_MEMBER(c, s, char *);
    mem_free(*at);
    *at = text;
}

static void set_list(struct config *c, const struct config_setting *s, char **list)
{
    char ***at = CONFIG_MEMBER(c, s, char **);
    list_free(*at);
    *at = list;
}

static char *absolute(const char *path, const char *dir)
{
    if (!*path || *path == '/')
        return mem_strdup(path);
    struct buf b;
    buf_init(&b, 8192);
    buf_printf(&b, "%s/%s", dir, path);
    return buf_take(&b, NULL);
}

/* "@x": below top; "=x": beside the running program; else as it is. */
static char *default_path(const char *path, const char *top)
{
    char program[4096];
    if (*path == '@')
        return absolute(path + 1, top);
    if (*path != '=')
        return mem_strdup(path);
    ssize_t n = readlink("/proc/self/exe", program, sizeof program - 1);
    program[n > 0 ? n : 0] = '\0';
    char *slash = strrchr(program, '/');
    if (slash)
        *slash = '\0';
    return absolute(path + 1, program);
}

static void set_default(struct config *c, const struct config_setting *s, const char *top)
{
    switch (s->type) {
    case CONFIG_INT:
        *CONFIG_MEMBER(c, s, int64_t) = s->number;
        break;
    case CONFIG_BOOL:
        *CONFIG_MEMBER(c, s, bool) = s->number != 0;
        break;
    case CONFIG_LIST:
        set_list(c, s, mem_array(1, sizeof(char *)));
        break;
    case CONFIG_PATH:
        config_set_text(c, s, default_path(s->dflt, top));
        break;
    case CONFIG_TEXT:
        config_set_text(c, s, mem_strdup(s->dflt));
        break;
    }
}

static bool text_fits(struct reading *r, const struct config_setting *s, const char *value)
{
    const char *why = "";
    if (!s->fits || s->fits(value, &why))
        return true;
    problem(r, s->name, "\"%.80s\" is not %s", value, why);
    return false;
}

static void read_list(struct reading *r, struct config *c, const struct config_setting *s, const json_t *v)
{
    if (!json_is_array(v)) {
        problem(r, s->name, "a list of strings is wanted");
        return;
    }
    size_t n = json_array_size(v);
    char **list = mem_array(n + 1, sizeof *list);
    for (size_t i = 0, k = 0; i < n; i++) {
        const char *text = json_string_value(json_array_get(v, i));
        if (!text)
            problem(r, s->name, "number %zu of the list is not a string", i + 1);
        else if (text_fits(r, s, text))
            list[k++] = mem_strdup(text);
    }
    set_list(c, s, list);
}

static void read_number(struct reading *r, struct config *c, const struct config_setting *s, const json_t *v)
{
    json_int_t n = json_integer_value(v);
    if (!json_is_integer(v))
        problem(r, s->name, "a whole number is wanted");
    else if (n < s->min || n > s->max)
        problem(r, s->name, "%" PRId64 " is not between %" PRId64 " and %" PRId64, (int64_t)n, s->min,
                s->max);
    else
        *CONFIG_MEMBER(c, s, int64_t) = n;
}

static void read_setting(struct reading *r, struct config *c, const struct config_setting *s, const json_t *v)
{
    const char *text = json_string_value(v);
    switch (s->type) {
    case CONFIG_INT:
        read_number(r, c, s, v);
        break;
    case CONFIG_BOOL:
        if (json_is_boolean(v))
            *CONFIG_MEMBER(c, s, bool) = json_is_true(v);
        else
            problem(r, s->name, "true or false is wanted");
        break;
    case CONFIG_LIST:
        read_list(r, c, s, v);
        break;
    case CONFIG_PATH:
    case CONFIG_TEXT:
        if (!text)
            problem(r, s->name, "a string is wanted");
        else if (text_fits(r, s, text))
            config_set_text(c, s, s->type == CONFIG_PATH ? absolute(text, r->dir) : mem_strdup(text));
        break;
    }
}

static const struct config_setting *setting_find(const char *name)
{
    for (const struct config_setting *s = config_settings; s->name; s++)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

static bool is_group(const char *name)
{
    size_t n = strlen(name);
    for (const struct config_setting *s = config_settings; s->name; s++)
        if (strncmp(s->name, name, n) == 0 && s->name[n] == '.')
            return true;
    return false;
}

static void read_object(struct reading *r, struct config *c, const json_t *o, const char *prefix)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)o, key, v)
    {
        char name[128];
        snprintf(name, sizeof name, "%s%s%.60s", prefix, *prefix ? "." : "", key);
        const struct config_setting *s = setting_find(name);
        if (s)
            read_setting(r, c, s, v);
        else if (!*prefix && is_group(name) && json_is_object(v))
            read_object(r, c, v, name);
        else if (!*prefix && is_group(name))
            problem(r, name, "an object is wanted");
        else if (strcmp(name, "$schema") != 0)
            problem(r, name, "there is no such setting");
    }
}

struct config *config_parse(struct slice text, const char *name, const char *dir, const char *top,
                            struct buf *problems)
{
    struct reading r = {.text = text, .name = name, .dir = dir, .top = top, .problems = problems};
    struct config *c = mem_alloc(sizeof *c);
    for (const struct config_setting *s = config_settings; s->name; s++)
        set_default(c, s, top);
    struct err e = {0};
    json_t *o = json_parse(text, 8, &e);
    if (!o)
        problem(&r, NULL, "%s", e.text);
    else if (!json_is_object(o))
        problem(&r, NULL, "an object is wanted");
    else
        read_object(&r, c, o, "");
    json_decref(o);
    if (r.failed)
        config_free(&c);
    return c;
}

struct config *config_read(const char *path, const char *top, struct buf *problems)
{
    if (!path)
        return config_parse(SLICE("{}"), "(defaults)", top, top, problems);
    struct buf text;
    buf_init(&text, CONFIG_BYTES_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;
    while (fd >= 0) {
        char *room = buf_reserve(&text, 4096);
        n = room ? read(fd, room, 4096) : -1;
        if (n <= 0)
            break;
        buf_commit(&text, (size_t)n);
    }
    struct config *c = NULL;
    char *real = realpath(path, NULL);
    if (fd < 0 || n < 0 || !real) {
        buf_printf(problems, "%s: %s\n", path, text.err ? "too large" : strerror(errno));
    } else {
        char *slash = strrchr(real, '/');
        slash[slash == real] = '\0';
        c = config_parse(buf_view(&text), path, real, top, problems);
    }
    if (fd >= 0)
        close(fd);
    free(real); /* the C library's memory */
    buf_clear(&text);
    return c;
}

bool config_override(struct config *c, const char *setting, const char *value, struct buf *problems)
{
    const struct config_setting *s = setting_find(setting);
    struct reading r = {.text = SLICE("{}"), .name = "command line", .problems = problems};
    if (!text_fits(&r, s, value))
        return false;
    char here[4096];
    if (!getcwd(here, sizeof here))
        here[0] = '\0';
    config_set_text(c, s, s->type == CONFIG_PATH ? absolute(value, here) : mem_strdup(value));
    return true;
}

void config_free(struct config **cp)
{
    struct config *c = *cp;
    if (!c)
        return;
    for (const struct config_setting *s = config_settings; s->name; s++) {
        if (s->type == CONFIG_LIST)
            list_free(*CONFIG_MEMBER(c, s, char **));
        else if (s->type == CONFIG_TEXT || s->type == CONFIG_PATH)
            mem_free(*CONFIG_MEMBER(c, s, char *));
    }
    mem_clear(cp);
}

/* ---- the whole ---- */

bool config_loopback(const char *listen)
{
    return strncmp(listen, "127.", 4) == 0 || strncmp(listen, "[::1]:", 6) == 0;
}

bool config_verify(const struct config *c, const char *name, struct buf *problems)
{
    size_t before = problems->n;
    bool tls = *c->tls_cert && *c->tls_key;
    if (!*c->tls_cert != !*c->tls_key)
        buf_printf(problems, "%s: tls: both cert and key are needed\n", name);
    if (!config_loopback(c->listen) && !tls && !c->trusted_proxies[0])
        buf_printf(problems,
                   "%s: listen: %s can be reached from outside: set tls.cert and tls.key, or trusted_proxies "
                   "when a proxy of yours does TLS\n",
                   name, c->listen);
    if (*c->redis_url && strcmp(c->redis_url, c->keys_url) == 0)
        buf_printf(problems,
                   "%s: keys.url: the keys need a server apart from the data's, or an erased person could be "
                   "read again\n",
                   name);
    struct sockaddr_un un;
    if (strlen(c->data_dir) + sizeof "/redis/data/redis.sock" > sizeof un.sun_path)
        buf_printf(problems, "%s: data_dir: its path is too long for the sockets in it (at most %zu bytes)\n",
                   name, sizeof un.sun_path - sizeof "/redis/data/redis.sock");
    return problems->n == before;
}

void config_warnings(const struct config *c, struct buf *out)
{
    if (c->unsafe_redis)
        buf_str(out, "unsafe_redis: what was acknowledged can be lost when a Redis server dies\n");
    if (!*c->public_url && !config_loopback(c->listen))
        buf_str(out, "public_url is not set: providers can't be told where to call, and links in messages "
                     "are left out\n");
    if (*c->public_url && strncmp(c->public_url, "https://", 8) != 0 && !strstr(c->public_url, "//127.0.0.1"))
        buf_str(out, "public_url is not https: what people write can be read on the way\n");
}
