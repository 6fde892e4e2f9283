/* SPDX-License-Identifier: Apache-2.0
 * The audit's chain: 10,000 random tamperings, each of which must be found. */
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "store/audit_chain.h"
#include "tests/unit/test.h"

#define LINES  40
#define SEALS  8
#define FIELDS 4

/* A chain in memory, as the two streams are in Redis: lines in order, seals in order. */
struct line {
    char id[16];
    char text[FIELDS][16];
    struct slice fields[FIELDS];
};
struct chain {
    struct line lines[LINES * 2];
    size_t lines_n;
    struct audit_seal seals[SEALS + 2];
    char last[SEALS + 2][16];
    size_t seals_n;
};

static uint64_t state;
static uint64_t rnd(uint64_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % n;
}

static struct audit_line_raw raw(struct line *l)
{
    for (size_t i = 0; i < FIELDS; i++)
        l->fields[i] = slice_str(l->text[i]);
    return (struct audit_line_raw){slice_str(l->id), l->fields, FIELDS};
}

/* Seals everything, some lines at a time, from nothing. */
static void seal_all(struct chain *c)
{
    struct audit_sum sum = {0};
    unsigned char hash[AUDIT_HASH] = {0};
    uint64_t total = 0;
    c->seals_n = 0;
    for (size_t at = 0; c->seals_n < SEALS; c->seals_n++) {
        size_t n = LINES / SEALS;
        audit_sum_begin(&sum, hash);
        for (size_t i = 0; i < n; i++, at++) {
            struct audit_line_raw l = raw(&c->lines[at]);
            audit_sum_line(&sum, &l);
        }
        struct audit_seal *s = &c->seals[c->seals_n];
        audit_sum_end(&sum, c->seals_n + 1, total, s);
        memcpy(c->last[c->seals_n], c->lines[at - 1].id, 16);
        total = s->total;
        memcpy(hash, s->hash, AUDIT_HASH);
    }
    audit_sum_clear(&sum);
}

static void make(struct chain *c)
{
    memset(c, 0, sizeof *c);
    for (; c->lines_n < LINES; c->lines_n++) {
        struct line *l = &c->lines[c->lines_n];
        snprintf(l->id, sizeof l->id, "%zu-0", 1000 + 10 * c->lines_n);
        for (size_t i = 0; i < FIELDS; i++)
            snprintf(l->text[i], sizeof l->text[i], "v%llu", (unsigned long long)rnd(1000));
    }
    seal_all(c);
}

static long number(const char *id)
{
    return strtol(id, NULL, 10);
}

/* Reads the chain as store_audit_verify does: of each seal the lines behind the last one's, up to its own
 * last, at most one too many. */
static bool verify(struct chain *c, const unsigned char *expect)
{
    struct audit_walk w;
    long after = -1;
    audit_walk_begin(&w, expect);
    for (size_t s = 0; s < c->seals_n; s++) {
        c->seals[s].last = slice_str(c->last[s]);
        uint64_t n = 0;
        bool good = audit_walk_seal(&w, &c->seals[s]);
        for (size_t i = 0; good && i < c->lines_n; i++) {
            if (number(c->lines[i].id) <= after || number(c->lines[i].id) > number(c->last[s]) ||
                n++ > c->seals[s].lines)
                continue;
            struct audit_line_raw l = raw(&c->lines[i]);
            good = audit_walk_line(&w, &l);
        }
        if (!good || !audit_walk_seal_end(&w))
            break;
        after = number(c->last[s]);
    }
    bool intact = audit_walk_end(&w);
    audit_walk_clear(&w);
    return intact;
}

