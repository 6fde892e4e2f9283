/* SPDX-License-Identifier: Apache-2.0
 * Phrases are kept under their last word in a trie; the folded words of a text are walked through it, and
 * what stood before is compared with the rest of the phrase. */
#include "router/topic.h"
#include "router/fold.h"
#include "router/topic_word.h"
#include "gateway/base/mem.h"
#include <string.h>

#define PHRASE_WORDS 8
#define FOUND_MAX    64
#define NONE         UINT32_MAX

struct topic {
    char *id;
    struct topic_rule rule;
};

struct phrase {
    uint32_t topic, next; /* next phrase with the same last word, or NONE */
    enum language language;
    unsigned n;
    struct topic_word words[PHRASE_WORDS];
};

struct topic_table {
    struct topic *topics;
    struct phrase *phrases;
    uint32_t *first; /* per node: the phrases that end with its word */
    struct edge {
        uint32_t key, to;
    } * edges; /* open addressing; key: node << 8 | byte, to: 0 is free */
    uint32_t ntopics, nphrases, nnodes, nedges, cap_edges;
};

struct topic_table *topic_table_new(void)
{
    struct topic_table *t = mem_alloc(sizeof *t);
    t->first = mem_array(1, sizeof *t->first);
    t->first[0] = NONE;
    t->nnodes = 1;
    return t;
}

void topic_table_free(struct topic_table *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < t->ntopics; i++)
        mem_free(t->topics[i].id);
    mem_free(t->topics);
    mem_free(t->phrases);
    mem_free(t->first);
    mem_free(t->edges);
    mem_free(t);
}

unsigned topic_table_add(struct topic_table *t, struct slice id, const struct topic_rule *rule)
{
    t->topics = mem_realloc(t->topics, (t->ntopics + 1) * sizeof *t->topics);
    t->topics[t->ntopics] = (struct topic){slice_dup(id), *rule};
    return t->ntopics++;
}

static inline uint32_t edge_slot(const struct topic_table *t, uint32_t key)
{
    uint32_t i = (key * 2654435761u >> 7) & (t->cap_edges - 1);
    while (t->edges[i].to && t->edges[i].key != key)
        i = (i + 1) & (t->cap_edges - 1);
    return i;
}

static void edges_grow(struct topic_table *t)
{
    struct edge *old = t->edges;
    uint32_t n = t->cap_edges;
    t->cap_edges = n ? n * 2 : 256;
    t->edges = mem_array(t->cap_edges, sizeof *t->edges);
    for (uint32_t i = 0; i < n; i++)
        if (old[i].to)
            t->edges[edge_slot(t, old[i].key)] = old[i];
    mem_free(old);
}

static uint32_t node_add(struct topic_table *t, struct slice word)
{
    uint32_t node = 0;
    for (size_t i = 0; i < word.n; i++) {
        if (t->nedges * 2 >= t->cap_edges)
            edges_grow(t);
        uint32_t key = node << 8 | (unsigned char)word.p[i], slot = edge_slot(t, key);
        if (!t->edges[slot].to) {
            err_assert(t->nnodes < 1u << 24);
            t->first = mem_realloc(t->first, (t->nnodes + 1) * sizeof *t->first);
            t->first[t->nnodes] = NONE;
            t->edges[slot] = (struct edge){key, t->nnodes++};
            t->nedges++;
        }
        node = t->edges[slot].to;
    }
    return node;
}

static uint32_t node_next(const struct topic_table *t, uint32_t node, char c)
{
    return t->cap_edges ? t->edges[edge_slot(t, node << 8 | (unsigned char)c)].to : 0;
}

struct phrase_words {
    struct phrase *phrase;
    bool too_long;
};

static void phrase_word(void *arg, struct slice word)
{
    struct phrase_words *w = arg;
    if (w->phrase->n == PHRASE_WORDS)
        w->too_long = true;
    else
        topic_word_set(&w->phrase->words[w->phrase->n++], word, w->phrase->language);
}

int topic_table_phrase(struct topic_table *t, unsigned topic, enum language l, struct slice text,
                       struct err *e)
{
    struct phrase p = {.topic = topic, .language = l};
    struct phrase_words w = {&p, false};
    err_assert(topic < t->ntopics);
    fold_words(text, phrase_word, &w);
    if (w.too_long)
        return err_set(e, ERR_TOO_LARGE, "a phrase has at most %d words", PHRASE_WORDS);
    if (!p.n)
        return err_set(e, ERR_INVALID, "nothing of it is a word");
    const struct topic_word *last = &p.words[p.n - 1];
    uint32_t node = node_add(t, slice_of(last->s, last->n));
    p.next = t->first[node];
    t->first[node] = t->nphrases;
    t->phrases = mem_realloc(t->phrases, (t->nphrases + 1) * sizeof *t->phrases);
    t->phrases[t->nphrases++] = p;
    return 0;
}

