/* SPDX-License-Identifier: Apache-2.0
 * TLS 1.2 and 1.3 for the server, by OpenSSL with memory BIOs. */
#ifndef PARLEY_NET_TLS_H
#define PARLEY_NET_TLS_H

#include "gateway/base/err.h"

struct tls_server;
/* PEM files: chain and key. */
struct tls_server *tls_server_new(const char *cert_file, const char *key_file, struct err *e);
/* Reads the files anew; what is connected keeps what it has. On an error the old certificate stays. */
int tls_server_reload(struct tls_server *t, struct err *e);
void tls_server_free(struct tls_server **t);

#endif
