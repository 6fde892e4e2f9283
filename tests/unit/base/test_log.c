/* SPDX-License-Identifier: Apache-2.0
 * Log lines and metrics. */
#include "tests/unit/test.h"
#include "gateway/base/json.h"
#include "gateway/base/log.h"
#include "gateway/base/metric.h"
#include <fcntl.h>
#include <unistd.h>

static const unsigned char key[32] = "0123456789abcdef0123456789abcde";

/* Runs the statement with the log in a pipe; `line` holds what one read gave. */
#define LOGGED(line, least, statement)                                                                       \
    char line[8192];                                                                                         \
    do {                                                                                                     \
        int fds[2];                                                                                          \
        OK(pipe2(fds, O_NONBLOCK) == 0);                                                                     \
        log_open(fds[1], least, key);                                                                        \
        statement;                                                                                           \
        ssize_t got = read(fds[0], line, sizeof(line) - 1);                                                  \
        line[got > 0 ? got : 0] = '\0';                                                                      \
        close(fds[0]);                                                                                       \
        close(fds[1]);                                                                                       \
        log_open(2, LOG_INFO, key);                                                                          \
    } while (0)

T(a_line_is_json_with_its_fields)
{
    struct err e;
    err_set(&e, ERR_NOT_FOUND, "no \"door\"");
    LOGGED(line, LOG_INFO,
           log_event(LOG_INFO, "outbox.sent", log_str("channel", "web"), log_int("ms", -5),
                     log_slice("x", SLICE("y\n")), log_len("text", SLICE("what a person wrote")), log_err(&e),
                     log_str("none", NULL)));
    json_t *v = json_parse(slice_str(line), 2, &e);
    OK(v);
    EQ_SLICE(json_opt_str(v, "level"), "info");
    EQ_SLICE(json_opt_str(v, "event"), "outbox.sent");
    EQ_SLICE(json_opt_str(v, "channel"), "web");
    EQ_INT(json_opt_int(v, "ms", 0), -5);
    EQ_SLICE(json_opt_str(v, "x"), "y\n");
    EQ_INT(json_opt_int(v, "text", 0), 19);
    EQ_SLICE(json_opt_str(v, "error"), "no \"door\"");
    EQ_INT(json_opt_str(v, "time").n, 24);
    json_decref(v);
    OK(line[strlen(line) - 1] == '\n');
}

T(without_fields)
{
    LOGGED(line, LOG_DEBUG, log_event(LOG_DEBUG, "tick"));
    OK(strstr(line, "\"event\":\"tick\"}\n"));
}

T(levels)
{
    LOGGED(line, LOG_WARN, log_event(LOG_INFO, "quiet", log_int("x", 1)));
    EQ_STR(line, "");
    enum log_level l;
    OK(log_level_parse(SLICE("error"), &l) && l == LOG_ERROR);
    OK(!log_level_parse(SLICE("loud"), &l));
}

T(personal_values_are_hashed)
{
    LOGGED(a, LOG_INFO, log_event(LOG_INFO, "x", log_personal("to", SLICE("tel:+905551234567"))));
    LOGGED(b, LOG_INFO, log_event(LOG_INFO, "x", log_personal("to", SLICE("tel:+905551234567"))));
    LOGGED(c, LOG_INFO, log_event(LOG_INFO, "x", log_personal("to", SLICE("tel:+905551234568"))));
    OK(!strstr(a, "9055"));
    char *ha = strstr(a, "\"to\":\"h:"), *hb = strstr(b, "\"to\":\"h:"), *hc = strstr(c, "\"to\":\"h:");
    OK(ha && hb && hc);
    EQ_INT(strlen(ha), strlen("\"to\":\"h:0123456789\"}\n"));
    EQ_STR(ha, hb);
    OK(strcmp(ha, hc) != 0);
}

T(bad_bytes_and_long_values)
{
    char value[3000];
    memset(value, 'v', sizeof(value));
    struct slice s = slice_of(value, sizeof(value));
    LOGGED(line, LOG_INFO,
           log_event(LOG_INFO, "x", log_slice("bad", SLICE("a\xFF\xD8z")), log_slice("a", s),
                     log_slice("b", s), log_slice("c", s), log_slice("d", s), log_slice("e", s),
                     log_int("last", 1)));
    struct err e;
    json_t *v = json_parse(slice_str(line), 2, &e);
    OK(v);
    EQ_SLICE(json_opt_str(v, "bad"), "a\xEF\xBF\xBD\xEF\xBF\xBDz");
    OK(json_opt_str(v, "a").n > 900);
    OK(json_opt_str(v, "e").n == 0); /* no room: left out */
    EQ_INT(json_opt_int(v, "last", 0), 1);
    OK(strlen(line) <= 4096);
    json_decref(v);
}

static int tapped;
static void tap(enum log_level level, const char *event, struct slice line)
{
    tapped += level == LOG_ERROR && strcmp(event, "bad") == 0 && line.p[line.n - 1] == '}';
}

T(tap)
{
    log_set_tap(tap);
    LOGGED(line, LOG_INFO, log_event(LOG_ERROR, "bad"));
    log_set_tap(NULL);
    OK(line[0]);
    EQ_INT(tapped, 1);
}

T(metrics)
{
    struct buf out, labels;
    buf_init(&labels, 1000);
    metric_label(&labels, "channel", SLICE("a\"b\\c\nd"));
    metric_label(&labels, "kind", SLICE("in"));
    EQ_SLICE(buf_view(&labels), "channel=\"a\\\"b\\\\c\\nd\",kind=\"in\"");
    struct metric *c = metric_counter("parley_test_total", "Things.", labels.p);
    struct metric *g = metric_gauge("parley_open", "Open now.", "");
    struct metric *h = metric_histogram("parley_wait_seconds", "Waiting.", "op=\"x\"");
    OK(metric_counter("parley_test_total", "Things.", labels.p) == c);
    OK(metric_counter("parley_test_total", "Things.", "") != c);
    metric_add(c, 2);
    metric_add(c, 1);
    metric_set(g, -1.5);
    metric_observe(h, 0.0005);
    metric_observe(h, 0.3);
    metric_observe(h, 1000);
    OK(metric_value(c) > 2.9 && metric_value(c) < 3.1);
    buf_init(&out, 100000);
    EQ_INT(metric_write(&out), 0);
    OK(strstr(out.p, "# HELP parley_test_total Things.\n# TYPE parley_test_total counter\n"
                     "parley_test_total{channel=\"a\\\"b\\\\c\\nd\",kind=\"in\"} 3\nparley_test_total 0\n"));
    OK(strstr(out.p, "# TYPE parley_open gauge\nparley_open -1.5\n"));
    OK(strstr(out.p, "parley_wait_seconds_bucket{op=\"x\",le=\"0.0005\"} 1\n"));
    OK(strstr(out.p, "parley_wait_seconds_bucket{op=\"x\",le=\"0.25\"} 1\n"));
    OK(strstr(out.p, "parley_wait_seconds_bucket{op=\"x\",le=\"0.5\"} 2\n"));
    OK(strstr(out.p, "parley_wait_seconds_bucket{op=\"x\",le=\"60\"} 2\n"));
    OK(strstr(out.p, "parley_wait_seconds_bucket{op=\"x\",le=\"+Inf\"} 3\n"));
    OK(strstr(out.p, "parley_wait_seconds_sum{op=\"x\"} 1000.3005\nparley_wait_seconds_count{op=\"x\"} 3\n"));
    buf_clear(&out);
    buf_clear(&labels);
}

TEST_MAIN
