/* SPDX-License-Identifier: Apache-2.0
 * Memory. These never return NULL: without memory the process ends, and its supervisor starts another. So
 * every size that a peer controls has to be bounded before it comes here. */
#ifndef PARLEY_BASE_MEM_H
#define PARLEY_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>

void *mem_alloc(size_t n);              /* zeroed */
void *mem_array(size_t n, size_t size); /* zeroed; aborts when n * size overflows */
void *mem_realloc(void *p, size_t n);
void *mem_dup(const void *p, size_t n); /* a copy with a NUL behind it */
char *mem_strdup(const char *s);        /* NULL gives NULL */
void mem_free(void *p);
/* Frees and forgets: mem_clear(&x->name). */
#define mem_clear(pp)                                                                                        \
    do {                                                                                                     \
        mem_free(*(pp));                                                                                     \
        *(pp) = NULL;                                                                                        \
    } while (0)

/* Overwrites in a way that the compiler keeps. */
void mem_wipe(void *p, size_t n);
/* For keys: locked into memory, left out of core dumps, wiped when freed. n ≤ 4096. */
void *mem_secret_alloc(size_t n);
void mem_secret_free(void *p, size_t n);
/* False once the system refused to lock one of them (RLIMIT_MEMLOCK): worth a warning at start. */
bool mem_secret_locked(void);

#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
