/* SPDX-License-Identifier: Apache-2.0
 * What the test and its plugin share: the plugin does what is set here, and writes down what it was asked. */
#ifndef TEST_HOST_PROBE_H
#define TEST_HOST_PROBE_H

#include "connectors/connector.h"

struct probe {
    /* set by the test */
    enum connector_outcome next[16]; /* of the sends to come; 0: sent */
    size_t next_at;
    uint32_t retry_after_ms;
    bool whole_channel, hold, early, never_stops;
    int eagain;     /* so many times */
    bool use_fetch; /* a send posts its text to the setting `api` */
    const char *refuse_settings;
    /* written by the plugin */
    size_t created, started, stopped, destroyed, sends, cancels;
    struct {
        char to[128], text[256], entry[40], target[64], reply_to[64], file[128], choice[64];
        unsigned part, parts, attempt;
        size_t files_n, choices_n;
        int kind;
    } sent[64];
    connector_token token; /* of the last send */
    void *inst;
    const struct connector_host *h;
    char typing[128], read[128];
    int delivered_err;
    size_t delivered_n, changes;
    struct connector_delivered delivered[64];
    char changed[8][128];
    char blob[64];
    char fetched[256], media_ref[64];
    size_t media_n;
    bool cancelled;
};

#endif
