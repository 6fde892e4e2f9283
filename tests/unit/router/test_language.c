/* SPDX-License-Identifier: Apache-2.0
 * Language: the texts of language_texts.tsv, sums over several messages, priors, damaged models. */
#include "router/language.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "tests/unit/test.h"
#include <fcntl.h>
#include <unistd.h>

#define MODEL "router/language.model"
#define TEXTS "tests/unit/router/language_texts.tsv"

static struct language_model *model(void)
{
    static struct language_model *m;
    struct err e = {0};
    if (!m && language_model_open(&m, MODEL, &e) != 0)
        TEST_FAIL("%s", e.text);
    return m;
}

static struct language_decision d;
static const char *detect(const char *text)
{
    language_detect(model(), slice_str(text), NULL, &d);
    return language_tag(d.language);
}

T(tags)
{
    EQ_STR(language_tag(LANGUAGE_CKB), "ckb");
    EQ_STR(language_tag(LANGUAGE_UNKNOWN), "und");
    EQ_STR(language_tag((enum language)99), "und");
    EQ_INT(language_find(SLICE("ar")), LANGUAGE_AR);
    EQ_INT(language_find(SLICE("AR-SY")), LANGUAGE_AR);
    EQ_INT(language_find(SLICE("fa-AF")), LANGUAGE_PRS);
    EQ_INT(language_find(SLICE("fa-Latn")), LANGUAGE_FA);
    EQ_INT(language_find(SLICE("ku")), LANGUAGE_KMR);
    EQ_INT(language_find(SLICE("de")), LANGUAGE_UNKNOWN);
    EQ_INT(language_find(SLICE("")), LANGUAGE_UNKNOWN);
}

/* Every sentence right; of single words and halves enough. */
T(own_sentences)
{
    FILE *f = fopen(TEXTS, "r");
    OK(f);
    char line[1000];
    unsigned n = 0, right = 0;
    while (fgets(line, sizeof line, f)) {
        struct slice rest = {line, strcspn(line, "\n")}, tag;
        if (line[0] == '#' || !slice_next(&rest, '\t', &tag))
            continue;
        language_detect(model(), rest, NULL, &d);
        bool latin = tag.n > 3 && memcmp(tag.p + tag.n - 5, "-Latn", 5) == 0;
        enum language want = language_find(tag), got = d.language == LANGUAGE_PRS ? LANGUAGE_FA : d.language;
        n++;
        right += got == (want == LANGUAGE_PRS ? LANGUAGE_FA : want) && d.latin == latin;
    }
    fclose(f);
    OK(n > 90);
    if (right < n - 1)
        TEST_FAIL("%u of %u sentences", right, n);
}

T(nothing_to_tell_by)
{
    static const char *const empty[] = {"",
                                        "  ",
                                        "12345",
                                        "٠١٢٣ ۴۵۶",
                                        "😀😀👍🏽",
                                        "https://example.org/path?q=hello",
                                        "a@b.org",
                                        "www.unhcr.org",
                                        "?!…،؟",
                                        "+90 555 123 45 67",
                                        "\xFF\xFE\x80",
                                        "@someone",
                                        "19"};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        struct language_scores s;
        if (language_score(model(), slice_str(empty[i]), &s) || s.letters)
            TEST_FAIL("scores: %s", empty[i]);
        EQ_STR(detect(empty[i]), "und");
        OK(!d.known && d.guesses == 0);
    }
}

T(others_are_not_ours)
{
    EQ_STR(detect("我想知道我的下一次预约是什么时候"), "und");
    EQ_STR(detect("मैं जानना चाहता हूँ कि मेरी अगली मुलाकात कब है"), "und");
    EQ_STR(detect("Когда мы увидимся? Мы были дома, но ты ушёл"), "und");
    EQ_STR(detect("Коли ми побачимося? Ми були вдома, але ти пішов"), "uk");
    OK(!d.latin);
}

