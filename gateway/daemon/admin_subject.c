/* SPDX-License-Identifier: Apache-2.0
 * Verbs of the admin socket on people's rights: all about a person into a folder, certificates, what a breach
 * touched, the record of processing. */
#include "gateway/api/breach.h"
#include "gateway/api/subject.h"
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/daemon/admin.h"
#include "gateway/daemon/worker.h"
#include "store/blob.h"
#include "store/certificate.h"
#include "store/processing.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE     (1u << 20)
#define HTML_MAX  (256u << 20)
#define CLEARANCE 1 /* what is sealed a focal point hands out (REST) */

static bool contact_asked(struct admin_call *c, struct id *id)
{
    struct slice text = slice_str(admin_arg(c, "contact"));
    *id = (struct id){{0}};
    if (!id_valid(text)) {
        admin_refuse(c, ERR_INVALID, "the contact's id is wanted: 26 letters and digits");
        return false;
    }
    memcpy(id->s, text.p, ID_LEN);
    return true;
}

/* ---- all about a person ---- */

struct export
{
    struct store_op *op;
    json_t *files;
    size_t at;
    uint64_t offset;
    unsigned entries;
    int fd;
};

static bool write_whole(int fd, struct slice s)
{
    while (s.n) {
        ssize_t n = write(fd, s.p, s.n);
        if (n <= 0)
            return false;
        s = slice_of(s.p + n, s.n - (size_t)n);
    }
    return true;
}

