/* SPDX-License-Identifier: Apache-2.0
 * A request's body as items: all of it is right, or none of it is taken. */
#include "read.h"
#include <stdio.h>

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

static bool wrong(struct http_parsed *p, const char *what, struct connector_bytes name)
{
    snprintf(p->error, sizeof(p->error), "%.*s%s", (int)(name.n < 48 ? name.n : 48), name.n ? name.p : "",
             what);
    return false;
}

/* Finds the sections and how many items there are; every member of the body must be one of them. */
static bool find(struct http_parsed *p, const struct http_json *root, const struct http_json *found[SECTIONS],
                 size_t *total)
{
    const struct connector_bytes body = {NULL, 0};
    if (root->type != HTTP_JSON_OBJECT)
        return wrong(p, "the body must be an object", body);
    for (const struct http_json *v = root->list.first; v; v = v->next) {
        size_t s = 0;
        while (s < SECTIONS && !http_json_is(v->name, sections[s].name))
            s++;
        if (s == SECTIONS)
            return wrong(p, ": no such member", v->name);
        if (found[s])
            return wrong(p, ": is there twice", v->name);
        if (v->type != HTTP_JSON_LIST)
            return wrong(p, ": an array is wanted", v->name);
        found[s] = v;
        *total += v->list.n;
    }
    if (*total > HTTP_ITEMS)
        return wrong(p, "more than 2000 items in one request", body);
    return *total > 0 || wrong(p, "nothing in it", body);
}

static bool read_section(struct http_parsed *p, const struct section *s, const struct http_json *list)
{
    struct http_where w = {p, s->name, 0};
    for (const struct http_json *v = list->list.first; v; v = v->next, w.i++) {
        struct connector_item *it = &p->items[p->n];
        it->size = sizeof(*it);
        it->kind = s->kind;
        it->on = s->on;
        if (!http_object(&w, "", v, s->members, it) || (s->done && !s->done(&w, it)))
            return false;
        p->n++;
    }
    return true;
}

bool http_parse(struct http_parsed *p, struct connector_bytes body)
{
    const struct http_json *found[SECTIONS] = {NULL};
    size_t total = 0;
    *p = (struct http_parsed){0};
    const struct http_json *root = http_json_read(p, body);
    if (!root || !find(p, root, found, &total))
        return false;
    p->items = http_alloc(p, total * sizeof(*p->items));
    for (size_t s = 0; p->items && s < SECTIONS; s++) {
        if (found[s] && !read_section(p, &sections[s], found[s]))
            return false;
    }
    return p->items != NULL;
}
