/* SPDX-License-Identifier: Apache-2.0
 * Bytes in and out of a connection: libuv below, TLS between where there is. Sending never closes by itself:
 * what breaks is told in a later turn, so that nobody's request vanishes under their hands. */
#include "gateway/base/mem.h"
#include "gateway/net/http_conn.h"
#include <string.h>

#define IO_READ_SIZE 65536
#define IO_KEEP      262144 /* a shared buffer that has grown beyond this is given back */

/* One thread: what is read or encrypted is used up before the next callback. */
static char io_bytes[IO_READ_SIZE];
static struct buf io_plain = {.max = 2 * IO_READ_SIZE + 16384}, io_cipher = {.max = SIZE_MAX / 4};

/* Bytes that the system did not take at once. */
struct io_out {
    uv_write_t uv;
    struct http_conn *conn;
    char *mem;
};

static void io_break_now(void *arg)
{
    struct http_conn *c = arg;
    http_conn_close(c);
    http_conn_release(c);
}

void http_conn_break(struct http_conn *c)
{
    if (c->broken || c->state == HTTP_S_CLOSED)
        return;
    c->broken = true;
    http_conn_hold(c);
    loop_defer(c->server->loop, io_break_now, c);
}

static void io_written(uv_write_t *w, int status)
{
    struct io_out *o = container_of(w, struct io_out, uv);
    struct http_conn *c = o->conn;
    mem_free(o->mem);
    mem_free(o);
    c->writes--;
    if (status < 0)
        http_conn_break(c);
    else if (c->writes == 0 && c->state != HTTP_S_CLOSED)
        http_conn_flushed(c);
}

static void io_queue(struct http_conn *c, char *mem, const char *p, size_t n)
{
    struct io_out *o = mem_alloc(sizeof(*o));
    uv_buf_t b = {(char *)(uintptr_t)p, n};
    o->conn = c;
    o->mem = mem;
    if (uv_write(&o->uv, (uv_stream_t *)&c->tcp, &b, 1, io_written) != 0) {
        mem_free(o->mem);
        mem_free(o);
        http_conn_break(c);
        return;
    }
    c->writes++;
}

static void io_send_raw(struct http_conn *c, struct slice a, struct slice b, char *owned)
{
    size_t done = 0, all = a.n + b.n;
    if (c->writes == 0 && all) {
        uv_buf_t v[2] = {{(char *)(uintptr_t)a.p, a.n}, {(char *)(uintptr_t)b.p, b.n}};
        int n = uv_try_write((uv_stream_t *)&c->tcp, a.n ? v : v + 1, a.n && b.n ? 2 : 1);
        if (n < 0 && n != UV_EAGAIN) {
            http_conn_break(c);
            done = all;
        } else if (n > 0) {
            done = (size_t)n;
        }
    }
    if (done == all) {
        mem_free(owned);
    } else if (owned && done >= a.n) {
        io_queue(c, owned, b.p + (done - a.n), all - done);
    } else {
        char *rest = mem_alloc(all - done);
        size_t from_a = done < a.n ? a.n - done : 0;
        if (from_a)
            memcpy(rest, a.p + done, from_a);
        size_t skip = done > a.n ? done - a.n : 0;
        if (b.n > skip)
            memcpy(rest + from_a, b.p + skip, b.n - skip);
        mem_free(owned);
        io_queue(c, rest, rest, all - done);
    }
}

/* Sends what TLS has put into io_cipher. */
static void io_send_cipher(struct http_conn *c)
{
    struct slice none = {NULL, 0};
    if (io_cipher.n > IO_READ_SIZE) {
        size_t n;
        char *mem = buf_take(&io_cipher, &n);
        io_send_raw(c, none, slice_of(mem, n), mem);
    } else if (io_cipher.n) {
        io_send_raw(c, buf_view(&io_cipher), none, NULL);
    }
    buf_reset(&io_cipher);
}

void http_conn_send(struct http_conn *c, struct slice a, struct slice b, char *owned)
{
    if (c->broken || c->state == HTTP_S_CLOSED) {
        mem_free(owned);
        return;
    }
    if (!c->tls) {
        io_send_raw(c, a, b, owned);
        return;
    }
    char both[16384]; /* one record for head and body when they fit */
    int rc;
    buf_reset(&io_cipher);
    if (b.n && a.n + b.n <= sizeof(both)) {
        memcpy(both, a.p, a.n);
        memcpy(both + a.n, b.p, b.n);
        rc = tls_conn_send(c->tls, slice_of(both, a.n + b.n), &io_cipher);
    } else {
        rc = tls_conn_send(c->tls, a, &io_cipher);
        if (rc == 0)
            rc = tls_conn_send(c->tls, b, &io_cipher);
    }
    mem_free(owned);
    if (rc == 0)
        io_send_cipher(c);
    else
        http_conn_break(c);
}

static void io_shut(uv_shutdown_t *q, int status)
{
    (void)status;
    mem_free(q);
}

void http_conn_shutdown(struct http_conn *c)
{
    if (c->broken || c->state == HTTP_S_CLOSED)
        return;
    if (c->tls) {
        buf_reset(&io_cipher);
        tls_conn_end(c->tls, &io_cipher);
        io_send_cipher(c);
    }
    uv_shutdown_t *q = mem_alloc(sizeof(*q));
    if (uv_shutdown(q, (uv_stream_t *)&c->tcp, io_shut) != 0)
        mem_free(q);
}

size_t http_conn_unsent(const struct http_conn *c)
{
    return uv_stream_get_write_queue_size((const uv_stream_t *)&c->tcp);
}

static void io_alloc(uv_handle_t *h, size_t suggested, uv_buf_t *b)
{
    (void)h;
    (void)suggested;
    b->base = io_bytes;
    b->len = sizeof(io_bytes);
}

static void io_receive_tls(struct http_conn *c, struct slice cipher)
{
    buf_reset(&io_plain);
    buf_reset(&io_cipher);
    enum tls_state state = tls_conn_receive(c->tls, cipher, &io_plain, &io_cipher);
    io_send_cipher(c);
    if (io_plain.n)
        http_conn_feed(c, buf_view(&io_plain));
    if (state == TLS_BROKEN)
        http_conn_break(c);
    else if (state == TLS_ENDED)
        http_conn_ended(c);
    if (io_cipher.cap > IO_KEEP)
        buf_clear(&io_cipher);
}

static void io_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *b)
{
    struct http_conn *c = container_of(stream, struct http_conn, tcp);
    http_conn_hold(c);
    if (n == UV_EOF)
        http_conn_ended(c);
    else if (n < 0)
        http_conn_close(c);
    else if (n > 0 && c->tls)
        io_receive_tls(c, slice_of(b->base, (size_t)n));
    else if (n > 0)
        http_conn_feed(c, slice_of(b->base, (size_t)n));
    http_conn_release(c);
}

int http_conn_read_start(struct http_conn *c)
{
    c->paused = false;
    return c->eof ? 0 : uv_read_start((uv_stream_t *)&c->tcp, io_alloc, io_read);
}

void http_conn_pause(struct http_conn *c)
{
    if (!c->paused)
        uv_read_stop((uv_stream_t *)&c->tcp);
    c->paused = true;
}
