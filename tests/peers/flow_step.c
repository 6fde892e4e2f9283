/* SPDX-License-Identifier: Apache-2.0
 * Runs a flow with our own steps: the same JSON as flow_runner.mjs takes and gives. */
#include "gateway/base/mem.h"
#include "router/flow/flow.h"
#include <stdio.h>

static void told(const json_t *out, json_t *all)
{
    json_t *one = json_object();
    json_object_set(one, "say", json_object_get(out, "say"));
    json_object_set_new(one, "ended", json_boolean(json_object_get(out, "hand_over") != NULL));
    json_array_append_new(all, one);
}

static enum flow_mode mode_of(struct slice mode)
{
    return slice_is(mode, "SMS")              ? FLOW_MODE_SMS
           : slice_is(mode, "RICH_MESSAGING") ? FLOW_MODE_RICH
                                              : FLOW_MODE_TEXT;
}

static void all_steps(const struct flow *f, const json_t *input, json_t *all)
{
    struct flow_world w = {.mode = mode_of(json_opt_str(input, "mode")),
                           .language = json_string_value(json_object_get(input, "language")),
                           .language_stated = true,
                           .name = ""};
    struct flow_input in = {.start = true};
    json_t *run = json_object(), *out = flow_step(f, &w, &in, run), *value;
    size_t i;
    told(out, all);
    json_array_foreach(json_object_get(input, "inputs"), i, value)
    {
        if (json_object_get(out, "hand_over"))
            break;
        json_decref(out);
        in = (struct flow_input){.text = slice_str(json_string_value(value))};
        out = flow_step(f, &w, &in, run);
        told(out, all);
    }
    json_decref(out);
    json_decref(run);
}

int main(void)
{
    struct buf b, text;
    struct err e = {0};
    size_t n = 1;
    buf_init(&b, FLOW_BYTES * 2);
    buf_init(&text, FLOW_BYTES * 4);
    while (n) {
        char *room = buf_reserve(&b, 8192);
        n = room ? fread(room, 1, 8192, stdin) : 0;
        buf_commit(&b, n);
    }
    json_t *input = json_parse(buf_view(&b), 40, &e), *all = json_array();
    struct flow *f = input ? flow_load(json_object_get(input, "container"), &e) : NULL;
    if (!f) {
        fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    all_steps(f, input, all);
    json_write(all, &text);
    printf("%s\n", text.p);
    flow_free(&f);
    json_decref(input);
    json_decref(all);
    buf_clear(&b);
    buf_clear(&text);
    return 0;
}
