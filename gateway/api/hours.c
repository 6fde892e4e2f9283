/* SPDX-License-Identifier: Apache-2.0
 * Hours as the page shows them: open or closed now, and until when, for the operation and its areas. */
#include "gateway/api/api_internal.h"
#include "router/hours.h"
#include <string.h>

static void one(struct buf *b, struct hours *h, const char *area, int64_t now)
{
    struct hours_state s;
    hours_at(h, area, now, &s);
    buf_str(b, "{\"area\":");
    if (*area)
        buf_json_str(b, slice_str(area));
    else
        buf_str(b, "null");
    buf_printf(b, ",\"open\":%s,\"always\":%s,\"timezone\":", s.open ? "true" : "false",
               s.always ? "true" : "false");
    buf_json_str(b, slice_str(s.zone));
    buf_printf(b, ",\"offset\":%d", (int)s.offset_s);
    view_time(b, "since", s.since_ms, true);
    view_time(b, "next", s.next_ms, true);
    buf_str(b, ",\"exception\":");
    if (s.exception) {
        const json_t *name = json_object_get(s.exception, "name");
        buf_str(b, "{\"name\":");
        if (name)
            json_write(name, b);
        else
            buf_str(b, "{}");
        buf_printf(b, ",\"open\":%s}", s.exception_open ? "true" : "false");
    } else {
        buf_str(b, "null");
    }
    buf_char(b, '}');
}

static void hours_get(struct call *c)
{
    const json_t *document = operation_document(c->op), *area;
    struct hours *h = hours_new(document);
    int64_t now = store_now_ms(c->api->cf.store);
    struct buf b;
    size_t i;
    call_list(&b);
    call_item(&b);
    one(&b, h, "", now);
    json_array_foreach(json_object_get(document, "areas"), i, area)
    {
        const char *id = json_string_value(json_object_get(area, "id"));
        if (!id || json_opt_bool(area, "disabled", false) || !rights_area(&c->caller.who, id))
            continue;
        call_item(&b);
        one(&b, h, id, now);
    }
    hours_free(&h);
    call_list_end(c, &b, "");
}

const struct call_route hours_routes[] = {
    {HTTP_M_GET, "hours", hours_get, 0, 0},
    {.run = NULL},
};
