/* SPDX-License-Identifier: Apache-2.0
 * Maps, lists and the hash below. */
#include "tests/unit/test.h"
#include "gateway/base/map.h"
#include "gateway/base/mem.h"
#include "gateway/base/siphash.h"

T(siphash_known_answers)
{
    /* Python's hash of bytes (SipHash-1-3) with PYTHONHASHSEED=0, whose key is zero. */
    unsigned char zero[16] = {0};
    EQ_INT((int64_t)siphash13(zero, "a", 1), 4644417185603328019LL);
    EQ_INT((int64_t)siphash13(zero, "parley", 6), 5662161027963614151LL);
    EQ_INT((int64_t)siphash13(zero, "0123456789abcdefXYZ", 19), 2899885535711926331LL);
}

T(put_get_del)
{
    struct map m;
    map_init(&m);
    int a, b;
    OK(map_get(&m, SLICE("x")) == NULL);
    OK(map_put(&m, SLICE("x"), &a) == NULL);
    OK(map_put(&m, SLICE("x"), &b) == &a);
    OK(map_get(&m, SLICE("x")) == &b);
    OK(map_put(&m, slice_of("x\0y", 3), &a) == NULL);
    OK(map_get(&m, slice_of("x\0y", 3)) == &a);
    OK(map_put(&m, slice_of(NULL, 0), &a) == NULL);
    OK(map_get(&m, SLICE("")) == &a);
    EQ_INT(m.n, 3);
    OK(map_del(&m, SLICE("x")) == &b);
    OK(map_del(&m, SLICE("x")) == NULL);
    EQ_INT(m.n, 2);
    map_clear(&m, NULL);
    OK(map_get(&m, SLICE("")) == NULL);
}

static unsigned freed;
static void count_free(void *p)
{
    mem_free(p);
    freed++;
}

T(many_with_deletions)
{
    struct map m;
    map_init(&m);
    char key[32];
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 5000; i++) {
            int n = snprintf(key, sizeof(key), "key-%d", i);
            int *v = mem_alloc(sizeof(*v));
            *v = i;
            mem_free(map_put(&m, slice_of(key, (size_t)n), v));
        }
        EQ_INT(m.n, 5000);
        size_t at = 0, seen = 0;
        struct slice k;
        void *v;
        while (map_each(&m, &at, &k, &v)) {
            seen++;
            if (*(int *)v % 3)
                mem_free(map_del(&m, k)); /* of the current key: allowed */
        }
        EQ_INT(seen, 5000);
        EQ_INT(m.n, 1667);
    }
    for (int i = 0; i < 5000; i++) {
        int n = snprintf(key, sizeof(key), "key-%d", i);
        OK((map_get(&m, slice_of(key, (size_t)n)) != NULL) == (i % 3 == 0));
    }
    freed = 0;
    map_clear(&m, count_free);
    EQ_INT(freed, 1667);
}

T(deleting_and_adding_for_ever_does_not_grow)
{
    struct map m;
    map_init(&m);
    char key[32];
    for (int i = 0; i < 100000; i++) {
        int n = snprintf(key, sizeof(key), "%d", i);
        map_put(&m, slice_of(key, (size_t)n), &m);
        map_del(&m, slice_of(key, (size_t)n));
    }
    EQ_INT(m.n, 0);
    OK(m.cap <= 64);
    map_clear(&m, NULL);
}

struct item {
    int v;
    struct list node;
};

T(lists)
{
    struct list head;
    struct item a = {1, {0}}, b = {2, {0}}, c = {3, {0}};
    list_init(&head);
    OK(list_empty(&head));
    OK(list_pop(&head) == NULL);
    list_del(&a.node); /* in no list */
    list_push(&head, &b.node);
    list_push(&head, &c.node);
    list_push_front(&head, &a.node);
    list_del(&b.node);
    list_del(&b.node);
    EQ_INT(container_of(list_pop(&head), struct item, node)->v, 1);
    EQ_INT(container_of(list_pop(&head), struct item, node)->v, 3);
    OK(list_empty(&head));
}

TEST_MAIN