T(names_in_latin_do_not_change_the_language)
{
    EQ_STR(detect("حسابي على WhatsApp لا يعمل"), "ar");
    EQ_STR(detect("ስልኬ Samsung Galaxy ነው እርዳታ እፈልጋለሁ"), "am");
    EQ_STR(detect("merhaba https://example.com/this-is-an-english-page nasılsınız"), "tr");
}

static void say(struct language_sums *sums, const char *text)
{
    struct language_scores s;
    language_score(model(), slice_str(text), &s);
    language_sums_add(sums, &s);
    language_decide(sums, NULL, &d);
}

T(a_sum_over_short_messages)
{
    struct language_sums sums = {0};
    language_decide(&sums, NULL, &d);
    EQ_INT(d.language, LANGUAGE_UNKNOWN);
    say(&sums, "سلام");
    say(&sums, "👍");
    say(&sums, "خوبی؟");
    say(&sums, "کمک می‌خواهم");
    OK(d.language == LANGUAGE_FA || d.language == LANGUAGE_PRS);
    OK(d.known);
    float before = d.confidence;
    say(&sums, "12345 https://example.org");
    OK(d.confidence == before);
}

T(who_changes_language_is_followed)
{
    struct language_sums sums = {0};
    for (int i = 0; i < 30; i++)
        say(&sums, "merhaba, randevumun ne zaman olduğunu öğrenmek istiyorum lütfen");
    EQ_STR(language_tag(d.language), "tr");
    int n = 0;
    for (; n < 10 && d.language != LANGUAGE_EN; n++)
        say(&sums, "can we speak English please, I do not understand this");
    OK(n <= 3);
    for (n = 0; n < 10 && d.language != LANGUAGE_AR; n++)
        say(&sums, "أهلا وسهلا");
    OK(n <= 6);
    OK(!d.latin);
    say(&sums,
        "salam baddi es2al 3an maw3ed el mo2abale bokra ya3ni, shu lazem e3mal 7atta jadded el kimlik");
    EQ_STR(language_tag(d.language), "ar");
    OK(d.latin);
}

T(sums_as_text)
{
    struct language_sums sums = {0}, back;
    char text[LANGUAGE_SUMS_TEXT];
    language_sums_write(&sums, text);
    OK(language_sums_read(&back, slice_str(text)));
    OK(memcmp(&sums, &back, sizeof sums) == 0);
    say(&sums, "Bonjour, merci de me dire quand aura lieu le rendez-vous");
    language_sums_write(&sums, text);
    OK(strlen(text) < LANGUAGE_SUMS_TEXT);
    OK(language_sums_read(&back, slice_str(text)));
    OK(memcmp(&sums, &back, sizeof sums) == 0);
    text[3] = '!';
    OK(!language_sums_read(&back, slice_str(text)));
    EQ_INT(back.letters, 0);
    OK(!language_sums_read(&back, SLICE("")));
    OK(!language_sums_read(&back, SLICE("B")));
    OK(!language_sums_read(&back, SLICE("A_____________________________________________________________")));
}

T(a_prior_narrows)
{
    struct language_sums sums = {0};
    struct language_prior p;
    say(&sums, "gracias amigo");
    EQ_STR(language_tag(d.language), "es");
    language_prior_restrict(&p, 1u << LANGUAGE_FR | 1u << LANGUAGE_AR, true);
    language_decide(&sums, &p, &d);
    OK(d.language == LANGUAGE_FR || d.language == LANGUAGE_UNKNOWN);
    for (unsigned i = 0; i < d.guesses; i++)
        OK(d.guess[i].language == LANGUAGE_FR || d.guess[i].language == LANGUAGE_AR);
    language_prior_restrict(&p, 0, true);
    language_decide(&sums, &p, &d);
    EQ_INT(d.language, LANGUAGE_UNKNOWN);
    /* Only Dari is served: Persian is called Dari. */
    struct language_sums persian = {0};
    say(&persian, "سلام می‌خواهم بدانم نوبت من کی است");
    language_prior_restrict(&p, 1u << LANGUAGE_PRS, true);
    language_decide(&persian, &p, &d);
    EQ_INT(d.language, LANGUAGE_PRS);
}

