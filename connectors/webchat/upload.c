/* SPDX-License-Identifier: Apache-2.0
 * Files of the page: raw bytes, stored before they are named in a message. */
#include "webchat.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UPLOADS_PER_MINUTE 20
#define UPLOADS_BURST      10
#define NAME_MAX_BYTES     800

struct upload {
    connector_instance *c;
    connector_request rq;
    struct out name;
    char type[100];
    size_t n;
};

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* A name for people: percent-decoded, without path and control characters. */
static bool take_name(struct out *o, struct connector_bytes raw)
{
    for (size_t i = 0; i < raw.n; i++) {
        char c = raw.p[i];
        if (c == '%') {
            if (raw.n - i < 3 || hex(raw.p[i + 1]) < 0 || hex(raw.p[i + 2]) < 0)
                return false;
            c = (char)(hex(raw.p[i + 1]) * 16 + hex(raw.p[i + 2]));
            i += 2;
        }
        if ((unsigned char)c < 0x20 || c == 0x7f || c == '/' || c == '\\')
            c = '_';
        out_add(o, &c, 1);
    }
    if (o->over)
        return false;
    json_t *valid = json_stringn(o->p ? o->p : "", o->n); /* refuses what is no UTF-8 */
    json_decref(valid);
    return valid != NULL;
}

/* What people send to be helped: pictures, sound, film, documents. Nothing that runs. */
static bool type_taken(const char *type)
{
    static const char *const taken[] = {
        "image/jpeg",
        "image/png",
        "image/webp",
        "image/gif",
        "image/heic",
        "image/heif",
        "audio/*",
        "video/mp4",
        "video/webm",
        "video/3gpp",
        "video/quicktime",
        "application/pdf",
        "text/plain",
        "application/msword",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.oasis.opendocument.text",
        NULL};
    for (size_t i = 0; taken[i]; i++) {
        size_t n = strlen(taken[i]);
        if (taken[i][n - 1] == '*' ? strncmp(type, taken[i], n - 1) == 0 : strcmp(type, taken[i]) == 0)
            return true;
    }
    return false;
}

bool upload_type(struct connector_bytes header, char out[100])
{
    size_t n = 0;
    while (n < header.n && header.p[n] != ';' && header.p[n] != ' ' && n < 99) {
        char c = header.p[n];
        out[n++] = c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
    }
    out[n] = '\0';
    /* "audio/" takes what follows: nothing but a name may. */
    return strspn(out, "abcdefghijklmnopqrstuvwxyz0123456789/.+-_") == n && type_taken(out);
}

static void on_put(void *arg, int err, const char *blob)
{
    struct upload *u = arg;
    const struct connector_host *h = u->c->h;
    static const struct connector_header json[] = {{"Content-Type", "application/json"},
                                                   {"Cache-Control", "no-store"}};
    if (err == CONNECTOR_ELIMIT)
        h->problem(u->rq, 413, "the file is too large");
    else if (err != CONNECTOR_OK)
        h->problem(u->rq, 503, "the file could not be kept; try again in a moment");
    else {
        struct out o;
        char number[40];
        out_init(&o, 8192);
        out_str(&o, "{\"id\":");
        out_json(&o, bytes_of(blob));
        out_str(&o, ",\"type\":");
        out_json(&o, bytes_of(u->type));
        out_str(&o, ",\"name\":");
        out_json(&o, out_view(&u->name));
        snprintf(number, sizeof number, ",\"size\":%zu}", u->n);
        out_str(&o, number);
        h->reply(u->rq, 201, json, 2, out_view(&o));
        out_clear(&o);
    }
    u->c->links--;
    out_clear(&u->name);
    free(u);
}

static void too_often(connector_instance *c, connector_request rq)
{
    static const struct connector_header heads[] = {{"Retry-After", "10"},
                                                    {"Content-Type", "application/problem+json"}};
    c->h->reply(rq, 429, heads, 2,
                bytes_of("{\"type\":\"about:blank\",\"title\":\"Too Many "
                         "Requests\",\"status\":429,\"detail\":\"too many files in a short time\"}"));
}

void upload_request(connector_instance *c, connector_request rq, const struct connector_request_info *i)
{
    struct session s;
    char key[ADDRESS_LEN + 16];
    if (!session_take(c, c->h->header(rq, "x-parley-session"), &s)) {
        c->h->problem(rq, 401, "this conversation is not known");
        return;
    }
    snprintf(key, sizeof key, "upload %s", s.address);
    if (!c->h->allow(c->inst, bytes_of(key), UPLOADS_PER_MINUTE, UPLOADS_BURST)) {
        too_often(c, rq);
        return;
    }
    struct upload *u = calloc(1, sizeof *u);
    if (!u)
        abort();
    u->c = c;
    u->rq = rq;
    u->n = i->body.n;
    out_init(&u->name, NAME_MAX_BYTES);
    const char *wrong = NULL;
    int status = 400;
    if (!i->body.n)
        wrong = "the file is empty";
    else if (i->body.n > FILE_MAX) {
        wrong = "the file is too large";
        status = 413;
    } else if (!upload_type(c->h->header(rq, "content-type"), u->type)) {
        wrong = "files of this kind are not taken";
        status = 415;
    } else if (!take_name(&u->name, c->h->header(rq, "x-parley-name")))
        wrong = "x-parley-name: at most 200 characters, percent-encoded";
    if (wrong) {
        c->h->problem(rq, status, wrong);
        out_clear(&u->name);
        free(u);
        return;
    }
    c->links++;
    c->h->blob_put(c->inst, session_address(&s), bytes_of(u->type), out_view(&u->name), i->body, on_put, u);
}
