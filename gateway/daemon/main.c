/* SPDX-License-Identifier: Apache-2.0
 * parleyd: options, and what of it runs in this process. */
#include "gateway/base/json.h"
#include "gateway/base/mem.h"
#include "gateway/daemon/operation_files.h"
#include "gateway/daemon/process.h"
#include "gateway/daemon/supervisor.h"
#include "gateway/daemon/texts.h"
#include "gateway/daemon/worker.h"
#include "gateway/net/tls.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: parleyd [--config FILE] [--data DIR] [--listen ADDR:PORT] [--check | --schema | --version]\n"
    "\n"
    "  --config FILE       settings (JSON; config/parley.schema.json describes them)\n"
    "  --data DIR          keys, files, the embedded store; default var/ beside the build\n"
    "  --listen ADDR:PORT  default 127.0.0.1:8080; anything but loopback needs tls or trusted_proxies\n"
    "  --check             says what is wrong with the settings, with file and place, and ends\n"
    "  --schema            prints the JSON Schema of the settings\n"
    "\n"
    "SIGTERM drains and stops, SIGHUP reads settings, certificates and pages anew.\n";

static int print_schema(void)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    config_schema(&b);
    struct err e = {0};
    json_t *o = json_parse(buf_view(&b), 16, &e);
    char *text = o ? json_dumps(o, JSON_INDENT(2)) : NULL;
    if (text)
        puts(text);
    free(text); /* jansson's memory */
    json_decref(o);
    buf_clear(&b);
    return text ? 0 : 1;
}

/* What a start would stumble over, although the settings themselves are in order. */
static void check_files(const struct config *c, struct buf *problems)
{
    struct err e = {0};
    struct tls_server *tls = *c->tls_cert ? tls_server_new(c->tls_cert, c->tls_key, &e) : NULL;
    if (e.code)
        buf_printf(problems, "%s\n", e.text);
    tls_server_free(&tls);
    if (*c->demo && access(c->demo, R_OK))
        buf_printf(problems, "demo: %s: %s\n", c->demo, strerror(errno));
}

static int check(const struct supervisor_options *o)
{
    struct buf problems, warnings;
    buf_init(&problems, 1u << 20);
    buf_init(&warnings, 1u << 20);
    struct config *c = supervisor_config(o, &problems);
    if (c) {
        config_warnings(c, &warnings);
        check_files(c, &problems);
        if (*c->demo)
            operation_files_check(c->demo, &problems);
        texts_check(c->texts_dir, &problems, &warnings);
    }
    bool ok = c && !problems.n;
    if (problems.n)
        fwrite(problems.p, 1, problems.n, stderr);
    struct slice rest = buf_view(&warnings), line;
    while (warnings.n && slice_next(&rest, '\n', &line))
        if (line.n)
            fprintf(stderr, "warning: %.*s\n", (int)line.n, line.p);
    if (ok)
        puts("the settings are in order");
    config_free(&c);
    buf_clear(&problems);
    buf_clear(&warnings);
    return ok ? 0 : 1;
}

static int run(const struct supervisor_options *o)
{
    struct buf problems;
    buf_init(&problems, 1u << 20);
    struct config *c = supervisor_config(o, &problems);
    if (problems.n)
        fwrite(problems.p, 1, problems.n, stderr);
    buf_clear(&problems);
    return c ? supervisor_run(c, o) : 1;
}

int main(int argc, char **argv)
{
    enum {
        OPT_CONFIG = 1,
        OPT_DATA,
        OPT_LISTEN,
        OPT_CHECK,
        OPT_SCHEMA,
        OPT_VERSION,
        OPT_HELP,
        OPT_WORKER,
        OPT_GREET
    };
    static const struct option options[] = {
        {"config", required_argument, NULL, OPT_CONFIG}, {"data", required_argument, NULL, OPT_DATA},
        {"listen", required_argument, NULL, OPT_LISTEN}, {"check", no_argument, NULL, OPT_CHECK},
        {"schema", no_argument, NULL, OPT_SCHEMA},       {"version", no_argument, NULL, OPT_VERSION},
        {"help", no_argument, NULL, OPT_HELP},           {"worker", required_argument, NULL, OPT_WORKER},
        {"greet", no_argument, NULL, OPT_GREET},         {0}};
    struct supervisor_options o = {.top = process_top()};
    int option, what = 0, slot = -1;
    bool greet = false;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == OPT_CONFIG)
            o.config_path = optarg;
        else if (option == OPT_DATA)
            o.data_dir = optarg;
        else if (option == OPT_LISTEN)
            o.listen = optarg;
        else if (option == OPT_WORKER)
            slot = (int)strtol(optarg, NULL, 10);
        else if (option == OPT_GREET)
            greet = true;
        else
            what = option;
    }
    if (what == '?' || optind < argc) {
        fputs(usage, stderr);
        return 2;
    }
    process_harden();
    switch (what) {
    case OPT_HELP:
    case 'h':
        fputs(usage, stdout);
        return 0;
    case OPT_VERSION:
        puts("parleyd " PARLEY_VERSION);
        return 0;
    case OPT_SCHEMA:
        return print_schema();
    case OPT_CHECK:
        return check(&o);
    default:
        return slot >= 0 ? worker_run((unsigned)slot, greet) : run(&o);
    }
}
