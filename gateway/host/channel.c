/* SPDX-License-Identifier: Apache-2.0
 * One channel and its instance of a connector: made from the operation's document, started, stopped, taken
 * apart. */
#include "gateway/base/log.h"
#include "gateway/host/host_internal.h"
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#define CHANNEL_PATIENCE_MS                                                                                  \
    2000 /* beyond the grace, for a connector that does not say that it has stopped                          \
          */

/* ---- from the document ---- */

static void sha256(struct slice s, unsigned char out[32])
{
    unsigned n = 32;
    err_assert(EVP_Digest(s.n ? s.p : "", s.n, out, &n, EVP_sha256(), NULL) == 1);
}

static void hash_spec(struct channel *ch, const json_t *spec)
{
    char *text = json_dumps(spec, JSON_COMPACT | JSON_SORT_KEYS);
    struct buf b;
    buf_init(&b, 4u << 20);
    buf_str(&b, text ? text : "");
    buf_str(&b, ch->o->h->cf.public_url);
    sha256(buf_view(&b), ch->spec);
    mem_wipe(b.p, b.n);
    buf_clear(&b);
    if (text)
        mem_wipe(text, strlen(text));
    free(text);
}

static void add_secret(struct channel *ch, struct slice s)
{
    if (s.n >= 6 && ch->secrets_n < HOST_SECRETS)
        ch->secrets[ch->secrets_n++] = slice_dup(s);
}

/* Values that must not stand in the wire log: each secret, each of several in one setting, and the bare
 * base64 of "whsec_…". */
static void collect_secrets(struct channel *ch)
{
    for (const struct connector_setting *s = ch->plugin->settings; s->name; s++) {
        const char *v = map_get(&ch->settings, slice_str(s->name));
        if (s->type != CONNECTOR_S_SECRET || !v || !*v)
            continue;
        struct slice rest = slice_str(v), word;
        while (slice_next(&rest, ' ', &word)) {
            if (slice_starts(word, "whsec_"))
                word = slice_of(word.p + 6, word.n - 6);
            add_secret(ch, word);
        }
    }
    add_secret(ch, slice_str(ch->path_secret));
}

/* For providers that do not sign: 128 bits that follow from the channel's other secrets, so that every node
 * has the same and nobody has to keep another one. "" when there is nothing to make it from. */
static void derive_path_secret(struct channel *ch)
{
    struct buf b;
    unsigned char key[32], mac[32];
    unsigned n = 32;
    size_t material = 0;
    buf_init(&b, 1u << 20);
    for (const struct connector_setting *s = ch->plugin->settings; s->name; s++) {
        const char *v = map_get(&ch->settings, slice_str(s->name));
        if (s->type == CONNECTOR_S_SECRET && v && *v) {
            buf_printf(&b, "%s=%s\n", s->name, v);
            material += strlen(v);
        }
    }
    if (material >= 16) {
        sha256(buf_view(&b), key);
        char what[200];
        int len = snprintf(what, sizeof(what), "parley path %s %s", ch->o->name, ch->id);
        HMAC(EVP_sha256(), key, sizeof(key), (unsigned char *)what, (size_t)len, mac, &n);
        text_base64url(ch->path_secret, mac, 16);
        mem_wipe(key, sizeof(key));
    }
    if (b.n)
        mem_wipe(b.p, b.n);
    buf_clear(&b);
}

static bool set_hook(struct channel *ch)
{
    const struct plugin *p = ch->plugin;
    if (!p->door_hooks)
        return true;
    if (!(p->c->capabilities & CONNECTOR_SIGNS)) {
        const char *given = map_get(&ch->settings, SLICE("path_secret"));
        if (given && *given)
            snprintf(ch->path_secret, sizeof(ch->path_secret), "%s", given);
        else
            derive_path_secret(ch);
        if (strlen(ch->path_secret) < 22)
            return false;
    }
    snprintf(ch->hook, sizeof(ch->hook), "/hooks/%s/%s%s%s", ch->o->name, ch->id, *ch->path_secret ? "/" : "",
             ch->path_secret);
    return true;
}

