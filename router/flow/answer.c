/* SPDX-License-Identifier: Apache-2.0
 * What a person wrote as the answer to what was asked: a choice by button, number or title, a number in any
 * digits, a text, a language by its name; and the wish for a person. */
#include "router/flow/flow_internal.h"
#include "router/fold.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_BYTES 1000 /* kept of a text */
#define ANSWER_TYPED 80   /* what is longer is a message of its own, not a number or a title */

/* ---- a person is wanted ---- */

static bool zero(struct slice text)
{
    double n;
    return text.n <= 24 && flow_number(text, &n) && n >= 0 && n <= 0 && !memchr(text.p, '.', text.n);
}

/* Does the block itself take a zero? */
static bool takes_zero(const json_t *block)
{
    const json_t *c = json_object_get(block, "config"), *min = json_object_get(c, "validation_minimum"),
                 *max = json_object_get(c, "validation_maximum");
    return flow_kind(block) == FLOW_NUMBER && !(json_is_number(min) && json_number_value(min) > 0) &&
           !(json_is_number(max) && json_number_value(max) < 0);
}

/* The folded phrase, as whole words within the folded text. */
static bool within(struct slice text, struct slice phrase)
{
    const char *p = text.p, *end = text.p + text.n;
    while (p && (size_t)(end - p) >= phrase.n) {
        const char *at = memmem(p, (size_t)(end - p), phrase.p, phrase.n);
        if (!at)
            return false;
        if ((at == text.p || at[-1] == ' ') && (at + phrase.n == end || at[phrase.n] == ' '))
            return true;
        p = at + 1;
    }
    return false;
}

/* Where texts are asked for, only the words alone mean that: "a person hit me" is an answer. */
static bool says(const struct flow_go *g, struct slice list, struct slice folded, bool alone)
{
    struct slice rest = list, phrase;
    bool found = false;
    while (!found && rest.n && slice_next(&rest, '|', &phrase)) {
        struct buf b;
        buf_init(&b, phrase.n * FOLD_GROWTH + 16);
        fold_text(phrase, &b);
        found = b.n && (alone ? slice_eq(folded, buf_view(&b)) : within(folded, buf_view(&b)));
        buf_clear(&b);
    }
    (void)g;
    return found;
}

static struct slice person_words(const struct flow_go *g, const char *language)
{
    return g->w->text ? g->w->text(g->w->arg, language, "flow.person_words") : SLICE("");
}

bool flow_wants_person(const struct flow_go *g, const struct flow_input *in)
{
    enum flow_kind kind = flow_kind(g->block);
    if (in->choice.n || !in->text.n || in->text.n > 4 * ANSWER_TYPED)
        return false;
    if (zero(in->text) && !takes_zero(g->block))
        return true;
    struct buf b;
    buf_init(&b, in->text.n * FOLD_GROWTH + 16);
    fold_text(in->text, &b);
    bool alone = kind == FLOW_OPEN,
         found = b.n && says(g, person_words(g, flow_language(g)), buf_view(&b), alone);
    for (size_t i = 0; b.n && !found && g->w->languages && g->w->languages[i]; i++)
        found = says(g, person_words(g, g->w->languages[i]), buf_view(&b), alone);
    buf_clear(&b);
    return found;
}

/* ---- choices ---- */

static void add(json_t *list, const char *id, struct slice title)
{
    json_t *c = json_object();
    while (title.n > FLOW_TITLE || (title.n && !text_valid(title, NULL)))
        title.n--;
    json_object_set_new(c, "id", json_string(id));
    json_object_set_new(c, "title", json_stringn(title.n ? title.p : id, title.n ? title.n : strlen(id)));
    json_array_append_new(list, c);
}

static json_t *language_choices(struct flow_go *g, const json_t *block)
{
    json_t *list = json_array(), *tag;
    size_t i;
    const json_t *own = json_object_get(json_object_get(block, "config"), "languages");
    json_array_foreach(own, i, tag)
        add(list, json_string_value(tag), slice_str(flow_language_name(json_string_value(tag))));
    for (i = 0; !own && g->w->languages && g->w->languages[i] && i < FLOW_CHOICES; i++)
        add(list, g->w->languages[i], slice_str(flow_language_name(g->w->languages[i])));
    return list;
}

