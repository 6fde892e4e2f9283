/* SPDX-License-Identifier: Apache-2.0
 * The table from an operation's document. */
#include "router/topic.h"

#define TOPICS_MAX  1000
#define PHRASES_MAX 50000

struct load {
    struct topic_table *table;
    unsigned phrases;
    struct err *e;
};

static int load_list(struct load *l, unsigned topic, const char *tag, const json_t *list)
{
    size_t i;
    json_t *word;
    if (!json_is_array(list))
        return err_set(l->e, ERR_INVALID, "words.%.20s: a list is wanted", tag);
    json_array_foreach(list, i, word)
    {
        const char *s = json_string_value(word);
        if (!s)
            return err_set(l->e, ERR_INVALID, "words.%.20s[%zu]: a text is wanted", tag, i);
        if (++l->phrases > PHRASES_MAX)
            return err_set(l->e, ERR_TOO_LARGE, "more than %d words in all", PHRASES_MAX);
        int rc = topic_table_phrase(l->table, topic, language_find(slice_str(tag)), slice_str(s), l->e);
        if (rc) {
            err_prefix(l->e, "words.%.20s[%zu]", tag, i);
            return rc;
        }
    }
    return 0;
}

static int load_topic(struct load *l, const json_t *o)
{
    struct slice id = json_opt_str(o, "id");
    struct topic_rule rule = {.clearance = (int)json_opt_int(o, "clearance", 0),
                              .priority = (int)json_opt_int(o, "priority", -1),
                              .no_last_agent = json_opt_bool(o, "no_last_agent", false)};
    if (!id.n)
        return err_set(l->e, ERR_INVALID, "id is missing");
    if (rule.clearance < 0 || rule.clearance > 2 || rule.priority < -1 || rule.priority > 3)
        return err_set(l->e, ERR_INVALID, "clearance is 0 to 2, priority 0 to 3");
    if (json_opt_bool(o, "disabled", false))
        return 0;
    unsigned topic = topic_table_add(l->table, id, &rule);
    const char *tag;
    json_t *list, *words = json_object_get(o, "words");
    if (words && !json_is_object(words))
        return err_set(l->e, ERR_INVALID, "words: an object is wanted");
    json_object_foreach(words, tag, list)
    {
        int rc = load_list(l, topic, tag, list);
        if (rc)
            return rc;
    }
    return 0;
}

int topic_table_load(struct topic_table **out, const json_t *topics, struct err *e)
{
    struct err own;
    struct load l = {.table = topic_table_new(), .e = e ? e : &own};
    size_t i;
    json_t *o;
    int rc = 0;
    *out = NULL;
    if (topics && (!json_is_array(topics) || json_array_size(topics) > TOPICS_MAX))
        rc = err_set(e, ERR_INVALID, "topics: a list of at most %d is wanted", TOPICS_MAX);
    json_array_foreach(topics, i, o)
    {
        if (rc)
            break;
        rc = json_is_object(o) ? load_topic(&l, o) : err_set(l.e, ERR_INVALID, "an object is wanted");
        if (rc)
            err_prefix(l.e, "topics[%zu]", i);
    }
    if (rc)
        topic_table_free(l.table);
    else
        *out = l.table;
    return rc;
}
