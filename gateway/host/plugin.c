/* SPDX-License-Identifier: Apache-2.0
 * Plugins: loads the shared objects of one folder and judges whether they fit. A plugin is trusted code, so
 * nothing writable by others is loaded. */
#include "gateway/base/log.h"
#include "gateway/host/host_internal.h"
#include <dirent.h>
#include <dlfcn.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool plugin_is(const char *words, const char *word)
{
    struct slice rest = slice_str(words), part;
    while (slice_next(&rest, ' ', &part)) {
        if (part.n && slice_is(part, word))
            return true;
    }
    return false;
}

static const char *unfit(const struct connector *c)
{
    if (c->abi != CONNECTOR_ABI)
        return "another abi";
    /* Later versions are larger; a smaller one lacks members that version 1 has. */
    if (c->size < offsetof(struct connector, media) + sizeof(c->media))
        return "too small a struct connector";
    if (!c->name || !c->version || !name_valid(slice_str(c->name)))
        return "no name";
    if (!c->create || !c->start || !c->stop || !c->destroy)
        return "a member that must be there is missing";
    if (!(c->capabilities & CONNECTOR_PULL) && !c->send)
        return "`send` is missing";
    if (c->doors && *c->doors && !c->request)
        return "doors without `request`";
    if (c->limits.size < sizeof(uint32_t) || c->limits.size > 4096)
        return "limits without their size";
    return NULL;
}

/* What every channel can be told, whatever its connector. */
static const struct connector_setting common[] = {
    {"capabilities", CONNECTOR_S_LIST, false, NULL, NULL,
     "What this channel can, when that is less than its connector can."},
    {"rate", CONNECTOR_S_NUMBER, false, NULL, NULL, "Messages a second at most."},
    {"path_secret", CONNECTOR_S_SECRET, false, NULL, NULL,
     "The last part of the path that the provider calls, 22 characters or more; made from the other secrets "
     "when it is not set."},
};

static void take_settings(struct plugin *p)
{
    size_t n = 0;
    while (p->c->settings && p->c->settings[n].name)
        n++;
    p->settings = mem_array(n + sizeof(common) / sizeof(common[0]) + 1, sizeof(*p->settings));
    for (size_t i = 0; i < n; i++)
        p->settings[i] = p->c->settings[i];
    bool unsigned_hooks = p->door_hooks && !(p->c->capabilities & CONNECTOR_SIGNS);
    for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++) {
        bool wanted = strcmp(common[i].name, "path_secret") != 0 || unsigned_hooks;
        if (wanted && !plugin_setting(p, slice_str(common[i].name)))
            p->settings[n++] = common[i];
    }
}

static void plugin_take(struct host *h, void *handle, const struct connector *c)
{
    struct plugin *p = mem_alloc(sizeof(*p));
    p->handle = handle;
    p->c = c;
    memcpy(&p->limits, &c->limits, c->limits.size < sizeof(p->limits) ? c->limits.size : sizeof(p->limits));
    const char *doors = c->doors ? c->doors : "";
    p->door_hooks = plugin_is(doors, "hooks");
    p->door_chat = plugin_is(doors, "chat");
    p->door_socket = plugin_is(doors, "socket") && c->socket_open;
    take_settings(p);
    p->has_verified = plugin_setting(p, SLICE("verified")) != NULL;
    h->plugins = mem_realloc(h->plugins, (h->plugins_n + 1) * sizeof(struct plugin *));
    h->plugins[h->plugins_n++] = p;
    log_event(LOG_INFO, "plugin.loaded", log_str("connector", c->name), log_str("version", c->version));
}

static void plugin_load(struct host *h, const char *path, const char *file)
{
    struct stat st;
    /* dlopen on a path with a slash never looks elsewhere. */
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return;
    if ((st.st_mode & S_IWOTH) || (st.st_uid != 0 && st.st_uid != geteuid())) {
        log_event(LOG_WARN, "plugin.refused", log_str("file", file),
                  log_str("why", "others can write to it"));
        return;
    }
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        log_event(LOG_WARN, "plugin.refused", log_str("file", file), log_str("why", dlerror()));
        return;
    }
    const struct connector *c = dlsym(handle, "connector_plugin");
    const char *why = c ? unfit(c) : "connector_plugin is not exported";
    if (!why && plugin_find(h, slice_str(c->name)))
        why = "another plugin has this name";
    if (why) {
        log_event(LOG_WARN, "plugin.refused", log_str("file", file), log_str("why", why));
        dlclose(handle);
        return;
    }
    plugin_take(h, handle, c);
}

bool plugins_load(struct host *h)
{
    DIR *d = opendir(h->cf.plugin_dir);
    if (!d)
        return false;
    for (struct dirent *f; (f = readdir(d));) {
        size_t n = strlen(f->d_name);
        if (n < 4 || strcmp(f->d_name + n - 3, ".so") != 0)
            continue;
        struct buf path;
        buf_init(&path, 8192);
        buf_printf(&path, "%s/%s", h->cf.plugin_dir, f->d_name);
        plugin_load(h, path.p, f->d_name);
        buf_clear(&path);
    }
    closedir(d);
    return true;
}

void plugins_unload(struct host *h)
{
    for (size_t i = 0; i < h->plugins_n; i++) {
#ifndef PARLEY_SANITIZED /* a report of a leak needs the names of what leaked */
        dlclose(h->plugins[i]->handle);
#endif
        mem_free(h->plugins[i]->settings);
        mem_free(h->plugins[i]);
    }
    mem_clear(&h->plugins);
    h->plugins_n = 0;
}

const struct plugin *plugin_find(const struct host *h, struct slice name)
{
    for (size_t i = 0; i < h->plugins_n; i++) {
        if (slice_is(name, h->plugins[i]->c->name))
            return h->plugins[i];
    }
    return NULL;
}

const struct connector_setting *plugin_setting(const struct plugin *p, struct slice name)
{
    for (const struct connector_setting *s = p->settings; s->name; s++) {
        if (slice_is(name, s->name))
            return s;
    }
    return NULL;
}

const struct connector_setting *host_connector_settings(const struct host *h, const char *connector)
{
    const struct plugin *p = plugin_find(h, slice_str(connector));
    return p ? p->settings : NULL;
}

const char *host_connector_at(const struct host *h, size_t i)
{
    return i < h->plugins_n ? h->plugins[i]->c->name : NULL;
}

void host_connector_json(const struct host *h, const char *connector, struct buf *out)
{
    const struct plugin *p = plugin_find(h, slice_str(connector));
    if (!p)
        return;
    buf_str(out, "\"version\":");
    buf_json_str(out, slice_str(p->c->version));
    buf_printf(out, ",\"pull\":%s,\"signs\":%s,\"hooks\":%s,\"scheme\":",
               p->c->capabilities & CONNECTOR_PULL ? "true" : "false",
               p->c->capabilities & CONNECTOR_SIGNS ? "true" : "false", p->door_hooks ? "true" : "false");
    buf_json_str(out, slice_str(p->c->scheme));
    buf_str(out, ",\"capabilities\":");
    capabilities_json(p->c->capabilities, out);
}
