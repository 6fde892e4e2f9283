/* SPDX-License-Identifier: Apache-2.0
 * Puts language, topics and folding together for one message. */
#include "gateway/daemon/decide.h"
#include "gateway/base/log.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "router/alert.h"
#include "router/fold.h"
#include "router/language.h"
#include "router/topic.h"
#include <string.h>

#define DECIDE_WORDS_MAX 2000
#define DECIDE_HINT      (3 * LANGUAGE_NAT) /* what a provider's word on the locale counts for */
#define DECIDE_PRIORITY  1

struct decide {
    struct language_model *model;
    struct map ops; /* operation → struct decide_op */
};

struct decide_op {
    struct language_prior prior;
    struct topic_table *topics, *alarms;
    json_t *document_topics; /* for what a chosen topic says */
    char **languages;        /* tags, NULL-terminated */
    char *area;              /* of what comes through a channel without one; NULL: there are none */
    struct map flows;        /* channels whose threads begin with the bot */
};

struct decide *decide_new(const char *model_file, struct err *e)
{
    struct decide *d = mem_alloc(sizeof *d);
    map_init(&d->ops);
    if (language_model_open(&d->model, model_file, e) != 0)
        mem_clear(&d);
    return d;
}

static void op_free(void *p)
{
    struct decide_op *o = p;
    topic_table_free(o->topics);
    topic_table_free(o->alarms);
    json_decref(o->document_topics);
    for (size_t i = 0; o->languages && o->languages[i]; i++)
        mem_free(o->languages[i]);
    mem_free(o->languages);
    mem_free(o->area);
    map_clear(&o->flows, NULL);
    mem_free(o);
}

void decide_free(struct decide **d)
{
    if (!*d)
        return;
    map_clear(&(*d)->ops, op_free);
    language_model_close((*d)->model);
    mem_clear(d);
}

/* ---- the operation ---- */

static void op_languages(struct decide_op *o, const json_t *list)
{
    uint32_t served = 0;
    size_t n = json_array_size(list), k = 0;
    o->languages = mem_array(n + 1, sizeof *o->languages);
    for (size_t i = 0; i < n; i++) {
        const char *tag = json_string_value(json_array_get(list, i));
        enum language l = tag ? language_find(slice_str(tag)) : LANGUAGE_UNKNOWN;
        if (tag)
            o->languages[k++] = mem_strdup(tag);
        if (l != LANGUAGE_UNKNOWN)
            served |= 1u << l;
    }
    if (served)
        language_prior_restrict(&o->prior, served, false);
}

/* Each thread of an operation with areas has one, or it would be nobody's: the first that is in use. */
static void op_area(struct decide_op *o, const json_t *list)
{
    size_t i;
    const json_t *area;
    json_array_foreach(list, i, area)
    {
        if (!o->area && !json_opt_bool(area, "disabled", false))
            o->area = mem_strdup(json_string_value(json_object_get(area, "id")));
    }
}

static bool flow_there(const json_t *flows, const char *id)
{
    size_t i;
    const json_t *f;
    json_array_foreach(flows, i, f)
    {
        if (slice_is(json_opt_str(f, "id"), id) && !json_opt_bool(f, "disabled", false))
            return true;
    }
    return false;
}

static void op_flows(struct decide_op *o, const json_t *document)
{
    size_t i;
    const json_t *c;
    map_init(&o->flows);
    json_array_foreach(json_object_get(document, "channels"), i, c)
    {
        struct slice id = json_opt_str(c, "id"), flow = json_opt_str(c, "flow");
        if (id.n && flow.n && flow_there(json_object_get(document, "flows"), flow.p))
            map_put(&o->flows, id, o);
    }
}

