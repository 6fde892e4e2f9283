/* SPDX-License-Identifier: Apache-2.0
 * From which networks people may work with an operation: `networks` of its document. A role is bound by the
 * entries that name it and by those that name none; somebody is let in when each of their roles that is bound
 * has an entry with their address. So a narrow rule for administrators holds for whoever is also an agent. */
#ifndef PARLEY_API_NETWORKS_H
#define PARLEY_API_NETWORKS_H

#include "gateway/base/buf.h"
#include <jansson.h>

struct networks; /* what a document says; NULL: nothing */
struct networks *networks_new(const json_t *document);
void networks_free(struct networks **n);
/* peer: an address as text. What is no address comes from nowhere. */
bool networks_allow(const struct networks *n, unsigned roles, struct slice peer);
/* The same of a document that is not in force yet: would who applies it shut themself out? */
bool networks_lets(const json_t *document, unsigned roles, struct slice peer);

#endif