T(guesses_are_sorted)
{
    detect("salam");
    OK(d.guesses > 0);
    for (unsigned i = 1; i < d.guesses; i++)
        OK(d.guess[i - 1].confidence >= d.guess[i].confidence);
    OK(d.confidence >= 0 && d.confidence <= 1);
}

T(lines_for_the_tool)
{
    struct buf b;
    buf_init(&b, 1000);
    EQ_INT(language_detect_line(model(), SLICE("Thank you very much for your help"), &b), 0);
    EQ_INT(language_detect_line(model(), SLICE("12"), &b), 0);
    EQ_INT(language_detect_line(model(), SLICE("salam mikhastam bedunam parvandam be koja reside"), &b), 0);
    struct slice all = buf_view(&b), line;
    OK(slice_next(&all, '\n', &line) && slice_starts(line, "en\t"));
    OK(slice_next(&all, '\n', &line) && slice_is(line, "und\t0.00"));
    OK(slice_next(&all, '\n', &line) && slice_starts(line, "fa-Latn\t"));
    buf_clear(&b);
}

T(long_text_costs_no_more)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 10000; i++)
        buf_str(&b, "this is a sentence ");
    struct language_scores s;
    OK(language_score(model(), buf_view(&b), &s));
    OK(s.letters < 1000);
    buf_clear(&b);
}

/* ---- the model file ---- */

static char path[64];
static struct buf file = {.max = 8 << 20};

static int open_changed(size_t at, unsigned char flip, long cut)
{
    int fd = open(path, O_WRONLY | O_TRUNC);
    size_t n = cut < 0 ? file.n : (size_t)cut;
    file.p[at] = (char)(file.p[at] ^ flip);
    OK(write(fd, file.p, n) == (ssize_t)n);
    close(fd);
    file.p[at] = (char)(file.p[at] ^ flip);
    struct language_model *m;
    struct err e = {0};
    int rc = language_model_open(&m, path, &e);
    OK(rc == 0 ? m != NULL : m == NULL && e.text[0]);
    language_model_close(m);
    return rc;
}

T(a_damaged_model_is_refused)
{
    FILE *f = fopen(MODEL, "r");
    OK(f);
    size_t n;
    for (char *p; (p = buf_reserve(&file, 65536)) && (n = fread(p, 1, 65536, f)) > 0;)
        buf_commit(&file, n);
    fclose(f);
    snprintf(path, sizeof path, "/tmp/language-test-XXXXXX");
    close(mkstemp(path));
    EQ_INT(open_changed(0, 0, -1), 0);
    EQ_INT(open_changed(0, 1, -1), -ERR_CORRUPT);
    EQ_INT(open_changed(8, 2, -1), -ERR_UNSUPPORTED);
    for (size_t at = 12; at < 100; at++)
        EQ_INT(open_changed(at, 0x40, -1), -ERR_CORRUPT);
    EQ_INT(open_changed(file.n - 1, 1, -1), -ERR_CORRUPT);
    EQ_INT(open_changed(file.n / 2, 1, -1), -ERR_CORRUPT);
    EQ_INT(open_changed(0, 0, (long)file.n - 1), -ERR_CORRUPT);
    EQ_INT(open_changed(0, 0, 10), -ERR_CORRUPT);
    EQ_INT(open_changed(0, 0, 0), -ERR_CORRUPT);
    unlink(path);
    buf_clear(&file);
    struct language_model *m;
    EQ_INT(language_model_open(&m, "/nowhere/at/all", NULL), -ERR_NOT_FOUND);
    EQ_INT(language_model_open(&m, "/tmp", NULL), -ERR_CORRUPT);
}

TEST_MAIN