void decide_operation(struct decide *d, struct store_op *op, const json_t *document)
{
    struct decide_op *o = mem_alloc(sizeof *o);
    struct err e = {0};
    op_languages(o, json_object_get(document, "languages"));
    op_area(o, json_object_get(document, "areas"));
    op_flows(o, document);
    o->document_topics = json_deep_copy(json_object_get(document, "topics"));
    if (topic_table_load(&o->topics, o->document_topics, &e) != 0) {
        log_event(LOG_ERROR, "operation.topics", log_str("operation", store_op_name(op)), log_err(&e));
        o->topics = topic_table_new();
    }
    topic_table_add_sealing(o->topics);
    const json_t *alerts = json_object_get(document, "alerts");
    if (alert_words_load(&o->alarms, alerts, &e) != 0) {
        log_event(LOG_ERROR, "operation.alarm_words", log_str("operation", store_op_name(op)), log_err(&e));
        alert_words_load(&o->alarms, NULL, NULL);
    }
    void *before = map_put(&d->ops, slice_str(store_op_name(op)), o);
    if (before)
        op_free(before);
}

void decide_operation_gone(struct decide *d, struct store_op *op)
{
    void *o = map_del(&d->ops, slice_str(store_op_name(op)));
    if (o)
        op_free(o);
}

/* ---- language ---- */

static void language_fill(struct store_language *out, enum language l, bool latin, enum store_how how)
{
    const char *tag = language_tag(l);
    memset(out, 0, sizeof *out);
    memcpy(out->tag, tag, strlen(tag) + 1);
    if (latin && (l == LANGUAGE_AR || l == LANGUAGE_FA || l == LANGUAGE_PRS || l == LANGUAGE_UR))
        memcpy(out->script, "Latn", 5);
    out->how = how;
}

static bool served(const struct decide_op *o, struct slice tag)
{
    for (size_t i = 0; o && o->languages[i]; i++)
        if (slice_is(tag, o->languages[i]))
            return true;
    return false;
}

/* What the person chose wins and stays; else the sum of what they wrote, with what the provider says of them
 * as a hint. */
static enum language decide_language(const struct decide *d, const struct decide_op *o,
                                     const struct host_said *said, const struct store_known *known,
                                     struct store_inbound *in, struct arena *a)
{
    struct language_sums sums = {0};
    struct language_scores scores;
    struct language_prior prior = {{0}};
    struct language_decision r = {0};
    enum language hint = said->locale.n ? language_find(said->locale) : LANGUAGE_UNKNOWN,
                  before = LANGUAGE_UNKNOWN;
    if (known->known && known->language.how != STORE_UNKNOWN)
        before = language_find(slice_str(known->language.tag));
    language_sums_read(&sums, known->sums);
    if (said->has_text && language_score(d->model, in->text, &scores)) {
        language_sums_add(&sums, &scores);
        char *text = arena_alloc(a, LANGUAGE_SUMS_TEXT);
        language_sums_write(&sums, text);
        in->sums = slice_str(text);
    } else {
        in->sums = known->sums;
    }
    memset(&in->language, 0, sizeof in->language);
    if (said->locale_stated && hint != LANGUAGE_UNKNOWN && served(o, slice_str(language_tag(hint)))) {
        language_fill(&in->language, hint, false, STORE_STATED);
        return hint;
    }
    if (o)
        prior = o->prior;
    for (int l = 0; hint != LANGUAGE_UNKNOWN && l <= LANGUAGE_COUNT; l++)
        if (l != (int)hint && prior.s[l] > LANGUAGE_NEVER + DECIDE_HINT)
            prior.s[l] = (int16_t)(prior.s[l] - DECIDE_HINT);
    language_decide(&sums, &prior, &r);
    if (r.known)
        language_fill(&in->language, r.language, r.latin, STORE_GUESSED);
    else if (before == LANGUAGE_UNKNOWN && !sums.letters && hint != LANGUAGE_UNKNOWN &&
             served(o, slice_str(language_tag(hint))))
        language_fill(&in->language, hint, false, STORE_GUESSED);
    if (known->language.how >= STORE_SET && before != LANGUAGE_UNKNOWN)
        return before;
    return in->language.how != STORE_UNKNOWN ? language_find(slice_str(in->language.tag)) : before;
}

