/* SPDX-License-Identifier: Apache-2.0
 * Texts that people read, one file per language (config/texts), which an operation may override in its
 * document. */
#ifndef PARLEY_DAEMON_TEXTS_H
#define PARLEY_DAEMON_TEXTS_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"

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
/* Problems: files that can't be read, keys that a language lacks. Warnings: safety texts that no native
 * speaker has reviewed. */
void texts_check(const char *dir, struct buf *problems, struct buf *warnings);

/* Adds text as a line, with value for its first {name}. False, and nothing added, when text or value is
 * empty. */
bool texts_fill(struct buf *out, struct slice text, const char *name, struct slice value);

#endif
