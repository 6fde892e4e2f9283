/* SPDX-License-Identifier: Apache-2.0
 * Who signs in: users, their sessions, and bearer tokens. They live under the system's tag, encrypted under
 * the staff key; logins and tokens are looked up by keyed hashes. What somebody may do in an operation is
 * that operation's agent record (agent.h). */
#ifndef PARLEY_STORE_USER_H
#define PARLEY_STORE_USER_H

#include "store/store.h"

struct store_user {
    const char *login; /* name_valid */
    const char *name, *locale;
    bool disabled;
    const char *operations; /* blank-separated: where an agent record exists */
    int64_t changed_ms;
    bool second;       /* has a second factor (second.h) */
    bool proved;       /* and this sign-in has shown it: its session did, or the device is trusted */
    int64_t signed_ms; /* of store_session_check: when they signed in; 0: not known */
};

/* password: hashed with scrypt (N 2^15, r 8, p 1, RFC 7914) on a thread; NULL: as it is; "": none fits. */
void store_user_put(struct store *s, const struct store_user *u, const char *password, const char *actor,
                    store_done done, void *arg);
/* ERR_NOT_FOUND. */
void store_user_get(struct store *s, const char *login,
                    void (*done)(void *arg, const struct err *e, const struct store_user *u), void *arg);
void store_users_get(struct store *s,
                     void (*done)(void *arg, const struct err *e, const struct store_user *const *u,
                                  size_t n),
                     void *arg);
/* Where a try comes from: the network ("192.0.2.0/24"; may be empty), and the device's name if it has proved
 * (store_device_sign) that somebody signed in there with this login; else empty. It counts as known only
 * while it is one of the last 20 that did, since the last new password. named: what the device is called from
 * now on, to be remembered if the password is right; empty: as it proved. */
struct store_from {
    struct slice network, device, named;
    bool second; /* who has a second factor is not signed in yet by the password: nothing is remembered unless
                    the device is trusted (then the user comes with `proved`) */
};
/* Takes the same time for unknown users. ERR_AUTH; ERR_RATE after too many wrong tries for one login from one
 * device or network, or, much later, from all that never signed in with it ("try again in N s": slower each
 * time, never locked). What others try elsewhere never refuses the right password from a known place. */
void store_user_check_from(struct store *s, const char *login, const char *password,
                           const struct store_from *from,
                           void (*done)(void *arg, const struct err *e, const struct store_user *u),
                           void *arg);
/* From no known place. */
void store_user_check(struct store *s, const char *login, const char *password,
                      void (*done)(void *arg, const struct err *e, const struct store_user *u), void *arg);
/* Disabling ends sessions and tells every node (STORE_EV_USER in each operation). */
void store_user_disable(struct store *s, const char *login, bool disabled, const char *actor, store_done done,
                        void *arg);

/* Sockets of this user look again whether their sign-in is good (STORE_EV_USER in each of their operations).
 */
void store_user_tell(struct store *s, const char *login, const char *actor, store_done done, void *arg);
/* What a device shows to prove that this login signed in on it: a keyed hash of both. False: the store is
 * away. */
#define STORE_DEVICE 23
bool store_device_sign(struct store *s, const char *login, struct slice device, char out[STORE_DEVICE]);

/* A session: 256 random bits; only its hash is kept. idle: how long it lives without being used. _new gives
 * the secret; _check is ERR_AUTH when it is over, or its user is disabled or has another password. */
void store_session_new(struct store *s, const char *login, unsigned idle_s, store_text_done done, void *arg);
/* The same; proved: the second factor was shown. */
void store_session_new_proved(struct store *s, const char *login, unsigned idle_s, bool proved,
                              store_text_done done, void *arg);
void store_session_check(struct store *s, struct slice secret,
                         void (*done)(void *arg, const struct err *e, const struct store_user *u), void *arg);
void store_session_end(struct store *s, struct slice secret, store_done done, void *arg);

/* A bearer token of an operation: "parley_" and 256 random bits; only its hash is kept. agent "" when it acts
 * for no agent. _new gives the token, once; _check is ERR_AUTH when there is none. */
struct store_token {
    const char *id, *operation, *role, *agent, *note;
    int clearance;
    int64_t created_ms, used_ms; /* used: to the minute; 0: never */
};
void store_token_new(struct store_op *op, const char *role, const char *agent, int clearance,
                     const char *note, const char *actor, store_text_done done, void *arg);
void store_token_check(struct store *s, struct slice token,
                       void (*done)(void *arg, const struct err *e, const struct store_token *t), void *arg);
/* Sockets by tokens in its operation look again (STORE_EV_USER, why "token"). */
void store_token_end(struct store *s, const char *id, const char *actor, store_done done, void *arg);
void store_tokens_get(struct store_op *op,
                      void (*done)(void *arg, const struct err *e, const struct store_token *const *t,
                                   size_t n),
                      void *arg);

#endif
