/* SPDX-License-Identifier: Apache-2.0
 * Scores of one text: the weights of its n-grams per script, made into log-probabilities over languages. */
#include "router/language.h"
#include "router/language_model.h"
#include "gateway/base/mem.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAP_BEHIND 4096u

struct language_model {
    const unsigned char *map;
    size_t size;
    struct language_model_head head;
};

/* Which language a column of a table is. */
static const unsigned char column_language[LANGUAGE_TABLES][LANGUAGE_CLASSES_MAX] = {
    [LANGUAGE_ARABIC] = {LANGUAGE_AR, LANGUAGE_FA, LANGUAGE_PRS, LANGUAGE_PS, LANGUAGE_UR, LANGUAGE_CKB},
    [LANGUAGE_LATIN] = {LANGUAGE_SO, LANGUAGE_FR, LANGUAGE_TR, LANGUAGE_EN, LANGUAGE_KMR, LANGUAGE_ES,
                        LANGUAGE_FA, LANGUAGE_UR, LANGUAGE_AR},
    [LANGUAGE_ETHIOPIC] = {LANGUAGE_AM, LANGUAGE_TI},
};

/* What a letter of a script costs, in nats, the languages of other scripts. Latin costs little: names, brands
 * and abbreviations stand in texts of every language. */
static const float foreign_cost[LANGUAGE_SCRIPTS] = {1.0f, 0.35f, 1.0f, 1.0f, 1.0f};
/* And when there is no letter of its own script at all. */
#define NO_LETTER 8.0f
/* Persian, Urdu and Arabic in Latin letters are rarer than what looks like them: "thanks" is English. */
#define ROMAN 1.0f
/* How far below the best a language can fall by one text: short texts prove little. */
#define FLOOR_NATS(letters) (8.0f + 0.25f * (float)(letters) > 40 ? 40.0f : 8.0f + 0.25f * (float)(letters))

/* How far n-grams that were never met count: they overlap, so each says a part only. */
#define UNMET 0.25f

/* When a text is this much more likely in one language of its script than in any other, one word in three is
 * looked at from then on, and counts for three: a text that changes language is still noticed. */
#define SURE_NATS 80.0f
#define SAMPLE    3

struct tally {
    int32_t sum[LANGUAGE_TABLES][LANGUAGE_CLASSES_MAX];
    unsigned letters[LANGUAGE_SCRIPTS];
    unsigned grams, missed; /* in scripts with a table that is rich enough to tell by */
    unsigned passed;        /* words, since one was looked at */
};

static int head_check(const struct language_model_head *h, size_t size, struct err *e)
{
    if (memcmp(h->magic, LANGUAGE_MODEL_MAGIC, sizeof h->magic) != 0)
        return err_set(e, ERR_CORRUPT, "not a language model");
    if (h->version != LANGUAGE_MODEL_VERSION)
        return err_set(e, ERR_UNSUPPORTED, "language model of version %u, not %u", h->version,
                       LANGUAGE_MODEL_VERSION);
    if (h->size != size)
        return err_set(e, ERR_CORRUPT, "language model is %zu bytes long, not %u", size, h->size);
    for (unsigned s = 0; s < LANGUAGE_TABLES; s++) {
        const struct language_model_table *t = &h->table[s];
        unsigned classes = 0;
        while (language_classes[s][classes])
            classes++;
        bool shape = t->rows >= 2 && !(t->rows & (t->rows - 1)) && t->classes == classes &&
                     t->stride >= 2 + classes && t->stride <= 32 && t->stride % 2 == 0;
        if (!shape || t->offset < sizeof *h || t->offset % 2 || t->offset > size ||
            (uint64_t)t->rows * t->stride > size - t->offset || !(t->scale > 0 && t->scale < 1))
            return err_set(e, ERR_CORRUPT, "language model has a damaged head");
    }
    return 0;
}

static int model_check(struct language_model *m, struct err *e)
{
    if (m->size < sizeof m->head)
        return err_set(e, ERR_CORRUPT, "language model is too short");
    memcpy(&m->head, m->map, sizeof m->head);
    int rc = head_check(&m->head, m->size, e);
    if (rc)
        return rc;
    size_t from = offsetof(struct language_model_head, checksum) + sizeof m->head.checksum;
    if (language_model_checksum(m->map + from, m->size - from) != m->head.checksum)
        return err_set(e, ERR_CORRUPT, "language model fails its checksum");
    /* The check touched every page; only those that are used shall stay. */
    madvise((void *)(uintptr_t)m->map, m->size, MADV_DONTNEED);
    return 0;
}

