/* SPDX-License-Identifier: Apache-2.0
 * Flows: what is refused and where, expressions, steps, and the shipped flow in each of its languages. */
#include "gateway/base/mem.h"
#include "router/flow/flow_internal.h"
#include "tests/unit/test.h"

#define U(n)     "00000000-0000-4000-8000-0000000000" n
#define EXIT(to) "[{\"uuid\":\"" U("ee") "\",\"name\":\"x\",\"default\":true,\"destination_block\":" to "}]"

static const char *const served[] = {"en", "ar", "fa", "prs", "ps", "ur", "so", "fr", "tr", NULL};

static struct slice own_text(void *arg, const char *language, const char *key)
{
    (void)arg;
    if (strcmp(key, "flow.person_words") == 0)
        return strcmp(language, "ar") == 0 ? SLICE("موظف|شخص") : SLICE("person|a human|agent");
    if (strcmp(key, "flow.not_understood") == 0)
        return SLICE("again");
    return strcmp(key, "flow.handed_over") == 0 ? SLICE("over") : SLICE("");
}

static struct flow_world world(void)
{
    return (struct flow_world){.languages = served, .text = own_text, .language = "", .name = ""};
}

static json_t *parse(const char *text)
{
    struct err e = {0};
    json_t *v = json_parse(slice_str(text), 32, &e);
    if (!v)
        fprintf(stderr, "%s\n", e.text);
    OK(v);
    return v;
}

/* Blocks and resources within a container that is right otherwise. */
static char *with(const char *blocks, const char *resources)
{
    static char text[20000];
    snprintf(
        text, sizeof text,
        "{\"specification_version\":\"1.0.0-rc4\",\"uuid\":\"" U(
            "aa") "\",\"name\":\"t\",\"resources\":[%s],"
                  "\"flows\":[{\"uuid\":\"" U("f1") "\",\"name\":\"f\",\"languages\":[{\"id\":\"eng\"}],"
                                                    "\"first_block_id\":\"" U("01") "\",\"blocks\":[%s]}]}",
        resources, blocks);
    return text;
}

static struct flow *load(const char *text)
{
    struct err e = {0};
    json_t *v = parse(text);
    struct flow *f = flow_load(v, &e);
    json_decref(v);
    if (!f)
        fprintf(stderr, "%s\n", e.text);
    OK(f);
    return f;
}

static json_t *run, *out;

static json_t *step(const struct flow *f, const struct flow_world *w, const char *text, const char *choice)
{
    struct flow_input in = {
        .start = text == NULL && choice == NULL, .text = slice_str(text), .choice = slice_str(choice)};
    json_t *before = out; /* the input may be of it */
    out = flow_step(f, w, &in, run);
    json_decref(before);
    return out;
}

static void fresh(void)
{
    json_decref(run);
    json_decref(out);
    run = json_object();
    out = NULL;
}

static void clean(struct flow **f)
{
    flow_free(f);
    json_decref(run);
    json_decref(out);
    run = out = NULL;
}

static const char *said(size_t i)
{
    return flow_string(json_array_get(json_object_get(out, "say"), i), "text");
}

static const char *why(void)
{
    return flow_string(json_object_get(out, "hand_over"), "why");
}

/* ---- what is refused ---- */

struct found {
    char at[200], text[200];
    int n;
};

static void note(void *arg, const char *at, const char *text)
{
    struct found *f = arg;
    if (f->n++ == 0) {
        snprintf(f->at, sizeof f->at, "%s", at);
        snprintf(f->text, sizeof f->text, "%s", text);
    }
}

static void refused(const char *text, const char *at)
{
    struct found f = {.n = 0};
    json_t *v = parse(text);
    OK(!flow_check(v, note, &f));
    EQ_STR(f.at, at);
    json_decref(v);
}

#define MESSAGE                                                                                              \
    "{\"uuid\":\"" U("01") "\",\"name\":\"m\",\"type\":\"MobilePrimitives.Message\",\"config\":{\"prompt\":" \
                           "\"hi\"},\"exits\":" EXIT("null") "}"

