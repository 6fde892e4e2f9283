/* SPDX-License-Identifier: Apache-2.0
 * The parts of backups, recovery keys and encrypted files, from bytes of anybody's. */
#include "gateway/base/mem.h"
#include "store/backup_internal.h"
#include "store/pieces.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void commands(struct slice rest)
{
    struct slice argv[COMMAND_MAX], op, key;
    struct buf again;
    size_t argc, whole = rest.n;
    bool good;
    const char *start = rest.p;
    buf_init(&again, whole + 1);
    while (command_get(&rest, argv, &argc, &good)) {
        err_assert(argc >= 2 && argc <= COMMAND_MAX);
        command_put(&again, argc, argv);
        backup_key_parse(argv[1], &op, &key);
    }
    /* What was understood is written as it was. */
    err_assert(again.n == 0 || memcmp(again.p, start, again.n) == 0);
    buf_clear(&again);
}

static void ranges(struct slice s)
{
    static const unsigned char key[GCM_KEY] = {7};
    uint64_t size, offset, at;
    size_t n = 1 << 16, file_n;
    struct buf out;
    if (!part_get_number(&s, &size) || !part_get_number(&s, &offset))
        return;
    size %= 1 << 20;
    offset %= 1 << 21;
    if (!pieces_range(size, offset, &n, &at, &file_n))
        return;
    err_assert(at + file_n <= pieces_sealed_size(size));
    buf_init(&out, 1 << 21);
    err_assert(pieces_open(key, SLICE("x"), size, offset, n, s, &out, NULL) != 0);
    buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice s = slice_of(data, n);
    unsigned char secret[RECOVERY_KEY];
    char text[RECOVERY_TEXT];
    commands(s);
    ranges(s);
    backup_master_name(s);
    if (recovery_parse(s, secret, NULL) == 0) {
        unsigned char again[RECOVERY_KEY];
        recovery_text(secret, text);
        err_assert(recovery_parse(slice_str(text), again, NULL) == 0 &&
                   memcmp(secret, again, RECOVERY_KEY) == 0);
    }
    return 0;
}
