/* SPDX-License-Identifier: Apache-2.0
 * See operation_secret.h. */
#include "gateway/daemon/operation_secret.h"
#include <string.h>

static const struct {
    const char *section, *key, *member;
} secrets[] = {{"webhooks", "id", "secret"}};
#define SECRETS (sizeof secrets / sizeof *secrets)

void operation_secret_strip(json_t *file)
{
    size_t i;
    json_t *thing;
    for (size_t s = 0; s < SECRETS; s++)
        json_array_foreach(json_object_get(file, secrets[s].section), i, thing)
            json_object_del(thing, secrets[s].member);
}

void operation_secret_keep(const char *section, json_t *thing, const json_t *before)
{
    for (size_t s = 0; s < SECRETS; s++) {
        json_t *had = json_object_get(before, secrets[s].member);
        if (strcmp(secrets[s].section, section) == 0 && had && !json_object_get(thing, secrets[s].member))
            json_object_set(thing, secrets[s].member, had);
    }
}

void operation_secret_tell(const json_t *document, json_t *out)
{
    size_t i;
    json_t *thing;
    for (size_t s = 0; s < SECRETS; s++) {
        json_t *all = json_object();
        json_array_foreach(json_object_get(document, secrets[s].section), i, thing)
        {
            const char *id = json_string_value(json_object_get(thing, secrets[s].key));
            if (id)
                json_object_set_new(
                    all, id,
                    json_pack("{s:b}", secrets[s].member, json_object_get(thing, secrets[s].member) != NULL));
        }
        json_object_set_new(out, secrets[s].section, all);
    }
}
