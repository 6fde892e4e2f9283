/* SPDX-License-Identifier: Apache-2.0
 * Texts of a step: which wording of a resource, variables in it, and what variables there are. */
#include "router/flow/flow_internal.h"
#include <strings.h>

/* ---- languages ---- */

static const struct language_row {
    const char *tag, *iso, *name; /* name: in itself */
} languages[] = {
    {"ar", "ara", "العربية"},
    {"fa", "fas", "فارسی"},
    {"fa", "pes", "فارسی"},
    {"prs", "prs", "دری"},
    {"ps", "pus", "پښتو"},
    {"ps", "pbt", "پښتو"},
    {"ur", "urd", "اردو"},
    {"so", "som", "Soomaali"},
    {"fr", "fra", "Français"},
    {"fr", "fre", "Français"},
    {"tr", "tur", "Türkçe"},
    {"en", "eng", "English"},
    {"ckb", "ckb", "کوردیی ناوەندی"},
    {"kmr", "kmr", "Kurmancî"},
    {"es", "spa", "Español"},
    {"am", "amh", "አማርኛ"},
    {"ti", "tir", "ትግርኛ"},
    {"uk", "ukr", "Українська"},
};
#define LANGUAGES (sizeof languages / sizeof languages[0])

static const struct language_row *row(const char *tag, size_t n)
{
    for (size_t i = 0; i < LANGUAGES; i++)
        if (slice_is(slice_of(tag, n), languages[i].tag) || slice_is(slice_of(tag, n), languages[i].iso))
            return &languages[i];
    return NULL;
}

const char *flow_language_name(const char *tag)
{
    const struct language_row *r = row(tag, strcspn(tag, "-_"));
    return r ? r->name : "";
}

bool flow_same_language(const char *a, const char *b)
{
    size_t n = strcspn(a, "-_"), m = strcspn(b, "-_");
    const struct language_row *r = row(a, n), *s = row(b, m);
    if (r && s)
        return strcmp(r->tag, s->tag) == 0;
    return n == m && strncasecmp(a, b, n) == 0;
}

const char *flow_language(const struct flow_go *g)
{
    return flow_string(g->run, "language");
}

/* ---- variables ---- */

static bool next_name(struct slice *path, struct slice *name)
{
    return path->n && slice_next(path, '.', name) ? true : false;
}

/* Names of variables are the same in capitals. */
static const json_t *member(const json_t *o, struct slice name)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)o, key, value)
    {
        if (slice_is_nocase(name, key))
            return value;
    }
    return NULL;
}

static void from_json(const json_t *v, struct arena *a, struct flow_value *out)
{
    if (json_is_boolean(v))
        *out = (struct flow_value){.kind = FLOW_BOOL, .yes = json_is_true(v)};
    else if (json_is_number(v))
        *out = (struct flow_value){.kind = FLOW_NUM, .number = json_number_value(v)};
    else if (json_is_string(v))
        *out = (struct flow_value){
            .kind = FLOW_STR, .text = arena_slice(a, slice_of(json_string_value(v), json_string_length(v)))};
}

static void text_value(struct slice s, struct flow_value *out)
{
    *out = (struct flow_value){.kind = FLOW_STR, .text = s};
}

static const char *mode_name(const struct flow_go *g)
{
    static const char *const names[] = {"TEXT", "SMS", "RICH_MESSAGING"};
    return names[g->w->mode];
}

static void of_contact(const struct flow_go *g, struct slice path, struct arena *a, struct flow_value *out)
{
    struct slice name = SLICE("name");
    next_name(&path, &name);
    if (slice_is_nocase(name, "properties") && !next_name(&path, &name))
        return;
    const json_t *v = member(json_object_get(g->run, "contact"), name);
    v = v ? v : member(g->w->contact, name);
    if (v)
        from_json(v, a, out);
    else if (slice_is_nocase(name, "language") && *flow_language(g))
        text_value(slice_str(flow_language(g)), out);
    else if (slice_is_nocase(name, "name") && g->w->name && *g->w->name)
        text_value(slice_str(g->w->name), out);
}

static void of_results(const struct flow_go *g, struct slice path, struct arena *a, struct flow_value *out)
{
    struct slice name, part = SLICE("value");
    if (!next_name(&path, &name))
        return;
    next_name(&path, &part);
    const json_t *r = member(json_object_get(g->run, "results"), name);
    from_json(json_object_get(r, slice_is_nocase(part, "response") ? "response" : "value"), a, out);
}

bool flow_variable_known(struct slice path)
{
    static const char *const roots[] = {"contact", "flow", "results", "run", "channel", "block"};
    struct slice name;
    if (!next_name(&path, &name))
        return false;
    for (size_t i = 0; i < sizeof roots / sizeof roots[0]; i++)
        if (slice_is_nocase(name, roots[i]))
            return true;
    return false;
}

void flow_variable(const struct flow_go *g, struct slice path, struct arena *a, struct flow_value *out)
{
    struct slice root, name, rest;
    next_name(&path, &root);
    rest = path;
    if (!next_name(&rest, &name))
        name = SLICE("");
    if (slice_is_nocase(root, "contact"))
        of_contact(g, path, a, out);
    else if (slice_is_nocase(root, "block"))
        slice_is_nocase(name, "response") ? text_value(g->response, out) : from_json(g->value, a, out);
    else if (!slice_is_nocase(root, "results") && slice_is_nocase(name, "mode"))
        text_value(slice_str(mode_name(g)), out);
    else if (!slice_is_nocase(root, "results") && slice_is_nocase(name, "language"))
        text_value(slice_str(flow_language(g)), out);
    else if (slice_is_nocase(root, "run") && slice_is_nocase(name, "results"))
        of_results(g, rest, a, out);
    else if (slice_is_nocase(root, "results") || slice_is_nocase(root, "flow"))
        of_results(g, path, a, out);
}