static void set_limits(struct channel *ch)
{
    const struct plugin *p = ch->plugin;
    const unsigned named = 0x7ff | CONNECTOR_TELLS_DELIVERED | CONNECTOR_TELLS_READ;
    struct err e = {0};
    uint64_t rate;
    ch->limits = p->limits;
    ch->capabilities = p->c->capabilities;
    unsigned listed = capabilities_parse(slice_str(settings_get(&ch->settings, p, "capabilities")), &e);
    if (listed)
        ch->capabilities = (p->c->capabilities & ~named) | (p->c->capabilities & listed);
    if (slice_u64(slice_str(settings_get(&ch->settings, p, "rate")), &rate) && rate > 0 && rate < 100000)
        ch->limits.per_second = ch->limits.burst = (uint32_t)rate;
}

static void set_schemes(struct channel *ch, const json_t *spec)
{
    bool vouched = !ch->plugin->has_verified || json_opt_bool(spec, "verified", false) ||
                   strcmp(settings_get(&ch->settings, ch->plugin, "verified"), "true") == 0;
    ch->schemes = mem_strdup(vouched && ch->plugin->c->scheme ? ch->plugin->c->scheme : "");
}

static void set_origins(struct channel *ch)
{
    struct slice rest = slice_str(settings_get(&ch->settings, ch->plugin, "origins")), word;
    size_t n = 0;
    ch->origins = mem_array(rest.n / 2 + 2, sizeof(char *));
    while (rest.n && slice_next(&rest, ' ', &word)) {
        if (word.n)
            ch->origins[n++] = slice_dup(word);
    }
}

static struct metric *counter(struct buf *labels, const char *name, const char *help)
{
    return metric_counter(name, help, labels->p);
}

static void set_metrics(struct channel *ch)
{
    struct buf l;
    buf_init(&l, 1024);
    metric_label(&l, "operation", slice_str(ch->o->name));
    metric_label(&l, "channel", slice_str(ch->id));
    metric_label(&l, "connector", slice_str(ch->connector));
    ch->m = (struct channel_metrics){
        .in = counter(&l, "parley_messages_in_total", "Messages that came in and are on disk."),
        .duplicates = counter(&l, "parley_duplicates_total", "Messages that came again."),
        .quarantined = counter(&l, "parley_quarantined_total", "Items that could not be understood."),
        .refused = counter(&l, "parley_refused_total", "Requests with a wrong signature, form or size."),
        .sent = counter(&l, "parley_messages_sent_total", "Messages that the provider has taken."),
        .failed = counter(&l, "parley_messages_failed_total", "Messages that failed for good."),
        .retried = counter(&l, "parley_sends_retried_total", "Tries that failed and come again."),
        .unknown = counter(&l, "parley_messages_unknown_total",
                           "Messages of which it is not known whether they were sent."),
        .store_s = metric_histogram("parley_store_seconds", "From deliver to all on disk.", l.p),
        .up = metric_gauge("parley_channel_up", "1 when the channel works.", l.p)};
    buf_clear(&l);
}

struct channel *channel_new(struct host_op *o, const json_t *spec)
{
    struct channel *ch = mem_alloc(sizeof(*ch));
    struct err e = {0};
    ch->o = o;
    ch->id = slice_dup(json_opt_str(spec, "id"));
    ch->connector = slice_dup(json_opt_str(spec, "connector"));
    ch->area = slice_dup(json_opt_str(spec, "area"));
    ch->topic = slice_dup(json_opt_str(spec, "topic"));
    ch->clearance = (int)json_opt_int(spec, "clearance", 0);
    ch->paused = json_opt_bool(spec, "paused", false);
    map_init(&ch->settings);
    struct list *lists[] = {&ch->calls,  &ch->requests, &ch->sockets, &ch->timers,
                            &ch->leases, &ch->watches,  &ch->graves};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        list_init(lists[i]);
    char *name = json_dumps(json_object_get(spec, "name"), JSON_COMPACT | JSON_ENCODE_ANY);
    ch->name_json = mem_strdup(name);
    free(name);
    hash_spec(ch, spec);
    ch->plugin = plugin_find(o->h, slice_str(ch->connector));
    if (json_opt_bool(spec, "disabled", false))
        ch->state = CHANNEL_DISABLED;
    if (!ch->plugin) {
        snprintf(ch->why, sizeof(ch->why), "there is no connector called \"%.60s\"", ch->connector);
        return ch;
    }
    set_metrics(ch);
    if (!settings_read(&ch->settings, ch->plugin, json_object_get(spec, "settings"), o->h->guard, &e) ||
        !settings_check(&ch->settings, ch->plugin, &e))
        snprintf(ch->why, sizeof(ch->why), "%s", e.text);
    else if (!set_hook(ch))
        snprintf(ch->why, sizeof(ch->why),
                 "settings.path_secret is missing: its provider does not sign, and there is no secret to "
                 "make one from");
    set_limits(ch);
    set_schemes(ch, spec);
    set_origins(ch);
    collect_secrets(ch);
    return ch;
}