T(a_container_that_is_right)
{
    json_t *v = parse(with(MESSAGE, ""));
    OK(flow_check(v, NULL, NULL));
    json_decref(v);
}

T(problems_have_their_place)
{
    refused("[]", "/");
    refused("{\"specification_version\":\"1.0.0\"}", "/specification_version");
    refused(with("{\"uuid\":\"" U("01") "\",\"name\":\"m\",\"type\":\"Core.Fly\",\"exits\":" EXIT("null") "}",
                 ""),
            "/flows/0/blocks/0/type");
    refused(with("{\"uuid\":\"x\",\"name\":\"m\",\"type\":\"Core.Case\",\"exits\":" EXIT("null") "}", ""),
            "/flows/0/blocks/0/uuid");
    refused(with("{\"uuid\":\"" U("01") "\",\"name\":\"m\",\"type\":\"MobilePrimitives.Message\",\"config\":{"
                                        "\"prompt\":\"" U("99") "\"},\"exits\":" EXIT("null") "}",
                 ""),
            "/flows/0/blocks/0/config/prompt");
    refused(with("{\"uuid\":\"" U("01") "\",\"name\":\"m\",\"type\":\"Core.Case\",\"exits\":[{\"uuid\":\"" U(
                     "ee") "\",\"test\":\"1 +\"},{\"uuid\":\"" U("ef") "\",\"default\":true}]}",
                 ""),
            "/flows/0/blocks/0/exits/0/test");
    refused(with("{\"uuid\":\"" U("01") "\",\"name\":\"m\",\"type\":\"Core.Case\",\"exits\":[{\"uuid\":\"" U(
                     "ee") "\",\"test\":\"1 = 1\"}]}",
                 ""),
            "/flows/0/blocks/0/exits");
    refused(with("{\"uuid\":\"" U("01") "\",\"name\":\"m\",\"type\":\"Core.RunFlow\",\"config\":{\"flow_id\":"
                                        "\"q\"},\"exits\":" EXIT("null") "}",
                 ""),
            "/flows/0/blocks/0/config/flow_id");
    refused(with("{\"uuid\":\"" U(
                     "01") "\",\"name\":\"m\",\"type\":\"Parley.HandOver\",\"config\":{\"tpic\":\"q\"}}",
                 ""),
            "/flows/0/blocks/0/config/tpic");
    refused(with("{\"uuid\":\"" U("01") "\",\"name\":\"m\",\"type\":\"Core.Case\",\"exits\":" EXIT(
                     "\"" U("77") "\"") "}",
                 ""),
            "/flows/0/blocks/0/exits/0/destination_block");
    refused(
        with("{\"uuid\":\"" U("02") "\",\"name\":\"m\",\"type\":\"Core.Case\",\"exits\":" EXIT("null") "}",
             ""),
        "/flows/0/first_block_id");
    /* A resource without a text in a language of the flow. */
    refused(with("{\"uuid\":\"" U("01") "\",\"name\":\"m\",\"type\":\"MobilePrimitives.Message\",\"config\":{"
                                        "\"prompt\":\"" U("99") "\"},\"exits\":" EXIT("null") "}",
                 "{\"uuid\":\"" U("99") "\",\"values\":[{\"language_id\":\"ara\",\"content_type\":\"TEXT\","
                                        "\"modes\":[\"TEXT\"],\"value\":\"x\"}]}"),
            "/flows/0/blocks/0/config/prompt");
}

/* ---- expressions ---- */

static bool holds(const char *expression)
{
    static const struct flow_world *w;
    struct flow_world here = world();
    struct flow_value v;
    const char *because;
    w = &here;
    json_t *r = parse("{\"language\":\"ar\",\"contact\":{\"age\":\"۱۷\",\"gender\":\"Female\"},"
                      "\"results\":{\"n\":{\"value\":5},\"m\":{\"value\":\"yes\",\"response\":\"1\"}}}");
    struct flow_go g = {.w = w, .run = r, .a = arena_new(), .response = SLICE("١٢")};
    bool ok = flow_eval(&g, slice_str(expression), g.a, &v, &because), yes = flow_truth(&v);
    if (!ok)
        fprintf(stderr, "%s: %s\n", expression, because);
    arena_free(&g.a);
    json_decref(r);
    OK(ok);
    return yes;
}

