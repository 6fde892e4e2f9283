/* SPDX-License-Identifier: Apache-2.0
 * One step of a run with what the operation says of it: topics, languages, articles, texts. A record's JSON:
 * {"flow","seq","step","expires","ended","says":[{"text","choices"?}…],"run":{…}}. */
#include "gateway/api/articles.h"
#include "gateway/daemon/bot_internal.h"
#include "gateway/daemon/worker.h"
#include "gateway/host/host.h"
#include <stdio.h>

#define BOT_SILENCE_S 1800 /* of a flow that says nothing about it */
#define BOT_URGENT    2    /* a priority with which nobody is asked further questions */

/* ---- the world of a flow ---- */

static const char *const *chain_of(void *arg, const char *language)
{
    const struct bot_job *j = arg;
    return map_get(&j->b->chains, slice_str(language));
}

/* Borrowed until the next is asked for, as host_text gives it. */
static struct slice text_of(void *arg, const char *language, const char *key)
{
    struct bot_job *j = arg;
    const char *tag;
    return host_text(j->b->w->host, j->b->op, key, language, &tag);
}

static enum flow_mode mode_of(const struct bot_job *j)
{
    struct host_channel_info info = {0};
    if (!host_channel_info(j->b->w->host, j->b->op, j->channel, &info))
        return FLOW_MODE_TEXT;
    if (strcmp(info.connector, "sms") == 0)
        return FLOW_MODE_SMS;
    return info.capabilities & CONNECTOR_CAN_CHOICES ? FLOW_MODE_RICH : FLOW_MODE_TEXT;
}

void bot_world(struct bot_job *j, struct flow_world *w)
{
    *w = (struct flow_world){.mode = mode_of(j),
                             .languages = j->b->languages,
                             .fallback = chain_of,
                             .text = text_of,
                             .arg = j,
                             .language = j->language.tag,
                             .language_stated = j->language.how == STORE_STATED,
                             .name = j->name,
                             .contact = j->fields};
}

static const json_t *named(const json_t *list, const char *id)
{
    for (size_t i = 0; id && *id && i < json_array_size(list); i++) {
        const json_t *o = json_array_get(list, i);
        if (slice_is(json_opt_str(o, "id"), id) && !json_opt_bool(o, "disabled", false))
            return o;
    }
    return NULL;
}

const char *bot_flow_of(const struct bot_job *j)
{
    struct slice flow = json_opt_str(j->rec, "flow");
    if (!flow.n)
        flow = json_opt_str(named(json_object_get(j->b->document, "channels"), j->channel), "flow");
    return flow.n ? flow.p : "";
}

/* ---- prompts ---- */

bool bot_ended(const struct bot_job *j)
{
    return json_opt_bool(j->rec, "ended", false);
}

int64_t bot_left(const struct bot_job *j)
{
    return json_opt_int(j->rec, "expires", 0) - store_now_ms(j->b->w->store);
}

size_t bot_prompts(const struct bot_job *j)
{
    return json_array_size(json_object_get(j->rec, "says"));
}

static const char *mark(struct bot_job *j, size_t n)
{
    return arena_printf(j->a, "%lld.%zu", (long long)json_opt_int(j->rec, "step", 0), n);
}

bool bot_is_prompt(const struct bot_job *j, const struct store_entry *en, size_t n)
{
    if (en->author != STORE_ROBOT || en->kind != STORE_MESSAGE || !en->extra.n)
        return false;
    json_t *extra = json_parse(en->extra, JSON_DEPTH_DEFAULT, NULL);
    bool yes = slice_is(json_opt_str(extra, "flow"), mark((struct bot_job *)(uintptr_t)j, n));
    json_decref(extra);
    return yes;
}

void bot_prompt(struct bot_job *j, size_t n, struct store_outbound *out)
{
    const json_t *say = json_array_get(json_object_get(j->rec, "says"), n),
                 *choices = json_object_get(say, "choices");
    struct host_channel_info info = {0};
    struct buf b;
    json_t *extra = json_object();
    json_object_set_new(extra, "flow", json_string(mark(j, n)));
    if (choices)
        json_object_set(extra, "choices", (json_t *)(uintptr_t)choices);
    buf_init(&b, 65536);
    json_write(extra, &b);
    json_decref(extra);
    host_channel_info(j->b->w->host, j->b->op, j->channel, &info);
    *out = (struct store_outbound){.thread = j->thread,
                                   .kind = STORE_MESSAGE,
                                   .author = STORE_ROBOT,
                                   .author_id = "bot",
                                   .ref = slice_str(arena_printf(j->a, "flow-%s", mark(j, n))),
                                   .channel = j->channel,
                                   .text = json_opt_str(say, "text"),
                                   .extra = arena_slice(j->a, buf_view(&b)),
                                   .pull = info.pull,
                                   .must_hold = ""};
    buf_clear(&b);
}

