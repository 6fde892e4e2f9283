/* SPDX-License-Identifier: Apache-2.0
 * The memory of one request: taken in pieces, given back in one go. */
#include "http.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *http_alloc(struct http_parsed *p, size_t n)
{
    n = (n + 15) & ~(size_t)15;
    struct http_chunk *c = p->memory;
    if (!c || c->cap - c->n < n) {
        size_t cap = n > 4096 - sizeof(*c) ? n : 4096 - sizeof(*c);
        c = malloc(sizeof(*c) + cap);
        if (!c) {
            snprintf(p->error, sizeof(p->error), "out of memory");
            return NULL;
        }
        *c = (struct http_chunk){.next = p->memory, .cap = cap};
        p->memory = c;
    }
    /* bytes[] stands at a multiple of 8 behind the head; items need no more. */
    void *out = c->bytes + c->n;
    c->n += n;
    memset(out, 0, n);
    return out;
}

void http_parsed_clear(struct http_parsed *p)
{
    while (p->memory) {
        struct http_chunk *next = p->memory->next;
        free(p->memory);
        p->memory = next;
    }
}