/* ---- life ---- */

void channel_down(struct channel *ch, const char *fmt, ...)
{
    va_list ap;
    char why[sizeof(ch->why)];
    va_start(ap, fmt);
    vsnprintf(why, sizeof(why), fmt, ap);
    va_end(ap);
    if (!ch->up && strcmp(why, ch->why) == 0)
        return;
    ch->up = false;
    memcpy(ch->why, why, sizeof(why));
    if (ch->m.up)
        metric_set(ch->m.up, 0);
    log_event(LOG_WARN, "channel.down", log_str("operation", ch->o->name), log_str("channel", ch->id),
              log_str("why", ch->why));
}

bool channel_running(const struct channel *ch)
{
    return ch && ch->state == CHANNEL_RUNNING;
}

void channel_start(struct channel *ch)
{
    struct connector_error e = {0};
    if (ch->state == CHANNEL_DISABLED)
        return;
    if (!ch->why[0]) {
        ch->c = ch->plugin->c->create(&ch->o->h->api, ch, &e);
        e.text[sizeof(e.text) - 1] = 0;
        if (!ch->c)
            snprintf(ch->why, sizeof(ch->why), "%s", e.text[0] ? e.text : "the connector refuses to start");
    }
    if (!ch->c) {
        ch->state = CHANNEL_DOWN;
        ch->up = true; /* so that it is told */
        char why[sizeof(ch->why)];
        memcpy(why, ch->why, sizeof(why));
        channel_down(ch, "%s", why);
        return;
    }
    ch->state = CHANNEL_RUNNING;
    ch->up = true;
    metric_set(ch->m.up, 1);
    ch->plugin->c->start(ch->c);
    if (!(ch->capabilities & CONNECTOR_PULL))
        send_open(ch);
    log_event(LOG_INFO, "channel.started", log_str("operation", ch->o->name), log_str("channel", ch->id));
}

static void channel_free(struct channel *ch)
{
    struct host *h = ch->o->h;
    list_del(&ch->link);
    if (ch->stop_timer)
        timer_free(&ch->stop_timer);
    settings_clear(&ch->settings);
    for (size_t i = 0; i < ch->secrets_n; i++) {
        mem_wipe(ch->secrets[i], strlen(ch->secrets[i]));
        mem_free(ch->secrets[i]);
    }
    for (size_t i = 0; ch->origins && ch->origins[i]; i++)
        mem_free(ch->origins[i]);
    mem_free(ch->origins);
    char *texts[] = {ch->id, ch->connector, ch->area, ch->topic, ch->name_json, ch->schemes};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        mem_free(texts[i]);
    mem_wipe(ch->path_secret, sizeof(ch->path_secret));
    mem_wipe(ch->hook, sizeof(ch->hook));
    mem_free(ch);
    host_maybe_drained(h);
}

/* It has stopped, or its time is over: what it still waits for is told as cancelled, then it is destroyed. */
static void finish(void *arg)
{
    struct channel *ch = arg;
    struct list *n;
    if (!ch->c)
        return;
    requests_stop(ch);
    small_stop(ch);
    watch_stop(ch);
    send_close(ch);
    while ((n = list_pop(&ch->calls))) {
        struct host_call *c = container_of(n, struct host_call, link);
        c->cancel(c);
        c->ch = NULL;
    }
    requests_free(ch);
    sockets_stop(ch);
    connector_instance *c = ch->c;
    ch->c = NULL;
    ch->plugin->c->destroy(c);
    media_bury(ch);
    send_free(ch);
    log_event(LOG_INFO, "channel.stopped", log_str("operation", ch->o->name), log_str("channel", ch->id));
    channel_free(ch);
}

static void on_stopped(void *inst)
{
    struct channel *ch = CHANNEL(inst);
    if (ch->stopped || ch->state != CHANNEL_STOPPING)
        return;
    ch->stopped = true;
    loop_defer(ch->o->h->loop, finish, ch);
}

static void on_patience_over(void *arg)
{
    struct channel *ch = arg;
    if (ch->stopped)
        return;
    ch->stopped = true;
    log_event(LOG_ERROR, "channel.did_not_stop", log_str("operation", ch->o->name),
              log_str("channel", ch->id));
    finish(ch);
}

