/* SPDX-License-Identifier: Apache-2.0
 * The HTTP client against a small server in the same process: methods, limits, redirects, the guard, what may
 * have been sent. */
#include "gateway/net/fetch.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "tests/unit/test.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loop *loop;
static struct fetcher *fetcher;
static struct guard *open_guard, *strict_guard;
static int listener;
static pthread_t server;
static unsigned short port;
static char got[8192]; /* the last request */
static unsigned connections;
static const char *answer; /* to be written; NULL: closed without one */

/* On a thread of its own: it reads and writes without the loop. Ends when the listener is shut down. */
static void *serve(void *arg)
{
    int c;
    (void)arg;
    while ((c = accept(listener, NULL, NULL)) >= 0) {
        size_t n = 0;
        connections++;
        memset(got, 0, sizeof got);
        for (;;) {
            ssize_t k = read(c, got + n, sizeof got - n - 1);
            if (k <= 0)
                break;
            n += (size_t)k;
            char *end = strstr(got, "\r\n\r\n"), *length = strcasestr(got, "content-length:");
            size_t body = length && end && length < end ? strtoul(length + 15, NULL, 10) : 0;
            if (end && n >= (size_t)(end + 4 - got) + body)
                break;
        }
        if (answer && strcmp(answer, "silence") == 0)
            sleep(1);
        else if (answer && n && write(c, answer, strlen(answer)) < 0)
            abort();
        close(c);
    }
    return NULL;
}

static void stop_server(void)
{
    shutdown(listener, SHUT_RDWR);
    pthread_join(server, NULL);
    close(listener);
    listener = -1;
}

static void set_up(void)
{
    static const char *const local[] = {"127.0.0.0/8", NULL};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    loop = loop_new();
    fetcher = fetcher_new(loop, 4);
    open_guard = guard_new(local, false, NULL);
    strict_guard = guard_new(NULL, false, NULL);
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    OK(bind(listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(listener, 16) == 0);
    getsockname(listener, (struct sockaddr *)&a, &n);
    port = ntohs(a.sin_port);
    connections = 0;
    OK(pthread_create(&server, NULL, serve, NULL) == 0);
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-One: a\r\nConnection: close\r\n\r\nhello";
}

static void tear_down(void)
{
    fetcher_free(&fetcher);
    if (listener >= 0)
        stop_server();
    guard_free(&open_guard);
    guard_free(&strict_guard);
    for (int i = 0; i < 10; i++)
        loop_turn(loop, 1);
    loop_free(&loop);
}

static struct {
    unsigned calls;
    int err, status;
    bool maybe_sent;
    char body[512], header[64], error[200];
} result;

static void on_done(const struct fetch_response *r, void *arg)
{
    (void)arg;
    struct slice h = fetch_header(r, "x-one");
    result.calls++;
    result.err = r->err;
    result.status = r->status;
    result.maybe_sent = r->maybe_sent;
    snprintf(result.body, sizeof result.body, "%.*s", (int)r->body.n, r->body.p ? r->body.p : "");
    snprintf(result.header, sizeof result.header, "%.*s", (int)h.n, h.p ? h.p : "");
    snprintf(result.error, sizeof result.error, "%s", r->error ? r->error : "");
}

static char url[256];
static const char *here(const char *path)
{
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", port, path);
    return url;
}

static void run(struct fetch_request rq)
{
    memset(&result, 0, sizeof result);
    if (!rq.guard)
        rq.guard = open_guard;
    fetch_start(fetcher, &rq, on_done, NULL);
    EQ_INT(result.calls, 0); /* never from inside */
    for (int i = 0; i < 500 && !result.calls; i++)
        loop_turn(loop, 20);
    EQ_INT(result.calls, 1);
}

T(a_get_has_status_headers_and_body)
{
    set_up();
    run((struct fetch_request){.method = "GET", .url = here("/x?y=1")});
    EQ_INT(result.err, 0);
    EQ_INT(result.status, 200);
    EQ_STR(result.body, "hello");
    EQ_STR(result.header, "a");
    OK(strncmp(got, "GET /x?y=1 HTTP/1.1\r\n", 21) == 0);
    tear_down();
}

T(a_post_carries_body_and_headers)
{
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    set_up();
    run((struct fetch_request){
        .method = "POST", .url = here("/"), .headers = headers, .body = slice_str("{\"a\":1}")});
    EQ_INT(result.err, 0);
    OK(strstr(got, "Content-Type: application/json") && strstr(got, "\r\n\r\n{\"a\":1}") &&
       !strstr(got, "Expect"));
    tear_down();
}

T(parts_are_a_multipart_form)
{
    const struct fetch_part parts[] = {{"a", NULL, NULL, slice_str("one")},
                                       {"f", "x.png", "image/png", slice_str("bytes")},
                                       {NULL, NULL, NULL, {0, 0}}};
    set_up();
    run((struct fetch_request){.method = "POST", .url = here("/"), .parts = parts});
    OK(strstr(got, "multipart/form-data") && strstr(got, "filename=\"x.png\"") && strstr(got, "image/png"));
    tear_down();
}

T(too_large_an_answer_is_cut_off)
{
    set_up();
    run((struct fetch_request){.method = "GET", .url = here("/"), .max_response = 4});
    EQ_INT(result.err, -ERR_TOO_LARGE);
    tear_down();
}

T(the_guard_decides_where_it_connects)
{
    static const char *const hosts[] = {"127.0.0.1",  "2130706433", "0x7f000001",
                                        "0177.0.0.1", "localhost",  "[::ffff:127.0.0.1]"};
    set_up();
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        snprintf(url, sizeof url, "http://%s:%u/", hosts[i], port);
        run((struct fetch_request){.method = "GET", .url = url, .guard = strict_guard});
        if (result.err != -ERR_FORBIDDEN)
            TEST_FAIL("%s: %d %s", url, result.err, result.error);
        OK(!result.maybe_sent);
    }
    EQ_INT(connections, 0);
    tear_down();
}

