/* SPDX-License-Identifier: Apache-2.0
 * One TLS connection as a filter between bytes and bytes, without a socket. Private to this folder. */
#ifndef PARLEY_NET_TLS_CONN_H
#define PARLEY_NET_TLS_CONN_H

#include "gateway/base/buf.h"
#include "gateway/net/tls.h"

struct tls_conn;
struct tls_conn *tls_conn_new(struct tls_server *t);
void tls_conn_free(struct tls_conn **t);
enum tls_state { TLS_OPEN, TLS_ENDED, TLS_BROKEN };
/* Takes what came from the peer. Plain bytes are appended to `plain`, what has to go to the peer to `out`. */
enum tls_state tls_conn_receive(struct tls_conn *t, struct slice cipher, struct buf *plain, struct buf *out);
/* Encrypts into out. -ERR_IO when the connection is broken. */
int tls_conn_send(struct tls_conn *t, struct slice plain, struct buf *out);
void tls_conn_end(struct tls_conn *t, struct buf *out);

#endif
