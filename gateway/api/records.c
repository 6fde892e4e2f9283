/* SPDX-License-Identifier: Apache-2.0
 * The kinds of records that agents' pages hear of. */
#include "gateway/api/records.h"
#include "gateway/api/alerts.h"
#include "gateway/api/callbacks.h"
#include "gateway/api/matters.h"
#include <string.h>

/* A kind's row is where its REST is. */
static const struct record_row *const rows[] = {&alert_row, &matter_row, &callback_row};

const struct record_row *record_row(const char *kind)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i]->kind, kind) == 0)
            return rows[i];
    return NULL;
}

void record_frame(struct buf *b, const struct record_news *n, const char *type)
{
    buf_printf(b, "{\"type\":\"%s\"", type);
    if (n->ev->id[0])
        buf_printf(b, ",\"id\":\"%s\"", n->ev->id);
}