/* With a page of zeros behind it, so that a row that ends with the file can be read past its end. */
static void *map_file(int fd, size_t size)
{
    char *map = mmap(NULL, size + MAP_BEHIND, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return map;
    if (mmap(map, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) != MAP_FAILED)
        return map;
    munmap(map, size + MAP_BEHIND);
    return MAP_FAILED;
}

int language_model_open(struct language_model **out, const char *path, struct err *e)
{
    struct stat st;
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "language model %s: %s", path,
                       strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 || st.st_size > 64 << 20) {
        close(fd);
        return err_set(e, ERR_CORRUPT, "language model %s is no file of a sane size", path);
    }
    void *map = map_file(fd, (size_t)st.st_size);
    close(fd);
    if (map == MAP_FAILED)
        return err_set(e, ERR_IO, "language model %s: %s", path, strerror(errno));
    struct language_model *m = mem_alloc(sizeof *m);
    m->map = map;
    m->size = (size_t)st.st_size;
    int rc = model_check(m, e);
    if (rc) {
        language_model_close(m);
        return rc;
    }
    *out = m;
    return 0;
}

void language_model_close(struct language_model *m)
{
    if (!m)
        return;
    munmap((void *)(uintptr_t)m->map, m->size + MAP_BEHIND);
    mem_free(m);
}

/* Weights are added eight at a time. A row may be shorter: what stands behind it is read too, and the lanes
 * beyond the classes are never looked at. map_file leaves room behind the last row. */
typedef int8_t lanes8 __attribute__((vector_size(8)));
typedef int16_t lanes16 __attribute__((vector_size(16)));

static inline lanes16 weights(const unsigned char *row)
{
    lanes8 w;
    memcpy(&w, row, sizeof w);
    return __builtin_convertvector(w, lanes16);
}

/* The row of an n-gram, or some other one with *met 0 instead of -1. Without a branch, since nothing could
 * foretell it: about half of the n-grams stand in their second place or nowhere. */
static inline const unsigned char *row_find(const unsigned char *rows, const struct language_model_table *t,
                                            uint64_t gram, int16_t *met)
{
    uint32_t place = language_model_place(gram, t->rows);
    const unsigned char *a = rows + (size_t)place * t->stride, *b = rows + (size_t)(place ^ 1) * t->stride;
    uint16_t mark_a, mark_b, want = language_model_mark(gram);
    memcpy(&mark_a, a, sizeof mark_a);
    memcpy(&mark_b, b, sizeof mark_b);
    *met = (int16_t) - ((mark_a == want) | (mark_b == want));
    return (mark_a == want ? a : b) + sizeof want;
}

static bool is_sure(const struct language_model_table *t, const int32_t *sum)
{
    int32_t best = INT32_MIN, second = INT32_MIN;
    for (unsigned c = 0; c < t->classes; c++) {
        int32_t lower = sum[c] < best ? sum[c] : best;
        second = lower > second ? lower : second;
        best = sum[c] > best ? sum[c] : best;
    }
    return t->scale * (float)(best - second) > SURE_NATS;
}

static void tally_word(const struct language_model *m, const struct language_word *w, struct tally *y)
{
    y->letters[w->script] += w->n;
    if (w->script >= LANGUAGE_TABLES)
        return;
    const struct language_model_table *t = &m->head.table[w->script];
    unsigned times = is_sure(t, y->sum[w->script]) ? SAMPLE : 1;
    if (++y->passed < times)
        return;
    y->passed = 0;
    uint64_t grams[LANGUAGE_GRAMS_MAX];
    unsigned n = language_word_grams(w, grams), missed = n;
    lanes16 low = {0}, high = {0}; /* LANGUAGE_GRAMS_MAX weights of at most 128 fit */
    for (unsigned i = 0; i < n; i++) {
        int16_t met;
        const unsigned char *row = row_find(m->map + t->offset, t, grams[i], &met);
        low += weights(row) & met;
        if (t->classes > 8)
            high += weights(row + 8) & met;
        missed -= met & 1;
    }
    for (unsigned c = 0; c < t->classes; c++)
        y->sum[w->script][c] += (int32_t)times * (c < 8 ? low[c] : high[c - 8]);
    if (w->script == LANGUAGE_ETHIOPIC)
        return; /* its many letters leave most n-grams unseen in every text */
    y->grams += times * n;
    y->missed += times * missed;
}

