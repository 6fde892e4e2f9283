/* SPDX-License-Identifier: Apache-2.0
 * Values, lists, maps and objects of a JSON document that people write. */
#include "gateway/daemon/check.h"
#include "gateway/base/map.h"
#include "gateway/base/text.h"
#include "router/zone.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unicode/uloc.h>

void check_wrong(struct check *c, const char *fmt, ...)
{
    char text[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    buf_slice(c->problems, c->at.n ? buf_view(&c->at) : SLICE("/"));
    buf_str(c->problems, ": ");
    buf_str(c->problems, text);
    buf_char(c->problems, '\n');
}

/* Goes into a member (RFC 6901: ~ and / are escaped); returns where to come back to. */
size_t check_into(struct check *c, const char *name)
{
    size_t back = c->at.n;
    buf_char(&c->at, '/');
    for (; *name; name++) {
        if (*name == '~' || *name == '/')
            buf_str(&c->at, *name == '~' ? "~0" : "~1");
        else
            buf_char(&c->at, *name);
    }
    return back;
}

size_t check_into_item(struct check *c, size_t i)
{
    size_t back = c->at.n;
    buf_printf(&c->at, "/%zu", i);
    return back;
}

void check_out(struct check *c, size_t back)
{
    buf_drop_back(&c->at, c->at.n - back);
}

/* ---- small values ---- */

static bool tag_valid(const char *s)
{
    size_t letters = strspn(s, "abcdefghijklmnopqrstuvwxyz");
    if (letters < 2 || letters > 3)
        return false;
    for (s += letters; *s == '-';) {
        size_t part = strspn(s + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789");
        if (part < 2 || part > 8)
            return false;
        s += 1 + part;
    }
    return *s == '\0';
}

/* Is what stands before the first '-' a language? ICU's list lacks two that we tell apart. */
static bool tag_known(const char *s)
{
    static const char *const ours[] = {"prs", "kmr", NULL};
    struct slice language = slice_of(s, strcspn(s, "-"));
    const char *const *lists[] = {ours, uloc_getISOLanguages()};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        for (const char *const *known = lists[i]; *known; known++)
            if (slice_is(language, *known))
                return true;
    return false;
}

void check_tag(struct check *c, const json_t *v)
{
    if (!json_is_string(v) || !tag_valid(json_string_value(v)))
        check_wrong(c, "a language tag is wanted, such as \"ar\" or \"prs\"");
    else if (!tag_known(json_string_value(v)))
        check_wrong(c, "there is no language with the tag \"%.40s\"", json_string_value(v));
}

void check_name(struct check *c, const json_t *v)
{
    if (!json_is_string(v) || !name_valid(slice_str(json_string_value(v))))
        check_wrong(c, "a name of a-z, 0-9, '.', '_' and '-' is wanted, at most 63 long");
}

void check_area(struct check *c, const json_t *v)
{
    if (!json_is_string(v) || !area_valid(slice_str(json_string_value(v))))
        check_wrong(c, "an area is wanted: names joined by '/', such as \"tr/izmir\"");
}

void check_text(struct check *c, const json_t *v)
{
    if (!json_is_string(v) || json_string_length(v) > 4000)
        check_wrong(c, "a string is wanted, at most 4,000 bytes long");
}

void check_short_text(struct check *c, const json_t *v)
{
    if (!json_is_string(v) || json_string_length(v) == 0 || json_string_length(v) > 200)
        check_wrong(c, "a string is wanted, 1 to 200 bytes long");
}

void check_flag(struct check *c, const json_t *v)
{
    if (!json_is_boolean(v))
        check_wrong(c, "true or false is wanted");
}

void check_number(struct check *c, const json_t *v, json_int_t min, json_int_t max)
{
    if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) > max)
        check_wrong(c, "a number from %lld to %lld is wanted", (long long)min, (long long)max);
}

void check_timezone(struct check *c, const json_t *v)
{
    const char *name = json_string_value(v);
    struct zone *z = name ? zone_open(name, NULL) : NULL;
    if (!z)
        check_wrong(c, "a time zone of the tz database is wanted, such as \"Europe/Istanbul\"");
    zone_free(&z);
}