static json_t *article(struct bot_job *j, const json_t *say)
{
    struct article_ask ask = {.id = json_opt_str(say, "article").n ? json_opt_str(say, "article").p : "",
                              .tag = json_opt_str(say, "tag").n ? json_opt_str(say, "tag").p : "",
                              .language =
                                  json_opt_str(say, "language").n ? json_opt_str(say, "language").p : "",
                              .area = j->area,
                              .clearance = j->clearance};
    struct article_found found;
    if (!api_article(j->b->w->api, j->b->op, &ask, &found))
        return NULL;
    json_t *one = json_object();
    struct slice text = slice_str(found.text);
    if (text.n > 4 * FLOW_TEXT)
        text.n = text_split(text, FLOW_TEXT);
    json_object_set_new(one, "text", json_stringn(text.p, text.n));
    return one;
}

/* What can be said; an article that is not there is left out. */
json_t *bot_says(struct bot_job *j)
{
    json_t *list = json_array(), *say;
    size_t i;
    json_array_foreach(json_object_get(j->out, "say"), i, say)
    {
        json_t *one = json_object_get(say, "article") ? article(j, say) : json_incref(say);
        if (one && json_opt_str(one, "text").n)
            json_array_append(list, one);
        json_decref(one);
    }
    if (j->quiet || j->ends)
        json_array_clear(list);
    return list;
}

/* ---- the step ---- */

static json_t *step(struct bot_job *j, json_t *run)
{
    const struct flow *f = map_get(&j->b->flows, slice_str(bot_flow_of(j)));
    struct flow_world w;
    struct flow_input in = {.start = !j->rec, .text = j->text, .choice = j->choice, .other = j->other};
    bot_world(j, &w);
    if (j->ends)
        return flow_end(f, &w, j->ends, run);
    if (j->seq == 0)
        return flow_end(f, &w, "expired", run);
    if (j->priority >= BOT_URGENT)
        return flow_end(f, &w, "urgent", run);
    return flow_step(f, &w, &in, run);
}

static void fill_end(struct bot_job *j, struct flow_put *put)
{
    const json_t *h = json_object_get(j->out, "hand_over");
    struct slice topic = json_opt_str(h, "topic"), why = json_opt_str(h, "why");
    const json_t *t = topic.n ? named(json_object_get(j->b->document, "topics"), topic.p) : NULL;
    int64_t cl = json_opt_int(h, "clearance", 0), of_topic = json_opt_int(t, "clearance", 0);
    put->why = h ? arena_dup(j->a, why.p, why.n) : "";
    put->topic = t ? arena_dup(j->a, topic.p, topic.n) : "";
    cl = cl > of_topic ? cl : of_topic;
    put->to_clearance = cl > 2 ? 2 : (int)cl;
    put->priority = (int)json_opt_int(h, "priority", json_opt_int(t, "priority", -1));
    put->no_last_agent = put->to_clearance >= 2 || json_opt_bool(t, "no_last_agent", false);
}

/* Of an alert; one that the operation has not becomes "other". */
static const char *category_of(const json_t *h)
{
    struct slice own = json_opt_str(h, "category"), topic = json_opt_str(h, "topic");
    return own.n ? own.p : topic.n ? topic.p : "other";
}

void bot_take(struct bot_job *j, struct flow_put *put, struct buf *json, struct buf *facets)
{
    const char *flow = bot_flow_of(j);
    const struct flow *f = map_get(&j->b->flows, slice_str(flow));
    unsigned silence = f && flow_timeout(f) ? flow_timeout(f) : BOT_SILENCE_S;
    json_t *old = json_object_get(j->rec, "run"),
           *run = json_is_object(old) ? json_deep_copy(old) : json_object(), *rec = json_object();
    json_decref(j->out);
    j->out = step(j, run);
    bool ended = json_object_get(j->out, "hand_over") != NULL;
    uint64_t seq = j->seq ? j->seq : (uint64_t)json_opt_int(j->rec, "seq", 0);
    json_object_set_new(rec, "flow", json_string(flow));
    json_object_set_new(rec, "seq", json_integer((json_int_t)seq));
    json_object_set_new(rec, "step", json_integer(json_opt_int(j->rec, "step", 0) + 1));
    json_object_set_new(rec, "expires", json_integer(store_now_ms(j->b->w->store) + (int64_t)silence * 1000));
    json_object_set_new(rec, "ended", json_boolean(ended));
    json_object_set_new(rec, "says", bot_says(j));
    if (json_opt_bool(j->out, "alarm", false))
        json_object_set_new(rec, "alarm", json_string(category_of(json_object_get(j->out, "hand_over"))));
    json_object_set_new(rec, "run", run);
    *put = (struct flow_put){
        .thread = j->thread,
        .contact = j->contact,
        .expect = j->version,
        .clearance = j->clearance,
        .language = json_opt_str(j->out, "language").n ? json_opt_str(j->out, "language").p : ""};
    fill_end(j, put);
    json_write(rec, json);
    buf_printf(facets, "flow=%s state=%s", *flow ? flow : "none", ended ? put->why : "waits");
    json_decref(j->rec);
    j->rec = rec;
    put->json = buf_view(json);
    put->facets = facets->p;
}
