/* SPDX-License-Identifier: Apache-2.0
 * Telegram bots: private chats only. Settings, limits and the life of a channel. */
#include "telegram.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static connector_instance *create(const struct connector_host *h, void *inst, struct connector_error *e)
{
    connector_instance *c = calloc(1, sizeof *c);
    (void)e;
    if (!c)
        abort();
    c->h = h;
    c->inst = inst;
    return c;
}

static void start(connector_instance *c)
{
    receive_start(c);
}

static void finish(connector_instance *c)
{
    if (c->stopped)
        return;
    c->stopped = true;
    c->h->stopped(c->inst);
}

void busy_end(connector_instance *c)
{
    c->busy--;
    if (c->stopping && c->busy == 0)
        finish(c);
}

static void grace_over(void *arg)
{
    finish(arg); /* what is still owed comes as cancelled, and is told as unknown */
}

static void stop(connector_instance *c, uint32_t grace_ms)
{
    c->stopping = true;
    if (c->busy == 0)
        finish(c);
    else
        c->h->timer(c->inst, grace_ms > 100 ? grace_ms - 100 : 0, grace_over, c);
}

static void destroy(connector_instance *c)
{
    free(c);
}

static const char *setting(const struct connector_values *v, const char *name)
{
    const char *s = v->get(v->ctx, name);
    return s ? s : "";
}

static bool only(const char *s, const char *allowed)
{
    return s[strspn(s, allowed)] == '\0';
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

static int check(const struct connector_values *v, struct connector_error *e)
{
    const char *token = setting(v, "token"), *secret = setting(v, "secret"), *mode = setting(v, "mode");
    const char *wrong = NULL;
    if (!strchr(token, ':') || !only(token, LETTERS ":") || strlen(token) > 128)
        wrong = "token: it looks like 123456:ABC-DEF…, as BotFather gives it";
    else if (!only(secret, LETTERS) || strlen(secret) > 256)
        wrong = "secret: 1 to 256 of A-Z, a-z, 0-9, _ and -";
    else if (strcmp(mode, "webhook") == 0 && strlen(secret) < 16)
        wrong = "secret: a webhook needs one of at least 16 characters";
    if (!wrong)
        return CONNECTOR_OK;
    e->code = CONNECTOR_EINVALID;
    snprintf(e->text, sizeof e->text, "%s", wrong);
    return CONNECTOR_EINVALID;
}

static const struct connector_setting settings[] = {
    {"token", CONNECTOR_S_SECRET, true, NULL, NULL, "The bot's token, from BotFather."},
    {"secret", CONNECTOR_S_SECRET, false, "", NULL,
     "Telegram sends it with each webhook; 16 to 256 of A-Z, a-z, 0-9, _ and -."},
    {"mode", CONNECTOR_S_CHOICE, false, "poll", "webhook|poll",
     "webhook where we have a public address, else poll."},
    {"api", CONNECTOR_S_URL, false, "https://api.telegram.org", NULL, "Another Bot API server."},
    {.name = NULL},
};

__attribute__((visibility("default"))) const struct connector connector_plugin = {
    .abi = CONNECTOR_ABI,
    .size = sizeof(struct connector),
    .name = "telegram",
    .version = "1",
    .scheme = "telegram",
    .capabilities = CONNECTOR_CAN_TEXT | CONNECTOR_CAN_FILES | CONNECTOR_CAN_VOICE | CONNECTOR_CAN_CHOICES |
                    CONNECTOR_CAN_EDIT | CONNECTOR_CAN_DELETE | CONNECTOR_CAN_REACT | CONNECTOR_CAN_TYPING |
                    CONNECTOR_CAN_LOCATION | CONNECTOR_CAN_REPLY | CONNECTOR_SIGNS | CONNECTOR_JSON,
    .limits =
        {
            .size = sizeof(struct connector_limits),
            .text_max = 4096,
            .unit = CONNECTOR_UTF16,
            .files_max = 10,
            .file_bytes_max = FILE_OUT_MAX,
            .choices_max = 20,
            .choice_title_max = 64,
            .choice_id_max = 64,
            .per_second = 30,
            .burst = 30,
            .recipient_per_minute = 60,
            .recipient_burst = 5,
            .in_flight_max = 16,
        },
    .settings = settings,
    .doors = "hooks",
    .check = check,
    .create = create,
    .start = start,
    .stop = stop,
    .destroy = destroy,
    .verify = receive_verify,
    .request = receive_request,
    .send = send_message,
    .typing = send_typing,
    .media = receive_media,
};
