/* SPDX-License-Identifier: Apache-2.0
 * Coding: POST threads/{}/matters, PATCH threads/{}/matters/{}. Codes by the operation's pack, the form, and
 * a clearance that only rises. */
#include "gateway/api/matters_internal.h"
#include <stdio.h>
#include <string.h>

#define NOTE_MAX 65536
#define FORM_MAX 131072

static const char *const coded[][3] = {/* member, facet, list of the pack */
                                       {"type", "type", "types"},   {"subject", "subject", "subjects"},
                                       {"path", "path", "paths"},   {"risk", "risk", "risks"},
                                       {"area", "area", NULL},      {"consent", "consent", NULL},
                                       {"support", "support", NULL}};
#define CODED (sizeof coded / sizeof *coded)

static bool word_of(const char *const *words, struct slice s)
{
    for (; *words; words++)
        if (slice_is(s, *words))
            return true;
    return false;
}

/* NULL, or what is wrong with a code. */
static const char *code_wrong(const json_t *pack, size_t i, const json_t *v)
{
    static const char *const consents[] = {"", "yes", "anonymous", "no", NULL};
    static const char *const supports[] = {"", "given", "declined", NULL};
    struct slice s = slice_str(json_string_value(v) ? json_string_value(v) : "?");
    if (coded[i][2])
        return pack_has(pack, coded[i][2], "code", s) ? NULL : "the pack has no such code";
    if (strcmp(coded[i][0], "area") == 0)
        return area_valid(s) ? NULL : "an area is wanted";
    if (strcmp(coded[i][0], "consent") == 0)
        return word_of(consents, s) ? NULL : "yes, anonymous or no is wanted";
    return word_of(supports, s) ? NULL : "given or declined is wanted";
}

/* answers and note of the body over what is there; false: it was answered. */
static bool take_form(struct matter_call *m)
{
    const json_t *answers = json_object_get(m->c->body, "answers"),
                 *note = json_object_get(m->c->body, "note");
    if ((answers && !json_is_object(answers)) || (note && !json_is_string(note))) {
        matter_refuse(m, 400, "answers: an object, note: a string");
        return false;
    }
    if (json_string_length(note) > NOTE_MAX) {
        matter_refuse(m, 413, "note: at most 65,536 bytes");
        return false;
    }
    json_t *whole = m->json ? json_parse(slice_of(m->json, m->json_n), JSON_DEPTH_DEFAULT, NULL) : NULL;
    if (!whole)
        whole = json_object();
    if (answers)
        json_object_set(whole, "answers", (json_t *)(uintptr_t)answers);
    if (note)
        json_object_set(whole, "note", (json_t *)(uintptr_t)note);
    struct buf b;
    buf_init(&b, FORM_MAX);
    json_write(whole, &b);
    json_decref(whole);
    if (b.err) {
        buf_clear(&b);
        matter_refuse(m, 413, "the form is too long");
        return false;
    }
    if (m->json)
        mem_wipe(m->json, m->json_n);
    mem_free(m->json);
    m->json = buf_take(&b, &m->json_n);
    return true;
}

static void add_code(struct matter_put *p, const char *name, const char *value)
{
    p->codes[p->codes_n].name = name;
    p->codes[p->codes_n++].value = value;
}

/* Takes the codes of the body; false: it was answered. */
static bool take_codes(struct matter_call *m, const json_t *pack, struct matter_put *p)
{
    for (size_t i = 0; i < CODED; i++) {
        const json_t *v = json_object_get(m->c->body, coded[i][0]);
        const char *wrong = v ? code_wrong(pack, i, v) : NULL;
        if (wrong) {
            char why[120];
            snprintf(why, sizeof why, "%s: %s", coded[i][0], wrong);
            matter_refuse(m, 400, why);
            return false;
        }
        if (v)
            add_code(p, coded[i][1], json_string_value(v));
    }
    return true;
}

/* The clearance after it: raised by the body, by the path, never lowered; -1: answered. */
static int new_clearance(struct matter_call *m, const json_t *pack)
{
    const json_t *v = json_object_get(m->c->body, "clearance");
    int least = m->version ? m->clearance : m->thread_clearance;
    int path = pack_clearance(pack, json_opt_str(m->c->body, "path"));
    if (v && (!json_is_integer(v) || json_integer_value(v) < least || json_integer_value(v) > 2)) {
        matter_refuse(m, 400, "clearance: it can only be raised, to 2 at most");
        return -1;
    }
    least = v && json_integer_value(v) > least ? (int)json_integer_value(v) : least;
    return path > least ? path : least;
}

static void put_with(void *arg, const json_t *pack)
{
    struct matter_call *m = arg;
    const char *id = json_string_value(json_object_get(pack, "id"));
    struct matter_put p = {.thread = m->thread,
                           .contact = m->contact,
                           .id = m->matter,
                           .version = m->version,
                           .actor = call_actor(m->c),
                           .what = json_object_get(m->c->body, "answers") ? "form" : "coded"};
    if (!pack) {
        matter_refuse(m, 409, "the operation has no pack to code with");
        return;
    }
    const json_t *expect = json_object_get(m->c->body, "version");
    if (m->version && expect && (uint64_t)json_integer_value(expect) != m->version) {
        matter_refuse(m, 409, "it has changed meanwhile");
        return;
    }
    p.clearance = new_clearance(m, pack);
    if (p.clearance < 0 || !take_codes(m, pack, &p) || !take_form(m))
        return;
    if (!m->version && !json_object_get(m->c->body, "area") && *m->area)
        add_code(&p, "area", m->area);
    if (!m->version && *m->language)
        add_code(&p, "lang", m->language);
    if (strcmp(m->pack, id ? id : "") != 0 && p.codes_n < MATTER_CODES)
        add_code(&p, "pack", id ? id : "");
    p.json = slice_of(m->json, m->json_n);
    store_matter_put(m->c->op->op, &p, matter_written, m);
}

static const char *const put_members[] = {"type",    "subject", "path", "risk",      "area",    "consent",
                                          "support", "answers", "note", "clearance", "version", NULL};

static void put_go(struct matter_call *m)
{
    pack_current(m->c, put_with, m);
}

static void create_go(struct matter_call *m)
{
    matter_id_new(m->matter);
    m->status = 201;
    put_go(m);
}

static void matter_post(struct call *c)
{
    if (call_members(c, put_members))
        matter_thread(c, RIGHT_WRITE, create_go);
}

static void patch_go(struct matter_call *m)
{
    matter_find(m, put_go);
}

static void matter_patch(struct call *c)
{
    if (call_members(c, put_members))
        matter_thread(c, RIGHT_WRITE, patch_go);
}

const struct call_route matter_code_routes[] = {
    {HTTP_M_POST, "threads/{}/matters", matter_post, MATTER_READERS, CALL_JSON},
    {HTTP_M_PATCH, "threads/{}/matters/{}", matter_patch, MATTER_READERS, CALL_JSON},
    {.run = NULL},
};
