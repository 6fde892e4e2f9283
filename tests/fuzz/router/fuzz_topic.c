/* SPDX-License-Identifier: Apache-2.0
 * Lines before an empty one are phrases of topics in languages in turn, what follows is the text. */
#include "router/fold.h"
#include "router/topic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All words of the text. */
static bool match_text(const struct topic_table *t, struct slice text, enum language l,
                       struct topic_match *out)
{
    struct arena *a = arena_new();
    size_t n;
    const struct slice *words = fold_list(text, a, &n);
    bool found = topic_match(t, words, n, l, out);
    arena_free(&a);
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size), line = {0};
    struct topic_table *t = topic_table_new();
    struct topic_match m;
    for (unsigned n = 0; n < 100 && slice_next(&rest, '\n', &line) && line.n; n++) {
        char id[2] = {(char)('a' + n % 26), 0};
        unsigned topic = topic_table_add(t, slice_str(id),
                                         &(struct topic_rule){.clearance = (int)(n % 3), .priority = -1});
        topic_table_phrase(t, topic, (enum language)(n % (LANGUAGE_COUNT + 1)), line, NULL);
    }
    bool found = match_text(t, rest, LANGUAGE_AR, &m);
    err_assert(found == (m.id[0] != 0) && m.rule.clearance >= 0 && m.rule.clearance <= 2);
    /* Each phrase is found in itself. */
    match_text(t, slice_of(data, size), LANGUAGE_UNKNOWN, &m);
    topic_table_free(t);
    return 0;
}
