/* SPDX-License-Identifier: Apache-2.0
 * The settings of the process: one table (config_table.c) reads the file, writes its schema and says what is
 * wrong with it. What an operation decides (channels, teams, topics) is not here: it lives in the store and
 * travels as `parley apply` files. */
#ifndef PARLEY_DAEMON_CONFIG_H
#define PARLEY_DAEMON_CONFIG_H

#include "gateway/base/buf.h"
#include "gateway/base/log.h"
#include <stddef.h>

struct config {
    char *listen, *public_url;
    char **trusted_proxies, **allow_private, **egress, **origins; /* NULL-terminated, never NULL */
    char *tls_cert, *tls_key;                                     /* "" none */
    int64_t workers;
    char *redis_url, *keys_url;              /* "" embedded */
    char *redis_server;                      /* the program of the embedded servers */
    int64_t redis_memory_mb, keys_memory_mb; /* 0: a share of the machine's */
    bool unsafe_redis;
    char *master_key_command;
    int64_t disk_low_mb;
    char *backup_dir, *backup_at;
    int64_t backup_keep_days, backup_keep_weeks;
    char *data_dir, *demo, *texts_dir, *packs_dir, *plugin_dir, *web_dir, *chat_dir, *model, *openapi;
    char *log_level;
    int64_t drain_ms, offer_ms, reopen_hours, session_idle_s;
    char *second_factor;
    int64_t trusted_device_days, webhook_retry_ms, webhook_give_up_s;
    struct {
        int64_t body, upload, json_depth, text, attachments, header, connections;
    } limits;
};

enum config_type { CONFIG_TEXT, CONFIG_PATH, CONFIG_INT, CONFIG_BOOL, CONFIG_LIST };

struct config_setting {
    const char *name; /* "limits.body": a member of the object "limits" */
    enum config_type type;
    size_t offset;
    const char *dflt;         /* TEXT, PATH ("@x": below top, "=x": beside the program) */
    int64_t number, min, max; /* INT; BOOL: number */
    bool restart;             /* a changed value needs a restart: SIGHUP keeps the old one */
    bool (*fits)(const char *value, const char **why); /* TEXT, PATH, each of LIST; may be NULL */
    const char *help;
};
extern const struct config_setting config_settings[]; /* ends with name NULL */

/* Reads text; relative paths count from dir, defaults from top (where build/ and config/ stand). On errors
 * returns NULL and has one "name:line: what is wrong" line for each in problems. */
struct config *config_parse(struct slice text, const char *name, const char *dir, const char *top,
                            struct buf *problems);
/* path NULL: the defaults. */
struct config *config_read(const char *path, const char *top, struct buf *problems);
/* From the command line: "listen", "data_dir". False with a line in problems. */
bool config_override(struct config *c, const char *setting, const char *value, struct buf *problems);
/* What no setting can judge alone: listening beyond loopback without TLS, half a TLS pair, a data directory
 * too long for its sockets. */
bool config_verify(const struct config *c, const char *name, struct buf *problems);
/* What is allowed but unwise, one line each. */
void config_warnings(const struct config *c, struct buf *out);
void config_free(struct config **c);
/* All values as text that config_parse reads: how workers are told. Paths are absolute. */
int config_write(const struct config *c, struct buf *out);
/* The JSON Schema (2020-12). */
int config_schema(struct buf *out);
/* Gives `fresh` the old values of settings that need a restart; out: the names of those that differed,
 * comma-separated. */
void config_keep(const struct config *old, struct config *fresh, struct buf *out);
/* Is the address (host:port) on loopback alone? */
bool config_loopback(const char *listen);

#endif
