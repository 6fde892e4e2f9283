/* SPDX-License-Identifier: Apache-2.0
 * The admin socket: lines in and out, limits, its mode. */
#include "gateway/net/local.h"
#include "tests/unit/test.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static struct loop *loop;
static struct local_server *server;
static char path[64], lines[4096];
static unsigned closed;

static void on_line(struct local_conn *c, struct slice line, void *arg)
{
    (void)arg;
    strncat(lines, line.p, line.n);
    strcat(lines, "|");
    if (slice_is(line, "bye"))
        local_close(c);
    else
        local_send(c, line);
}

static void on_closed(struct local_conn *c, void *arg)
{
    (void)c;
    (void)arg;
    closed++;
}

static int dial(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    strcpy(a.sun_path, path);
    OK(connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

static void turn(void)
{
    for (int i = 0; i < 20; i++)
        loop_turn(loop, 2);
}

static void set_up(void)
{
    struct err e = {0};
    lines[0] = '\0';
    closed = 0;
    snprintf(path, sizeof path, "/tmp/parley-local-%d", (int)getpid());
    loop = loop_new();
    server = local_server_new(loop, path, 1024, on_line, on_closed, NULL, &e);
    OK(server);
}

static void tear_down(void)
{
    local_server_free(&server);
    turn();
    loop_free(&loop);
}

T(lines_go_both_ways)
{
    set_up();
    char back[64] = "";
    int fd = dial();
    OK(write(fd, "one\ntw", 6) == 6);
    turn();
    OK(write(fd, "o\nbye\nafter\n", 12) == 12);
    turn();
    EQ_STR(lines, "one|two|bye|");
    OK(read(fd, back, sizeof back) > 0);
    EQ_STR(back, "one\ntwo\n");
    EQ_INT(closed, 1);
    close(fd);
    tear_down();
}

T(only_the_owner_may_use_it)
{
    struct stat st;
    set_up();
    OK(stat(path, &st) == 0);
    EQ_INT(st.st_mode & 0777, 0600);
    tear_down();
    OK(stat(path, &st) != 0);
}

T(a_line_without_end_is_cut_off)
{
    static char much[80000];
    signal(SIGPIPE, SIG_IGN);
    set_up();
    int fd = dial();
    memset(much, 'x', sizeof much);
    for (int i = 0; i < 4; i++) {
        ssize_t k = write(fd, much, sizeof much);
        (void)k;
        turn();
    }
    EQ_INT(closed, 1);
    EQ_STR(lines, "");
    close(fd);
    tear_down();
}

TEST_MAIN
