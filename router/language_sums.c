/* SPDX-License-Identifier: Apache-2.0
 * What a contact's texts say together, and what to make of it. */
#include "router/language.h"
#include "gateway/base/text.h"
#include <math.h>
#include <string.h>
#include <strings.h>

static const char *const tags[LANGUAGE_COUNT + 1] = {"ar", "fa", "prs", "ps", "ur", "ckb", "so", "fr",
                                                     "tr", "en", "kmr", "es", "am", "ti",  "uk", "und"};

/* A text of this many letters weighs as much as all that came before it. */
#define HALF_LETTERS 40
/* The same for the script, which is seen at once. */
#define HALF_SCRIPT 8
#define LOWEST      (-60 * LANGUAGE_NAT)
#define SURE        0.80f

const char *language_tag(enum language l)
{
    return tags[(unsigned)l <= LANGUAGE_COUNT ? l : LANGUAGE_COUNT];
}

enum language language_find(struct slice tag)
{
    static const struct {
        const char *tag;
        enum language l;
    } other[] = {{"fa-AF", LANGUAGE_PRS},   {"ku", LANGUAGE_KMR}, {"ku-Latn", LANGUAGE_KMR},
                 {"ku-Arab", LANGUAGE_CKB}, {"pes", LANGUAGE_FA}, {"arb", LANGUAGE_AR}};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (slice_is_nocase(tag, other[i].tag))
            return other[i].l;
    struct slice rest = tag, first = tag;
    slice_next(&rest, '-', &first);
    for (unsigned l = 0; l < LANGUAGE_COUNT; l++)
        if (slice_is_nocase(first, tags[l]))
            return (enum language)l;
    return LANGUAGE_UNKNOWN;
}

void language_sums_add(struct language_sums *sums, const struct language_scores *text)
{
    if (!text->letters)
        return;
    int32_t v[LANGUAGE_COUNT + 1], best = INT32_MIN, letters = text->letters, keep = HALF_LETTERS + letters;
    for (unsigned l = 0; l <= LANGUAGE_COUNT; l++) {
        v[l] = sums->s[l] * HALF_LETTERS / keep + text->s[l];
        best = v[l] > best ? v[l] : best;
    }
    for (unsigned l = 0; l <= LANGUAGE_COUNT; l++)
        sums->s[l] = (int16_t)(v[l] - best < LOWEST ? LOWEST : v[l] - best);
    int32_t share = text->latin * 1000 / letters;
    if (sums->letters)
        share = (sums->latin * HALF_SCRIPT + share * letters) / (HALF_SCRIPT + letters);
    sums->latin = (uint16_t)share;
    letters += sums->letters;
    sums->letters = (uint16_t)(letters > 60000 ? 60000 : letters);
}

void language_sums_write(const struct language_sums *sums, char out[LANGUAGE_SUMS_TEXT])
{
    unsigned char b[(LANGUAGE_COUNT + 1) * 2 + 4], *p = b;
    for (unsigned l = 0; l <= LANGUAGE_COUNT; l++) {
        uint16_t v = (uint16_t)-sums->s[l];
        *p++ = (unsigned char)(v >> 8);
        *p++ = (unsigned char)v;
    }
    *p++ = (unsigned char)(sums->letters >> 8);
    *p++ = (unsigned char)sums->letters;
    *p++ = (unsigned char)(sums->latin >> 8);
    *p++ = (unsigned char)sums->latin;
    out[0] = 'A'; /* the form's version */
    text_base64url(out + 1, b, sizeof b);
}

static bool sums_unpack(struct language_sums *sums, const unsigned char *p)
{
    bool best = false;
    for (unsigned l = 0; l <= LANGUAGE_COUNT; l++, p += 2) {
        int v = p[0] << 8 | p[1];
        if (v > -LOWEST)
            return false;
        best = best || v == 0;
        sums->s[l] = (int16_t)-v;
    }
    sums->letters = (uint16_t)(p[0] << 8 | p[1]);
    sums->latin = (uint16_t)(p[2] << 8 | p[3]);
    return best && sums->latin <= 1000;
}

bool language_sums_read(struct language_sums *sums, struct slice text)
{
    unsigned char b[LANGUAGE_SUMS_TEXT];
    memset(sums, 0, sizeof *sums);
    bool ok = text.n > 1 && text.n < LANGUAGE_SUMS_TEXT && text.p[0] == 'A' &&
              text_unbase64(b, sizeof b, slice_of(text.p + 1, text.n - 1)) == (LANGUAGE_COUNT + 1) * 2 + 4 &&
              sums_unpack(sums, b);
    if (!ok)
        memset(sums, 0, sizeof *sums);
    return ok;
}

