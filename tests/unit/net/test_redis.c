/* SPDX-License-Identifier: Apache-2.0
 * The Redis connection against a real server that is killed, stopped and started again. */
#include "tests/unit/test.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/net/redis.h"
#include "gateway/net/redis_wire.h"
#include <fcntl.h>
#include <signal.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static struct loop *l;
static struct redis *r;
static char dir[] = "/tmp/parley-redis-XXXXXX";
static char sock[64], url[80];
static pid_t server;
static char state_log[1000];

static void server_start(const char *password)
{
    if (!sock[0]) {
        OK(mkdtemp(dir));
        snprintf(sock, sizeof(sock), "%s/s", dir);
        snprintf(url, sizeof(url), "unix:%s", sock);
    }
    server = fork();
    if (server == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        dup2(null, 2);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", sock, "--save", "", "--dir",
               dir, "--requirepass", password ? password : "", NULL);
        _exit(127);
    }
}

static void server_kill(void)
{
    if (server > 0) {
        kill(server, SIGCONT);
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    server = 0;
    unlink(sock);
}

static void on_state(struct redis *rr, bool up, const char *why, void *arg)
{
    (void)rr;
    (void)arg;
    if (strlen(state_log) + strlen(why) + 10 < sizeof(state_log))
        sprintf(state_log + strlen(state_log), "%s(%s) ", up ? "up" : "down", why);
}

static bool wait_up(bool up)
{
    int64_t end = time_mono_us() + 10000000;
    while (redis_up(r) != up && time_mono_us() < end)
        loop_turn(l, 20);
    return redis_up(r) == up;
}

static void begin(const char *password, unsigned timeout_ms)
{
    struct err e;
    if (!server)
        server_start(password);
    state_log[0] = '\0';
    l = loop_new();
    r = redis_new(
        l,
        &(struct redis_config){.url = url, .password = password, .timeout_ms = timeout_ms, .state = on_state},
        &e);
    OK(r);
}

static void end(void)
{
    redis_free(&r);
    loop_free(&l);
    OK(l == NULL);
}

struct answer {
    int calls, err;
    bool maybe_done;
    enum redis_kind kind;
    int64_t i;
    char s[64];
};
static int answers;

static void keep(int err, bool maybe_done, const struct redis_reply *reply, void *arg)
{
    struct answer *a = arg;
    answers++;
    a->calls++;
    a->err = err;
    a->maybe_done = maybe_done;
    OK(!reply == (err != 0));
    if (reply) {
        a->kind = reply->kind;
        a->i = reply->kind == REDIS_ARRAY ? (int64_t)reply->n : reply->i;
        snprintf(a->s, sizeof(a->s), "%.*s", (int)reply->s.n, reply->s.p ? reply->s.p : "");
    }
}

static void wait_answers(int n)
{
    int64_t until = time_mono_us() + 10000000;
    while (answers < n && time_mono_us() < until)
        loop_turn(l, 20);
    EQ_INT(answers, n);
}

T(answers_of_all_kinds_in_order)
{
    begin(NULL, 0);
    OK(wait_up(true));
    struct answer a[8] = {0};
    answers = 0;
    redis_sendf(r, keep, &a[0], "SET k:%s %b", "x", slice_of("a\0b\r\n", 5));
    redis_sendf(r, keep, &a[1], "STRLEN k:x");
    redis_sendf(r, keep, &a[2], "  INCRBY  n %d ", (int64_t)-7);
    redis_sendf(r, keep, &a[3], "GET %s", "nothing");
    redis_sendf(r, keep, &a[4], "NOSUCH");
    redis_sendf(r, keep, &a[5], "MGET k:x n nothing");
    redis_sendf(r, keep, &a[6], "SET e %b", SLICE(""));
    redis_sendf(r, keep, &a[7], "ECHO 100%%:%u", (uint64_t)UINT64_MAX);
    EQ_INT(answers, 0);
    wait_answers(8);
    EQ_INT(a[0].kind, REDIS_STATUS);
    EQ_STR(a[0].s, "OK");
    EQ_INT(a[1].i, 5);
    EQ_INT(a[2].i, -7);
    EQ_INT(a[3].kind, REDIS_NIL);
    EQ_INT(a[4].kind, REDIS_ERROR);
    EQ_INT(a[5].kind, REDIS_ARRAY);
    EQ_INT(a[5].i, 3);
    EQ_INT(a[6].kind, REDIS_STATUS);
    EQ_STR(a[7].s, "100%:18446744073709551615");
    end();
}

static void nested(int err, bool maybe_done, const struct redis_reply *reply, void *arg)
{
    (void)maybe_done;
    OK(err == 0 && reply->kind == REDIS_ARRAY && reply->n == 3);
    EQ_INT(reply->items[0]->i, 1);
    EQ_INT(reply->items[1]->n, 2);
    EQ_SLICE(reply->items[1]->items[0]->s, "two");
    EQ_INT(reply->items[1]->items[1]->n, 0);
    EQ_INT(reply->items[1]->items[1]->kind, REDIS_ARRAY);
    EQ_SLICE(reply->items[2]->s, "three");
    *(int *)arg += 1;
    answers++;
}

static void long_answer(int err, bool maybe_done, const struct redis_reply *reply, void *arg)
{
    (void)maybe_done;
    (void)arg;
    OK(err == 0 && reply->n == 20000);
    EQ_SLICE(reply->items[19999]->s, "19999");
    answers++;
}

T(nested_and_large_answers)
{
    begin(NULL, 0);
    OK(wait_up(true));
    int seen = 0;
    answers = 0;
    redis_sendf(r, nested, &seen, "EVAL %s 0", "return {1,{'two',{}},'three'}");
    redis_sendf(r, long_answer, NULL, "EVAL %s 0",
                "local t={} for i=0,19999 do t[#t+1]=tostring(i) end return t");
    struct answer big = {0};
    redis_sendf(r, keep, &big, "EVAL %s 0", "return string.rep('x', 3000000)");
    redis_sendf(r, nested, &seen, "EVAL %s 0", "return {1,{'two',{}},'three'}");
    wait_answers(4);
    EQ_INT(seen, 2);
    end();
}

T(ten_thousand_commands_of_one_turn)
{
    begin(NULL, 0);
    OK(wait_up(true));
    static struct answer a[10000];
    memset(a, 0, sizeof(a));
    answers = 0;
    redis_sendf(r, NULL, NULL, "DEL seq");
    for (int i = 0; i < 10000; i++)
        redis_sendf(r, keep, &a[i], "INCR seq");
    wait_answers(10000);
    for (int i = 0; i < 10000; i++)
        EQ_INT(a[i].i, i + 1);
    end();
}

T(down_is_told_at_once_and_later)
{
    server_kill();
    struct err e;
    state_log[0] = '\0';
    l = loop_new();
    r = redis_new(l, &(struct redis_config){.url = url, .state = on_state}, &e);
    struct answer a = {0};
    answers = 0;
    redis_sendf(r, keep, &a, "PING");
    EQ_INT(answers, 0); /* not from inside */
    wait_answers(1);
    EQ_INT(a.err, -ERR_UNAVAILABLE);
    OK(!a.maybe_done);
    loop_turn(l, 100);
    OK(strstr(state_log, "down(connect: No such file or directory) "));
    server_start(NULL);
    OK(wait_up(true)); /* by itself */
    end();
}

T(killed_in_the_middle)
{
    begin(NULL, 0);
    OK(wait_up(true));
    struct answer done = {0}, lost[3] = {0}, after = {0};
    answers = 0;
    redis_sendf(r, keep, &done, "SET a 1");
    wait_answers(1);
    EQ_INT(done.err, 0);
    kill(server, SIGSTOP);
    for (int i = 0; i < 3; i++)
        redis_sendf(r, keep, &lost[i], "INCR b");
    loop_turn(l, 10); /* they are written */
    loop_turn(l, 10);
    server_kill();
    redis_sendf(r, keep, &after, "INCR b");
    wait_answers(5);
    for (int i = 0; i < 3; i++) {
        EQ_INT(lost[i].err, -ERR_UNAVAILABLE);
        OK(lost[i].maybe_done);
        EQ_INT(lost[i].calls, 1);
    }
    EQ_INT(after.err, -ERR_UNAVAILABLE);
    OK(!after.maybe_done); /* never left */
    OK(!redis_up(r));
    server_start(NULL);
    OK(wait_up(true));
    OK(strstr(state_log, "up(connected) down("));
    answers = 0;
    redis_sendf(r, keep, &done, "PING");
    wait_answers(1);
    EQ_STR(done.s, "PONG");
    end();
}

T(a_server_that_hangs_times_out)
{
    begin(NULL, 150);
    OK(wait_up(true));
    struct answer a[3] = {0};
    answers = 0;
    kill(server, SIGSTOP);
    int64_t before = time_mono_us();
    struct slice ping = SLICE("PING");
    redis_send_deadline(r, 0, keep, &a[0], 1, &ping);
    redis_sendf(r, keep, &a[1], "PING");
    redis_sendf(r, keep, &a[2], "PING");
    wait_answers(3);
    int64_t took = time_mono_us() - before;
    OK(took >= 140000 && took < 9000000);
    EQ_INT(a[0].err, -ERR_UNAVAILABLE); /* it had no deadline, but goes with the connection */
    EQ_INT(a[1].err, -ERR_TIMEOUT);
    EQ_INT(a[2].err, -ERR_UNAVAILABLE);
    OK(a[1].maybe_done && a[2].maybe_done);
    /* It hangs on: the system still takes connections for it, but nobody waits for an answer again. */
    for (int i = 0; i < 4; i++) {
        struct answer more = {0};
        answers = 0;
        redis_sendf(r, keep, &more, "INCR hung");
        loop_turn(l, 0);
        EQ_INT(answers, 1);
        EQ_INT(more.err, -ERR_UNAVAILABLE);
        OK(!more.maybe_done && !redis_up(r));
        for (int64_t until = time_mono_us() + 120000; time_mono_us() < until;)
            loop_turn(l, 20);
    }
    kill(server, SIGCONT);
    OK(wait_up(true));
    struct answer none = {0};
    answers = 0;
    redis_sendf(r, keep, &none, "GET hung");
    wait_answers(1);
    EQ_INT(none.kind, REDIS_NIL); /* what was refused was never sent */
    end();
}

T(a_deadline_of_its_own)
{
    begin(NULL, 100);
    OK(wait_up(true));
    struct answer a = {0};
    answers = 0;
    struct slice argv[] = {SLICE("BLPOP"), SLICE("nolist"), SLICE("0.4")};
    redis_send_deadline(r, 2000, keep, &a, 3, argv);
    wait_answers(1);
    EQ_INT(a.err, 0);
    EQ_INT(a.kind, REDIS_NIL);
    end();
}

T(freeing_cancels)
{
    begin(NULL, 0);
    OK(wait_up(true));
    struct answer a = {0}, b = {0};
    answers = 0;
    redis_sendf(r, keep, &a, "PING");
    redis_sendf(r, keep, &b, "PING");
    redis_free(&r);
    EQ_INT(answers, 2);
    EQ_INT(a.err, -ERR_CANCELLED);
    EQ_INT(b.err, -ERR_CANCELLED);
    OK(a.maybe_done); /* it was still written */
    loop_turn(l, 20);
    EQ_INT(answers, 2);
    loop_free(&l);
}

static void free_inside(int err, bool maybe_done, const struct redis_reply *reply, void *arg)
{
    (void)err;
    (void)maybe_done;
    (void)reply;
    (void)arg;
    answers++;
    redis_free(&r);
}

T(last_words_arrive)
{
    begin(NULL, 0);
    OK(wait_up(true));
    redis_sendf(r, NULL, NULL, "SET last:%s word", "x");
    end();
    begin(NULL, 0);
    OK(wait_up(true));
    struct answer a = {0};
    answers = 0;
    redis_sendf(r, keep, &a, "GET last:x");
    wait_answers(1);
    EQ_STR(a.s, "word");
    end();
}

T(freeing_from_inside_an_answer)
{
    begin(NULL, 0);
    OK(wait_up(true));
    struct answer a = {0};
    answers = 0;
    redis_sendf(r, free_inside, NULL, "PING");
    redis_sendf(r, keep, &a, "PING");
    wait_answers(2);
    EQ_INT(a.err, -ERR_CANCELLED);
    OK(r == NULL);
    loop_free(&l);
    /* and while it tells that the server is gone */
    begin(NULL, 0);
    OK(wait_up(true));
    answers = 0;
    kill(server, SIGSTOP);
    redis_sendf(r, free_inside, NULL, "PING");
    redis_sendf(r, keep, &a, "PING");
    loop_turn(l, 10);
    server_kill();
    wait_answers(2);
    EQ_INT(a.calls, 2);
    OK(r == NULL);
    loop_free(&l);
}

static char messages[200];
static void on_message(struct slice channel, struct slice message, void *arg)
{
    (void)arg;
    snprintf(messages + strlen(messages), sizeof(messages) - strlen(messages), "%.*s=%.*s ", (int)channel.n,
             channel.p, (int)message.n, message.p);
    answers++;
}

T(subscriptions)
{
    begin(NULL, 0);
    struct err e;
    OK(wait_up(true));
    struct redis *sub = r;
    r = redis_new(l, &(struct redis_config){.url = url}, &e);
    OK(wait_up(true));
    struct answer a = {0}, b = {0};
    answers = 0;
    messages[0] = '\0';
    redis_on_message(sub, on_message, NULL);
    redis_sendf(sub, keep, &a, "SUBSCRIBE one two");
    redis_sendf(sub, keep, &b, "PSUBSCRIBE p*");
    wait_answers(2);
    EQ_INT(a.calls, 1);
    redis_sendf(r, NULL, NULL, "PUBLISH one hello");
    redis_sendf(r, NULL, NULL, "PUBLISH nobody x");
    redis_sendf(r, NULL, NULL, "PUBLISH pat world");
    wait_answers(4);
    EQ_STR(messages, "one=hello pat=world ");
    redis_free(&sub);
    end();
}

T(passwords)
{
    server_kill();
    begin("s3cret", 0);
    OK(wait_up(true));
    redis_free(&r);
    struct err e;
    state_log[0] = '\0';
    r = redis_new(l, &(struct redis_config){.url = url, .password = "wrong", .state = on_state}, &e);
    for (int i = 0; i < 500 && !state_log[0]; i++)
        loop_turn(l, 20);
    OK(!redis_up(r));
    OK(strstr(state_log, "down(WRONGPASS"));
    redis_free(&r);
    state_log[0] = '\0';
    r = redis_new(l, &(struct redis_config){.url = url, .state = on_state}, &e);
    for (int i = 0; i < 500 && !state_log[0]; i++)
        loop_turn(l, 20);
    OK(strstr(state_log, "down(NOAUTH"));
    end();
    server_kill();
}

T(over_tcp_with_a_name_and_a_database)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(in);
    OK(bind(fd, (struct sockaddr *)&in, n) == 0 && getsockname(fd, (struct sockaddr *)&in, &n) == 0);
    close(fd);
    char port[8], address[64];
    snprintf(port, sizeof(port), "%d", ntohs(in.sin_port));
    pid_t child = fork();
    if (child == 0) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 1);
        execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir",
               dir, NULL);
        _exit(127);
    }
    struct err e;
    l = loop_new();
    snprintf(address, sizeof(address), "redis://localhost:%s/3", port);
    r = redis_new(l, &(struct redis_config){.url = address}, &e);
    bool up = wait_up(true);
    struct answer a = {0};
    answers = 0;
    redis_sendf(r, keep, &a, "CLIENT INFO");
    if (up)
        wait_answers(1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    OK(up);
    EQ_INT(a.kind, REDIS_TEXT);
    OK(wait_up(false));
    end();
}

