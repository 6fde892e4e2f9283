/* SPDX-License-Identifier: Apache-2.0
 * Starts and ends the host of a test. */
#include "tests/unit/host/setup.h"
#include "gateway/base/mem.h"
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static void *plugin(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/%s.so", PLUGINS, name);
    void *d = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    err_assert(d);
    return d;
}

struct probe *setup_probe(const char *name)
{
    return dlsym(plugin(name), "probe");
}

void setup_deliver(const char *name, const struct connector_item *items, size_t n)
{
    void (*deliver)(const struct connector_item *, size_t);
    *(void **)&deliver = dlsym(plugin(name), "probe_deliver");
    deliver(items, n);
    fake_turns(20);
}

struct connector_bytes B(const char *s) {
    return (struct connector_bytes){s, s ? strlen(s) : 0};
}

/* Folding is the daemon's; here only the case of ASCII. */
static bool
same_ascii(void *arg, struct slice a, struct slice b)
{
    (void)arg;
    return a.n == b.n && strncasecmp(a.p, b.p, a.n) == 0;
}

struct host *setup_with(const struct host_config *given, const char *document)
{
    struct host_config cf = *given;
    if (!cf.router.same)
        cf.router.same = same_ascii;
    struct err e = {0};
    fake_start();
    memset(setup_probe("probe"), 0, sizeof(struct probe));
    memset(setup_probe("quiet"), 0, sizeof(struct probe));
    memset(setup_probe("pull"), 0, sizeof(struct probe));
    cf.loop = fake.loop;
    cf.store = fake_store();
    cf.plugin_dir = PLUGINS;
    struct host *h = host_new(&cf, &e);
    if (!h)
        fprintf(stderr, "host_new: %s\n", e.text);
    err_assert(h);
    setup_apply(h, document);
    return h;
}

void setup_apply(struct host *h, const char *document)
{
    host_operation_apply(h, fake_op(), slice_str(document));
    fake_turns(20);
}

struct host *setup_start(const char *channels)
{
    char document[4096];
    const struct host_config cf = {.public_url = "https://parley.example"};
    snprintf(document, sizeof(document),
             "{\"languages\":[\"en\",\"ar\"],\"fallback\":{\"prs\":[\"fa\",\"en\"]},\"channels\":%s}",
             channels);
    return setup_with(&cf, document);
}

static void drained(void *arg)
{
    *(bool *)arg = true;
}

void setup_end(struct host **h)
{
    bool done = false;
    fake.away = fake.hold = false;
    host_drain(*h, 100, drained, &done);
    for (int i = 0; i < 500 && !done; i++)
        fake_turns(10);
    err_assert(done);
    fake_turns(20);
    host_free(h);
    fake_end();
}
