/* SPDX-License-Identifier: Apache-2.0
 * The parts of a backup's records. */
#include "store/backup_internal.h"
#include "store/state.h"
#include <string.h>

void part_number(struct buf *b, uint64_t v)
{
    for (int i = 7; i >= 0; i--)
        buf_char(b, (char)(unsigned char)(v >> (8 * i)));
}

bool part_get_number(struct slice *rest, uint64_t *v)
{
    if (rest->n < 8)
        return false;
    *v = 0;
    for (int i = 0; i < 8; i++)
        *v = *v << 8 | (unsigned char)rest->p[i];
    rest->p += 8;
    rest->n -= 8;
    return true;
}

void part_put(struct buf *b, struct slice s)
{
    part_number(b, s.n);
    buf_slice(b, s);
}

bool part_get(struct slice *rest, struct slice *part)
{
    uint64_t n;
    if (!part_get_number(rest, &n) || n > rest->n)
        return false;
    *part = (struct slice){rest->p, (size_t)n};
    rest->p += n;
    rest->n -= (size_t)n;
    return true;
}

void command_put(struct buf *b, size_t argc, const struct slice *argv)
{
    part_number(b, argc);
    for (size_t i = 0; i < argc; i++)
        part_put(b, argv[i]);
}

bool command_get(struct slice *rest, struct slice *argv, size_t *argc, bool *good)
{
    uint64_t n;
    *good = true;
    if (!rest->n)
        return false;
    *good = part_get_number(rest, &n) && n >= 2 && n <= COMMAND_MAX;
    for (*argc = 0; *good && *argc < n; (*argc)++)
        *good = part_get(rest, &argv[*argc]);
    return *good;
}

bool backup_key_parse(struct slice key, struct slice *op, struct slice *rest)
{
    if (!slice_starts(key, "p:{"))
        return false;
    const char *end = memchr(key.p + 3, '}', key.n - 3);
    if (!end || end + 1 == key.p + key.n || end[1] != ':')
        return false;
    *op = slice_of(key.p + 3, (size_t)(end - key.p - 3));
    *rest = slice_of(end + 2, (size_t)(key.p + key.n - end - 2));
    return true;
}

struct store_op *backup_op(struct store *s, struct slice name)
{
    return slice_is(name, STORE_SYSTEM) ? store_system(s) : store_op_find(s, name);
}

bool backup_master_name(struct slice name)
{
    static const char *const ends[] = {".master", ".master.new"};
    for (size_t i = 0; i < 2; i++) {
        size_t n = strlen(ends[i]);
        struct slice op = name.n > n ? slice_of(name.p, name.n - n) : SLICE("");
        if (op.n && memcmp(name.p + op.n, ends[i], n) == 0 && (name_valid(op) || slice_is(op, STORE_SYSTEM)))
            return true;
    }
    return false;
}
