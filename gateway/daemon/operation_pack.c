/* SPDX-License-Identifier: Apache-2.0
 * See operation_pack.h. A pack of the operation's own is checked as the shipped ones are, each problem with
 * its place; what is added to a shipped one as well, with that one's codes known. */
#include "gateway/daemon/operation_pack.h"
#include "gateway/base/siphash.h"
#include "gateway/base/text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACK_MAX (256u << 10) /* what a record can hold is a little more */

/* ---- values ---- */

/* The store's guard knows what these need (store/functions/matter.lua). */
static void a_path(struct check *c, const json_t *v)
{
    static const char *const paths[] = {"none", "confidential", "sea",       "fraud",  "misconduct",
                                        "gbv",  "child",        "self_harm", "danger", NULL};
    check_word(c, v, paths);
}

static void a_risk(struct check *c, const json_t *v)
{
    static const char *const risks[] = {"routine", "elevated", "high", "red", NULL};
    check_word(c, v, risks);
}

static void a_kind(struct check *c, const json_t *v)
{
    static const char *const kinds[] = {"support", "accountability", "service", NULL};
    check_word(c, v, kinds);
}

static void a_question(struct check *c, const json_t *v)
{
    static const char *const kinds[] = {"text", "choice", "number", "date", "do_not_ask", NULL};
    check_word(c, v, kinds);
}

static void what_it_sets(struct check *c, const json_t *v)
{
    static const char *const sets[] = {"consent", "support", NULL};
    check_word(c, v, sets);
}

static void labels(struct check *c, const json_t *v)
{
    check_map(c, v, check_tag, check_short_text);
    if (!json_object_size(v))
        check_wrong(c, "at least one language is wanted");
}

static void some_hours(struct check *c, const json_t *v)
{
    check_number(c, v, 1, 8760);
}

static void a_version(struct check *c, const json_t *v)
{
    check_number(c, v, 1, 1000000);
}

static void tags(struct check *c, const json_t *v)
{
    check_list(c, v, 64, check_tag);
}

/* ---- things ---- */

static void a_label(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {{"code", check_name, true}, {"name", labels, true}, {0}};
    check_object(c, v, members);
}

static void a_subject(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"code", check_area, true}, {"name", labels, true}, {"quick", check_flag, false}, {0}};
    const char *code = json_string_value(json_object_get(v, "code")),
               *slash = code ? strchr(code, '/') : NULL;
    check_object(c, v, members);
    if (slash && strchr(slash + 1, '/'))
        check_wrong(c, "subjects have two levels");
}

static void a_path_label(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"code", a_path, true}, {"name", labels, true}, {"clearance", check_clearance, true}, {0}};
    check_object(c, v, members);
}

static void a_risk_label(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {{"code", a_risk, true}, {"name", labels, true}, {0}};
    check_object(c, v, members);
}

static void some_labels(struct check *c, const json_t *v)
{
    check_things(c, v, "code", 50, a_label);
}

static void a_field(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"code", check_name, true},      {"ask", labels, true},         {"kind", a_question, true},
        {"choices", some_labels, false}, {"sets", what_it_sets, false}, {0}};
    check_object(c, v, members);
    bool choice = slice_is(json_opt_str(v, "kind"), "choice");
    if (choice != (json_array_size(json_object_get(v, "choices")) > 0))
        check_wrong(c, "a choice has choices, and nothing else has");
}

static void fields(struct check *c, const json_t *v)
{
    check_things(c, v, "code", 20, a_field);
}

static void paths_list(struct check *c, const json_t *v)
{
    check_list(c, v, 20, a_path);
}

static void subjects_list(struct check *c, const json_t *v)
{
    check_list(c, v, 100, check_area);
}

static void a_form(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {{"code", check_name, true},
                                                  {"path", paths_list, false},
                                                  {"subject", subjects_list, false},
                                                  {"fields", fields, true},
                                                  {0}};
    check_object(c, v, members);
}

static void an_institution(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"id", check_name, true},      {"name", labels, true},          {"areas", check_areas, false},
        {"backup", check_name, false}, {"disabled", check_flag, false}, {0}};
    check_object(c, v, members);
}

static void a_row(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"risk", a_risk, false},     {"subject", check_area, false}, {"path", a_path, false},
        {"area", check_area, false}, {"language", check_tag, false}, {"kind", a_kind, true},
        {"to", check_name, true},    {"hours", some_hours, true},    {0}};
    check_object(c, v, members);
}

static void types(struct check *c, const json_t *v)
{
    check_things(c, v, "code", 30, a_label);
}

static void subjects(struct check *c, const json_t *v)
{
    check_things(c, v, "code", 300, a_subject);
}

