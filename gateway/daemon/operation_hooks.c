/* SPDX-License-Identifier: Apache-2.0
 * What an operation file says of the networks from which people work, and of webhooks out. */
#include "gateway/daemon/operation_hooks.h"
#include "gateway/base/text.h"
#include "gateway/net/guard.h"
#include <arpa/inet.h>
#include <string.h>

#define NETWORKS_MAX 200
#define WEBHOOKS_MAX 10
#define EVENTS_MAX   32
#define URL_MAX      1000

/* ---- networks ---- */

static void a_cidr(struct check *c, const json_t *v)
{
    struct err e = {0};
    struct slice text = slice_str(json_string_value(v));
    bool one = text.n && !memchr(text.p, ',', text.n);
    struct cidrs *read = one ? cidrs_parse(text, &e) : NULL;
    if (!read)
        check_wrong(c, "a network is wanted: \"192.0.2.0/24\", \"2001:db8::/32\"");
    else
        cidrs_free(&read);
}

static void roles(struct check *c, const json_t *v)
{
    check_list(c, v, 6, check_role);
    if (json_is_array(v) && json_array_size(v) == 0)
        check_wrong(c, "it names no role: leave it out, and the network is for all");
}

static void a_network(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {{"cidr", a_cidr, true},
                                                  {"roles", roles, false},
                                                  {"name", check_short_text, false},
                                                  {"disabled", check_flag, false},
                                                  {0}};
    check_object(c, v, members);
}

void operation_networks_check(struct check *c, const json_t *v)
{
    check_list(c, v, NETWORKS_MAX, a_network);
}

/* ---- webhooks ---- */

/* This machine or an internal network: what is said there in clear is not heard by the world. */
static bool inside(struct slice host)
{
    char text[64] = "";
    unsigned char v4[4], v6[16];
    static const unsigned char self[16] = {[15] = 1};
    if (slice_is_nocase(host, "localhost"))
        return true;
    if (!host.n || host.n >= sizeof text)
        return false;
    memcpy(text, host.p, host.n);
    if (inet_pton(AF_INET, text, v4) == 1)
        return v4[0] == 127 || v4[0] == 10 || (v4[0] == 192 && v4[1] == 168) ||
               (v4[0] == 172 && v4[1] >= 16 && v4[1] <= 31);
    return inet_pton(AF_INET6, text, v6) == 1 &&
           (memcmp(v6, self, sizeof self) == 0 || (v6[0] & 0xfe) == 0xfc);
}

static void an_url(struct check *c, const json_t *v)
{
    const char *url = json_string_value(v);
    size_t scheme = !url ? 0 : strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    if (!scheme || strlen(url) > URL_MAX || strpbrk(url, " \"<>\\")) {
        check_wrong(c, "an https:// address is wanted");
        return;
    }
    const char *from = url + scheme;
    size_t n = *from == '[' ? strcspn(from, "]") : strcspn(from, "/:?#");
    struct slice host = *from == '[' ? slice_of(from + 1, n ? n - 1 : 0) : slice_of(from, n);
    if (!host.n || memchr(host.p, '@', host.n))
        check_wrong(c, "an https:// address with a host and without a password is wanted");
    else if (scheme == 7 && !inside(host))
        check_wrong(c, "http:// is for this machine and internal networks alone: https:// is wanted");
}

/* One, or two while a receiver changes from one to the other. */
static void a_secret(struct check *c, const json_t *v)
{
    struct slice rest = slice_str(json_string_value(v)), one;
    size_t n = 0;
    bool good = rest.n > 0;
    while (good && slice_next(&rest, ' ', &one)) {
        good = ++n <= 2 && slice_starts(one, "whsec_") && one.n >= 6 + 24 && one.n <= 6 + 128 &&
               (one.n - 6) % 4 == 0;
        for (size_t i = 6; good && i < one.n; i++) {
            char ch = one.p[i];
            good = (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') ||
                   ch == '+' || ch == '/' || (ch == '=' && i + 2 >= one.n);
        }
    }
    if (!good)
        check_wrong(
            c,
            "\"whsec_\" and 16 to 96 bytes in base 64 are wanted; two with a blank between while it changes");
}

/* "*", "thread.*", "entry.added" */
static void a_pattern(struct check *c, const json_t *v)
{
    static const char *const groups[] = {"thread.", "entry.", NULL};
    const char *s = json_string_value(v);
    if (s && strcmp(s, "*") == 0)
        return;
    for (size_t i = 0; s && groups[i]; i++) {
        size_t n = strlen(groups[i]);
        if (strncmp(s, groups[i], n) == 0 && strlen(s) < 40 &&
            (strcmp(s + n, "*") == 0 ||
             (s[n] && strspn(s + n, "abcdefghijklmnopqrstuvwxyz_") == strlen(s + n))))
            return;
    }
    check_wrong(c, "events are wanted as \"*\", \"thread.*\", \"thread.resolved\", \"entry.added\"");
}

static void patterns(struct check *c, const json_t *v)
{
    check_list(c, v, EVENTS_MAX, a_pattern);
    if (json_is_array(v) && json_array_size(v) == 0)
        check_wrong(c, "it names no events");
}

static void a_webhook(struct check *c, const json_t *v)
{
    static const struct check_member members[] = {{"id", check_name, true},
                                                  {"url", an_url, true},
                                                  {"secret", a_secret, false},
                                                  {"events", patterns, true},
                                                  {"clearance", check_clearance, false},
                                                  {"area", check_area, false},
                                                  {"content", check_flag, false},
                                                  {"disabled", check_flag, false},
                                                  {0}};
    check_object(c, v, members);
}

void operation_webhooks_check(struct check *c, const json_t *v)
{
    check_things(c, v, "id", 4 * WEBHOOKS_MAX, a_webhook);
    size_t i, n = 0;
    json_t *one;
    json_array_foreach(v, i, one) n += !json_opt_bool(one, "disabled", false);
    if (n > WEBHOOKS_MAX)
        check_wrong(c, "at most 10 of them work at a time");
}