/* ---- topic ---- */

static const json_t *topic_named(const struct decide_op *o, struct slice id)
{
    for (size_t i = 0; o && id.n && i < json_array_size(o->document_topics); i++) {
        const json_t *t = json_array_get(o->document_topics, i);
        if (slice_eq(json_opt_str(t, "id"), id) && !json_opt_bool(t, "disabled", false))
            return t;
    }
    return NULL;
}

static void raise_to(int *clearance, int64_t to)
{
    if (to > *clearance && to <= 2)
        *clearance = (int)to;
}

static void topic_take(const json_t *topic, struct store_inbound *in)
{
    in->topic = json_string_value(json_object_get(topic, "id"));
    raise_to(&in->clearance, json_opt_int(topic, "clearance", 0));
    in->priority = (int)json_opt_int(topic, "priority", in->priority);
    in->no_last_agent = in->no_last_agent || json_opt_bool(topic, "no_last_agent", false);
}

/* What the person chose; else what their words say; else what the channel is for. Words that seal do so
 * whatever was chosen. */
static void decide_topic(const struct decide_op *o, const struct host_said *said,
                         const struct store_known *known, enum language l, const struct slice *words,
                         size_t words_n, struct store_inbound *in)
{
    struct topic_match m = {0};
    const json_t *chosen = topic_named(o, said->topic),
                 *channel = topic_named(o, slice_str(said->channel_topic));
    bool found = o && topic_match(o->topics, words, words_n, l, &m);
    raise_to(&in->clearance, m.rule.clearance);
    in->no_last_agent = m.rule.no_last_agent || m.rule.clearance >= 2;
    if (chosen) {
        topic_take(chosen, in);
    } else if (found && m.id && *m.id) {
        in->topic = m.id;
        in->priority = m.rule.priority >= 0 ? m.rule.priority : in->priority;
    } else if (channel && !(known->open_thread && known->topic && *known->topic)) {
        topic_take(channel, in);
    }
}

void decide_message(struct decide *d, struct store_op *op, const struct host_said *said,
                    const struct store_known *known, struct store_inbound *in, struct arena *a)
{
    const struct decide_op *o = map_get(&d->ops, slice_str(store_op_name(op)));
    in->topic = "";
    in->area = known->area && *known->area ? known->area
               : said->area && *said->area ? said->area
               : o && o->area              ? o->area
                                           : "";
    in->clearance = said->clearance;
    in->priority = DECIDE_PRIORITY;
    in->no_last_agent = false;
    enum language l = decide_language(d, o, said, known, in, a);
    size_t n; /* folded once, for topics and for searching */
    struct slice *words = fold_list(said->has_text ? in->text : SLICE(""), a, &n);
    decide_topic(o, said, known, l, words, n, in);
    in->alarm =
        o && in->kind == STORE_MESSAGE && topic_match(o->alarms, words, n, l, &(struct topic_match){0});
    /* Who has said what it is about, or writes of something that is sealed or urgent, is not asked. */
    in->bot = o && o->flows.n && !said->topic.n && in->clearance < 2 && in->clearance <= said->clearance &&
              in->priority <= DECIDE_PRIORITY && map_get(&o->flows, slice_str(in->channel));
    in->words_n = fold_distinct(words, n, a, words, DECIDE_WORDS_MAX);
    in->words = words;
}

const char *decide_alarm(struct decide *d, struct store_op *op, struct slice text)
{
    const struct decide_op *o = map_get(&d->ops, slice_str(store_op_name(op)));
    struct topic_match m = {0};
    struct arena *a = arena_new();
    size_t n;
    struct slice *words = fold_list(text, a, &n);
    bool found = o && topic_match(o->alarms, words, n, LANGUAGE_UNKNOWN, &m);
    arena_free(&a);
    return found && m.id ? m.id : "";
}