static void path_labels(struct check *c, const json_t *v)
{
    check_things(c, v, "code", 20, a_path_label);
}

static void risk_labels(struct check *c, const json_t *v)
{
    check_things(c, v, "code", 4, a_risk_label);
}

static void forms(struct check *c, const json_t *v)
{
    check_things(c, v, "code", 100, a_form);
}

static void institutions(struct check *c, const json_t *v)
{
    check_things(c, v, "id", 500, an_institution);
}

static void referrals(struct check *c, const json_t *v)
{
    check_list(c, v, 1000, a_row);
}

static const struct check_member whole_members[] = {
    {"pack", check_name, true},      {"version", a_version, true},
    {"reviewed", tags, false},       {"name", labels, true},
    {"types", types, true},          {"subjects", subjects, true},
    {"paths", path_labels, true},    {"risks", risk_labels, true},
    {"forms", forms, false},         {"institutions", institutions, false},
    {"referrals", referrals, false}, {0}};

static const struct check_member added_members[] = {
    {"base", check_name, true},      {"subjects", subjects, false},
    {"forms", forms, false},         {"institutions", institutions, false},
    {"referrals", referrals, false}, {0}};

/* ---- what names something else ---- */

static bool has(const json_t *list, const char *key, const char *name)
{
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one) if (slice_is(json_opt_str(one, key), name)) return true;
    return false;
}

static void named(struct check *c, const json_t *list, const char *key, const json_t *v, const char *what)
{
    const char *name = json_string_value(v);
    if (name && !has(list, key, name))
        check_wrong(c, "the pack has no such %s", what);
}

/* Each row and form of `v` names what `whole` has. */
static void refer(struct check *c, const json_t *v, const json_t *whole)
{
    static const struct {
        const char *member, *list, *key, *what;
    } names[] = {{"to", "institutions", "id", "institution"}, {"subject", "subjects", "code", "subject"}};
    size_t i, k;
    json_t *row, *one;
    size_t back = check_into(c, "referrals");
    json_array_foreach(json_object_get(v, "referrals"), i, row)
    {
        size_t item = check_into_item(c, i);
        for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
            size_t in = check_into(c, names[n].member);
            named(c, json_object_get(whole, names[n].list), names[n].key,
                  json_object_get(row, names[n].member), names[n].what);
            check_out(c, in);
        }
        check_out(c, item);
    }
    check_out(c, back);
    back = check_into(c, "forms");
    json_array_foreach(json_object_get(v, "forms"), i, row)
    {
        size_t item = check_into_item(c, i), in = check_into(c, "subject");
        json_array_foreach(json_object_get(row, "subject"), k, one)
            named(c, json_object_get(whole, "subjects"), "code", one, "subject");
        check_out(c, in);
        check_out(c, item);
    }
    check_out(c, back);
}

/* Each second level has its first, and a backup is an institution. */
static void refer_things(struct check *c, const json_t *v, const json_t *whole)
{
    size_t i;
    json_t *one;
    size_t back = check_into(c, "subjects");
    json_array_foreach(json_object_get(v, "subjects"), i, one)
    {
        struct slice code = json_opt_str(one, "code"), first;
        struct slice rest = code;
        char name[128] = "";
        if (slice_next(&rest, '/', &first) && first.n < code.n && first.n < sizeof name) {
            memcpy(name, first.p, first.n);
            size_t item = check_into_item(c, i);
            if (!has(json_object_get(whole, "subjects"), "code", name))
                check_wrong(c, "its first level is missing");
            check_out(c, item);
        }
    }
    check_out(c, back);
    back = check_into(c, "institutions");
    json_array_foreach(json_object_get(v, "institutions"), i, one)
    {
        size_t item = check_into_item(c, i), in = check_into(c, "backup");
        named(c, json_object_get(whole, "institutions"), "id", json_object_get(one, "backup"), "institution");
        check_out(c, in);
        check_out(c, item);
    }
    check_out(c, back);
}

/* ---- merging ---- */

static void merge_list(json_t *to, const json_t *from, const char *key)
{
    size_t i, k;
    json_t *one, *old;
    json_array_foreach(from, i, one)
    {
        size_t at = json_array_size(to);
        json_array_foreach(to, k, old) if (slice_eq(json_opt_str(old, key), json_opt_str(one, key))) at = k;
        if (at < json_array_size(to))
            json_array_set(to, at, one);
        else
            json_array_append(to, one);
    }
}