struct search {
    const struct topic_table *t;
    struct slice words[PHRASE_WORDS]; /* the newest ones, in a ring */
    size_t seen;
    uint32_t found[FOUND_MAX];
    unsigned nfound;
    struct topic_rule rule; /* the strictest of all */
};

/* The word that stands `back` words before the newest. */
static struct slice word_back(const struct search *s, size_t back)
{
    return s->words[(s->seen - 1 - back) % PHRASE_WORDS];
}

static bool phrase_stands(const struct search *s, const struct phrase *p)
{
    if (p->n > s->seen)
        return false;
    for (unsigned k = 0; k < p->n; k++)
        if (!topic_word_fits(&p->words[p->n - 1 - k], word_back(s, k), p->language))
            return false;
    return true;
}

static void search_found(struct search *s, uint32_t phrase)
{
    const struct topic_rule *r = &s->t->topics[s->t->phrases[phrase].topic].rule;
    s->rule.clearance = r->clearance > s->rule.clearance ? r->clearance : s->rule.clearance;
    s->rule.priority = r->priority > s->rule.priority ? r->priority : s->rule.priority;
    s->rule.no_last_agent = s->rule.no_last_agent || r->no_last_agent;
    for (unsigned i = 0; i < s->nfound; i++)
        if (s->found[i] == phrase)
            return;
    if (s->nfound < FOUND_MAX)
        s->found[s->nfound++] = phrase;
}

static void search_from(struct search *s, struct slice word, size_t start)
{
    uint32_t node = 0;
    for (size_t i = start; i < word.n; i++) {
        node = node_next(s->t, node, word.p[i]);
        if (!node)
            return;
        for (uint32_t p = s->t->first[node]; p != NONE; p = s->t->phrases[p].next)
            if (phrase_stands(s, &s->t->phrases[p]))
                search_found(s, p);
    }
}

static void search_word(struct search *s, struct slice word)
{
    size_t starts[TOPIC_WORD_STARTS];
    s->words[s->seen++ % PHRASE_WORDS] = word;
    unsigned n = topic_word_starts(word, starts);
    for (unsigned i = 0; i < n; i++)
        search_from(s, word, starts[i]);
}

static bool language_same(enum language a, enum language b)
{
    if (a == LANGUAGE_PRS)
        a = LANGUAGE_FA;
    return a == (b == LANGUAGE_PRS ? LANGUAGE_FA : b) && a != LANGUAGE_UNKNOWN;
}

/* What was found of one topic. */
static struct topic_match weigh(const struct search *s, uint32_t topic, enum language l)
{
    struct topic_match m = {.id = s->t->topics[topic].id,
                            .rule.clearance = s->t->topics[topic].rule.clearance};
    for (unsigned i = 0; i < s->nfound; i++) {
        const struct phrase *p = &s->t->phrases[s->found[i]];
        if (p->topic != topic)
            continue;
        m.hits++;
        m.words = p->n > m.words ? p->n : m.words;
        m.own_language = m.own_language || language_same(p->language, l);
    }
    return m;
}

/* Equally well: the more confidential one, whatever the order of the document. */
static bool better(const struct topic_match *a, const struct topic_match *b)
{
    if (a->words != b->words)
        return a->words > b->words;
    if (a->own_language != b->own_language)
        return a->own_language;
    if (a->hits != b->hits)
        return a->hits > b->hits;
    return a->rule.clearance > b->rule.clearance;
}

bool topic_match(const struct topic_table *t, const struct slice *words, size_t n, enum language l,
                 struct topic_match *out)
{
    struct search s;
    s.t = t;
    s.seen = 0;
    s.nfound = 0;
    s.rule = (struct topic_rule){.priority = -1};
    *out = (struct topic_match){.id = ""};
    for (size_t i = 0; t->nphrases && i < n; i++)
        search_word(&s, words[i]);
    uint32_t best = NONE;
    for (unsigned i = 0; i < s.nfound; i++) {
        uint32_t topic = t->phrases[s.found[i]].topic;
        struct topic_match m = weigh(&s, topic, l);
        if (!*m.id)
            continue;
        bool first = best == NONE || (topic < best && !better(out, &m));
        if (first || better(&m, out)) {
            *out = m;
            best = topic;
        }
    }
    out->rule = s.rule;
    return best != NONE;
}
