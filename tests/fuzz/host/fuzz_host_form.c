/* SPDX-License-Identifier: Apache-2.0
 * Form bodies: the content type up to the first NUL, the body behind it. */
#include "gateway/base/err.h"
#include "gateway/host/form.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void inside(struct slice s, size_t most)
{
    volatile char sum = 0;
    err_assert(s.n <= most);
    for (size_t i = 0; i < s.n; i++)
        sum = (char)(sum + s.p[i]); /* AddressSanitizer looks */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const uint8_t *nul = memchr(data, 0, n);
    if (!nul)
        return 0;
    size_t type_n = (size_t)(nul - data), body_n = n - type_n - 1;
    char *body = malloc(body_n + 1); /* of its own, so that a look beyond it is seen */
    memcpy(body, nul + 1, body_n);
    struct arena *a = arena_new();
    struct form *f = malloc(sizeof(*f));
    struct err e = {0};
    int rc = form_parse(slice_of(data, type_n), slice_of(body, body_n), a, f, &e);
    err_assert((rc == 0) == (e.code == 0));
    for (size_t i = 0; rc == 0 && i < f->n; i++) {
        inside(f->parts[i].name, FORM_NAME);
        inside(f->parts[i].filename, FORM_NAME);
        inside(f->parts[i].type, FORM_HEAD);
        inside(f->parts[i].value, body_n);
    }
    if (rc == 0) {
        form_field(f, "text");
        form_file(f, 0);
    }
    free(f);
    arena_free(&a);
    free(body);
    return 0;
}
