/* SPDX-License-Identifier: Apache-2.0
 * A host with its plugins for one test. */
#ifndef TEST_HOST_SETUP_H
#define TEST_HOST_SETUP_H

#include "gateway/host/host_internal.h"
#include "tests/unit/host/fake.h"
#include "tests/unit/host/probe.h"

struct setup {
    struct host *h;
    struct host_config cf;
    struct host_router router;
};

/* channels: the JSON of the section. */
struct host *setup_start(const char *channels);
struct host *setup_with(const struct host_config *cf, const char *document);
void setup_apply(struct host *h, const char *document);
void setup_end(struct host **h);
struct probe *
setup_probe(const char *plugin); /* "probe", "quiet", "pull": what it shares; cleared by setup_start */
void setup_deliver(const char *plugin, const struct connector_item *items, size_t n);
struct connector_bytes B(const char *s);
/* Waits for what takes its time (threads, timers), ten seconds at most; then the test looks. */
#define UNTIL(cond)                                                                                          \
    do {                                                                                                     \
        for (int turn_ = 0; turn_ < 10000 && !(cond); turn_++)                                               \
            fake_turns(1);                                                                                   \
        OK(cond);                                                                                            \
    } while (0)

#endif