T(a_kept_connection_of_another_guard_is_not_used)
{
    set_up();
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    run((struct fetch_request){.method = "GET", .url = here("/")});
    run((struct fetch_request){.method = "GET", .url = here("/"), .guard = strict_guard});
    EQ_INT(result.err, -ERR_FORBIDDEN);
    tear_down();
}

T(redirects_are_answers_unless_asked_for)
{
    static char redirect[256];
    set_up();
    snprintf(
        redirect, sizeof redirect,
        "HTTP/1.1 302 Found\r\nLocation: http://10.0.0.1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    answer = redirect;
    run((struct fetch_request){.method = "GET", .url = here("/")});
    EQ_INT(result.status, 302);
    run((struct fetch_request){
        .method = "GET", .url = here("/"), .max_redirects = 3}); /* judged again where it leads */
    EQ_INT(result.err, -ERR_FORBIDDEN);
    tear_down();
}

T(bad_urls_never_get_to_the_network)
{
    static const char *const bad[] = {"ftp://127.0.0.1/", "file:///etc/passwd", "http://u:p@127.0.0.1/",
                                      "nonsense"};
    set_up();
    for (size_t i = 0; i < 4; i++) {
        run((struct fetch_request){.method = "GET", .url = bad[i]});
        EQ_INT(result.err, -ERR_INVALID);
    }
    tear_down();
}

T(nobody_there_is_surely_not_sent)
{
    set_up();
    stop_server();
    run((struct fetch_request){.method = "POST", .url = here("/"), .body = slice_str("x")});
    EQ_INT(result.err, -ERR_UNAVAILABLE);
    OK(!result.maybe_sent);
    tear_down();
}

T(a_cut_answer_may_have_been_sent)
{
    set_up();
    answer = NULL;
    run((struct fetch_request){.method = "POST", .url = here("/"), .body = slice_str("x"), .once = true});
    EQ_INT(result.err, -ERR_UNAVAILABLE);
    OK(result.maybe_sent);
    EQ_INT(connections, 1);
    tear_down();
}

T(a_silent_peer_times_out)
{
    set_up();
    answer = "silence";
    run((struct fetch_request){.method = "GET", .url = here("/"), .timeout_ms = 100});
    EQ_INT(result.err, -ERR_TIMEOUT);
    tear_down();
}

T(cancelling_ends_it_once)
{
    set_up();
    memset(&result, 0, sizeof result);
    struct fetch_request rq = {.method = "GET", .url = here("/"), .guard = open_guard};
    struct fetch *x = fetch_start(fetcher, &rq, on_done, NULL);
    fetch_cancel(x);
    EQ_INT(result.calls, 0);
    for (int i = 0; i < 5; i++)
        loop_turn(loop, 5);
    EQ_INT(result.calls, 1);
    EQ_INT(result.err, -ERR_CANCELLED);
    tear_down();
}

T(freeing_the_fetcher_ends_what_is_under_way)
{
    set_up();
    memset(&result, 0, sizeof result);
    struct fetch_request rq = {.method = "GET", .url = here("/"), .guard = open_guard};
    fetch_start(fetcher, &rq, on_done, NULL);
    fetcher_free(&fetcher);
    EQ_INT(result.calls, 1);
    EQ_INT(result.err, -ERR_CANCELLED);
    tear_down();
}

T(freeing_the_fetcher_after_cancelling)
{
    set_up();
    memset(&result, 0, sizeof result);
    struct fetch_request rq = {.method = "GET", .url = here("/"), .guard = open_guard};
    fetch_cancel(fetch_start(fetcher, &rq, on_done, NULL));
    rq.url = "nonsense";
    fetch_start(fetcher, &rq, on_done, NULL);
    fetcher_free(&fetcher);
    EQ_INT(result.calls, 2);
    for (int i = 0; i < 3; i++)
        loop_turn(loop, 0);
    EQ_INT(result.calls, 2);
    tear_down();
}

TEST_MAIN
