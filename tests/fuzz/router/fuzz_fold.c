/* SPDX-License-Identifier: Apache-2.0
 * Folding any bytes: valid, bounded, and stable when done twice. */
#include "router/fold.h"
#include "gateway/base/err.h"
#include "gateway/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_word(void *arg, struct slice word)
{
    (void)arg;
    err_assert(word.n > 0 && word.n <= FOLD_WORD_MAX && text_valid(word, NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size), first[8];
    size_t n;
    struct buf once, twice;
    buf_init(&once, size * FOLD_GROWTH + 1);
    buf_init(&twice, size * FOLD_GROWTH + 1);
    fold_words(text, check_word, NULL);
    err_assert(fold_text(text, &once) == 0 && fold_text(buf_view(&once), &twice) == 0);
    err_assert(slice_eq(buf_view(&once), buf_view(&twice)));
    struct arena *a = arena_new();
    struct slice *words = fold_list(text, a, &n);
    for (size_t i = 0; i < n; i++)
        check_word(NULL, words[i]);
    size_t few = fold_distinct(words, n, a, first, 8);
    n = fold_distinct(words, n, a, words, 8);
    err_assert(n == few);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            err_assert(!slice_eq(words[i], words[k]));
    fold_is(text, buf_view(&once));
    arena_free(&a);
    buf_clear(&once);
    buf_clear(&twice);
    return 0;
}