static void tamper(struct chain *c)
{
    size_t a = rnd(c->lines_n), b = rnd(c->seals_n);
    switch (rnd(9)) {
    case 0: { /* an edited field */
        char *p = c->lines[a].text[rnd(FIELDS)];
        p[rnd(strlen(p))] ^= (char)(1 << rnd(5));
        break;
    }
    case 1: /* a line is gone */
        memmove(&c->lines[a], &c->lines[a + 1], (c->lines_n - a - 1) * sizeof *c->lines);
        c->lines_n--;
        break;
    case 2: /* two lines change places, with their ids or without */
    {
        size_t d = (a + 1) % c->lines_n;
        struct line x = c->lines[a], y = c->lines[d];
        memcpy(c->lines[a].text, y.text, sizeof x.text);
        memcpy(c->lines[d].text, x.text, sizeof x.text);
        if (memcmp(x.text, y.text, sizeof x.text) == 0)
            c->lines[a].text[0][0] = 'w';
        break;
    }
    case 3: /* an inserted line, before what is sealed ends */
        memmove(&c->lines[a + 1], &c->lines[a], (c->lines_n - a) * sizeof *c->lines);
        c->lines_n++;
        snprintf(c->lines[a].id, sizeof c->lines[a].id, "%ld-0",
                 number(c->lines[a + 1].id) - 1 - (long)rnd(9));
        break;
    case 4: /* a seal's hash, count or place */
        c->seals[b].hash[rnd(AUDIT_HASH)] ^= (unsigned char)(1 << rnd(8));
        break;
    case 5:
        *(rnd(2) ? &c->seals[b].lines : &c->seals[b].total) += 1 + rnd(3);
        break;
    case 6: /* a seal is gone, but not the last (that is a cut) */
        b = rnd(c->seals_n - 1);
        memmove(&c->seals[b], &c->seals[b + 1], (c->seals_n - b - 1) * sizeof *c->seals);
        memmove(&c->last[b], &c->last[b + 1], (c->seals_n - b - 1) * sizeof *c->last);
        c->seals_n--;
        break;
    case 7: /* the tail of the lines is cut */
        c->lines_n -= 1 + rnd(5);
        break;
    default: /* a seal says it ends elsewhere */
        snprintf(c->last[b], sizeof c->last[b], "%ld-0", number(c->last[b]) + (rnd(2) ? 5 : -5));
        break;
    }
}

T(an_untouched_chain_is_intact)
{
    struct chain *c = mem_alloc(sizeof *c);
    make(c);
    OK(verify(c, NULL));
    OK(verify(c, c->seals[SEALS - 1].hash));
    OK(verify(c, c->seals[2].hash));
    unsigned char other[AUDIT_HASH] = {1};
    OK(!verify(c, other));
    mem_free(c);
}

T(every_tampering_is_found)
{
    struct chain *good = mem_alloc(sizeof *good), *c = mem_alloc(sizeof *c);
    state = text_random_u64();
    printf("seed %llu\n", (unsigned long long)state);
    make(good);
    for (int i = 0; i < 10000; i++) {
        memcpy(c, good, sizeof *c);
        tamper(c);
        if (verify(c, NULL))
            TEST_FAIL("tampering %d was not found", i);
    }
    mem_free(good);
    mem_free(c);
}

T(cut_and_rewritten_chains_are_found_by_a_root_that_was_written_down)
{
    struct chain *good = mem_alloc(sizeof *good), *c = mem_alloc(sizeof *c);
    make(good);
    for (size_t cut = 1; cut <= SEALS; cut++) { /* seals and their lines */
        memcpy(c, good, sizeof *c);
        c->seals_n -= cut;
        c->lines_n -= cut * (LINES / SEALS);
        OK(verify(c, NULL));
        OK(!verify(c, good->seals[SEALS - 1].hash));
    }
    for (size_t i = 0; i < LINES; i++) { /* a whole new chain over an edited line */
        memcpy(c, good, sizeof *c);
        c->lines[i].text[1][0] = 'w';
        seal_all(c);
        OK(verify(c, NULL));
        OK(!verify(c, good->seals[SEALS - 1].hash));
    }
    mem_free(good);
    mem_free(c);
}

TEST_MAIN
