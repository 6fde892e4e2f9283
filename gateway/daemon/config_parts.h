/* SPDX-License-Identifier: Apache-2.0
 * What the files that read and write settings share. */
#ifndef PARLEY_DAEMON_CONFIG_PARTS_H
#define PARLEY_DAEMON_CONFIG_PARTS_H

#include "gateway/daemon/config.h"

#define CONFIG_MEMBER(c, s, type) ((type *)(void *)((char *)(c) + (s)->offset))

/* Takes text over. */
void config_set_text(struct config *c, const struct config_setting *s, char *text);
/* The line of setting "a.b" in a JSON text that is valid. */
unsigned config_line_of(struct slice t, const char *name);

#endif
