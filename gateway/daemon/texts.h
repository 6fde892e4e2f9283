/* SPDX-License-Identifier: Apache-2.0
 * Texts that people read, one file per language (config/texts), which an operation may override in its
 * document. */
#ifndef PARLEY_DAEMON_TEXTS_H
#define PARLEY_DAEMON_TEXTS_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/base/json.h"

struct texts;
struct texts *texts_load(const char *dir, struct err *e);
void texts_free(struct texts **t);
/* Empty: there is none in that language. */
struct slice texts_get(const struct texts *t, struct slice tag, struct slice key);
/* Takes the names of the webchat's texts from its build: "chat.<name>". When it was not built, every name of
 * that form counts as known. */
void texts_chat(struct texts *t, const char *chat_dir);
/* Is there a text with this name, in English or of the webchat? */
bool texts_known(const struct texts *t, struct slice key);
/* Does `own` fill only places that the shipped text has ("{name}")? False: which it has not. */
bool texts_hole_known(const struct texts *t, const char *key, struct slice own, struct slice *which);
/* Has every safety text in this language been read by a native speaker: shipped so, or named in the
 * document's `reviewed`? */
bool texts_safe(const struct texts *t, const json_t *document, const char *tag);
/* Appends {"items":[…],"next":null}: each text with its languages, what the operation wrote instead, who has
 * read it. */
void texts_json(const struct texts *t, const json_t *document, struct buf *out);
/* Problems: files that can't be read, keys that a language lacks. Warnings: safety texts that no native
 * speaker has reviewed. */
void texts_check(const char *dir, struct buf *problems, struct buf *warnings);

/* Adds text as a line, with value for its first {name}. False, and nothing added, when text or value is
 * empty. */
bool texts_fill(struct buf *out, struct slice text, const char *name, struct slice value);

#endif
