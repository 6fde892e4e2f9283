/* SPDX-License-Identifier: Apache-2.0
 * What the files of texts share. */
#ifndef PARLEY_DAEMON_TEXTS_INTERNAL_H
#define PARLEY_DAEMON_TEXTS_INTERNAL_H

#include "gateway/base/json.h"
#include "gateway/base/map.h"
#include "gateway/daemon/texts.h"

struct texts {
    struct map by_key; /* "ar notice.first" → char * */
    json_t *files;     /* {"ar":{"notice.first":{"text","reviewed"}}} */
    json_t *chat;      /* the webchat's in English, by name; NULL: it was not built */
    json_t *chats;     /* {"ar":{"texts":{…},"reviewed"}} */
};

extern const char *const texts_safety_keys[]; /* what an error in would do harm; ends with NULL */

#endif