/* dir/name, new, for us alone. */
static int file_new(struct admin_call *c, const char *name)
{
    char path[4352];
    snprintf(path, sizeof path, "%.4000s/%.300s", admin_arg(c, "dir"), name);
    return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static bool file_put(struct admin_call *c, const char *name, struct slice text)
{
    int fd = file_new(c, name);
    bool good = fd >= 0 && write_whole(fd, text) && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return good;
}

static void export_end(struct admin_call *c, const char *why)
{
    struct export *x = c->state;
    size_t files = json_array_size(x->files);
    if (x->fd >= 0)
        close(x->fd);
    json_decref(x->files);
    x->files = NULL;
    if (why)
        admin_refuse(c, ERR_IO, "%s: %s", why, errno ? strerror(errno) : "it is not there any more");
    else
        admin_done(c, json_pack("{s:i,s:i}", "threads", (int)x->entries, "files", (int)files));
}

static void next_file(struct admin_call *c);

static void on_piece(void *arg, const struct err *e, struct slice bytes)
{
    struct admin_call *c = arg;
    struct export *x = c->state;
    errno = 0;
    if (!e->code && !write_whole(x->fd, bytes)) {
        export_end(c, "a file can't be written");
        return;
    }
    x->offset += bytes.n;
    if (e->code || !bytes.n ||
        x->offset >= (uint64_t)json_opt_int(json_array_get(x->files, x->at), "size", 0)) {
        if (e->code)
            admin_progress(c, "one file can't be read any more");
        close(x->fd);
        x->fd = -1;
        x->at++;
    }
    next_file(c);
}

static void next_file(struct admin_call *c)
{
    struct export *x = c->state;
    const json_t *file = json_array_get(x->files, x->at);
    struct buf b;
    if (!file) {
        export_end(c, NULL);
        return;
    }
    if (x->fd < 0) {
        char name[64];
        struct slice id = json_opt_str(file, "id");
        snprintf(name, sizeof name, "attachments/%.*s", (int)(id.n < ID_LEN ? id.n : ID_LEN), id.p);
        x->fd = file_new(c, name);
        x->offset = 0;
        if (x->fd < 0 && errno == EEXIST) { /* the same file stood in another message */
            x->at++;
            next_file(c);
            return;
        }
        if (x->fd < 0) {
            export_end(c, "a file can't be made");
            return;
        }
    }
    buf_init(&b, 1u << 16);
    json_write(file, &b);
    store_blob_get(x->op, buf_view(&b), x->offset, PIECE, on_piece, c);
    buf_clear(&b);
}

static bool pages_put(struct admin_call *c, const json_t *doc)
{
    struct buf b;
    buf_init(&b, HTML_MAX);
    json_write(doc, &b);
    bool good = !b.err && file_put(c, "data.json", buf_view(&b));
    buf_reset(&b);
    if (good)
        subject_html(doc, &b);
    good = good && !b.err && file_put(c, "about-you.html", buf_view(&b));
    buf_clear(&b);
    return good;
}

static void on_subject(void *arg, const struct err *e, const json_t *doc, const json_t *files)
{
    struct admin_call *c = arg;
    struct export *x = c->state;
    char path[4352];
    if (e->code) {
        admin_error(c, e);
        return;
    }
    errno = 0;
    x->fd = -1;
    x->files = json_deep_copy(files);
    x->entries = (unsigned)json_array_size(json_object_get(doc, "threads"));
    snprintf(path, sizeof path, "%.4000s/attachments", admin_arg(c, "dir"));
    if (mkdir(admin_arg(c, "dir"), 0700) != 0 || mkdir(path, 0700) != 0)
        export_end(c, "the folder can't be made (it must be new)");
    else if (!pages_put(c, doc))
        export_end(c, "a file can't be written");
    else
        next_file(c);
}

static void subject_export(struct admin_call *c)
{
    struct store_op *op = admin_op(c);
    struct subject_ask ask = {.clearance = CLEARANCE, .areas = "", .actor = admin_actor(c)};
    if (!op || !contact_asked(c, &ask.contact))
        return;
    if (*admin_arg(c, "dir") != '/') {
        admin_refuse(c, ERR_INVALID, "an absolute path is wanted");
        return;
    }
    struct export *x = c->state = mem_alloc(sizeof *x);
    x->op = op;
    x->fd = -1;
    subject_run(op, &ask, on_subject, c);
}

/* ---- certificates, breach, processing ---- */

static void on_text(void *arg, const struct err *e, struct slice text)
{
    struct admin_call *c = arg;
    if (e->code)
        admin_error(c, e);
    else
        admin_done(c, json_pack("{s:o}", "report", json_parse(text, JSON_DEPTH_DEFAULT, NULL)));
}

static void certificates(struct admin_call *c)
{
    struct store_op *op = admin_op(c);
    if (op && *admin_arg(c, "certificate"))
        store_certificate_get(op, admin_arg(c, "certificate"), on_text, c);
    else if (op)
        store_certificates(op, 500, on_text, c);
}

static bool time_asked(struct admin_call *c, const char *name, int64_t *ms)
{
    struct slice text = slice_str(admin_arg(c, name));
    if (!text.n || time_parse(text, ms))
        return true;
    admin_refuse(c, ERR_INVALID, "%s: a time is wanted, as 2026-01-31T12:00:00Z", name);
    return false;
}

static void breach(struct admin_call *c)
{
    struct store_op *op = admin_op(c);
    struct breach_ask ask = {.user = admin_arg(c, "user")};
    if (!op)
        return;
    ask.to_ms = store_now_ms(c->w->store);
    if (!time_asked(c, "from", &ask.from_ms) || !time_asked(c, "to", &ask.to_ms) ||
        (*admin_arg(c, "contact") && !contact_asked(c, &ask.contact)))
        return;
    breach_run(op, &ask, on_text, c);
}

static void processing(struct admin_call *c)
{
    struct store_op *op = admin_op(c);
    struct buf b;
    if (!op)
        return;
    buf_init(&b, 4u << 20);
    if (json_opt_bool(c->args, "markdown", false)) {
        processing_markdown(store_op_name(op), &b);
        admin_done(c, json_pack("{s:s%}", "markdown", b.p, b.n));
    } else {
        processing_json(store_op_name(op), &b);
        admin_done(c, json_pack("{s:o}", "report", json_parse(buf_view(&b), JSON_DEPTH_DEFAULT, NULL)));
    }
    buf_clear(&b);
}

const struct admin_verb admin_subject_verbs[] = {
    {"subject-export", subject_export, "operation contact dir", true},
    {"certificates", certificates, "operation certificate", false},
    {"breach", breach, "operation from to user contact", false},
    {"processing", processing, "operation markdown", false},
    {NULL, NULL, NULL, false}};
