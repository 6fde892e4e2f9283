/* SPDX-License-Identifier: Apache-2.0
 * Choices without buttons: who types the number or the title of one has chosen it. */
#include "gateway/base/json.h"
#include "gateway/host/deliver.h"
#include <string.h>

#define CHOICE_TYPED 80u /* bytes: what is longer is a message of its own */
#define CHOICE_MOST  99u

bool choice_may(const struct item *it)
{
    const struct connector_item *src = it->src;
    return src->kind == CONNECTOR_MESSAGE && src->text.n && src->text.n <= CHOICE_TYPED && !src->choice.n &&
           !src->location && !src->card && !it->media_n && !src->group.n;
}

/* A digit of one of the sets, also in full width; -1: none. */
static int digit(uint32_t c)
{
    static const uint32_t zeros[] = {'0', 0x660, 0x6f0, 0xff10};
    for (size_t i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++) {
        if (c >= zeros[i] && c <= zeros[i] + 9)
            return (int)(c - zeros[i]);
    }
    return -1;
}

/* What may stand around a number: blanks, marks of direction, brackets, full stops, a keycap's marks. */
static bool around(uint32_t c)
{
    static const uint32_t marks[] = {' ',    '\n',   '\r',   '\t',   '.',    ')',    '(',    '#',    ':',
                                     '-',    ',',    0x60c,  0x6d4,  0xa0,   0x200e, 0x200f, 0x61c,  0x202a,
                                     0x202b, 0x202c, 0x2066, 0x2067, 0x2068, 0x2069, 0xfe0f, 0x20e3, 0x3002};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        if (c == marks[i])
            return true;
    }
    return false;
}

unsigned choice_number(struct slice text)
{
    unsigned v = 0, state = 0; /* 0 before the digits, 1 within, 2 behind */
    for (size_t i = 0; i < text.n;) {
        uint32_t c = text_next(text, &i);
        int d = digit(c);
        if (d >= 0 && state < 2) {
            state = 1;
            v = v * 10 + (unsigned)d;
            if (v > CHOICE_MOST)
                return 0;
        } else if (d < 0 && around(c)) {
            state = state ? 2 : 0;
        } else {
            return 0;
        }
    }
    return v;
}

static bool same(const struct item *it, struct slice a, struct slice b)
{
    const struct host_router *r = &it->b->o->h->cf.router;
    return slice_eq(a, b) || (r->same && r->same(r->arg, a, b));
}

/* Which of the list is meant; NULL: none, or not for certain. */
static const json_t *meant(const struct item *it, const json_t *list)
{
    unsigned number = choice_number(it->in.text);
    const json_t *found = number ? json_array_get(list, number - 1) : NULL, *c;
    size_t i;
    json_array_foreach(list, i, c)
    {
        if (c == found || !same(it, it->in.text, json_opt_str(c, "title")))
            continue;
        if (found)
            return NULL;
        found = c;
    }
    return found;
}

void choice_take(struct item *it, const struct store_known *known)
{
    struct arena *a = it->b->arena;
    it->choice = it->asked = slice_str(NULL);
    if (!known->asked.n || strcmp(known->asked_channel, it->in.channel) != 0)
        return;
    json_t *extra = json_parse(known->asked, JSON_DEPTH_DEFAULT, NULL);
    const json_t *c = meant(it, json_object_get(extra, "choices"));
    struct slice id = json_opt_str(c, "id");
    if (id.n) {
        it->choice = arena_slice(a, id);
        it->asked = slice_str(arena_strdup(a, known->asked_entry.s));
    }
    json_decref(extra);
}