/* ---- wordings ---- */

static const char *const modes[][3] = {
    [FLOW_MODE_TEXT] = {"TEXT", "SMS", "RICH_MESSAGING"},
    [FLOW_MODE_SMS] = {"SMS", "TEXT", "RICH_MESSAGING"},
    [FLOW_MODE_RICH] = {"RICH_MESSAGING", "TEXT", "SMS"},
};

static bool has_mode(const json_t *value, const char *mode)
{
    size_t i;
    json_t *m;
    json_array_foreach(json_object_get(value, "modes"), i, m)
    {
        if (json_is_string(m) && strcmp(json_string_value(m), mode) == 0)
            return true;
    }
    return false;
}

static bool is_text(const json_t *value, const char *language)
{
    return strcmp(flow_string(value, "content_type"), "TEXT") == 0 && *flow_string(value, "value") &&
           (!*language || flow_same_language(flow_string(value, "language_id"), language));
}

static const char *wording(const json_t *resource, enum flow_mode mode, const char *language)
{
    const json_t *values = json_object_get(resource, "values");
    for (size_t m = 0; m < 3; m++) {
        size_t i;
        json_t *v;
        json_array_foreach(values, i, v)
        {
            if (is_text(v, language) && has_mode(v, modes[mode][m]))
                return flow_string(v, "value");
        }
    }
    return NULL;
}

bool flow_has_text(const json_t *resource, const char *language)
{
    return wording(resource, FLOW_MODE_TEXT, language) != NULL;
}

static const char *best(const struct flow_go *g, const json_t *resource, const char *language)
{
    const char *found = *language ? wording(resource, g->w->mode, language) : NULL;
    const char *const *next =
        !found && *language && g->w->fallback ? g->w->fallback(g->w->arg, language) : NULL;
    for (; next && *next && !found; next++)
        found = wording(resource, g->w->mode, *next);
    const json_t *flow = json_array_get(json_object_get(g->f->container, "flows"), 0),
                 *first = json_array_get(json_object_get(flow, "languages"), 0);
    if (!found && first)
        found = wording(resource, g->w->mode, flow_string(first, "id"));
    return found ? found : wording(resource, g->w->mode, "");
}

/* ---- variables within a text ---- */

static bool name_part(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Where an expression in parentheses ends: behind its last one. 0: it does not. */
static size_t block_end(struct slice s)
{
    char mark = '\0';
    unsigned depth = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (mark)
            mark = c == mark ? '\0' : mark;
        else if (c == '"' || c == '\'')
            mark = c;
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0)
            return i + 1;
    }
    return 0;
}

/* What stands behind an '@': its value goes into b. Returns how much of s that was; 0: it is no variable. */
static size_t variable(const struct flow_go *g, struct slice s, struct buf *b)
{
    struct flow_value v = {.kind = FLOW_NULL};
    const char *why;
    size_t n = s.n && s.p[0] == '(' ? block_end(s) : 0;
    if (n) {
        flow_eval(g, slice_of(s.p, n), g->a, &v, &why);
        buf_slice(b, flow_value_text(&v, g->a));
        return n;
    }
    while (n < s.n && (name_part(s.p[n]) || (s.p[n] == '.' && n + 1 < s.n && name_part(s.p[n + 1]))))
        n++;
    if (!n || !flow_variable_known(slice_of(s.p, n)))
        return 0;
    flow_variable(g, slice_of(s.p, n), g->a, &v);
    buf_slice(b, flow_value_text(&v, g->a));
    return v.kind == FLOW_NULL ? 0 : n;
}

static struct slice fill(const struct flow_go *g, struct slice s)
{
    struct buf b;
    buf_init(&b, FLOW_TEXT);
    for (size_t i = 0; i < s.n && !b.err;) {
        if (s.p[i] != '@') {
            buf_char(&b, s.p[i++]);
        } else if (i + 1 < s.n && s.p[i + 1] == '@') {
            buf_char(&b, '@');
            i += 2;
        } else {
            size_t n = variable(g, slice_of(s.p + i + 1, s.n - i - 1), &b);
            if (!n)
                buf_char(&b, '@');
            i += n + 1;
        }
    }
    struct slice out = arena_slice(g->a, buf_view(&b));
    while (out.n && !text_valid(out, NULL)) /* cut within a letter by the limit */
        out.n--;
    buf_clear(&b);
    return out;
}

struct slice flow_text(const struct flow_go *g, const char *resource, const char *language)
{
    const json_t *r = map_get(&g->f->resources, slice_str(resource));
    const char *found = r ? best(g, r, language) : flow_is_uuid(resource) ? NULL : resource;
    return found ? fill(g, slice_str(found)) : SLICE("");
}

struct slice flow_own_text(const struct flow_go *g, const char *key)
{
    struct slice s = g->w->text ? g->w->text(g->w->arg, flow_language(g), key) : SLICE("");
    return arena_slice(g->a, s.n > FLOW_TEXT ? SLICE("") : s);
}

void flow_say(struct flow_go *g, struct slice text, json_t *choices)
{
    json_t *say = json_object_get(g->out, "say"), *one = json_object();
    if (text.n == 0 && !json_array_size(choices)) {
        json_decref(choices);
        json_decref(one);
        return;
    }
    json_object_set_new(one, "text", json_stringn(text.p ? text.p : "", text.n));
    if (json_array_size(choices))
        json_object_set(one, "choices", choices);
    json_decref(choices);
    json_array_append_new(say, one);
}