T(comparisons_and_variables)
{
    OK(holds("1 < 2") && !holds("2 < 1") && holds("2 >= 2") && holds("1 <> 2") && holds("1 != 2"));
    OK(holds("contact.age < 18") && !holds("contact.age >= 18"));
    OK(holds("contact.gender = 'female'") && holds("CONTACT.GENDER = \"FEMALE\""));
    OK(holds("block.response = 12") && holds("@(block.response = 12)"));
    OK(holds("flow.n = 5") && holds("flow.n.value = 5") && holds("results.n > 4") &&
       holds("run.results.n = 5"));
    OK(holds("results.m.response = 1") && holds("results.m = 'yes'"));
}

T(functions_and_signs)
{
    OK(holds("AND(1 = 1, OR(FALSE, TRUE), NOT(1 = 2))") && !holds("and(1 = 1, 1 = 2)"));
    OK(holds("contact.none = NULL") && !holds("contact.none = 'x'") && holds("contact.none <> 'x'"));
    OK(holds("1 + 2 * 3 = 7") && holds("(1 + 2) * 3 = 9") && holds("-1 < 0") && holds("7 / 2 = 3.5"));
    OK(holds("'a' & 'b' = 'ab'") && holds("IF(1 = 1, TRUE, FALSE)") && holds("CONTAINS('foo', 'a FOO b')"));
    OK(holds("flow.language = 'ar'") && holds("contact.language = 'ar'") && holds("flow.mode = 'TEXT'"));
    OK(holds("LEN('مرحبا') = 5") && holds("ISNUMBER('٤')") && !holds("ISNUMBER('x')"));
    OK(!holds("1 / 0 = 1") && !holds("NULL") && !holds("''") && !holds("'0'"));
}

T(expressions_that_are_none)
{
    static const char *const wrong[] = {"",       "1 +",  "(1",    "'x",        "foo.bar",
                                        "FLY(1)", "1 1",  "AND()", "NOT(1, 2)", "1 ~ 2",
                                        "a",      "NOT(", "1..2",  ")",         "contact.x )"};
    struct flow_value v;
    const char *because;
    struct arena *a = arena_new();
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        bool ok = flow_eval(NULL, slice_str(wrong[i]), a, &v, &because);
        if (ok || !because)
            fprintf(stderr, "%s\n", wrong[i]);
        OK(!ok && because);
    }
    char deep[200];
    memset(deep, '(', 199);
    deep[199] = '\0';
    OK(!flow_eval(NULL, slice_str(deep), a, &v, &because));
    arena_free(&a);
}

T(numbers_in_all_digits)
{
    double d;
    OK(flow_number(SLICE("١٢٣"), &d) && d == 123);
    OK(flow_number(SLICE("۱۲۳"), &d) && d == 123);
    OK(flow_number(SLICE(" 12\xe2\x80\x8f "), &d) && d == 12);
    OK(flow_number(SLICE("-3.5"), &d) && d == -3.5);
    OK(flow_number(SLICE("٣٫٥"), &d) && d == 3.5);
    OK(!flow_number(SLICE("12 3"), &d) && !flow_number(SLICE("a1"), &d) && !flow_number(SLICE(""), &d));
    OK(!flow_number(SLICE("1e5"), &d) && !flow_number(SLICE("0x10"), &d) && !flow_number(SLICE("1.2.3"), &d));
}

/* ---- steps ---- */

#define ONE(id, exits)                                                                                       \
    "{\"uuid\":\"" U(id) "\",\"name\":\"q" id                                                                \
                         "\",\"type\":\"MobilePrimitives.SelectOneResponse\",\"config\":"                    \
                         "{\"prompt\":\"which\",\"choices\":[{\"name\":\"yes\",\"prompt\":\"Yes!\"},{"       \
                         "\"name\":\"no\",\"prompt\":"                                                       \
                         "\"No\",\"test\":\"block.response = 'nope'\"}]},\"exits\":" exits "}"
