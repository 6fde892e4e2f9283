/* SPDX-License-Identifier: Apache-2.0
 * Websockets by libwebsockets on our loop. It only ever sees heads that were rebuilt here, after the
 * handshake was judged. */
#include "gateway/net/ws.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/net/ws_hand.h"
#include <libwebsockets.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define QUEUE_MAX (4u << 20)
#define QUEUE_LOW (64u << 10)
#define PING_S    25
#define HANGUP_S  80
#define CLOSE_S   5
#define RX_BYTES  512 /* what libwebsockets keeps for each idle socket */
#define TX_BYTES  65536

struct ws_message {
    struct list node;
    size_t n;
    unsigned char bytes[]; /* LWS_PRE, then the text */
};

struct ws {
    struct lws *wsi;
    struct ws_hand hand;
    struct ws_events ev;
    void *arg;
    size_t max_message, queued;
    struct list out;
    struct ws_message *sent; /* libwebsockets may still look at it until it can be written to again */
    struct buf in;
    unsigned close_code;
    char close_reason[124];
    struct loop *loop;
    struct list early; /* messages that came before the caller had us */
    unsigned holds;
    bool closing, close_sent, told, paused, low, holding;
};

static struct lws_context *context;
static struct lws_vhost *vhost;
static struct ws *accepting; /* ESTABLISHED may come from inside the adoption */

/* ---- ends ---- */

static void drop(struct list *messages)
{
    struct list *l;
    while ((l = list_pop(messages)))
        mem_free(container_of(l, struct ws_message, node));
}

static void ws_free(struct ws *w)
{
    drop(&w->out);
    drop(&w->early);
    mem_free(w->sent);
    buf_clear(&w->in);
    mem_free(w);
}

static void ws_end(struct ws *w)
{
    if (w->told)
        return;
    w->told = true;
    w->ev.closed(w, w->arg);
    ws_hand_end(&w->hand);
    if (!w->holds)
        ws_free(w);
}

/* What waits is sent before, but not when the peer takes nothing or has broken the rules. */
static void close_with(struct ws *w, unsigned code, const char *reason)
{
    if (w->closing)
        return;
    w->closing = true;
    w->close_code = code;
    if (code == 1003 || code == 1009 || code == 1013) {
        drop(&w->out);
        w->queued = 0;
    }
    snprintf(w->close_reason, sizeof(w->close_reason), "%s", reason ? reason : "");
    if (w->wsi) {
        lws_callback_on_writable(w->wsi);
        lws_set_timeout(w->wsi, PENDING_TIMEOUT_CLOSE_SEND, CLOSE_S);
    }
}

