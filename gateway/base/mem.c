/* SPDX-License-Identifier: Apache-2.0
 * Allocation that cannot fail, and a small allocator of locked pages for keys. */
#include "gateway/base/mem.h"
#include "gateway/base/err.h"
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *mem_checked(void *p)
{
    if (!p) {
        fputs("out of memory\n", stderr);
        abort();
    }
    return p;
}

void *mem_alloc(size_t n)
{
    return mem_checked(calloc(1, n ? n : 1));
}

void *mem_array(size_t n, size_t size)
{
    size_t all;
    err_assert(!__builtin_mul_overflow(n, size, &all));
    return mem_alloc(all);
}

void *mem_realloc(void *p, size_t n)
{
    return mem_checked(realloc(p, n ? n : 1));
}

void *mem_dup(const void *p, size_t n)
{
    err_assert(n < SIZE_MAX);
    char *copy = mem_checked(malloc(n + 1));
    if (n)
        memcpy(copy, p, n);
    copy[n] = '\0';
    return copy;
}

char *mem_strdup(const char *s)
{
    return s ? mem_dup(s, strlen(s)) : NULL;
}

void mem_free(void *p)
{
    free(p);
}

void mem_wipe(void *p, size_t n)
{
    if (n)
        explicit_bzero(p, n);
}

/* Secrets come in four sizes, each carved from locked regions of its own that are never given back: a page
 * for each key of 32 bytes would use up RLIMIT_MEMLOCK at once. A free slot is wiped but for the link to the
 * next. */
#define SECRET_REGION 65536
static const size_t secret_sizes[] = {64, 256, 1024, 4096};
#define SECRET_CLASSES (sizeof(secret_sizes) / sizeof(secret_sizes[0]))

static pthread_mutex_t secret_lock = PTHREAD_MUTEX_INITIALIZER;
static void *secret_free_list[SECRET_CLASSES];
static bool secret_unlocked;

static size_t secret_class(size_t n)
{
    size_t c = 0;
    while (c < SECRET_CLASSES && secret_sizes[c] < n)
        c++;
    err_assert(c < SECRET_CLASSES);
    return c;
}

static void secret_grow(size_t c)
{
    char *region = mmap(NULL, SECRET_REGION, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mem_checked(region == MAP_FAILED ? NULL : region);
    if (mlock(region, SECRET_REGION) != 0)
        secret_unlocked = true;
    madvise(region, SECRET_REGION, MADV_DONTDUMP);
    for (size_t at = SECRET_REGION; at >= secret_sizes[c]; at -= secret_sizes[c]) {
        void *slot = region + at - secret_sizes[c];
        memcpy(slot, &secret_free_list[c], sizeof(void *));
        secret_free_list[c] = slot;
    }
}

void *mem_secret_alloc(size_t n)
{
    size_t c = secret_class(n);
    pthread_mutex_lock(&secret_lock);
    if (!secret_free_list[c])
        secret_grow(c);
    void *slot = secret_free_list[c];
    memcpy(&secret_free_list[c], slot, sizeof(void *));
    pthread_mutex_unlock(&secret_lock);
    memset(slot, 0, sizeof(void *));
    return slot;
}

void mem_secret_free(void *p, size_t n)
{
    if (!p)
        return;
    size_t c = secret_class(n);
    mem_wipe(p, secret_sizes[c]);
    pthread_mutex_lock(&secret_lock);
    memcpy(p, &secret_free_list[c], sizeof(void *));
    secret_free_list[c] = p;
    pthread_mutex_unlock(&secret_lock);
}

bool mem_secret_locked(void)
{
    pthread_mutex_lock(&secret_lock);
    bool locked = !secret_unlocked;
    pthread_mutex_unlock(&secret_lock);
    return locked;
}