#define SAY(id, text, to)                                                                                    \
    "{\"uuid\":\"" U(id) "\",\"name\":\"s" id                                                                \
                         "\",\"type\":\"MobilePrimitives.Message\",\"config\":{\"prompt\":\"" text           \
                         "\"},\"exits\":" EXIT(to) "}"
#define AT(id) "\"" U(id) "\""

T(a_question_and_its_answers)
{
    static const struct {
        const char *text, *choice, *want;
    } tries[] = {{"1", NULL, "yes"},  {"٢", NULL, "no"},     {"۲.", NULL, "no"}, {" yes! ", NULL, "yes"},
                 {"NO", NULL, "no"},  {"nope", NULL, "no"},  {NULL, "no", "no"}, {"(1)", NULL, "yes"},
                 {"3", NULL, NULL},   {"maybe", NULL, NULL}, {NULL, "xx", NULL}, {"", NULL, NULL},
                 {"1 2", NULL, NULL}, {"?", NULL, NULL}};
    struct flow *f = load(
        with(ONE("01", EXIT(AT("02"))) "," SAY("02", "you said @results.q01, @@x @nobody.x", "null"), ""));
    struct flow_world w = world();
    for (size_t i = 0; i < sizeof tries / sizeof tries[0]; i++) {
        fresh();
        step(f, &w, NULL, NULL);
        EQ_STR(said(0), "which");
        EQ_STR(flow_string(out, "expects"), "one");
        EQ_INT(json_array_size(json_object_get(json_array_get(json_object_get(out, "say"), 0), "choices")),
               2);
        step(f, &w, tries[i].text ? tries[i].text : "", tries[i].choice);
        if (tries[i].want) {
            char want[80];
            snprintf(want, sizeof want, "you said %s, @x @nobody.x", tries[i].want);
            EQ_STR(said(0), want);
            EQ_STR(why(), "end");
        } else {
            EQ_STR(said(0), "again\nwhich");
            EQ_STR(why(), "");
            step(f, &w, tries[i].text ? tries[i].text : "", tries[i].choice);
            EQ_STR(why(), "not_understood");
        }
    }
    clean(&f);
}

T(what_is_understood_starts_counting_anew)
{
    struct flow *f = load(with(ONE("01", EXIT(AT("02"))) "," ONE("02", EXIT(AT("01"))), ""));
    struct flow_world w = world();
    fresh();
    step(f, &w, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        step(f, &w, "what", NULL);
        EQ_STR(why(), "");
        step(f, &w, "1", NULL);
        EQ_STR(why(), "");
    }
    clean(&f);
}

T(a_person_can_always_be_reached)
{
    static const char *const wishes[] = {"0",   "٠",      "۰",        "person", "I want a human!",
                                         "شخص", "PERSON", "أريد موظف"};
    struct flow *f = load(with(ONE("01", EXIT("null")), ""));
    struct flow_world w = world();
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        fresh();
        step(f, &w, NULL, NULL);
        step(f, &w, wishes[i], NULL);
        EQ_STR(why(), "asked");
        EQ_STR(said(0), "over");
    }
    clean(&f);
}

