/* SPDX-License-Identifier: Apache-2.0
 * See operation_texts.h. */
#include "gateway/daemon/operation_texts.h"
#include "gateway/base/text.h"
#include "gateway/daemon/operation.h"

/* One that no text has would be kept and never shown: the office would believe in a wording of its own. */
static void text_key(struct check *c, const json_t *v)
{
    const char *key = json_string_value(v);
    if (!key || !name_valid(slice_str(key)))
        check_name(c, v);
    else if (c->con->text && !c->con->text(c->con->ctx, key))
        check_wrong(c, "there is no text with this name");
}

static void own_texts(struct check *c, const json_t *v)
{
    check_map(c, v, text_key, check_text);
}

void operation_texts(struct check *c, const json_t *v)
{
    check_map(c, v, check_tag, own_texts);
}

static void text_keys(struct check *c, const json_t *v)
{
    check_list(c, v, 1000, text_key);
}

void operation_reviewed(struct check *c, const json_t *v)
{
    check_map(c, v, check_tag, text_keys);
}

/* A place that Parley does not fill would be sent to people as it stands. */
static void holes_refer(struct check *c, const json_t *texts)
{
    const char *key;
    json_t *v;
    struct slice which;
    json_object_foreach((json_t *)texts, key, v)
    {
        size_t back = check_into(c, key);
        if (!c->con->hole(c->con->ctx, key, slice_str(json_string_value(v)), &which))
            check_wrong(c, "\"{%.*s}\" is not filled in this text", (int)(which.n < 40 ? which.n : 40),
                        which.p);
        check_out(c, back);
    }
}

void operation_texts_refer(struct check *c, const json_t *file)
{
    const char *tag;
    json_t *texts;
    if (!c->con->hole)
        return;
    size_t back = check_into(c, "texts");
    json_object_foreach(json_object_get(file, "texts"), tag, texts)
    {
        size_t inner = check_into(c, tag);
        holes_refer(c, texts);
        check_out(c, inner);
    }
    check_out(c, back);
}