T(bad_addresses)
{
    const char *bad[] = {"",
                         "unix:",
                         "unix:relative",
                         "http://x",
                         "redis://",
                         "redis://:6379",
                         "redis://h:0",
                         "redis://h:99999",
                         "redis://h:x",
                         "redis://[::1",
                         "redis://[::1]x",
                         "redis://user:pw@h",
                         "redis://h/x"};
    l = loop_new();
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err e = {0};
        OK(redis_new(l, &(struct redis_config){.url = bad[i]}, &e) == NULL);
        EQ_INT(e.code, ERR_INVALID);
    }
    struct err e = {0};
    OK(redis_new(l, &(struct redis_config){.url = "rediss://h:1"}, &e) == NULL);
    EQ_INT(e.code, ERR_UNSUPPORTED);
    loop_free(&l);
}

T(a_peer_that_is_no_redis)
{
    char path[80];
    snprintf(path, sizeof(path), "%s/fake", dir);
    struct redis_reader *rd = redis_reader_new();
    const struct redis_reply *reply;
    redis_reader_feed(rd, "HTTP/1.1 400\r\n\r\n", 16);
    OK(!redis_reader_next(rd, &reply));
    redis_reader_free(&rd);
    /* byte by byte */
    rd = redis_reader_new();
    const char *wire = "*2\r\n$3\r\nabc\r\n*1\r\n:5\r\n+OK\r\n";
    int whole = 0;
    for (const char *c = wire; *c; c++) {
        redis_reader_feed(rd, c, 1);
        while (redis_reader_next(rd, &reply) && reply) {
            if (whole++ == 0) {
                EQ_SLICE(reply->items[0]->s, "abc");
                EQ_INT(reply->items[1]->items[0]->i, 5);
            }
        }
    }
    EQ_INT(whole, 2);
    redis_reader_free(&rd);
}

int main(int argc, char **argv)
{
    int rc = test_main(argc, argv);
    server_kill();
    rmdir(dir);
    return rc;
}
