/* SPDX-License-Identifier: Apache-2.0
 * Answers, for people. */
#include "gateway/base/text.h"
#include "gateway/cli/verbs.h"
#include <stdlib.h>
#include <string.h>

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static long long number(const json_t *o, const char *key)
{
    return (long long)json_opt_int(o, key, 0);
}

int show_nothing(const json_t *done)
{
    (void)done;
    puts("done");
    return EXIT_DONE;
}

int show_apply(const json_t *done)
{
    json_t *item, *changes = json_object_get(done, "changes"),
                  *passwords = json_object_get(done, "passwords");
    size_t i;
    json_array_foreach(changes, i, item)
    {
        puts(json_string_value(item));
    }
    printf("%zu change%s\n", json_array_size(changes), json_array_size(changes) == 1 ? "" : "s");
    if (json_opt_bool(done, "dry_run", false))
        fputs("a dry run: nothing was changed\n", stderr);
    if (json_array_size(passwords))
        puts("New users; their passwords are shown only now:");
    json_array_foreach(passwords, i, item)
    {
        printf("  %-20s %s\n", text(item, "login"), text(item, "password"));
    }
    if (json_array_size(passwords) && !json_opt_bool(done, "dry_run", false))
        json_array_foreach(json_object_get(done, "addresses"), i, item)
        {
            printf("%s %s\n",
                   i ? "People, on the web:     " : "Agents and supervisors: ", json_string_value(item));
        }
    return EXIT_DONE;
}

int show_export(const json_t *done)
{
    char *file = json_dumps(json_object_get(done, "file"), JSON_INDENT(1));
    if (file)
        puts(file);
    free(file); /* jansson's memory */
    return file ? EXIT_DONE : EXIT_REFUSED;
}

int show_token(const json_t *done)
{
    puts(text(done, "token"));
    return EXIT_DONE;
}

int show_tokens(const json_t *done)
{
    json_t *t;
    size_t i;
    json_array_foreach(json_object_get(done, "tokens"), i, t)
    {
        printf("%s  %-14s %-16s clearance %lld  %s  %s  %s\n", text(t, "id"), text(t, "role"),
               *text(t, "agent") ? text(t, "agent") : "-", number(t, "clearance"), text(t, "created"),
               *text(t, "used") ? text(t, "used") : "never used", text(t, "note"));
    }
    return EXIT_DONE;
}

int show_user(const json_t *done)
{
    if (*text(done, "password"))
        printf("%s signs in with\n  %s\n(shown only now)\n", text(done, "login"), text(done, "password"));
    else
        printf("%s signs in with the password that you gave\n", text(done, "login"));
    return EXIT_DONE;
}

int show_users(const json_t *done)
{
    json_t *u;
    size_t i;
    json_array_foreach(json_object_get(done, "users"), i, u)
    {
        printf("%-20s %-24s %s%s\n", text(u, "login"), text(u, "name"),
               *text(u, "operations") ? text(u, "operations") : "-",
               json_opt_bool(u, "disabled", false) ? "  disabled" : "");
    }
    return EXIT_DONE;
}

int show_webhooks(const json_t *done)
{
    json_t *w;
    size_t i;
    json_array_foreach(json_object_get(done, "webhooks"), i, w)
    {
        printf("%-16s %-9s %lld wait, %lld put aside, %lld lost; last taken %s%s%s  %s\n", text(w, "id"),
               text(w, "state"), number(w, "waiting"), number(w, "dead"), number(w, "lost"),
               *text(w, "last_ok") ? text(w, "last_ok") : "never", *text(w, "error") ? ", last failure " : "",
               text(w, "error"), text(w, "url"));
    }
    return EXIT_DONE;
}

int show_redelivered(const json_t *done)
{
    printf("%lld are sent again\n", number(done, "redelivered"));
    return EXIT_DONE;
}

int show_second(const json_t *done)
{
    if (json_opt_bool(done, "on", false))
        printf("%s has a second factor since %s, and %lld recovery codes\n", text(done, "login"),
               text(done, "since"), number(done, "recovery_left"));
    else
        printf("%s has no second factor\n", text(done, "login"));
    return EXIT_DONE;
}

static void show_operation(const json_t *o)
{
    json_t *ch;
    size_t i;
    printf("\n%s: %lld contacts, %lld threads (%lld open), %lld entries\n", text(o, "operation"),
           number(o, "contacts"), number(o, "threads"), number(o, "open_threads"), number(o, "entries"));
    printf("  to be sent %lld, failed for good %lld, in quarantine %lld, files %lld\n", number(o, "outbox"),
           number(o, "dead"), number(o, "quarantined"), number(o, "blobs"));
    if (number(o, "data_max_bytes"))
        printf("  memory %lld of %lld MiB, disk free %lld MiB\n", number(o, "data_bytes") >> 20,
               number(o, "data_max_bytes") >> 20, number(o, "disk_free_bytes") >> 20);
    json_array_foreach(json_object_get(o, "channels"), i, ch)
    {
        printf("  channel %-12s %-10s %-9s %s\n", text(ch, "id"), text(ch, "connector"), text(ch, "state"),
               text(ch, "state_text"));
    }
}

