/* SPDX-License-Identifier: Apache-2.0
 * The audit's verifier on streams that somebody made up: seals and lines of any form and order. */
#include "gateway/base/mem.h"
#include "store/audit_chain.h"
#include "store/backup_internal.h"
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice rest = slice_of(data, n), fields[8], last;
    struct audit_walk w;
    bool good;
    audit_walk_begin(&w, n % 2 && n > AUDIT_HASH ? data : NULL);
    for (uint64_t number = 0; rest.n && !w.broken; number++) {
        struct audit_seal s = {0};
        size_t lines = 0;
        s.number = number + 1;
        s.lines = rest.p[0] & 7;
        rest.p++, rest.n--;
        if (!part_get_number(&rest, &s.total) || !part_get(&rest, &last))
            break;
        s.last = last;
        good = audit_walk_seal(&w, &s);
        for (; good && lines < 8; lines++) {
            struct audit_line_raw l = {.fields = fields};
            if (!part_get(&rest, &l.id))
                break;
            while (l.fields_n < 8 && part_get(&rest, &fields[l.fields_n]))
                l.fields_n++;
            good = audit_walk_line(&w, &l);
        }
        if (good && audit_walk_seal_end(&w))
            err_panic(__FILE__, __LINE__, "a made-up seal fits"); /* SHA-256 would be broken */
    }
    err_assert(audit_walk_end(&w) == !w.broken);
    err_assert(memchr(w.where, 0, sizeof w.where));
    audit_walk_clear(&w);
    return 0;
}
