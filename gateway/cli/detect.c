/* SPDX-License-Identifier: Apache-2.0
 * `parley detect`: the language of each line on stdin; needs the model, not the daemon. */
#include "gateway/cli/verbs.h"
#include "router/language.h"
#include <stdlib.h>
#include <string.h>

#define DETECT_LINE_MAX (1u << 20)

static void detect_line(const struct language_model *m, struct slice line, bool json, struct buf *out)
{
    buf_reset(out);
    language_detect_line(m, line, out);
    if (!json) {
        fwrite(out->p, 1, out->n, stdout);
        return;
    }
    struct slice rest = buf_view(out), tag;
    if (slice_next(&rest, '\t', &tag))
        printf("{\"language\":\"%.*s\",\"confidence\":%.*s}\n", (int)tag.n, tag.p,
               (int)slice_trim(rest).n - 1, rest.p);
}

int cli_detect(const struct cli *c)
{
    struct language_model *m = NULL;
    struct err e = {0};
    char path[4096];
    const char *model = json_string_value(json_object_get(c->options, "model"));
    snprintf(path, sizeof path, "%s/router/language.model", c->top);
    if (language_model_open(&m, model ? model : path, &e) != 0) {
        fprintf(stderr, "parley: %s\n", e.text);
        return EXIT_REFUSED;
    }
    char *line = NULL;
    size_t room = 0;
    ssize_t n;
    struct buf out;
    buf_init(&out, 4096);
    while ((n = getline(&line, &room, stdin)) >= 0) {
        size_t length = (size_t)n;
        while (length && (line[length - 1] == '\n' || line[length - 1] == '\r'))
            length--;
        detect_line(m, slice_of(line, length < DETECT_LINE_MAX ? length : DETECT_LINE_MAX), c->json, &out);
    }
    free(line); /* the C library's memory */
    buf_clear(&out);
    language_model_close(m);
    return EXIT_DONE;
}