/* Log-probabilities of the columns of one script, given that the text is in it. */
static void posterior(const struct language_model_table *t, const int32_t *sum, float *out)
{
    float best = -INFINITY, total = 0;
    for (unsigned c = 0; c < t->classes; c++) {
        out[c] = t->scale * (float)sum[c];
        best = out[c] > best ? out[c] : best;
    }
    for (unsigned c = 0; c < t->classes; c++)
        total += expf(out[c] - best);
    best += logf(total);
    for (unsigned c = 0; c < t->classes; c++)
        out[c] -= best;
}

static float foreign(const struct tally *y, unsigned script)
{
    float cost = y->letters[script] ? 0 : NO_LETTER;
    for (unsigned s = 0; s < LANGUAGE_SCRIPTS; s++)
        cost += s == script ? 0 : foreign_cost[s] * (float)y->letters[s];
    return cost;
}

static float log_add(float a, float b)
{
    float high = a > b ? a : b, low = a > b ? b : a;
    return high + log1pf(expf(low - high));
}

/* The case for "none of ours": letters of other scripts; Cyrillic without Ukrainian's own letters, which are
 * 7 % of its text; n-grams that were never met, of which a text in one of our languages has about a tenth,
 * others a fifth. */
static float strange(const struct tally *y, const struct language_reader *r, const float *nats)
{
    float best = -INFINITY, letters = (float)y->letters[LANGUAGE_CYRILLIC];
    for (unsigned l = 0; l < LANGUAGE_COUNT; l++)
        best = nats[l] > best ? nats[l] : best;
    float other = -foreign(y, LANGUAGE_OTHER) - 5.0f;
    float cyrillic = nats[LANGUAGE_UK] + (r->cyrillic_ours      ? -6.0f
                                          : r->cyrillic_strange ? 6.0f
                                                                : 0.05f * letters - 3.0f);
    float unmet = best - 5.0f + UNMET * (0.69f * (float)y->missed - 0.118f * (float)(y->grams - y->missed));
    other = letters > 0 && cyrillic > other ? cyrillic : other;
    return unmet > other ? unmet : other;
}

static void combine(const struct language_model *m, const struct tally *y, const struct language_reader *r,
                    float *nats)
{
    for (unsigned l = 0; l <= LANGUAGE_COUNT; l++)
        nats[l] = -1e4f;
    for (unsigned s = 0; s < LANGUAGE_TABLES; s++) {
        float p[LANGUAGE_CLASSES_MAX], cost = foreign(y, s);
        posterior(&m->head.table[s], y->sum[s], p);
        for (unsigned c = 0; c < m->head.table[s].classes; c++) {
            float *at = &nats[column_language[s][c]];
            bool roman = s == LANGUAGE_LATIN && c >= LANGUAGE_FIRST_ROMAN;
            *at = log_add(*at, p[c] - cost - (roman ? ROMAN : 0));
        }
    }
    nats[LANGUAGE_UK] = -foreign(y, LANGUAGE_CYRILLIC);
    nats[LANGUAGE_UNKNOWN] = strange(y, r, nats);
}

bool language_score(const struct language_model *m, struct slice text, struct language_scores *out)
{
    struct language_reader r = {.text = text};
    struct language_word w;
    struct tally y = {0};
    memset(out, 0, sizeof *out);
    while (language_word_next(&r, &w))
        tally_word(m, &w, &y);
    if (!r.letters)
        return false;
    float nats[LANGUAGE_COUNT + 1], best = -INFINITY, low = -FLOOR_NATS(r.letters);
    combine(m, &y, &r, nats);
    for (unsigned l = 0; l <= LANGUAGE_COUNT; l++)
        best = nats[l] > best ? nats[l] : best;
    for (unsigned l = 0; l <= LANGUAGE_COUNT; l++) {
        float v = nats[l] - best;
        out->s[l] = (int16_t)lrintf((v < low ? low : v) * LANGUAGE_NAT);
    }
    out->letters = (uint16_t)r.letters;
    out->latin = (uint16_t)y.letters[LANGUAGE_LATIN];
    return true;
}
