/* SPDX-License-Identifier: Apache-2.0
 * What the files of the Telegram connector share. Protocol: Telegram Bot API,
 * https://core.telegram.org/bots/api. */
#ifndef TELEGRAM_H
#define TELEGRAM_H

#include "connectors/connector.h"
#include <jansson.h>

#define UPDATES_MAX  100  /* of one getUpdates */
#define CAPTION_MAX  1024 /* UTF-16 units */
#define PHOTO_MAX    (10u << 20)
#define FILE_OUT_MAX (50u << 20)
#define FILE_IN_MAX  (20u << 20)

struct connector_instance {
    const struct connector_host *h;
    void *inst;
    bool stopping, stopped, polling;
    bool known;        /* getMe has answered: the token is right */
    unsigned busy;     /* sends, media and requests under way */
    int64_t offset;    /* of the next getUpdates */
    int64_t asked_ms;  /* when the last one began */
    unsigned failures; /* polls that failed in a row */
};

struct connector_bytes bytes_of(const char *s);

/* ---- calling the API (api.c) ---- */

struct answer {
    int error; /* CONNECTOR_OK when there is an answer of any kind */
    bool maybe_sent;
    int status;         /* HTTP */
    const json_t *ok;   /* `result`, when the call was done */
    int code;           /* error_code */
    const char *text;   /* description; "" */
    int retry_after_s;  /* 0: not told */
    int64_t migrate_to; /* 0: not told */
};
/* Calls a method; body is given away (json_decref'd). parts instead of a body: multipart. done comes exactly
 * once. */
void api_call(connector_instance *c, const char *method, json_t *body, const struct connector_part *parts,
              size_t parts_n, uint32_t timeout_ms, connector_token about,
              void (*done)(void *arg, const struct answer *a), void *arg);
/* One that nobody waits for. */
void api_tell(connector_instance *c, const char *method, json_t *body);
/* The base URL without a slash at its end. */
void api_base(connector_instance *c, char *out, size_t cap);

/* ---- what comes in (update.c) ---- */

struct update_item { /* an item with the memory that it points to */
    struct connector_item item;
    char id[80], from[40], target[80], reply_to[80], name[512];
    struct connector_media media;
    struct connector_location location;
    struct connector_card card;
    char card_name[512];
    char unsupported[400];
    char *raw; /* BAD: freed by update_clear */
};
/* One update as at most one item; false: nothing for us (groups, service messages). The strings live as long
 * as `update`. */
bool update_item(const json_t *update, struct update_item *to);
void update_clear(struct update_item *u);
/* The id of a callback query that must be answered; NULL. */
const char *update_callback(const json_t *update);

/* ---- how updates get here (receive.c) ---- */

void receive_start(connector_instance *c);
int receive_verify(connector_instance *c, connector_request rq, const struct connector_request_info *i,
                   struct connector_error *e);
void receive_request(connector_instance *c, connector_request rq, const struct connector_request_info *i);
void receive_media(connector_instance *c, struct connector_bytes ref,
                   void (*done)(void *arg, int err, struct connector_bytes bytes, struct connector_bytes type,
                                struct connector_bytes name),
                   void *arg);

/* ---- what goes out (send.c) ---- */

int send_message(connector_instance *c, const struct connector_message *m, connector_token t);
void send_typing(connector_instance *c, struct connector_bytes to, bool on);

/* Something under way has ended. */
void busy_end(connector_instance *c);

#endif