T(texts_and_numbers)
{
    struct flow *f = load(with(
        "{\"uuid\":\"" U(
            "01") "\",\"name\":\"age\",\"type\":\"MobilePrimitives.NumericResponse\",\"config\":{\"prompt\":"
                  "\"age\","
                  "\"validation_minimum\":0,\"validation_maximum\":120,\"set_contact_property\":[{\"property_"
                  "key\":\"age\",\"property_value\":\"block.value\"}]},"
                  "\"exits\":" EXIT(AT(
                      "02")) "},"
                             "{\"uuid\":\"" U(
                                 "02") "\",\"name\":\"story\",\"type\":\"MobilePrimitives."
                                       "OpenResponse\",\"config\":{\"prompt\":\"tell\"},"
                                       "\"exits\":" EXIT(AT(
                                           "03")) "},"
                                                  "{\"uuid\":\"" U(
                                                      "03") "\",\"name\":\"o\","
                                                            "\"type\":\"Core."
                                                            "Output\",\"config\":{"
                                                            "\"value\":\"results."
                                                            "age + "
                                                            "1\"},\"exits\":" EXIT(
                                                                AT(
                                                                    "04")) "},"
                                                                           "{\"uuid\":"
                                                                           "\"" U(
                                                                               "04") "\",\"name\":\"c\","
                                                                                     "\"type\":\"Core."
                                                                                     "Case\",\"exits\":[{"
                                                                                     "\"uuid\":\"" U("e1") "\",\"test\":\"contact.age < 18\",\"destination_block\":" AT(
                                                                                         "05") "}"
                                                                                               ","
                                                                                               "{"
                                                                                               "\"uuid\":"
                                                                                               "\"" U("e2") "\",\"default\":true}]}," SAY(
                                                                                                   "05",
                                                                                                   "@("
                                                                                                   "results"
                                                                                                   ".o & "
                                                                                                   "'!') "
                                                                                                   "@result"
                                                                                                   "s."
                                                                                                   "story",
                                                                                                   "null"),
        ""));
    struct flow_world w = world();
    fresh();
    step(f, &w, NULL, NULL);
    EQ_STR(flow_string(out, "expects"), "number");
    step(f, &w, "121", NULL);
    EQ_STR(said(0), "again\nage");
    step(f, &w, "٠", NULL); /* a zero that the question takes */
    EQ_STR(said(0), "tell");
    EQ_INT(json_opt_int(json_object_get(out, "contact"), "age", -1), 0);
    step(f, &w, "a person hit me", NULL); /* an answer, not a wish */
    EQ_STR(said(0), "1! a person hit me");
    EQ_STR(why(), "end");
    fresh();
    step(f, &w, NULL, NULL);
    step(f, &w, "44", NULL);
    step(f, &w, " Person ", NULL);
    EQ_STR(why(), "asked");
    fresh();
    step(f, &w, NULL, NULL);
    step(f, &w, "44", NULL);
    struct flow_input file = {.text = SLICE(""), .other = true};
    json_decref(out);
    out = flow_step(f, &w, &file, run);
    EQ_STR(why(), "end"); /* grown up: nothing more is said */
    clean(&f);
}

T(flows_within_flows)
{
    static char text[8000];
    snprintf(
        text, sizeof text,
        "{\"specification_version\":\"1.0.0-rc4\",\"uuid\":\"" U(
            "aa") "\",\"name\":\"t\",\"flows\":["
                  "{\"uuid\":\"" U(
                      "f1") "\",\"name\":\"f\",\"languages\":[{\"id\":\"en\"}],\"first_block_"
                            "id\":" AT(
                                "01") ",\"blocks\":["
                                      "{\"uuid\":" AT(
                                          "01") ",\"name\":\"r\",\"type\":\"Core."
                                                "RunFlow\",\"config\":{\"flow_"
                                                "id\":" AT("f2") "},\"exits\":" EXIT(AT("02")) "}," SAY(
                                                    "02", "back @results.q03",
                                                    "null") "]},"
                                                            "{\"uuid\":\"" U(
                                                                "f2") "\",\"name\":\"g\",\"languages\":[{"
                                                                      "\"id\":\"en\"}],\"first_block_"
                                                                      "id\":" AT("03") ",\"blocks\":"
                                                                                       "[" ONE(
                                                                                           "03",
                                                                                           EXIT("n"
                                                                                                "u"
                                                                                                "l"
                                                                                                "l")) "]}]}");
    struct flow *f = load(text);
    struct flow_world w = world();
    fresh();
    step(f, &w, NULL, NULL);
    EQ_STR(said(0), "which");
    step(f, &w, "2", NULL);
    EQ_STR(said(0), "back no");
    EQ_STR(why(), "end");
    clean(&f);
}