/* What is added comes before or instead of what the shipped one has. */
static json_t *merged(const json_t *base, const json_t *added)
{
    static const char *const lists[][2] = {
        {"subjects", "code"}, {"forms", "code"}, {"institutions", "id"}, {NULL, NULL}};
    json_t *out = json_deep_copy(base);
    for (size_t i = 0; lists[i][0]; i++) {
        if (!json_object_get(out, lists[i][0]))
            json_object_set_new(out, lists[i][0], json_array());
        merge_list(json_object_get(out, lists[i][0]), json_object_get(added, lists[i][0]), lists[i][1]);
    }
    json_t *rows = json_array();
    json_array_extend(rows, json_object_get(added, "referrals"));
    json_array_extend(rows, json_object_get(out, "referrals"));
    json_object_set_new(out, "referrals", rows);
    return out;
}

/* ---- members of an operation file ---- */

static void check_added(struct check *c, const json_t *v)
{
    const char *base = json_string_value(json_object_get(v, "base"));
    size_t before = c->problems->n;
    check_object(c, v, added_members);
    if (!base || c->problems->n != before || !c->con || !c->con->pack)
        return;
    json_t *shipped = c->con->pack(c->con->ctx, base);
    if (!shipped) {
        size_t in = check_into(c, "base");
        check_wrong(c, "no pack is shipped with this name");
        check_out(c, in);
        return;
    }
    json_t *whole = merged(shipped, v);
    refer(c, v, whole);
    refer_things(c, v, whole);
    json_decref(whole);
    json_decref(shipped);
}

static void check_whole(struct check *c, const json_t *v)
{
    size_t before = c->problems->n;
    check_object(c, v, whole_members);
    if (c->problems->n != before)
        return;
    refer(c, v, v);
    refer_things(c, v, v);
}

void operation_pack_check(struct check *c, const json_t *v)
{
    const char *name = json_string_value(v);
    if (json_is_object(v) && json_object_get(v, "base"))
        check_added(c, v);
    else if (json_is_object(v) && json_object_size(v) > 0)
        check_whole(c, v);
    else if (name && c->con && c->con->pack && name_valid(slice_str(name))) {
        json_t *shipped = c->con->pack(c->con->ctx, name);
        if (!shipped)
            check_wrong(c, "no pack is shipped with this name");
        json_decref(shipped);
    } else if (!json_is_object(v)) /* {} is none */
        check_name(c, v);
}

static void some_tries(struct check *c, const json_t *v)
{
    check_number(c, v, 1, 20);
}

void operation_guard_check(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {
        {"presume_hours", some_hours, false}, {"tries", some_tries, false}, {"days", some_tries, false}, {0}};
    check_object(c, v, members);
}

/* ---- files ---- */

json_t *pack_load(const char *dir, const char *name, struct err *e)
{
    char path[1024];
    json_error_t where;
    struct buf problems;
    struct check c = {.problems = &problems};
    if (!name_valid(slice_str(name)) ||
        snprintf(path, sizeof path, "%s/%s.json", dir, name) >= (int)sizeof path) {
        err_set(e, ERR_NOT_FOUND, "no such pack");
        return NULL;
    }
    json_t *v = json_load_file(path, JSON_REJECT_DUPLICATES, &where);
    if (!v) {
        err_set(e, ERR_NOT_FOUND, "pack %.64s: line %d: %.120s", name, where.line, where.text);
        return NULL;
    }
    buf_init(&problems, PACK_MAX);
    buf_init(&c.at, 4096);
    check_whole(&c, v);
    if (problems.n) {
        err_set(e, ERR_INVALID, "pack %.64s: %.150s", name, problems.p);
        json_decref(v);
        v = NULL;
    }
    buf_clear(&problems);
    buf_clear(&c.at);
    return v;
}

/* "protection-1.5e0c31aa77b2": whatever changes, it is another one. */
static void name_it(json_t *pack)
{
    static const unsigned char key[16] = "parley pack";
    char id[160], *text = json_dumps(pack, JSON_COMPACT | JSON_SORT_KEYS);
    snprintf(id, sizeof id, "%.36s-%d.%012llx", json_string_value(json_object_get(pack, "pack")),
             (int)json_opt_int(pack, "version", 1),
             (unsigned long long)siphash13(key, text ? text : "", text ? strlen(text) : 0) >> 16);
    json_object_set_new(pack, "id", json_string(id));
    free(text);
}

json_t *pack_resolve(const char *dir, const json_t *member, struct err *e)
{
    const char *base = json_is_string(member) ? json_string_value(member)
                                              : json_string_value(json_object_get(member, "base"));
    json_t *out = NULL;
    if (!member || (json_is_object(member) && json_object_size(member) == 0))
        return NULL;
    if (base) {
        json_t *shipped = pack_load(dir, base, e);
        out = shipped ? merged(shipped, json_is_object(member) ? member : NULL) : NULL;
        json_decref(shipped);
    } else
        out = json_deep_copy(member);
    if (out)
        name_it(out);
    return out;
}
