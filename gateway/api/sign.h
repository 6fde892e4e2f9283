/* SPDX-License-Identifier: Apache-2.0
 * What auth.c (who sends a request), sign.c (signing in and out), device.c (where from) and me.c (one's own
 * record) share. */
#ifndef PARLEY_API_SIGN_H
#define PARLEY_API_SIGN_H

#include "gateway/api/api_internal.h"
#include "store/user.h"

/* The secret of the session cookie; false: there is none, or it travelled in clear. */
bool auth_cookie(struct http_req *rq, struct slice *secret);
/* The value of Set-Cookie for one of our cookies ("" ends it). out is cut to nothing when it does not fit. */
void auth_cookie_text(struct http_req *rq, const char *name, struct slice value, unsigned seconds, char *out,
                      size_t cap);
#define AUTH_SESSION "parley" /* with "__Host-" before it on TLS */
#define AUTH_DEVICE  "parley-device"
bool auth_cookie_named(struct http_req *rq, const char *name, struct slice *value);

/* Signed in by the password alone, who has a second factor: it is no sign-in. */
bool second_unshown(const struct api *a, const struct store_user *u);
/* May do nothing before a second factor is set up. On this machine itself, while nobody else can come
 * (`public_url` is empty), that may wait: an office that tries Parley out is not stopped by it. */
bool second_must(const struct api *a, const struct http_req *rq, const struct store_user *u);

/* done (never from inside) when the agents of all operations are known. */
void me_when_loaded(struct api *a, void (*done)(void *arg, bool ok), void *arg);
/* Has an operation that they may work with from where they are, or none at all? */
bool me_let_in(struct call *c, const char *login);
/* Answers with Me; cookies may be NULL. */
void me_answer(struct call *c, const struct store_user *u, const char *session, const char *device);

/* ---- where somebody signs in (device.c) ---- */

#define DEVICE_LOGINS 6 /* that one device remembers */
struct device {
    char network[64];
    char name[23];                            /* what it shows; "": nothing, until it is given one */
    char proofs[DEVICE_LOGINS][STORE_DEVICE]; /* by what it shows, the newest first */
    size_t n;
    bool known; /* one of the proofs is for this login */
};
void device_read(struct call *c, const char *login, struct device *d);
struct store_from device_from(const struct device *d);
/* Gives it a name if it has none: whoever signs in now is known by it. */
void device_name(struct device *d);
/* Somebody signed in: the value of Set-Cookie that proves it from now on; "" when that cannot be. */
#define DEVICE_COOKIE 512
void device_cookie(struct call *c, const char *login, const struct device *d, char out[DEVICE_COOKIE]);

/* 429 with the time that the store's error tells. */
void sign_too_often(struct call *c, const struct err *e);

#endif