void channel_stop(struct channel *ch, unsigned grace_ms)
{
    if (!ch->c) {
        channel_free(ch);
        return;
    }
    ch->state = CHANNEL_STOPPING;
    send_pause(ch);
    list_push(&ch->o->h->dying, &ch->link);
    ch->stop_timer = timer_new(ch->o->h->loop, on_patience_over, ch);
    timer_start(ch->stop_timer, grace_ms + CHANNEL_PATIENCE_MS);
    ch->plugin->c->stop(ch->c, grace_ms);
}

struct channel *channel_find(const struct host *h, struct slice op, struct slice id)
{
    struct host_op *o = map_get(&h->ops, op);
    return o ? map_get(&o->channels, id) : NULL;
}

/* ---- by the connector's word ---- */

static void on_state(void *inst, bool up, const char *why)
{
    struct channel *ch = CHANNEL(inst);
    if (!up) {
        channel_down(ch, "%s", why && *why ? why : "the connector does not say why");
        return;
    }
    if (!ch->up)
        log_event(LOG_INFO, "channel.up", log_str("operation", ch->o->name), log_str("channel", ch->id));
    ch->up = true;
    ch->why[0] = 0;
    metric_set(ch->m.up, 1);
}

static void on_log(void *inst, const char *event, const char *number_name, int64_t number)
{
    struct channel *ch = CHANNEL(inst);
    log_event(LOG_INFO, "connector", log_str("operation", ch->o->name), log_str("channel", ch->id),
              log_str("event", event), log_int(number_name && *number_name ? number_name : "n", number));
}

void host_api_channel(struct connector_host *a)
{
    a->stopped = on_stopped;
    a->state = on_state;
    a->log = on_log;
}

/* ---- told to the API ---- */

const char *channel_state_name(const struct channel *ch, const char **why)
{
    *why = ch->why;
    if (ch->state == CHANNEL_DISABLED)
        return "disabled";
    if (ch->state == CHANNEL_NEW)
        return "starting";
    if (ch->state != CHANNEL_RUNNING || !ch->up)
        return "down";
    return send_paused(ch, why) ? "paused" : "up";
}

bool host_channel_info(struct host *h, struct store_op *op, const char *channel,
                       struct host_channel_info *out)
{
    const struct channel *ch = channel_find(h, slice_str(store_op_name(op)), slice_str(channel));
    if (!ch)
        return false;
    *out =
        (struct host_channel_info){.id = ch->id,
                                   .connector = ch->connector,
                                   .scheme = ch->plugin && ch->plugin->c->scheme ? ch->plugin->c->scheme : "",
                                   .pull = (ch->capabilities & CONNECTOR_PULL) != 0,
                                   .capabilities = ch->capabilities,
                                   .limits = ch->limits,
                                   .hook = ch->hook};
    out->state = channel_state_name(ch, &out->why);
    return true;
}

static void limits_json(const struct connector_limits *l, struct buf *out)
{
    static const char *const units[] = {"utf16", "bytes", "code_points"};
    buf_printf(
        out,
        "{\"text\":%u,\"unit\":\"%s\",\"files\":%u,\"file_bytes\":%llu,\"choices\":%u,\"choice_title\":%u,"
        "\"per_second\":%u}",
        l->text_max, units[l->unit <= CONNECTOR_CODE_POINTS ? l->unit : 0], l->files_max,
        (unsigned long long)l->file_bytes_max, l->choices_max, l->choice_title_max, l->per_second);
}

void host_channels_json(struct host *h, struct store_op *op, struct buf *out)
{
    struct host_op *o = map_get(&h->ops, slice_str(store_op_name(op)));
    struct slice id;
    void *value;
    bool first = true;
    for (size_t i = 0; o && map_each(&o->channels, &i, &id, &value); first = false) {
        const struct channel *ch = value;
        const char *why;
        buf_str(out, first ? "{\"id\":" : ",{\"id\":");
        buf_json_str(out, id);
        buf_str(out, ",\"connector\":");
        buf_json_str(out, slice_str(ch->connector));
        buf_str(out, ",\"name\":");
        buf_str(out, ch->name_json ? ch->name_json : "null");
        buf_str(out, ",\"capabilities\":");
        capabilities_json(ch->capabilities, out);
        buf_str(out, ",\"limits\":");
        limits_json(&ch->limits, out);
        buf_printf(out, ",\"state\":\"%s\",\"state_text\":", channel_state_name(ch, &why));
        buf_json_str(out, slice_str(why));
        buf_char(out, '}');
    }
}
