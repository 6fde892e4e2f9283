/* SPDX-License-Identifier: Apache-2.0
 * Automatic answers. */
#include "gateway/daemon/notice.h"
#include "gateway/base/mem.h"
#include "gateway/daemon/texts.h"
#include "gateway/daemon/worker.h"
#include "gateway/host/host.h"
#include <stdio.h>
#include <string.h>

#define NOTICE_MAX 8192

/* FNV-1a: tells wordings apart, nothing more. */
static uint32_t wording(struct slice text)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < text.n; i++)
        h = (h ^ (unsigned char)text.p[i]) * 16777619u;
    return h;
}

static struct slice text_of(struct worker *w, struct store_op *op, const char *key, const char *language)
{
    const char *tag;
    return host_text(w->host, op, key, language, &tag);
}

static void add(struct worker *w, struct store_op *op, struct buf *out, const char *key, const char *place,
                const char *value_key, const char *language)
{
    /* Each is borrowed until the next is asked for. */
    char *text = slice_dup(text_of(w, op, key, language));
    texts_fill(out, slice_str(text), place, text_of(w, op, value_key, language));
    mem_free(text);
}

static void on_written(void *arg, const struct err *e, const struct store_written *r)
{
    (void)arg, (void)r;
    if (e->code)
        log_event(LOG_WARN, "notice.failed", log_err(e));
}

void notice_nobody(struct worker *w, struct store_op *op, const struct store_thread *t)
{
    const char *language = t->language.tag;
    struct host_channel_info info = {0};
    struct buf text;
    char ref[64], extra[96] = "{}";
    if (w->draining || !host_channel_info(w->host, op, t->channel, &info))
        return;
    buf_init(&text, NOTICE_MAX);
    if (!t->first_reply_ms) {
        add(w, op, &text, "notice.first", "name", "operation.name", language);
        add(w, op, &text, "notice.emergency", "emergency", "emergency", language);
        add(w, op, &text, "notice.privacy", "privacy", "privacy", language);
        snprintf(extra, sizeof extra, "{\"notice\":\"first-%08x\"}", (unsigned)wording(buf_view(&text)));
    }
    struct slice nobody = text_of(w, op, "notice.nobody", language);
    if (nobody.n && text.n)
        buf_char(&text, '\n');
    buf_slice(&text, nobody);
    snprintf(ref, sizeof ref, "nobody-%.26s-%lld", t->id.s, (long long)t->waiting_ms);
    struct store_outbound out = {.thread = t->id,
                                 .kind = STORE_MESSAGE,
                                 .author = STORE_SYSTEM,
                                 .author_id = "",
                                 .ref = slice_str(ref),
                                 .channel = t->channel,
                                 .text = buf_view(&text),
                                 .extra = slice_str(extra),
                                 .pull = info.pull,
                                 .must_hold = ""};
    if (text.n && !text.err)
        store_write(op, &out, on_written, NULL);
    buf_clear(&text);
}
