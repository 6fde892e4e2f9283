/* SPDX-License-Identifier: Apache-2.0
 * Files that an operation file names: `flows[].file`. Read by whoever reads the operation file (the parley
 * tool, the first start), so that the daemon is only ever given whole documents. */
#ifndef PARLEY_DAEMON_OPERATION_FILES_H
#define PARLEY_DAEMON_OPERATION_FILES_H

#include "gateway/base/json.h"

/* Puts the content of the files into `file`; their names are relative to `path`, that of the operation file
 * ("-": the working directory). False with e filled: which file, where in it, what is wrong. */
bool operation_files(json_t *file, const char *path, struct err *e);
/* The same without keeping anything: a line for what is wrong. What is wrong with the operation file itself
 * is not told here. */
void operation_files_check(const char *path, struct buf *problems);

#endif
