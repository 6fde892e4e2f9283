/* SPDX-License-Identifier: Apache-2.0
 * Operation files of any bytes: never a crash; a file that is in order is in order again, and exported and
 * applied it changes nothing. */
#include "gateway/daemon/operation.h"
#include <stddef.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool any_channel(void *ctx, const json_t *channel, char where[64], struct err *e)
{
    (void)ctx, (void)channel, (void)where, (void)e;
    return true;
}

static bool is_secret(void *ctx, const char *connector, const char *setting)
{
    (void)ctx, (void)connector;
    return setting[0] == 's';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const struct operation_connectors con = {NULL, any_channel, is_secret, NULL, NULL, NULL};
    struct buf problems, lines;
    buf_init(&problems, 1u << 20);
    buf_init(&lines, 1u << 20);
    json_t *file = json_parse(slice_of(data, n), JSON_DEPTH_DEFAULT, NULL);
    if (file && operation_check(file, NULL, NULL, &con, &problems)) {
        json_t *document = operation_merge(NULL, file, &con), *agents = operation_merge_agents(NULL, file);
        json_t *out = operation_export(document, agents, &con);
        err_assert(operation_check(out, document, agents, &con, &problems));
        json_t *after = operation_merge(document, out, &con),
               *agents_after = operation_merge_agents(agents, out);
        err_assert(json_equal(document, after));
        err_assert(!agents || json_equal(agents, agents_after));
        err_assert(operation_diff(document, after, &lines) == 0);
        json_decref(after);
        json_decref(agents_after);
        json_decref(out);
        json_decref(document);
        json_decref(agents);
    }
    json_decref(file);
    buf_clear(&problems);
    buf_clear(&lines);
    return 0;
}