void check_url(struct check *c, const json_t *v)
{
    const char *s = json_string_value(v);
    if (!s || (*s && strncmp(s, "https://", 8) != 0 && strncmp(s, "http://", 7) != 0))
        check_wrong(c, "an https:// address is wanted");
}

void check_any_object(struct check *c, const json_t *v)
{
    if (!json_is_object(v))
        check_wrong(c, "an object is wanted");
}

/* ---- composed values ---- */

void check_list(struct check *c, const json_t *v, size_t max, check_value item)
{
    if (!json_is_array(v)) {
        check_wrong(c, "a list is wanted");
        return;
    }
    if (json_array_size(v) > max) {
        check_wrong(c, "at most %zu are allowed", max);
        return;
    }
    for (size_t i = 0; i < json_array_size(v); i++) {
        size_t back = check_into_item(c, i);
        item(c, json_array_get(v, i));
        check_out(c, back);
    }
}

/* An object whose members are named by `key` and hold what `value` checks. */
void check_map(struct check *c, const json_t *v, check_value key, check_value value)
{
    const char *name;
    json_t *member;
    if (!json_is_object(v)) {
        check_wrong(c, "an object is wanted");
        return;
    }
    json_object_foreach((json_t *)v, name, member)
    {
        size_t back = check_into(c, name);
        json_t *text = json_string(name);
        key(c, text);
        value(c, member);
        json_decref(text);
        check_out(c, back);
    }
}

void check_clearance(struct check *c, const json_t *v)
{
    check_number(c, v, 0, 2);
}

void check_by_language(struct check *c, const json_t *v)
{
    check_map(c, v, check_tag, check_short_text);
}

void check_areas(struct check *c, const json_t *v)
{
    check_list(c, v, 200, check_area);
}

void check_word(struct check *c, const json_t *v, const char *const *words)
{
    struct slice s = slice_str(json_string_value(v));
    struct buf b;
    buf_init(&b, 512);
    for (size_t i = 0; words[i]; i++) {
        if (slice_is(s, words[i])) {
            buf_clear(&b);
            return;
        }
        buf_printf(&b, "%s%s", i ? ", " : "", words[i]);
    }
    check_wrong(c, "one of these is wanted: %s", b.p);
    buf_clear(&b);
}

void check_object(struct check *c, const json_t *v, const struct check_member *members)
{
    const char *name;
    json_t *member;
    if (!json_is_object(v)) {
        check_wrong(c, "an object is wanted");
        return;
    }
    json_object_foreach((json_t *)v, name, member)
    {
        const struct check_member *m = members;
        while (m->name && strcmp(m->name, name) != 0)
            m++;
        size_t back = check_into(c, name);
        if (!m->name)
            check_wrong(c, "there is no such member");
        else
            m->check(c, member);
        check_out(c, back);
    }
    for (const struct check_member *m = members; m->name; m++)
        if (m->required && !json_object_get(v, m->name))
            check_wrong(c, "\"%s\" is missing", m->name);
}

void check_things(struct check *c, const json_t *v, const char *key, size_t max, check_value item)
{
    struct map first; /* name → its number, plus one */
    check_list(c, v, max, item);
    map_init(&first);
    for (size_t i = 0; json_is_array(v) && i < json_array_size(v); i++) {
        struct slice id = json_opt_str(json_array_get(v, i), key);
        size_t before = id.n ? (size_t)(uintptr_t)map_get(&first, id) : 0;
        if (before) {
            size_t back = check_into_item(c, i);
            check_wrong(c, "\"%.*s\" was named before, at number %zu", (int)(id.n < 80 ? id.n : 80), id.p,
                        before - 1);
            check_out(c, back);
        } else if (id.n) {
            map_put(&first, id, (void *)(uintptr_t)(i + 1));
        }
    }
    map_clear(&first, NULL);
}

void check_role(struct check *c, const json_t *v)
{
    static const char *const roles[] = {"agent",         "supervisor", "focal", "partner",
                                        "administrator", "auditor",    NULL};
    for (size_t i = 0; roles[i]; i++)
        if (slice_is(slice_str(json_string_value(v)), roles[i]))
            return;
    check_wrong(c, "a role is wanted: agent, supervisor, focal, partner, administrator or auditor");
}