static const char *in_words(int64_t bytes, char out[32])
{
    double gb = (double)bytes / (1 << 30);
    snprintf(out, 32, gb >= 1 ? "%.1f GiB" : "%.0f MiB", gb >= 1 ? gb : gb * 1024);
    return out;
}

/* "memory 120 MiB of 2.0 GiB, full in 40 days as it grows now" */
static void show_capacity(const json_t *of, const char *what)
{
    const json_t *o = json_object_get(of, what);
    char used[32], most[32];
    if (!o)
        return;
    printf("%s %s of %s", what, in_words(number(o, "used_bytes"), used),
           in_words(number(o, "max_bytes"), most));
    if (json_object_get(o, "full_in_days"))
        printf(", full in %lld days as it grows now%s", number(o, "full_in_days"),
               number(o, "full_in_days") <= 7    ? ": MAKE ROOM NOW"
               : number(o, "full_in_days") <= 30 ? ": make room soon"
                                                 : "");
    else
        fputs(json_opt_bool(o, "known", false) ? ", not growing"
                                               : ", no forecast before two days have passed",
              stdout);
    putchar('\n');
}

static void show_backups(const json_t *o)
{
    int64_t newest = 0;
    if (!o)
        return;
    printf("backups in %s: %lld, the newest of %s\n", text(o, "dir"), number(o, "count"),
           *text(o, "newest") ? text(o, "newest") : "never");
    if (*text(o, "failed"))
        printf("  the last one FAILED: %s\n", text(o, "failed"));
    if (time_parse(slice_str(text(o, "newest")), &newest) && time_wall_ms() - newest > 26 * 3600000LL)
        puts("  that is more than a day ago");
}

int show_status(const json_t *done)
{
    json_t *item;
    size_t i;
    const json_t *processes = json_object_get(done, "processes");
    bool ready = json_opt_bool(done, "ready", false);
    printf("%s%s, listening on %s, %lld agents' sockets on this worker\n",
           ready ? "ready" : "not ready: ", text(done, "why"), text(done, "listen"),
           number(done, "agent_sockets"));
    json_array_foreach(json_object_get(processes, "children"), i, item)
    {
        printf("  %-12s %s, restarted %lld times%s%s\n", text(item, "name"),
               number(item, "pid") ? "running" : "down", number(item, "restarts"),
               *text(item, "why") ? "; the last time it was " : "", text(item, "why"));
    }
    json_array_foreach(json_object_get(done, "operations"), i, item)
    {
        show_operation(item);
    }
    show_capacity(json_object_get(done, "capacity"), "memory");
    show_capacity(json_object_get(done, "capacity"), "disk");
    show_backups(json_object_get(done, "backups"));
    if (!json_opt_bool(done, "recovery_key_saved", true))
        puts("\nThe recovery key was not saved yet: write it down (keys/recovery-key in the data directory), "
             "then `parley recovery saved`.");
    return ready ? EXIT_DONE : EXIT_REFUSED;
}

int show_erased(const json_t *done)
{
    puts("erased: addresses, files and words are gone, and the key with which the rest could be read");
    int64_t ends = 0;
    if (time_parse(slice_str(text(done, "key_backups_expire")), &ends) && ends > time_wall_ms())
        printf("the last backup that may still hold that key ends on %s: remove it by then\n",
               text(done, "key_backups_expire"));
    else
        puts("no backup that is still to be kept holds that key");
    return EXIT_DONE;
}

int show_audit(const json_t *done)
{
    bool intact = json_opt_bool(done, "intact", false);
    if (intact)
        printf("intact: %lld lines, %lld of them sealed\nroot %s\n", number(done, "lines"),
               number(done, "sealed"), text(done, "root"));
    else
        printf("NOT intact: the first place that does not fit is %s (%lld lines, %lld fit)\n",
               text(done, "where"), number(done, "lines"), number(done, "sealed"));
    return intact ? EXIT_DONE : EXIT_REFUSED;
}

int show_report(const json_t *done)
{
    char *report = json_dumps(json_object_get(done, "report"), JSON_INDENT(1));
    if (report)
        puts(report);
    free(report); /* jansson's memory */
    return EXIT_DONE;
}

/* The report is for programs; whoever made the backup by hand has to know what to do with it. */
int show_backup(const json_t *done)
{
    char when[TIME_TEXT] = "";
    int64_t ends = json_opt_int(json_object_get(done, "report"), "keys_expire_ms", 0);
    int status = show_report(done);
    if (ends > 0) {
        time_text(ends, when);
        fprintf(
            stderr,
            "The backup is made. Only the recovery key opens it. Keep it on another machine, and destroy it "
            "by %s:\nit may hold keys of people who are erased until then.\n",
            when);
    }
    return status;
}

int show_removed(const json_t *done)
{
    json_t *login;
    size_t i;
    puts("the operation is destroyed: its keys, its data, its files");
    json_array_foreach(json_object_get(done, "users_disabled"), i, login)
    {
        printf("  %s can't sign in any more\n", json_string_value(login));
    }
    return EXIT_DONE;
}