json_t *flow_choices(struct flow_go *g, const json_t *block)
{
    if (flow_kind(block) == FLOW_LANGUAGE)
        return language_choices(g, block);
    json_t *list = json_array(), *c;
    size_t i;
    json_array_foreach(json_object_get(json_object_get(block, "config"), "choices"), i, c)
        add(list, flow_string(c, "name"), flow_text(g, flow_string(c, "prompt"), flow_language(g)));
    return list;
}

/* A number within what may stand around it: "2.", "(۲)". 0: it is none. */
static unsigned typed_number(struct slice text, struct arena *a)
{
    struct slice s = flow_digits(text, a);
    uint64_t n = 0;
    while (s.n && strchr(" \n\r\t.()#:-,", s.p[0]))
        s = slice_of(s.p + 1, s.n - 1);
    while (s.n && strchr(" \n\r\t.()#:-,", s.p[s.n - 1]))
        s.n--;
    double d;
    if (!slice_u64(s, &n) && flow_number(s, &d) && d >= 0 && d <= 99 && d == floor(d))
        n = (uint64_t)d;
    return n <= 99 ? (unsigned)n : 0;
}

static bool is_title(struct slice text, const json_t *choice)
{
    struct slice title = json_opt_str(choice, "title");
    return slice_is_nocase(text, flow_string(choice, "id")) || slice_eq(text, title) ||
           (title.n && fold_is(text, title) && !fold_is(text, SLICE("")));
}

/* A test of the flow's own on what was typed ("block.response = 'choc'"); the first that holds. */
static const char *by_test(struct flow_go *g)
{
    size_t i;
    json_t *c;
    json_array_foreach(json_object_get(json_object_get(g->block, "config"), "choices"), i, c)
    {
        const char *test = flow_string(c, "test"), *why;
        struct flow_value v;
        if (*test && flow_eval(g, slice_str(test), g->a, &v, &why) && flow_truth(&v))
            return flow_string(c, "name");
    }
    return NULL;
}

static const char *chosen(struct flow_go *g, const struct flow_input *in, const json_t *list)
{
    size_t i;
    json_t *c;
    json_array_foreach(list, i, c)
    {
        if (in->choice.n && slice_is(in->choice, flow_string(c, "id")))
            return flow_string(c, "id");
    }
    if (in->choice.n || !in->text.n || in->text.n > ANSWER_TYPED)
        return NULL;
    unsigned number = typed_number(in->text, g->a);
    if (number)
        return number <= json_array_size(list) ? flow_string(json_array_get(list, number - 1), "id")
                                               : by_test(g);
    json_array_foreach(list, i, c)
    {
        if (is_title(slice_trim(in->text), c))
            return flow_string(c, "id");
    }
    return by_test(g);
}

/* ---- answers ---- */

static bool one(struct flow_go *g, const struct flow_input *in)
{
    json_t *list = flow_choices(g, g->block);
    const char *id = chosen(g, in, list);
    if (id)
        g->value = json_string(id);
    json_decref(list);
    return id != NULL;
}

static bool numeric(struct flow_go *g, const struct flow_input *in)
{
    const json_t *c = json_object_get(g->block, "config"), *min = json_object_get(c, "validation_minimum"),
                 *max = json_object_get(c, "validation_maximum");
    double n;
    if (in->text.n > ANSWER_TYPED || !flow_number(in->text, &n) ||
        (json_is_number(min) && n < json_number_value(min)) ||
        (json_is_number(max) && n > json_number_value(max)))
        return false;
    struct flow_value v = {.kind = FLOW_NUM, .number = n};
    g->value = flow_value_json(&v);
    return true;
}

bool flow_answer(struct flow_go *g, const struct flow_input *in)
{
    struct slice text = slice_trim(in->text);
    if (text.n > ANSWER_BYTES)
        text.n = ANSWER_BYTES;
    while (text.n && !text_valid(text, NULL))
        text.n--;
    g->response = arena_slice(g->a, text);
    switch (flow_kind(g->block)) {
    case FLOW_ONE:
    case FLOW_LANGUAGE:
        return one(g, in);
    case FLOW_NUMBER:
        return numeric(g, in);
    case FLOW_OPEN:
        if (text.n || in->other)
            g->value = json_stringn(text.n ? text.p : "", text.n);
        return g->value != NULL;
    default:
        return false;
    }
}
