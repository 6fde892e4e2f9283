/* SPDX-License-Identifier: Apache-2.0
 * The tool's side of the admin socket (gateway/daemon/admin.h): one request, lines of progress, one answer.
 */
#ifndef PARLEY_CLI_CLIENT_H
#define PARLEY_CLI_CLIENT_H

#include "gateway/base/json.h"

/* Sends request (taken over) to the daemon of data_dir and waits. NULL with e filled when it was refused or
 * nobody is there. progress is called for each line of progress. The caller decrefs. */
json_t *client_ask(const char *data_dir, json_t *request, void (*progress)(const char *text), struct err *e);

#endif
