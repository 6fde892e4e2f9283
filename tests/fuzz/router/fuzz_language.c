/* SPDX-License-Identifier: Apache-2.0
 * Scores of any bytes, as several messages of one person, and sums read from any text. Runs in the top
 * folder, or with the model named in PARLEY_MODEL. */
#include "router/language.h"
#include "gateway/base/mem.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct language_model *model(void)
{
    static struct language_model *m;
    const char *path = getenv("PARLEY_MODEL");
    if (!m)
        err_assert(language_model_open(&m, path ? path : LANGUAGE_MODEL_FILE, NULL) == 0);
    return m;
}

static void check(const struct language_sums *sums)
{
    struct language_sums back;
    struct language_decision d;
    char text[LANGUAGE_SUMS_TEXT];
    language_sums_write(sums, text);
    err_assert(language_sums_read(&back, slice_str(text)));
    language_decide(&back, NULL, &d);
    err_assert(d.confidence >= 0 && d.confidence <= 1.0001f && d.guesses <= LANGUAGE_GUESSES);
    err_assert(!d.known || d.language < LANGUAGE_UNKNOWN);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size), part;
    struct language_sums sums = {0};
    struct language_scores s;
    while (slice_next(&rest, '\n', &part)) {
        language_score(model(), part, &s);
        language_sums_add(&sums, &s);
        check(&sums);
    }
    if (language_sums_read(&sums, slice_of(data, size)))
        check(&sums);
    return 0;
}
