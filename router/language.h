/* SPDX-License-Identifier: Apache-2.0
 * Which language a person writes, from what they wrote so far: a model that is read once, the scores of one
 * text, and a running sum per contact, small enough to be stored with it. "Unsure" is an answer. */
#ifndef PARLEY_ROUTER_LANGUAGE_H
#define PARLEY_ROUTER_LANGUAGE_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"

enum language {
    LANGUAGE_AR,
    LANGUAGE_FA,
    LANGUAGE_PRS,
    LANGUAGE_PS,
    LANGUAGE_UR,
    LANGUAGE_CKB,
    LANGUAGE_SO,
    LANGUAGE_FR,
    LANGUAGE_TR,
    LANGUAGE_EN,
    LANGUAGE_KMR,
    LANGUAGE_ES,
    LANGUAGE_AM,
    LANGUAGE_TI,
    LANGUAGE_UK,
    LANGUAGE_COUNT,
    LANGUAGE_UNKNOWN = LANGUAGE_COUNT /* none of ours, or nothing to tell by */
};

/* "ar", …; "und" for LANGUAGE_UNKNOWN. */
const char *language_tag(enum language l);
/* LANGUAGE_UNKNOWN when it is none of ours. "fa-AF" is prs, "ku" kmr; script subtags are passed over. */
enum language language_find(struct slice tag);

/* The model is a file that is mapped read-only, checked once (length, version, checksum) and then shared by
 * all. */
struct language_model;
int language_model_open(struct language_model **out, const char *path, struct err *e);
void language_model_close(struct language_model *m); /* NULL is fine */

/* How one text scores: log-probabilities in sixteenths of a nat below the best one, which is 0. The last one
 * stands for "some other language". letters is 0 when there is nothing to tell by (numbers, links, emoji):
 * such a text says nothing. */
#define LANGUAGE_NAT 16
struct language_scores {
    int16_t s[LANGUAGE_COUNT + 1];
    uint16_t letters;
    uint16_t latin; /* how many of them are Latin */
};
/* False, and all zero, when there is nothing to tell by. Any bytes are safe; only the first 800 letters are
 * looked at. */
bool language_score(const struct language_model *m, struct slice text, struct language_scores *out);

/* What is known of a contact: it starts zeroed. Newer texts weigh more, the more they hold, so that a person
 * who changes language is followed after a long message or a few short ones. */
struct language_sums {
    int16_t s[LANGUAGE_COUNT + 1];
    uint16_t letters; /* 0: nothing known yet */
    uint16_t latin;   /* share of Latin letters, of 1000 */
};
void language_sums_add(struct language_sums *sums, const struct language_scores *text);
/* As text for storing, [A-Za-z0-9_-]. Reading damaged text gives false and zeroed sums. */
#define LANGUAGE_SUMS_TEXT 64
void language_sums_write(const struct language_sums *sums, char out[LANGUAGE_SUMS_TEXT]);
bool language_sums_read(struct language_sums *sums, struct slice text);

/* What is expected before anything is read: the operation's languages, the country of the number, … In
 * sixteenths of a nat, 0 for "as likely as any", LANGUAGE_NEVER for "not served here". */
#define LANGUAGE_NEVER (-32000)
struct language_prior {
    int16_t s[LANGUAGE_COUNT + 1];
};
/* Zeroes a prior and makes all but the languages of the bit set unlikely (1 << LANGUAGE_x). strict:
 * impossible. */
void language_prior_restrict(struct language_prior *p, uint32_t languages, bool strict);

struct language_guess {
    enum language language;
    float confidence; /* 0 to 1. Persian and Dari count as one here; `language` is the likelier of the two */
};
#define LANGUAGE_GUESSES 3
struct language_decision {
    enum language
        language; /* the likeliest, even when not known; LANGUAGE_UNKNOWN when there is nothing to tell by */
    bool latin;   /* Arabic, Persian or Urdu in Latin letters */
    bool known;   /* sure enough to route by; else ask, with the names of the guesses */
    float confidence;
    unsigned guesses; /* the likeliest, best first; fa and prs stand as one */
    struct language_guess guess[LANGUAGE_GUESSES];
};
/* prior may be NULL. */
void language_decide(const struct language_sums *sums, const struct language_prior *prior,
                     struct language_decision *out);

/* One text by itself. */
void language_detect(const struct language_model *m, struct slice text, const struct language_prior *prior,
                     struct language_decision *out);
/* One line of `parley detect`: "fa-Latn<TAB>0.97" and a newline; "und" when there is nothing to tell by. */
int language_detect_line(const struct language_model *m, struct slice line, struct buf *out);

#endif