void language_prior_restrict(struct language_prior *p, uint32_t languages, bool strict)
{
    for (unsigned l = 0; l <= LANGUAGE_COUNT; l++)
        p->s[l] = (int16_t)(l == LANGUAGE_COUNT || languages & 1u << l ? 0
                            : strict                                   ? LANGUAGE_NEVER
                                                                       : -3 * LANGUAGE_NAT);
}

static int16_t prior_of(const struct language_prior *prior, unsigned l)
{
    return prior ? prior->s[l] : 0;
}

/* Persian and Dari share what is served to either. */
static int16_t prior_shared(const struct language_prior *prior, unsigned l)
{
    int16_t own = prior_of(prior, l), other = own;
    if (l == LANGUAGE_FA || l == LANGUAGE_PRS)
        other = prior_of(prior, l == LANGUAGE_FA ? LANGUAGE_PRS : LANGUAGE_FA);
    return own > other ? own : other;
}

/* Probabilities; all zero when the prior leaves nothing. */
static void weigh(const struct language_sums *sums, const struct language_prior *prior, float *p)
{
    float total = 0, best = -INFINITY;
    for (unsigned l = 0; l <= LANGUAGE_COUNT; l++) {
        int16_t before = prior_shared(prior, l);
        p[l] = before <= LANGUAGE_NEVER ? -INFINITY : (float)(sums->s[l] + before) / LANGUAGE_NAT;
        best = p[l] > best ? p[l] : best;
    }
    for (unsigned l = 0; l <= LANGUAGE_COUNT; l++) {
        p[l] = best == -INFINITY ? 0 : expf(p[l] - best);
        total += p[l];
    }
    for (unsigned l = 0; l <= LANGUAGE_COUNT; l++)
        p[l] = total > 0 ? p[l] / total : 0;
}

/* Puts both under the likelier of the two. */
static void merge_persian(const struct language_sums *sums, const struct language_prior *prior, float *p)
{
    int fa = sums->s[LANGUAGE_FA] + prior_of(prior, LANGUAGE_FA);
    int prs = sums->s[LANGUAGE_PRS] + prior_of(prior, LANGUAGE_PRS);
    float both = p[LANGUAGE_FA] + p[LANGUAGE_PRS];
    p[LANGUAGE_FA] = prs > fa ? 0 : both;
    p[LANGUAGE_PRS] = prs > fa ? both : 0;
}

static void rank(const float *p, struct language_decision *out)
{
    bool used[LANGUAGE_COUNT + 1] = {false};
    for (out->guesses = 0; out->guesses < LANGUAGE_GUESSES; out->guesses++) {
        unsigned best = LANGUAGE_COUNT;
        for (unsigned l = 0; l < LANGUAGE_COUNT; l++)
            if (!used[l] && p[l] > 0.005f && (best == LANGUAGE_COUNT || p[l] > p[best]))
                best = l;
        if (best == LANGUAGE_COUNT)
            break;
        used[best] = true;
        out->guess[out->guesses] = (struct language_guess){(enum language)best, p[best]};
    }
}

void language_decide(const struct language_sums *sums, const struct language_prior *prior,
                     struct language_decision *out)
{
    float p[LANGUAGE_COUNT + 1];
    memset(out, 0, sizeof *out);
    out->language = LANGUAGE_UNKNOWN;
    if (!sums->letters)
        return;
    weigh(sums, prior, p);
    merge_persian(sums, prior, p);
    rank(p, out);
    if (!out->guesses || p[LANGUAGE_UNKNOWN] > out->guess[0].confidence) {
        out->confidence = p[LANGUAGE_UNKNOWN];
        return;
    }
    out->language = out->guess[0].language;
    out->confidence = out->guess[0].confidence;
    out->known = out->confidence >= SURE;
    out->latin = sums->latin > 500 && (out->language == LANGUAGE_AR || out->language == LANGUAGE_UR ||
                                       out->language == LANGUAGE_FA || out->language == LANGUAGE_PRS);
}

void language_detect(const struct language_model *m, struct slice text, const struct language_prior *prior,
                     struct language_decision *out)
{
    struct language_scores scores;
    struct language_sums sums = {0};
    language_score(m, text, &scores);
    language_sums_add(&sums, &scores);
    language_decide(&sums, prior, out);
}

int language_detect_line(const struct language_model *m, struct slice line, struct buf *out)
{
    struct language_decision d;
    language_detect(m, line, NULL, &d);
    return buf_printf(out, "%s%s\t%.2f\n", language_tag(d.language), d.latin ? "-Latn" : "",
                      (double)d.confidence);
}
