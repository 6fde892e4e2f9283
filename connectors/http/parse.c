/* SPDX-License-Identifier: Apache-2.0
 * A request's body as items: all of it is right, or none of it is taken. */
#include "read.h"
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
    json_decref(p->root);
    p->root = NULL;
}

static const struct section {
    const char *name;
    enum connector_kind kind;
    bool on; /* what `on` is when it is not told */
    const struct http_member *members;
    bool (*done)(struct http_where *w, struct connector_item *it);
} sections[] = {
    {"messages", CONNECTOR_MESSAGE, false, http_message_members, http_message_done},
    {"statuses", CONNECTOR_STATUS, false, http_status_members, http_status_done},
    {"typing", CONNECTOR_TYPING, true, http_typing_members, NULL},
    {"reads", CONNECTOR_READ, false, http_read_members, NULL},
    {"blocked", CONNECTOR_BLOCKED, true, http_blocked_members, NULL},
};
#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

static bool wrong(struct http_parsed *p, const char *what, const char *name)
{
    snprintf(p->error, sizeof(p->error), "%.48s%s", name, what);
    return false;
}

/* How many items there are, and whether every member of the body is one of ours. */
static bool count(struct http_parsed *p, json_t *root, size_t *total)
{
    const char *key;
    json_t *v;
    if (!json_is_object(root))
        return wrong(p, "the body must be an object", "");
    json_object_foreach(root, key, v)
    {
        size_t s = 0;
        while (s < SECTIONS && strcmp(sections[s].name, key) != 0)
            s++;
        if (s == SECTIONS)
            return wrong(p, ": no such member", key);
        if (!json_is_array(v))
            return wrong(p, ": an array is wanted", key);
        *total += json_array_size(v);
    }
    if (*total > HTTP_ITEMS)
        return wrong(p, "more than 2000 items in one request", "");
    return *total > 0 || wrong(p, "nothing in it", "");
}

static bool read_section(struct http_parsed *p, const struct section *s, json_t *list)
{
    struct http_where w = {p, s->name, 0};
    for (; w.i < json_array_size(list); w.i++) {
        struct connector_item *it = &p->items[p->n];
        it->size = sizeof(*it);
        it->kind = s->kind;
        it->on = s->on;
        if (!http_object(&w, "", json_array_get(list, w.i), s->members, it) || (s->done && !s->done(&w, it)))
            return false;
        p->n++;
    }
    return true;
}

bool http_parse(struct http_parsed *p, struct connector_bytes body)
{
    json_error_t e;
    size_t total = 0;
    *p = (struct http_parsed){0};
    json_t *root = json_loadb(body.n ? body.p : "", body.n, JSON_REJECT_DUPLICATES, &e);
    if (!root) {
        snprintf(p->error, sizeof(p->error), "line %d, column %d: no JSON, or a member twice", e.line,
                 e.column);
        return false;
    }
    p->root = root;
    if (!count(p, root, &total))
        return false;
    p->items = http_alloc(p, total * sizeof(*p->items));
    for (size_t s = 0; p->items && s < SECTIONS; s++) {
        if (!read_section(p, &sections[s], json_object_get(root, sections[s].name)))
            return false;
    }
    return p->items != NULL;
}