T(loops_end)
{
    struct flow_world w = world();
    struct flow *f = load(with(
        "{\"uuid\":" AT("01") ",\"name\":\"c\",\"type\":\"Core.Case\",\"exits\":" EXIT(AT("01")) "}", ""));
    fresh();
    step(f, &w, NULL, NULL);
    EQ_STR(why(), "loop");
    clean(&f);
    f = load(with(SAY("01", "on and on", AT("01")), ""));
    fresh();
    step(f, &w, NULL, NULL);
    EQ_STR(why(), "loop");
    OK(json_array_size(json_object_get(out, "say")) <= FLOW_SAYS + 1);
    clean(&f);
    f = load(
        with("{\"uuid\":" AT("01") ",\"name\":\"r\",\"type\":\"Core.RunFlow\",\"config\":{\"flow_id\":" AT(
                 "f1") "},\"exits\":" EXIT("null") "}",
             ""));
    fresh();
    step(f, &w, NULL, NULL);
    EQ_STR(why(), "loop");
    clean(&f);
}

T(what_does_not_fit_is_handed_over)
{
    struct flow_world w = world();
    struct flow *f = load(with(ONE("01", EXIT("null")), ""));
    static const char *const runs[] = {
        "{}", "{\"stack\":5}", "{\"stack\":[]}", "{\"stack\":[{\"flow\":\"x\",\"block\":\"y\"}]}",
        "{\"stack\":[{\"flow\":\"" U("f1") "\",\"block\":\"" U("99") "\"}],\"results\":[],\"contact\":1}"};
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        json_decref(run);
        run = parse(runs[i]);
        step(f, &w, "1", NULL);
        EQ_STR(why(), "broken");
    }
    step(NULL, &w, "1", NULL);
    EQ_STR(why(), "broken");
    json_decref(out);
    out = flow_end(f, &w, "expired", run);
    EQ_STR(why(), "expired");
    clean(&f);
}

/* ---- the shipped flow ---- */

static char *file(const char *path)
{
    FILE *fp = fopen(path, "rb");
    OK(fp);
    char *text = mem_alloc(FLOW_BYTES);
    size_t n = fread(text, 1, FLOW_BYTES - 1, fp);
    text[n] = '\0';
    fclose(fp);
    return text;
}

T(in_every_language_a_report_is_two_inputs_away)
{
    char *text = file("config/flows/demo.json");
    struct flow *f = load(text);
    mem_free(text);
    for (size_t i = 0; served[i]; i++) {
        for (int typed = 0; typed < 2; typed++) {
            struct flow_world w = world();
            fresh();
            step(f, &w, NULL, NULL);
            const json_t *c = json_object_get(json_array_get(json_object_get(out, "say"), 0), "choices");
            EQ_INT(json_array_size(c), 9);
            EQ_STR(flow_string(json_array_get(c, i), "title"), flow_language_name(served[i]));
            typed ? step(f, &w, flow_language_name(served[i]), NULL) : step(f, &w, "", served[i]);
            EQ_STR(flow_string(out, "language"), served[i]);
            c = json_object_get(json_array_get(json_object_get(out, "say"), 0), "choices");
            EQ_STR(flow_string(json_array_get(c, 5), "id"), "report");
            typed ? step(f, &w, flow_string(json_array_get(c, 5), "title"), NULL) : step(f, &w, "٦", NULL);
            const json_t *h = json_object_get(out, "hand_over");
            EQ_STR(flow_string(h, "topic"), "report");
            EQ_INT(json_opt_int(h, "clearance", 0), 2);
            OK(*said(0));
        }
        /* Who has told their language already needs one. */
        struct flow_world w = world();
        w.language = served[i];
        w.language_stated = true;
        fresh();
        step(f, &w, NULL, NULL);
        step(f, &w, "6", NULL);
        EQ_STR(flow_string(json_object_get(out, "hand_over"), "topic"), "report");
    }
    clean(&f);
}

T(danger_alarms)
{
    char *text = file("config/flows/demo.json");
    struct flow *f = load(text);
    struct flow_world w = world();
    mem_free(text);
    w.language = "tr";
    w.language_stated = true;
    fresh();
    step(f, &w, NULL, NULL);
    step(f, &w, NULL, "danger");
    EQ_STR(why(), "alarm");
    OK(json_opt_bool(out, "alarm", false));
    EQ_INT(json_opt_int(json_object_get(out, "hand_over"), "priority", 0), 3);
    clean(&f);
}

TEST_MAIN
