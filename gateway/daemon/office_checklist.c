/* SPDX-License-Identifier: Apache-2.0
 * What still lacks before an office opens its doors: facts that `parleyd --check`, the settings and the
 * operation's document tell. Agents are the API's to count. */
#include "gateway/base/mem.h"
#include "gateway/base/text.h"
#include "gateway/daemon/capacity.h"
#include "gateway/daemon/office.h"
#include "gateway/daemon/texts.h"
#include "gateway/daemon/worker.h"
#include "gateway/host/host.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BACKUP_DAYS 8

void office_backup_made(const struct worker *w)
{
    char path[400];
    snprintf(path, sizeof path, "%s/last-backup", w->config->data_dir);
    FILE *f = fopen(path, "we");
    if (f)
        fclose(f);
}

/* detail: words that the page shows as they are (names of things); may be empty. */
static void item(struct buf *out, const char *id, bool done, struct slice detail)
{
    buf_printf(out, "%s{\"id\":\"%s\",\"state\":\"%s\",\"detail\":",
               out->n && out->p[out->n - 1] == '}' ? "," : "", id, done ? "done" : "missing");
    buf_json_str(out, detail);
    buf_char(out, '}');
}

static void of_server(const struct worker *w, struct buf *out)
{
    const struct config *c = w->config;
    char path[400];
    struct stat s;
    item(out, "https", *c->tls_cert || strncmp(c->public_url, "https://", 8) == 0, slice_str(c->public_url));
    first_recovery_path(w, path, sizeof path);
    item(out, "recovery", access(path, F_OK) != 0, SLICE(""));
    snprintf(path, sizeof path, "%s/last-backup", c->data_dir);
    bool made = stat(path, &s) == 0;
    char when[TIME_TEXT] = "";
    if (made)
        time_text((int64_t)s.st_mtime * 1000, when);
    item(out, "backup", made && time(NULL) - s.st_mtime < BACKUP_DAYS * 86400, slice_str(when));
}

/* Room: the detail is in how many days it is used up, when it will be. */
static void of_capacity(const struct worker *w, struct buf *out)
{
    static const char *const kinds[] = {"memory", "disk"};
    json_t *all = capacity_json(w);
    for (size_t i = 0; all && i < 2; i++) {
        int64_t days = json_opt_int(json_object_get(all, kinds[i]), "full_in_days", -1);
        char text[24] = "";
        if (days >= 0)
            snprintf(text, sizeof text, "%lld", (long long)days);
        item(out, kinds[i], days < 0 || days > CAPACITY_WARN_DAYS, slice_str(text));
    }
    json_decref(all);
}

static void list_name(struct buf *b, const char *name)
{
    if (b->n)
        buf_str(b, ", ");
    buf_str(b, name);
}

/* Languages whose safety texts nobody who speaks them has read. */
static void of_texts(const struct worker *w, const json_t *doc, struct buf *out)
{
    struct buf lacking;
    size_t i;
    const json_t *tag;
    buf_init(&lacking, 4096);
    json_array_foreach(json_object_get(doc, "languages"), i,
                       tag) if (!texts_safe(w->texts, doc, json_string_value(tag)))
        list_name(&lacking, json_string_value(tag));
    item(out, "texts", !lacking.n, buf_view(&lacking));
    buf_clear(&lacking);
}

static bool any(const json_t *v)
{
    return json_is_string(v) ? json_string_length(v) > 0 : json_object_size(v) > 0;
}

static void of_document(const json_t *doc, struct buf *out)
{
    item(out, "hours", json_object_size(json_object_get(doc, "hours")) > 0, SLICE(""));
    item(out, "name", any(json_object_get(doc, "name")), SLICE(""));
    item(out, "emergency", any(json_object_get(doc, "emergency")), SLICE(""));
    item(out, "privacy", any(json_object_get(doc, "privacy")), SLICE(""));
}

static void of_channels(const struct worker *w, struct store_op *op, const json_t *doc, struct buf *out)
{
    struct buf down;
    struct host_channel_info info;
    size_t i, open = 0;
    const json_t *one;
    buf_init(&down, 8192);
    json_array_foreach(json_object_get(doc, "channels"), i, one)
    {
        const char *id = json_string_value(json_object_get(one, "id"));
        if (!id || json_opt_bool(one, "disabled", false) || !host_channel_info(w->host, op, id, &info))
            continue;
        open++;
        if (strcmp(info.state, "down") == 0)
            list_name(&down, id);
    }
    item(out, "channels", open && !down.n, buf_view(&down));
    buf_clear(&down);
}

void office_checklist(void *worker, struct store_op *op, struct buf *out)
{
    const struct worker *w = worker;
    json_t *doc = json_parse(store_op_document(op, NULL), JSON_DEPTH_DEFAULT, NULL);
    of_server(w, out);
    of_capacity(w, out);
    of_document(doc, out);
    of_texts(w, doc, out);
    of_channels(w, op, doc, out);
    json_decref(doc);
}
