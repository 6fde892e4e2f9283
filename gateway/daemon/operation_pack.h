/* SPDX-License-Identifier: Apache-2.0
 * Packs: what matters are coded with (types, subjects, paths, risks), the guided forms, and the table that
 * says where which matter is referred and until when. Data in config/packs, or in the operation's file. */
#ifndef PARLEY_DAEMON_OPERATION_PACK_H
#define PARLEY_DAEMON_OPERATION_PACK_H

#include "gateway/daemon/check.h"
#include "gateway/daemon/operation.h"

/* Members of operation files: "pack" and "guard". */
void operation_pack_check(struct check *c, const json_t *v);
void operation_guard_check(struct check *c, const json_t *v);

/* The file config/packs/<name>.json; NULL: there is none, or it is wrong. The caller decrefs. */
json_t *pack_load(const char *dir, const char *name, struct err *e);
/* What the operation's member "pack" comes to: the shipped one with what the member adds, or its own. Its
 * member "id" names this very content ("protection-1.5e0c…"). NULL: none, e says why when it is wrong. */
json_t *pack_resolve(const char *dir, const json_t *member, struct err *e);

#endif
