/* SPDX-License-Identifier: Apache-2.0
 * What supervisor and worker have in common as processes: nothing of them may be dumped or read by others,
 * logs as JSON. */
#ifndef PARLEY_DAEMON_PROCESS_H
#define PARLEY_DAEMON_PROCESS_H

#include "gateway/daemon/config.h"

/* No core dumps, no ptrace by others of our user, files for us alone, as many descriptors as we may have. */
void process_harden(void);
/* Log lines to stderr at the configured level. Personal fields are hashed under the installation's own key
 * (data_dir/keys/log), so that lines can be joined and not read. */
void process_log(const struct config *c);
/* The folder that holds build/ (this program) and config/. */
const char *process_top(void);

#endif
