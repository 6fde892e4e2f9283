/* SPDX-License-Identifier: Apache-2.0
 * From the settings to the parts that need many of them: the connector host, webhooks out, the API; and what
 * these ask of the worker. */
#include "gateway/daemon/worker_parts.h"
#include "gateway/api/api.h"
#include "gateway/daemon/decide.h"
#include "gateway/daemon/office.h"
#include "gateway/daemon/texts.h"
#include "gateway/hook/hook.h"
#include "gateway/host/host.h"
#include "router/fold.h"
#include <string.h>
#include <unistd.h>

static const char *if_there(const char *path)
{
    return *path && access(path, R_OK) == 0 ? path : NULL;
}

static void api_list(void *ctx, struct store_op *op, struct buf *out)
{
    host_channels_json(((struct worker *)ctx)->host, op, out);
}

static bool api_info(void *ctx, struct store_op *op, const char *channel, struct api_channel *out)
{
    struct host_channel_info i;
    if (!host_channel_info(((struct worker *)ctx)->host, op, channel, &i) || strcmp(i.state, "disabled") == 0)
        return false;
    *out = (struct api_channel){.pull = i.pull,
                                .capabilities = i.capabilities,
                                .choices_max = i.limits.choices_max,
                                .files_max = i.limits.files_max,
                                .file_bytes_max = i.limits.file_bytes_max};
    return true;
}

static struct slice own_text(void *arg, const char *tag, const char *key)
{
    return texts_get(((struct worker *)arg)->texts, slice_str(tag), slice_str(key));
}

static void decide_one(void *arg, struct store_op *op, const struct host_said *said,
                       const struct store_known *known, struct store_inbound *in, struct arena *a)
{
    decide_message(((struct worker *)arg)->decide, op, said, known, in, a);
}

static bool same_words(void *arg, struct slice a, struct slice b)
{
    (void)arg;
    return fold_is(a, b);
}

int worker_host(struct worker *w, struct err *e)
{
    const struct config *c = w->config;
    struct host_config hc = {.loop = w->loop,
                             .store = w->store,
                             .fetcher = w->fetcher,
                             .plugin_dir = c->plugin_dir,
                             .pages_dir = if_there(c->chat_dir),
                             .public_url = c->public_url,
                             .allow_private = (const char *const *)c->allow_private,
                             .egress = (const char *const *)c->egress,
                             .origins = (const char *const *)c->origins,
                             .router = {.arg = w,
                                        .decide = decide_one,
                                        .stored = worker_stored,
                                        .staff = worker_staff,
                                        .same = same_words,
                                        .text = own_text,
                                        .closed = worker_closed},
                             .text_max = (size_t)c->limits.text,
                             .attachments_max = (size_t)c->limits.attachments,
                             .body_max = (size_t)c->limits.body,
                             .upload_max = (uint64_t)c->limits.upload,
                             .json_depth = (unsigned)c->limits.json_depth,
                             .reopen_hours = (unsigned)c->reopen_hours};
    w->host = host_new(&hc, e);
    return w->host ? 0 : -e->code;
}

int worker_hooks(struct worker *w, struct err *e)
{
    const struct config *c = w->config;
    struct hooks_config hc = {.loop = w->loop,
                              .store = w->store,
                              .allow_private = (const char *const *)c->allow_private,
                              .egress = (const char *const *)c->egress,
                              .retry_ms = (unsigned)c->webhook_retry_ms,
                              .give_up_s = (unsigned)c->webhook_give_up_s};
    w->hooks = hooks_new(&hc, e);
    return w->hooks ? 0 : -e->code;
}

static void api_hook_test(void *ctx, struct store_op *op, const char *id,
                          void (*done)(void *arg, const struct err *e, int status, unsigned ms,
                                       const char *error),
                          void *arg)
{
    hooks_test(((struct worker *)ctx)->hooks, op, id, done, arg);
}

int worker_api(struct worker *w, struct err *e)
{
    const struct config *c = w->config;
    struct api_config ac = {.loop = w->loop,
                            .store = w->store,
                            .web_dir = if_there(c->web_dir),
                            .openapi_dir = if_there(c->openapi),
                            .public_url = c->public_url,
                            .channels = {.ctx = w, .list = api_list, .info = api_info},
                            .webhooks = {.ctx = w, .test = api_hook_test},
                            .admin = office_admin(w),
                            .origins = (const char *const *)c->origins,
                            .session_idle_s = (unsigned)c->session_idle_s,
                            .upload_max = (uint64_t)c->limits.upload,
                            .second = strcmp(c->second_factor, "off") == 0       ? API_SECOND_OFF
                                      : strcmp(c->second_factor, "offered") == 0 ? API_SECOND_OFFERED
                                                                                 : API_SECOND_REQUIRED,
                            .trust_days = (unsigned)c->trusted_device_days};
    w->api = api_new(&ac, e);
    return w->api ? 0 : -e->code;
}
