/* SPDX-License-Identifier: Apache-2.0
 * A test harness in one header: T(name) { … } registers itself, TEST_MAIN runs all (or those whose name
 * contains argv[1]) and ends with "N passed, N failed". A failed check ends its test. */
#ifndef PARLEY_TEST_H
#define PARLEY_TEST_H

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct test_case {
    const char *name;
    void (*fn)(void);
    struct test_case *next;
};
static struct test_case *test_first;
__attribute__((unused)) static struct test_case **test_last = &test_first;
__attribute__((weak)) jmp_buf test_jump; /* one for all files of a program: helpers may fail a test */

#define T(id)                                                                                                \
    static void test_##id(void);                                                                             \
    __attribute__((constructor)) static void test_register_##id(void)                                        \
    {                                                                                                        \
        static struct test_case c = {#id, test_##id, NULL};                                                  \
        *test_last = &c;                                                                                     \
        test_last = &c.next;                                                                                 \
    }                                                                                                        \
    static void test_##id(void)

#define TEST_FAIL(...)                                                                                       \
    do {                                                                                                     \
        fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);                                                      \
        fprintf(stderr, __VA_ARGS__);                                                                        \
        fputc('\n', stderr);                                                                                 \
        longjmp(test_jump, 1);                                                                               \
    } while (0)
#define OK(cond)                                                                                             \
    do {                                                                                                     \
        if (!(cond))                                                                                         \
            TEST_FAIL("failed: %s", #cond);                                                                  \
    } while (0)
#define EQ_INT(got, want)                                                                                    \
    do {                                                                                                     \
        long long test_g = (long long)(got), test_w = (long long)(want);                                     \
        if (test_g != test_w)                                                                                \
            TEST_FAIL("%s is %lld, not %lld", #got, test_g, test_w);                                         \
    } while (0)
#define EQ_STR(got, want)                                                                                    \
    do {                                                                                                     \
        const char *test_g = (got), *test_w = (want);                                                        \
        if (!test_g || strcmp(test_g, test_w) != 0)                                                          \
            TEST_FAIL("%s is \"%s\", not \"%s\"", #got, test_g ? test_g : "(null)", test_w);                 \
    } while (0)
#define EQ_SLICE(got, want)                                                                                  \
    do {                                                                                                     \
        struct slice test_g = (got);                                                                         \
        const char *test_w = (want);                                                                         \
        if (test_g.n != strlen(test_w) || (test_g.n && memcmp(test_g.p, test_w, test_g.n) != 0))             \
            TEST_FAIL("%s is \"%.*s\", not \"%s\"", #got, (int)test_g.n, test_g.p ? test_g.p : "", test_w);  \
    } while (0)

static inline int test_main(int argc, char **argv)
{
    volatile int passed = 0, failed = 0;
    for (struct test_case *volatile c = test_first; c; c = c->next) {
        if (argc > 1 && !strstr(c->name, argv[1]))
            continue;
        if (setjmp(test_jump) == 0) {
            c->fn();
            passed++;
        } else {
            fprintf(stderr, "FAILED %s\n", c->name);
            failed++;
        }
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed || passed == 0;
}
#define TEST_MAIN                                                                                            \
    int main(int argc, char **argv)                                                                          \
    {                                                                                                        \
        return test_main(argc, argv);                                                                        \
    }

#endif
