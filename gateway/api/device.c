/* SPDX-License-Identifier: Apache-2.0
 * Where somebody signs in from: the network, and a cookie by which a device shows that certain logins signed
 * in on it before. The cookie is a random name and, for each login, a keyed hash of both; it opens nothing
 * and is only a place of its own where tries are counted, while the store has it among the login's. */
#include "gateway/api/sign.h"
#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#define DEVICE_S   (400u * 86400)
#define NAME_TEXT  22
#define PROOF_TEXT (STORE_DEVICE - 1)

/* Neighbours of one network are one place: /24, and /48 of IPv6. */
static void network_of(struct slice peer, char out[64])
{
    char text[64] = "", shown[INET6_ADDRSTRLEN] = "";
    unsigned char v4[4], v6[16];
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    out[0] = '\0';
    if (!peer.n || peer.n >= sizeof text)
        return;
    memcpy(text, peer.p, peer.n);
    bool four = inet_pton(AF_INET, text, v4) == 1;
    if (!four && inet_pton(AF_INET6, text, v6) != 1)
        return;
    if (!four && memcmp(v6, mapped, sizeof mapped) == 0) {
        memcpy(v4, v6 + 12, 4);
        four = true;
    }
    if (four) {
        snprintf(out, 64, "%u.%u.%u.0/24", v4[0], v4[1], v4[2]);
        return;
    }
    memset(v6 + 6, 0, 10);
    inet_ntop(AF_INET6, v6, shown, sizeof shown);
    snprintf(out, 64, "%s/48", shown);
}

/* "NAME.PROOF.PROOF…"; what is not of this form is as if it were not there. */
static void parse(struct device *d, struct slice value)
{
    struct slice part;
    if (!slice_next(&value, '.', &part) || part.n != NAME_TEXT)
        return;
    memcpy(d->name, part.p, NAME_TEXT);
    while (d->n < DEVICE_LOGINS && slice_next(&value, '.', &part) && part.n == PROOF_TEXT)
        memcpy(d->proofs[d->n++], part.p, PROOF_TEXT);
}

void device_read(struct call *c, const char *login, struct device *d)
{
    struct slice value;
    char proof[STORE_DEVICE];
    *d = (struct device){.known = false};
    network_of(http_req_peer(c->rq), d->network);
    if (auth_cookie_named(c->rq, AUTH_DEVICE, &value))
        parse(d, value);
    if (!d->name[0] || !store_device_sign(c->api->cf.store, login, slice_str(d->name), proof))
        return;
    for (size_t i = 0; i < d->n; i++)
        d->known |= CRYPTO_memcmp(d->proofs[i], proof, PROOF_TEXT) == 0;
}

struct store_from device_from(const struct device *d)
{
    return (struct store_from){slice_str(d->network), slice_str(d->known ? d->name : ""), slice_str(d->name),
                               false};
}

void device_name(struct device *d)
{
    unsigned char raw[16];
    if (d->name[0])
        return;
    text_random(raw, sizeof raw);
    text_base64url(d->name, raw, sizeof raw);
}

void device_cookie(struct call *c, const char *login, const struct device *d, char out[DEVICE_COOKIE])
{
    struct buf b;
    char proof[STORE_DEVICE];
    out[0] = '\0';
    if (!store_device_sign(c->api->cf.store, login, slice_str(d->name), proof))
        return;
    buf_init(&b, DEVICE_COOKIE);
    buf_printf(&b, "%s.%s", d->name, proof);
    for (size_t i = 0, kept = 1; i < d->n && kept < DEVICE_LOGINS; i++)
        if (strcmp(d->proofs[i], proof) != 0) {
            buf_printf(&b, ".%s", d->proofs[i]);
            kept++;
        }
    auth_cookie_text(c->rq, AUTH_DEVICE, buf_view(&b), DEVICE_S, out, DEVICE_COOKIE);
    buf_clear(&b);
}
