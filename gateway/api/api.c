/* SPDX-License-Identifier: Apache-2.0
 * The API's beginning and end. */
#include "gateway/api/api_internal.h"

static int read_openapi(struct api *a, struct err *e)
{
    struct buf b;
    int rc = openapi_read(a->cf.openapi_dir, &b, e);
    if (rc == 0) {
        mem_free(a->openapi);
        a->openapi = buf_take(&b, &a->openapi_n);
    }
    buf_clear(&b);
    return rc;
}

struct api *api_new(const struct api_config *cf, struct err *e)
{
    struct api *a = mem_alloc(sizeof *a);
    a->cf = *cf;
    map_init(&a->ops);
    list_init(&a->retired);
    bodies_open(a);
    rates_open(&a->rates);
    if (cf->openapi_dir && read_openapi(a, e)) {
        mem_free(a);
        return NULL;
    }
    a->pages = pages_new(cf->web_dir);
    return a;
}

void api_reload(struct api *a)
{
    pages_free(&a->pages);
    a->pages = pages_new(a->cf.web_dir);
    if (a->cf.openapi_dir)
        read_openapi(a, NULL);
}

static void stop_and_free(void *o)
{
    stream_stop(o);
    operation_free(o);
}

void api_free(struct api **ap)
{
    struct api *a = *ap;
    struct list *l;
    if (!a)
        return;
    map_clear(&a->ops, stop_and_free);
    while ((l = list_pop(&a->retired)))
        operation_free(container_of(l, struct api_op, node));
    bodies_close(a);
    rates_close(&a->rates);
    pages_free(&a->pages);
    mem_free(a->openapi);
    mem_clear(ap);
}

size_t api_sockets(const struct api *a)
{
    return a->sockets;
}
