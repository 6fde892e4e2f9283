/* SPDX-License-Identifier: Apache-2.0
 * From which networks somebody may work with an operation. */
#include "gateway/api/networks.h"
#include "gateway/api/rights.h"
#include "gateway/base/json.h"
#include "tests/unit/test.h"

static bool lets(const char *document, unsigned roles, const char *peer)
{
    json_t *d = json_parse(slice_str(document), 8, NULL);
    bool ok = networks_lets(d, roles, slice_str(peer));
    json_decref(d);
    return ok;
}

T(none_is_everywhere)
{
    OK(lets("{}", ROLE_AGENT, "203.0.113.9"));
    OK(lets("{\"networks\":[]}", ROLE_AGENT, ""));
    OK(lets("{\"networks\":[{\"cidr\":\"10.0.0.0/8\",\"disabled\":true}]}", ROLE_AGENT, "203.0.113.9"));
}

T(of_everybody)
{
    static const char d[] = "{\"networks\":[{\"cidr\":\"10.0.0.0/8\"},{\"cidr\":\"2001:db8::/32\"}]}";
    OK(lets(d, ROLE_AGENT, "10.1.2.3"));
    OK(lets(d, ROLE_ADMINISTRATOR, "2001:db8:1::7"));
    OK(lets(d, ROLE_AGENT, "::ffff:10.1.2.3"));
    OK(!lets(d, ROLE_AGENT, "11.1.2.3"));
    OK(!lets(d, ROLE_AGENT, "2001:db9::1"));
    OK(!lets(d, ROLE_AGENT, ""));
    OK(!lets(d, ROLE_AGENT, "10.1.2.3.4"));
}

T(a_narrow_rule_for_one_role_holds_for_who_has_others_too)
{
    static const char d[] =
        "{\"networks\":[{\"cidr\":\"192.0.2.0/24\",\"roles\":[\"administrator\",\"auditor\"]}]}";
    OK(lets(d, ROLE_AGENT | ROLE_SUPERVISOR, "203.0.113.9"));
    OK(!lets(d, ROLE_AGENT | ROLE_ADMINISTRATOR, "203.0.113.9"));
    OK(lets(d, ROLE_AGENT | ROLE_ADMINISTRATOR, "192.0.2.1"));
}

T(one_role_from_anywhere)
{
    static const char d[] = "{\"networks\":[{\"cidr\":\"192.0.2.0/24\"},"
                            "{\"cidr\":\"0.0.0.0/0\",\"roles\":[\"supervisor\"]}]}";
    OK(lets(d, ROLE_SUPERVISOR, "203.0.113.9"));
    OK(!lets(d, ROLE_SUPERVISOR, "2001:db8::1"));
    OK(!lets(d, ROLE_AGENT, "203.0.113.9"));
    OK(!lets(d, ROLE_AGENT | ROLE_SUPERVISOR, "203.0.113.9"));
}

T(what_cannot_be_read_lets_nobody_in)
{
    OK(!lets("{\"networks\":[{\"cidr\":\"nonsense\"}]}", ROLE_AGENT, "10.1.2.3"));
}

TEST_MAIN
