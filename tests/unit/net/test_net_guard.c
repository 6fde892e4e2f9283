/* SPDX-License-Identifier: Apache-2.0
 * Where a connection may go. */
#include "gateway/net/guard.h"
#include "tests/unit/test.h"
#include <arpa/inet.h>

static bool allowed(const struct guard *g, const char *host, unsigned port)
{
    struct sockaddr_storage s = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&s;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&s;
    if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons((uint16_t)port);
    } else {
        OK(inet_pton(AF_INET6, host, &in6->sin6_addr) == 1);
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
    }
    return guard_address(g, (struct sockaddr *)(void *)&s);
}

T(public_addresses_on_the_ports_of_the_web)
{
    struct guard *g = guard_new(NULL, false, NULL);
    OK(allowed(g, "93.184.216.34", 443));
    OK(allowed(g, "93.184.216.34", 80));
    OK(!allowed(g, "93.184.216.34", 22));
    OK(!allowed(g, "93.184.216.34", 6379));
    OK(allowed(g, "2606:2800:220:1:248:1893:25c8:1946", 443));
    guard_free(&g);
}

T(special_addresses_are_refused)
{
    static const char *const list[] = {
        "0.0.0.0",       "10.1.2.3",         "100.64.0.1",
        "127.0.0.1",     "127.255.255.254",  "169.254.169.254",
        "172.16.0.1",    "172.31.255.255",   "192.0.0.1",
        "192.0.2.1",     "192.88.99.1",      "192.168.1.1",
        "198.18.0.1",    "198.19.255.255",   "198.51.100.1",
        "203.0.113.9",   "224.0.0.1",        "239.255.255.255",
        "240.0.0.1",     "255.255.255.255",  "::",
        "::1",           "::ffff:127.0.0.1", "::ffff:93.184.216.34",
        "::127.0.0.1",   "64:ff9b::7f00:1",  "64:ff9b:1::1",
        "100::1",        "2001::1",          "2001:db8::1",
        "2002:7f00:1::", "fc00::1",          "fdff::1",
        "fe80::1",       "fec0::1",          "ff02::1",
        "3fff::1",       "5f00::1",
    };
    struct guard *g = guard_new(NULL, false, NULL);
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (allowed(g, list[i], 443))
            TEST_FAIL("%s was allowed", list[i]);
    OK(allowed(g, "172.32.0.1", 443) && allowed(g, "172.15.255.255", 443) && allowed(g, "100.128.0.1", 443) &&
       allowed(g, "198.20.0.1", 443));
    guard_free(&g);
}

T(what_is_listed_is_allowed_on_any_port)
{
    static const char *const list[] = {"127.0.0.0/8", "::1/128", "10.20.0.0/15", NULL};
    struct guard *g = guard_new(list, false, NULL);
    OK(allowed(g, "127.0.0.1", 9000) && allowed(g, "::1", 9000) && allowed(g, "10.21.3.4", 25));
    OK(allowed(g, "::ffff:127.0.0.1", 9000));
    OK(!allowed(g, "10.22.0.1", 443) && !allowed(g, "::2", 443));
    guard_free(&g);
}

T(malformed_networks_are_named)
{
    static const char *const wrong[] = {"127.0.0.0/33", "127.0.0/8",   "x",          "::1/129",
                                        "10.0.0.0/",    "10.0.0.0/-1", "1.2.3.4/8/9"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *const list[] = {wrong[i], NULL};
        struct err e = {0};
        struct guard *g = guard_new(list, false, &e);
        if (g)
            TEST_FAIL("%s was taken", wrong[i]);
        OK(strstr(e.text, wrong[i]));
    }
}

T(only_plain_web_addresses_are_urls)
{
    static const char *const good[] = {"http://example.org", "https://example.org:8443/x?y#z",
                                       "https://[2001:db8::1]/", "http://2130706433/"};
    static const char *const bad[] = {"",
                                      "example.org",
                                      "ftp://example.org/",
                                      "file:///etc/passwd",
                                      "gopher://x/",
                                      "http://user@example.org/",
                                      "http://",
                                      "http://u:p@example.org",
                                      "javascript:alert(1)",
                                      "http:///path",
                                      "http:/path",
                                      "http:host",
                                      "http:a?://b",
                                      "http://exa mple.org/",
                                      "dict://127.0.0.1:11211/"};
    struct guard *g = guard_new(NULL, false, NULL);
    struct err e = {0};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!guard_url(g, slice_str(good[i]), &e))
            TEST_FAIL("%s: %s", good[i], e.text);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (guard_url(g, slice_str(bad[i]), &e))
            TEST_FAIL("%s was taken", bad[i]);
    guard_free(&g);
}

T(a_list_of_networks_matches)
{
    struct cidrs *c = cidrs_parse(slice_str("10.0.0.0/8, ::1"), NULL);
    struct sockaddr_in a = {.sin_family = AF_INET};
    inet_pton(AF_INET, "10.9.8.7", &a.sin_addr);
    OK(cidrs_match(c, (struct sockaddr *)(void *)&a));
    inet_pton(AF_INET, "11.9.8.7", &a.sin_addr);
    OK(!cidrs_match(c, (struct sockaddr *)(void *)&a));
    cidrs_free(&c);
}

TEST_MAIN
