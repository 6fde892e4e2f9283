/* SPDX-License-Identifier: Apache-2.0
 * Flows: a container, then behind an empty line a run (JSON) and inputs, one a line. Whatever they hold, each
 * step answers, and what it answers is bounded. */
#include "router/flow/flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice text(void *arg, const char *language, const char *key)
{
    (void)arg, (void)language;
    return strcmp(key, "flow.person_words") == 0 ? SLICE("person|شخص") : SLICE("x");
}

static void steps(const struct flow *f, json_t *run, struct slice inputs)
{
    static const char *const tags[] = {"en", "ar", NULL};
    struct flow_world w = {.languages = tags, .text = text, .language = "ar", .name = "x"};
    struct slice line;
    for (unsigned n = 0; n < 20 && inputs.n && slice_next(&inputs, '\n', &line); n++) {
        struct flow_input in = {.start = slice_is(line, "start"), .text = line, .other = n % 7 == 6};
        w.mode = (enum flow_mode)(n % 3);
        if (line.n && line.p[0] == '#')
            in = (struct flow_input){.choice = slice_of(line.p + 1, line.n - 1)};
        json_t *out = flow_step(f, &w, &in, run);
        err_assert(json_array_size(json_object_get(out, "say")) <= FLOW_SAYS + 1);
        err_assert(json_object_get(out, "hand_over") || json_object_get(out, "expects"));
        json_decref(out);
    }
    json_decref(flow_end(f, &w, "expired", run));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *end = memmem(data, size, "\n\n", 2);
    struct slice container = slice_of(data, end ? (size_t)(end - (const char *)data) : size),
                 rest = end ? slice_of(end + 2, size - container.n - 2) : SLICE(""), line = {0};
    json_t *c = json_parse(container, 32, NULL);
    struct flow *f = c ? flow_load(c, NULL) : NULL;
    json_decref(c);
    slice_next(&rest, '\n', &line);
    json_t *run = json_parse(line, 32, NULL);
    if (!json_is_object(run)) {
        json_decref(run);
        run = json_object();
    }
    steps(f, run, rest);
    json_decref(run);
    flow_free(&f);
    return 0;
}
