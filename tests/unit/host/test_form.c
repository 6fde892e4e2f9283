/* SPDX-License-Identifier: Apache-2.0
 * Form bodies. */
#include "tests/unit/test.h"
#include "gateway/host/form.h"

#define MULTI "multipart/form-data; boundary=xY"

static struct arena *a;
static struct form f;

static int parse(const char *type, const char *body)
{
    struct err e = {0};
    if (a)
        arena_free(&a);
    a = arena_new();
    return form_parse(slice_str(type), slice_str(body), a, &f, &e);
}

static void done(void)
{
    arena_free(&a);
}

T(fields_and_files)
{
    EQ_INT(parse(MULTI, "--xY\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhi\r\nthere\r\n"
                        "--xY\r\nContent-Disposition: form-data; name=\"file\"; "
                        "filename=\"a%22b.png\"\r\nContent-Type: image/png\r\n\r\n\x89PNG\r\n"
                        "--xY\r\nContent-Disposition: form-data; name=\"file\"; "
                        "filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n"
                        "--xY--\r\n"),
           0);
    EQ_INT(f.n, 3);
    EQ_SLICE(form_field(&f, "text")->value, "hi\r\nthere");
    EQ_SLICE(form_file(&f, 0)->filename, "a\"b.png");
    EQ_SLICE(form_file(&f, 0)->type, "image/png");
    EQ_SLICE(form_file(&f, 0)->value, "\x89PNG");
    OK(!form_file(&f, 1)); /* nothing was chosen */
    OK(!form_field(&f, "file"));
    done();
}

T(an_empty_form_and_an_empty_field)
{
    EQ_INT(parse(MULTI, "--xY--\r\n"), 0);
    EQ_INT(f.n, 0);
    EQ_INT(parse(MULTI, "--xY\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n\r\n--xY--"), 0);
    EQ_INT(form_field(&f, "t")->value.n, 0);
    done();
}

T(boundaries)
{
    const char *body = "--a b\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n--a b--";
    EQ_INT(parse("multipart/form-data; boundary=\"a b\"", body), 0);
    EQ_SLICE(form_field(&f, "x")->value, "1");
    OK(parse("multipart/form-data", body) != 0);
    OK(parse("multipart/form-data; boundary=", body) != 0);
    OK(parse("multipart/form-data; boundary=\"a \"", body) != 0);
    OK(parse("multipart/form-data; boundary=x; boundary=y", body) != 0);
    OK(parse("multipart/form-data; "
             "boundary=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
             body) != 0);
    done();
}

T(what_no_browser_writes_is_refused)
{
    static const char *const bad[] = {
        "",
        "x",
        "--xY",
        "--xYz",
        "--xY\r\n",
        "--xY\n\n",
        "preamble\r\n--xY--\r\n",
        "--xY--\r\nmore",
        "--xY\r\n\r\nno head\r\n--xY--",
        "--xY\r\nContent-Type: text/plain\r\n\r\nx\r\n--xY--",
        "--xY\r\nContent-Disposition: form-data\r\n\r\nx\r\n--xY--",
        "--xY\r\nContent-Disposition: attachment; name=x\r\n\r\nx\r\n--xY--",
        "--xY\r\nContent-Disposition: form-data; name=\"x\r\n\r\nx\r\n--xY--",
        "--xY\r\nContent-Disposition: form-data; name=x; name=y\r\n\r\nx\r\n--xY--",
        "--xY\r\nContent-Disposition: form-data; name=\"\xff\"\r\n\r\nx\r\n--xY--",
        "--xY\r\nContent-Disposition: form-data; name=x\r\nContent-Disposition: form-data; "
        "name=y\r\n\r\nx\r\n--xY--",
        "--xY\r\nContent-Disposition: form-data; name=x\r\nContent-Transfer-Encoding: "
        "base64\r\n\r\nx\r\n--xY--",
        "--xY\r\nno colon\r\n\r\nx\r\n--xY--",
        "--xY\r\nContent-Disposition: form-data; name=x\r\n\r\nx",
        "--xY\r\nContent-Disposition: form-data; name=x\r\n\r\nx\n--xY--",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (parse(MULTI, bad[i]) == 0)
            TEST_FAIL("case %zu was taken", i);
    }
    done();
}

T(too_many_parts)
{
    struct buf b;
    buf_init(&b, 1u << 20);
    for (int i = 0; i < 65; i++)
        buf_str(&b, "--xY\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n");
    buf_str(&b, "--xY--");
    EQ_INT(parse(MULTI, b.p), -ERR_TOO_LARGE);
    buf_clear(&b);
    done();
}

T(urlencoded)
{
    const char *type = "application/x-www-form-urlencoded; charset=utf-8";
    EQ_INT(parse(type, "a=1+2&b=%D9%85&c&=x&a=3"), 0);
    EQ_SLICE(form_field(&f, "a")->value, "1 2");
    EQ_SLICE(form_field(&f, "b")->value, "\xd9\x85");
    EQ_INT(form_field(&f, "c")->value.n, 0);
    EQ_INT(parse(type, ""), 0);
    EQ_INT(f.n, 0);
    OK(parse(type, "a=%4") != 0);
    OK(parse(type, "a=%zz") != 0);
    EQ_INT(parse("text/plain", "a=1"), -ERR_UNSUPPORTED);
    EQ_INT(parse("", "a=1"), -ERR_UNSUPPORTED);
    done();
}

TEST_MAIN
