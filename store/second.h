/* SPDX-License-Identifier: Apache-2.0
 * The second factor of those who sign in: a code by the clock (otp.h), each taken once, and ten recovery
 * codes, each good once. The secret is sealed under the staff key, recovery codes are hashed as passwords
 * are. Wrong codes are counted as wrong passwords are (user.h), with longer waits: who tries them knows the
 * password. */
#ifndef PARLEY_STORE_SECOND_H
#define PARLEY_STORE_SECOND_H

#include "store/user.h"

#define SECOND_CODES   10
#define SECOND_STEP_S  600  /* so long after the password the code may come */
#define SECOND_ENROL_S 3600 /* a secret that was shown is taken up within so long */

struct store_second {
    bool on;
    int64_t since_ms;
    unsigned codes_left;
};
/* ERR_NOT_FOUND: no such user. */
void store_second_get(struct store *s, const char *login,
                      void (*done)(void *arg, const struct err *e, const struct store_second *f), void *arg);

/* A new secret, in base 32; it counts once a code of it has come. What was there holds until then. */
void store_second_start(struct store *s, const char *login, store_text_done done, void *arg);
/* A code of the new secret: from now on it is the second factor. All other sessions of the user end,
 * `session` (the secret of a session; may be empty) stays. The text: the recovery codes, a line each, told
 * once. ERR_AUTH: not the code; ERR_NOT_FOUND: nothing was begun, or too long ago. */
void store_second_confirm(struct store *s, const char *login, struct slice code, struct slice session,
                          const char *actor, store_text_done done, void *arg);
/* New recovery codes; those before are worthless. */
void store_second_codes(struct store *s, const char *login, const char *actor, store_text_done done,
                        void *arg);
/* Ends it and every session of the user, who signs in by the password alone and sets up another. */
void store_second_reset(struct store *s, const char *login, const char *actor, store_done done, void *arg);

/* The password was right (store_user_check_from with from.second; u as it gave it): the text is a ticket for
 * the code, good for some minutes and five codes. */
void store_second_begin(struct store *s, const struct store_user *u, store_text_done done, void *arg);
struct second_try {
    struct slice ticket; /* empty: of somebody who is signed in: login */
    const char *login;
    struct slice code; /* of the clock, or a recovery code */
    struct store_from from;
    unsigned trust_s; /* so long this device is not asked again; 0: always */
};
/* ERR_AUTH: not the code, or it was used; ERR_NOT_FOUND: the ticket is over; ERR_RATE as passwords. */
void store_second_check(struct store *s, const struct second_try *t,
                        void (*done)(void *arg, const struct err *e, const struct store_user *u), void *arg);

#endif