static void cut(struct ws_hand *hand)
{
    struct ws *w = container_of(hand, struct ws, hand);
    w->closing = true;
    if (w->wsi)
        lws_set_timeout(w->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

/* ---- in ---- */

static struct ws_message *message_new(struct slice text)
{
    struct ws_message *m = mem_alloc(sizeof(*m) + LWS_PRE + text.n + 1);
    m->n = text.n;
    memcpy(m->bytes + LWS_PRE, text.p ? text.p : "", text.n);
    return m;
}

static void on_early(void *arg)
{
    struct ws *w = arg;
    struct list *l;
    w->holding = false;
    while (!w->told && !w->closing && (l = list_pop(&w->early))) {
        struct ws_message *m = container_of(l, struct ws_message, node);
        w->ev.text(w, slice_of(m->bytes + LWS_PRE, m->n), w->arg);
        mem_free(m);
    }
    w->holds--;
    if (w->told && !w->holds)
        ws_free(w);
}

/* 0, or -1 to end the connection. */
static int take(struct ws *w, const char *p, size_t n)
{
    if (w->closing)
        return 0;
    if (lws_frame_is_binary(w->wsi)) {
        close_with(w, 1003, "text only");
        return 0;
    }
    if (lws_is_first_fragment(w->wsi))
        buf_reset(&w->in);
    if (buf_add(&w->in, p, n) != 0) {
        buf_clear(&w->in);
        close_with(w, 1009, "too large");
        return 0;
    }
    if (!lws_is_final_fragment(w->wsi) || lws_remaining_packet_payload(w->wsi))
        return 0;
    struct buf message = w->in; /* its own: the callback may close us */
    buf_init(&w->in, w->max_message);
    if (w->holding)
        list_push(&w->early, &message_new(buf_view(&message))->node);
    else
        w->ev.text(w, buf_view(&message), w->arg);
    buf_clear(&message);
    return 0;
}

/* ---- out ---- */

#define WRITE_CLOSE ((enum lws_write_protocol)4) /* known to the library, not named in its headers */

/* The library's own way (lws_close_reason, then -1) loses the frame: Debian builds it with _DEBUG, which
 * closes twice ("uv repeat test"). The peer's answer, or the time-out, ends the connection. */
static int write_close(struct ws *w)
{
    unsigned char frame[LWS_PRE + 2 + sizeof(w->close_reason)];
    size_t n = strlen(w->close_reason);
    w->close_sent = true;
    frame[LWS_PRE] = (unsigned char)(w->close_code >> 8);
    frame[LWS_PRE + 1] = (unsigned char)w->close_code;
    memcpy(frame + LWS_PRE + 2, w->close_reason, n);
    lws_set_timeout(w->wsi, PENDING_TIMEOUT_CLOSE_ACK, CLOSE_S);
    return lws_write(w->wsi, frame + LWS_PRE, n + 2, WRITE_CLOSE) < 0 ? -1 : 0;
}

static int write_next(struct ws *w)
{
    struct list *l = list_pop(&w->out);
    mem_clear(&w->sent);
    if (l) {
        struct ws_message *m = container_of(l, struct ws_message, node);
        w->queued -= m->n;
        w->sent = m;
        if (lws_write(w->wsi, m->bytes + LWS_PRE, m->n, LWS_WRITE_TEXT) < 0)
            return -1;
        if (!list_empty(&w->out) || w->closing)
            lws_callback_on_writable(w->wsi);
        if (w->low && w->queued < QUEUE_LOW) {
            w->low = false;
            if (w->ev.drained && !w->closing)
                w->ev.drained(w, w->arg);
        }
        return 0;
    }
    return w->closing && !w->close_sent ? write_close(w) : 0;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n)
{
    struct ws *w = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    (void)user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        if (!w && accepting) {
            w = accepting;
            lws_set_opaque_user_data(wsi, w);
        }
        if (!w)
            return -1;
        w->wsi = wsi;
        if (!list_empty(&w->out) || w->closing)
            lws_callback_on_writable(wsi);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return w ? take(w, in, n) : -1;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return w && w->close_sent ? -1 : 0; /* it answers ours: the end */
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return w ? write_next(w) : -1;
    case LWS_CALLBACK_WSI_DESTROY:
        if (w) {
            lws_set_opaque_user_data(wsi, NULL);
            w->wsi = NULL;
            if (w != accepting)
                ws_end(w);
        }
        return 0;
    default:
        return 0;
    }
}

/* ---- the library ---- */

static const struct lws_retry_bo retry = {.secs_since_valid_ping = PING_S,
                                          .secs_since_valid_hangup = HANGUP_S};
/* The name is what the client is answered with. */
#define PROTOCOL(name)                                                                                       \
    {                                                                                                        \
        name, on_event, 0, RX_BYTES, 0, NULL, TX_BYTES                                                       \
    }
static const struct lws_protocols protocols[] = {
    PROTOCOL("parley.agent.v1"),
    PROTOCOL("parley.chat.v1"),
    PROTOCOL("echo"), /* of the tests */
    {NULL, NULL, 0, 0, 0, NULL, 0},
};

static void silent(int level, const char *line)
{
    (void)level;
    (void)line; /* it logs each adoption as an error, and bytes of frames */
}

/* In two steps, with turns of the loop between them in which the handles close. The library clears `context`
 * when it is done. */
static void context_end(void *arg)
{
    struct loop *l = arg;
    lws_context_destroy(context);
    for (int turns = 0; context && turns < 8; turns++)
        loop_turn(l, 0);
    if (context)
        lws_context_destroy(context);
    context = NULL;
    vhost = NULL;
}

static bool context_open(struct loop *l)
{
    void *loops[1] = {loop_uv(l)};
    struct lws_context_creation_info info = {0};
    if (context)
        return true;
    lws_set_log_level(0, silent);
    info.port = CONTEXT_PORT_NO_LISTEN;
    info.options =
        LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_VALIDATE_UTF8;
    info.foreign_loops = loops;
    info.pcontext = &context;
    info.fd_limit_per_thread = 0;
    info.pt_serv_buf_size = 16384;
    context = lws_create_context(&info);
    if (!context)
        return false;
    loop_at_end(l, context_end, l);
    info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
    info.protocols = protocols;
    info.retry_and_idle_policy = &retry;
    info.vhost_name = "parley";
    vhost = lws_create_vhost(context, &info);
    return vhost != NULL;
}

/* ---- the handshake ---- */

static const char *handshake_wrong(const struct http_req *rq, const char *subprotocol)
{
    unsigned char key[32];
    struct slice offered = http_req_header(rq, "sec-websocket-protocol"), one;
    if (!slice_is(http_req_header(rq, "sec-websocket-version"), "13"))
        return "websocket version 13 is wanted";
    struct slice k = http_req_header(rq, "sec-websocket-key");
    if (k.n != 24 || text_unbase64(key, sizeof(key), k) != 16)
        return "the websocket's key is malformed";
    while (slice_next(&offered, ',', &one))
        if (slice_is(slice_trim(one), subprotocol))
            return NULL;
    return "this subprotocol is not spoken here";
}

struct ws *ws_accept(struct http_req *rq, const char *subprotocol, size_t max_message,
                     const struct ws_events *ev, void *arg, struct err *e)
{
    const char *wrong = handshake_wrong(rq, subprotocol);
    struct buf head, early;
    if (wrong) {
        err_set(e, ERR_INVALID, "%s", wrong);
        http_problem(rq, 400, wrong, NULL);
        return NULL;
    }
    struct slice key = http_req_header(rq, "sec-websocket-key");
    buf_init(&head, 1 << 20);
    buf_init(&early, 1 << 20);
    buf_printf(&head,
               "GET / HTTP/1.1\r\nHost: parley\r\nUpgrade: websocket\r\nConnection: "
               "Upgrade\r\nSec-WebSocket-Key: %.*s\r\nSec-WebSocket-Version: 13\r\n"
               "Sec-WebSocket-Protocol: %s\r\n\r\n",
               (int)key.n, key.p, subprotocol);
    struct ws *w = mem_alloc(sizeof(*w));
    w->ev = *ev;
    w->arg = arg;
    w->max_message = max_message;
    w->loop = ws_hand_loop(rq);
    w->holding = true;
    w->hand.cut = cut;
    list_init(&w->out);
    list_init(&w->early);
    buf_init(&w->in, max_message);
    int fd = context_open(w->loop) ? ws_hand_detach(rq, &early, &w->hand) : -ERR_UNAVAILABLE;
    if (fd < 0) {
        err_set(e, ERR_UNAVAILABLE, "no websocket can be opened now");
        http_problem(rq, 503, "no websocket can be opened now", NULL);
        mem_free(w);
        buf_clear(&head);
        buf_clear(&early);
        return NULL;
    }
    buf_slice(&head, buf_view(&early));
    accepting = w;
    struct lws *wsi = lws_adopt_socket_vhost_readbuf(vhost, fd, head.p, head.n);
    accepting = NULL;
    buf_clear(&head);
    buf_clear(&early);
    if (!wsi) { /* it has closed the descriptor itself */
        err_set(e, ERR_UNAVAILABLE, "the websocket ended at once");
        ws_hand_end(&w->hand);
        ws_free(w);
        return NULL;
    }
    w->holds++;
    loop_defer(w->loop, on_early, w);
    w->wsi = wsi;
    lws_set_opaque_user_data(wsi, w);
    return w;
}

int ws_send(struct ws *w, struct slice text)
{
    if (w->closing)
        return -ERR_CANCELLED;
    if (w->queued + text.n > QUEUE_MAX) {
        close_with(w, 1013, "too slow");
        return -ERR_FULL;
    }
    list_push(&w->out, &message_new(text)->node);
    w->queued += text.n;
    w->low |= w->queued > QUEUE_LOW;
    if (w->wsi)
        lws_callback_on_writable(w->wsi);
    return 0;
}

size_t ws_queued(const struct ws *w)
{
    return w->queued;
}

void ws_pause(struct ws *w, bool paused)
{
    if (w->paused != paused && w->wsi)
        lws_rx_flow_control(w->wsi, !paused);
    w->paused = paused;
}

void ws_close(struct ws *w, unsigned code, const char *reason)
{
    close_with(w, code, reason);
}
