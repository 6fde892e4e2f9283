/* SPDX-License-Identifier: Apache-2.0
 * Where a connection may go. Private, loopback, link-local, multicast, documentation, translated
 * (IPv4-mapped, NAT64, 6to4, Teredo) and other special ranges (IANA special-purpose registries) are refused
 * unless listed. */
#ifndef PARLEY_NET_GUARD_H
#define PARLEY_NET_GUARD_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include <sys/socket.h>

struct guard;
/* allow: CIDRs ("127.0.0.0/8", "::1/128") that are permitted although special; NULL-terminated, may be NULL.
 * any_port: else only 80 and 443, and any port towards an address that `allow` names. */
struct guard *guard_new(const char *const *allow, bool any_port, struct err *e);
void guard_free(struct guard **g);
bool guard_address(const struct guard *g, const struct sockaddr *sa); /* with the port */
/* Scheme http or https, no user:password, a host. Says what is wrong. */
bool guard_url(const struct guard *g, struct slice url, struct err *e);

/* A list of CIDRs, for trusted proxies and allow lists. */
struct cidrs;
struct cidrs *cidrs_parse(struct slice comma_separated, struct err *e);
bool cidrs_match(const struct cidrs *c, const struct sockaddr *sa);
void cidrs_free(struct cidrs **c);

#endif
