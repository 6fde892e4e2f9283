/* SPDX-License-Identifier: Apache-2.0
 * Server side TLS by OpenSSL. The library reads from a slice and writes into a buffer through a BIO of ours:
 * its own memory BIOs keep a buffer for each connection for ever. */
#include "gateway/net/tls.h"
#include "gateway/base/mem.h"
#include "gateway/net/tls_conn.h"
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

struct tls_server {
    SSL_CTX *ctx;
    BIO_METHOD *bio;
    char *cert_file, *key_file;
};

struct tls_conn {
    SSL *ssl;
    struct slice in; /* valid during tls_conn_receive */
    struct buf *out; /* valid during any call */
};

static int tls_fail(struct err *e, const char *what, const char *file)
{
    char text[120] = "unknown";
    unsigned long code = ERR_get_error();
    if (code)
        ERR_error_string_n(code, text, sizeof(text));
    ERR_clear_error();
    return err_set(e, ERR_INVALID, "tls: %s %s: %s", what, file, text);
}

/* Only HTTP/1.1 is spoken here. */
static int tls_choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_n,
                               const unsigned char *in, unsigned in_n, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl;
    (void)arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_n, ours, sizeof(ours) - 1, in, in_n) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static SSL_CTX *tls_context(const char *cert_file, const char *key_file, struct err *e)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    err_assert(ctx);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_id_context(ctx, (const unsigned char *)"parley", 6);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets remain */
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_alpn_select_cb(ctx, tls_choose_protocol, NULL);
    if (SSL_CTX_use_certificate_chain_file(ctx, cert_file) != 1)
        tls_fail(e, "certificate", cert_file);
    else if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1)
        tls_fail(e, "key", key_file);
    else if (SSL_CTX_check_private_key(ctx) != 1)
        tls_fail(e, "the key does not fit the certificate", cert_file);
    else
        return ctx;
    SSL_CTX_free(ctx);
    return NULL;
}

static int tls_bio_read(BIO *bio, char *out, int n)
{
    struct tls_conn *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (t->in.n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t take = t->in.n < (size_t)n ? t->in.n : (size_t)n;
    memcpy(out, t->in.p, take);
    t->in = slice_of(t->in.p + take, t->in.n - take);
    return (int)take;
}

static int tls_bio_write(BIO *bio, const char *p, int n)
{
    struct tls_conn *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    return t->out && buf_add(t->out, p, (size_t)n) == 0 ? n : -1;
}

static long tls_bio_ctrl(BIO *bio, int what, long n, void *p)
{
    (void)bio;
    (void)n;
    (void)p;
    return what == BIO_CTRL_FLUSH || what == BIO_CTRL_PUSH || what == BIO_CTRL_POP;
}

struct tls_server *tls_server_new(const char *cert_file, const char *key_file, struct err *e)
{
    SSL_CTX *ctx = tls_context(cert_file, key_file, e);
    if (!ctx)
        return NULL;
    struct tls_server *t = mem_alloc(sizeof(*t));
    t->ctx = ctx;
    t->cert_file = mem_strdup(cert_file);
    t->key_file = mem_strdup(key_file);
    t->bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "parley");
    err_assert(t->bio);
    BIO_meth_set_read(t->bio, tls_bio_read);
    BIO_meth_set_write(t->bio, tls_bio_write);
    BIO_meth_set_ctrl(t->bio, tls_bio_ctrl);
    return t;
}

int tls_server_reload(struct tls_server *t, struct err *e)
{
    SSL_CTX *ctx = tls_context(t->cert_file, t->key_file, e);
    if (!ctx)
        return -ERR_INVALID;
    SSL_CTX_free(t->ctx); /* connections hold references of their own */
    t->ctx = ctx;
    return 0;
}

void tls_server_free(struct tls_server **tp)
{
    struct tls_server *t = *tp;
    if (!t)
        return;
    SSL_CTX_free(t->ctx);
    BIO_meth_free(t->bio);
    mem_free(t->cert_file);
    mem_free(t->key_file);
    mem_free(t);
    *tp = NULL;
}

struct tls_conn *tls_conn_new(struct tls_server *s)
{
    struct tls_conn *t = mem_alloc(sizeof(*t));
    BIO *bio = BIO_new(s->bio);
    t->ssl = SSL_new(s->ctx);
    err_assert(t->ssl && bio);
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    SSL_set_bio(t->ssl, bio, bio);
    SSL_set_accept_state(t->ssl);
    return t;
}

void tls_conn_free(struct tls_conn **tp)
{
    struct tls_conn *t = *tp;
    if (!t)
        return;
    SSL_free(t->ssl);
    mem_free(t);
    *tp = NULL;
}

static enum tls_state tls_state_of(struct tls_conn *t, int rc)
{
    switch (SSL_get_error(t->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return TLS_OPEN;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_ENDED;
    default:
        return TLS_BROKEN;
    }
}

enum tls_state tls_conn_receive(struct tls_conn *t, struct slice cipher, struct buf *plain, struct buf *out)
{
    enum tls_state state = TLS_OPEN;
    t->in = cipher;
    t->out = out;
    ERR_clear_error();
    while (state == TLS_OPEN) {
        char *room = buf_reserve(plain, 16384);
        if (!room) {
            state = TLS_BROKEN;
            break;
        }
        int n = SSL_read(t->ssl, room, 16384); /* does the handshake, too */
        if (n <= 0) {
            state = tls_state_of(t, n);
            break;
        }
        buf_commit(plain, (size_t)n);
    }
    t->in = (struct slice){NULL, 0};
    t->out = NULL;
    return state;
}

int tls_conn_send(struct tls_conn *t, struct slice plain, struct buf *out)
{
    if (plain.n == 0)
        return 0;
    t->out = out;
    ERR_clear_error();
    size_t done = 0;
    int rc = SSL_write_ex(t->ssl, plain.p, plain.n, &done);
    t->out = NULL;
    return rc == 1 && done == plain.n ? 0 : -ERR_IO;
}

void tls_conn_end(struct tls_conn *t, struct buf *out)
{
    t->out = out;
    ERR_clear_error();
    if (SSL_is_init_finished(t->ssl))
        SSL_shutdown(t->ssl);
    t->out = NULL;
}
