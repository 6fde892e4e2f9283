/* SPDX-License-Identifier: Apache-2.0
 * The table of settings, and what a single value may be. */
#include "gateway/daemon/config.h"
#include "gateway/daemon/backups.h"
#include "gateway/net/guard.h"
#include <arpa/inet.h>
#include <string.h>

static bool fits_address(const char *v, const char **why)
{
    *why = "an address and a port: \"127.0.0.1:8080\", \"[::1]:8080\"";
    const char *colon = strrchr(v, ':');
    uint64_t port;
    if (!colon || !slice_u64(slice_str(colon + 1), &port) || port > 65535)
        return false;
    char host[64];
    size_t n = (size_t)(colon - v);
    if (n == 0 || n >= sizeof host)
        return false;
    memcpy(host, v, n);
    host[n] = '\0';
    struct in6_addr in;
    if (host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = '\0';
        return inet_pton(AF_INET6, host + 1, &in) == 1;
    }
    return inet_pton(AF_INET, host, &in) == 1;
}

static bool fits_origin(const char *v, const char **why)
{
    *why = "an https:// or http:// address without a path";
    size_t scheme = strncmp(v, "https://", 8) == 0 ? 8 : strncmp(v, "http://", 7) == 0 ? 7 : 0;
    return scheme && v[scheme] && !strpbrk(v + scheme, "/?#@ ");
}

static bool fits_origin_or_none(const char *v, const char **why)
{
    return !*v || fits_origin(v, why);
}

static bool fits_cidr(const char *v, const char **why)
{
    *why = "a network: \"10.0.0.0/8\", \"::1/128\"";
    struct err e = {0};
    struct cidrs *c = *v ? cidrs_parse(slice_str(v), &e) : NULL;
    bool ok = c != NULL;
    if (c)
        cidrs_free(&c);
    return ok;
}

static bool fits_redis(const char *v, const char **why)
{
    *why = "unix:/path, redis://host:port or rediss://host:port (empty: the embedded server)";
    return !*v || strncmp(v, "unix:/", 6) == 0 || strncmp(v, "redis://", 8) == 0 ||
           strncmp(v, "rediss://", 9) == 0;
}

static bool fits_level(const char *v, const char **why)
{
    *why = "debug, info, warn or error";
    enum log_level l;
    return log_level_parse(slice_str(v), &l);
}

static bool fits_minute(const char *v, const char **why)
{
    *why = "a time of the day: \"02:30\"";
    return backups_minute(v) >= 0;
}

static bool fits_host(const char *v, const char **why)
{
    *why = "the name of a host, without scheme or path";
    return *v && !strpbrk(v, "/:?#@ ");
}

static bool fits_second(const char *v, const char **why)
{
    *why = "required, offered or off";
    return strcmp(v, "required") == 0 || strcmp(v, "offered") == 0 || strcmp(v, "off") == 0;
}

#define TEXT(name, member, dflt, fits, restart, help)                                                        \
    {                                                                                                        \
        name, CONFIG_TEXT, offsetof(struct config, member), dflt, 0, 0, 0, restart, fits, help               \
    }
#define PATH(name, member, dflt, restart, help)                                                              \
    {                                                                                                        \
        name, CONFIG_PATH, offsetof(struct config, member), dflt, 0, 0, 0, restart, NULL, help               \
    }
#define LIST(name, member, fits, help)                                                                       \
    {                                                                                                        \
        name, CONFIG_LIST, offsetof(struct config, member), "", 0, 0, 0, false, fits, help                   \
    }
#define INT(name, member, dflt, min, max, restart, help)                                                     \
    {                                                                                                        \
        name, CONFIG_INT, offsetof(struct config, member), "", dflt, min, max, restart, NULL, help           \
    }
#define BOOL(name, member, dflt, restart, help)                                                              \
    {                                                                                                        \
        name, CONFIG_BOOL, offsetof(struct config, member), "", dflt, 0, 1, restart, NULL, help              \
    }

const struct config_setting config_settings[] = {
    TEXT("listen", listen, "127.0.0.1:8080", fits_address, false,
         "Where HTTP and websockets are served. Anything but loopback needs tls or trusted_proxies."),
    TEXT("public_url", public_url, "", fits_origin_or_none, false,
         "How people and providers reach us, as \"https://example.org\"; empty: nobody outside can."),
    LIST("trusted_proxies", trusted_proxies, fits_cidr,
         "Networks whose X-Forwarded-For and -Proto are believed."),
    LIST("origins", origins, fits_origin, "Further origins whose pages are ours, beside public_url."),
    PATH("tls.cert", tls_cert, "", false, "PEM file with the certificate chain."),
    PATH("tls.key", tls_key, "", false, "PEM file with the certificate's private key."),
    LIST("allow_private", allow_private, fits_cidr,
         "Internal networks that outbound connections may reach; all others are refused."),
    LIST("egress", egress, fits_host,
         "Hosts, beside those that channels name, that outbound connections may reach."),
    INT("workers", workers, 1, 1, 64, true, "Processes that share the port; one serves most offices."),
    TEXT("redis.url", redis_url, "", fits_redis, true, "The data's Redis; empty: an embedded one."),
    INT("redis.memory_mb", redis_memory_mb, 0, 0, 1 << 24, true,
        "Memory of the embedded data server, in MiB; 0: half of the machine's."),
    TEXT("redis.server", redis_server, "redis-server", NULL, true, "The program of the embedded servers."),
    TEXT("keys.url", keys_url, "", fits_redis, true,
         "The keys' Redis; empty: an embedded one. Never the data's."),
    INT("keys.memory_mb", keys_memory_mb, 0, 0, 1 << 24, true,
        "Memory of the embedded key server, in MiB; 0: an eighth of the machine's."),
    TEXT("keys.master_command", master_key_command, "", NULL, true,
         "A program that prints an operation's master key as 64 hex digits; empty: files in the data "
         "directory."),
    BOOL("unsafe_redis", unsafe_redis, 0, true,
         "Take Redis servers whose settings can lose what was acknowledged."),
    PATH("data_dir", data_dir, "@var", true, "Keys, files, the embedded servers' data; mode 0700."),
    INT("disk_low_mb", disk_low_mb, 64, 1, 1 << 20, false,
        "Below so much free disk nothing is accepted any more, in MiB."),
    PATH("backup.dir", backup_dir, "", false,
         "Where a backup is made each day; empty: none by itself. Copy it to another machine."),
    TEXT("backup.at", backup_at, "02:30", fits_minute, false, "When, in UTC."),
    INT("backup.keep_days", backup_keep_days, 7, 1, 30, false, "The newest backup of so many days is kept."),
    INT("backup.keep_weeks", backup_keep_weeks, 4, 0, 4, false,
        "And of so many weeks; none is kept for more than 30 days."),
    PATH("demo", demo, "", true,
         "The operation file for an empty data directory (loopback only); empty: none."),
    PATH("texts_dir", texts_dir, "@config/texts", false, "Texts for people, one file per language."),
    PATH("packs_dir", packs_dir, "@config/packs", false, "What matters are coded with, one file per pack."),
    PATH("plugin_dir", plugin_dir, "=connectors", false,
         "Where the connectors are loaded from; beside the program by default."),
    PATH("web_dir", web_dir, "@gateway/web/dist", false, "The agents' page as built."),
    PATH("chat_dir", chat_dir, "@gateway/chat/dist", false, "The webchat page as built."),
    PATH("model", model, "@router/language.model", false, "The language identifier's model."),
    PATH("openapi", openapi, "@gateway/api/openapi", false,
         "The folder with the parts of the served description of the REST API."),
    TEXT("log_level", log_level, "info", fits_level, false, "debug, info, warn or error."),
    INT("drain_ms", drain_ms, 5000, 0, 600000, false,
        "How long requests under way may take when a worker stops."),
    INT("offer_ms", offer_ms, 30000, 1000, 600000, false, "How long an agent has to accept a thread."),
    INT("reopen_hours", reopen_hours, 72, 0, 8760, false,
        "A message so soon after resolving reopens the thread."),
    INT("session_idle_s", session_idle_s, 43200, 300, 2592000, false,
        "A sign-in lives so long without being used."),
    TEXT("second_factor", second_factor, "required", fits_second, false,
         "Whether those who sign in show a code beside their password: required (on this machine, while "
         "public_url is empty, it may wait), offered, off."),
    INT("trusted_device_days", trusted_device_days, 0, 0, 90, false,
        "So long a device that showed a code is not asked again, when its user wants so; 0: each time."),
    INT("webhook_retry_ms", webhook_retry_ms, 5000, 10, 600000, false,
        "A delivery of a webhook that failed is tried again after so long; later tries are further apart."),
    INT("webhook_give_up_s", webhook_give_up_s, 259200, 1, 2592000, false,
        "After so long a delivery that still fails is put aside (the dead list)."),
    INT("limits.body", limits.body, 1 << 20, 1024, 64 << 20, false, "Bytes of a request's body."),
    INT("limits.upload", limits.upload, 25 << 20, 1024, 1 << 30, false, "Bytes of an uploaded file."),
    INT("limits.json_depth", limits.json_depth, 32, 4, 128, false, "Levels of nested JSON."),
    INT("limits.text", limits.text, 65536, 256, 1 << 20, false, "Bytes of one message's text."),
    INT("limits.attachments", limits.attachments, 10, 0, 100, false, "Files of one message."),
    INT("limits.header", limits.header, 16384, 4096, 65536, false, "Bytes of a request's head."),
    INT("limits.connections", limits.connections, 20000, 16, 1000000, false,
        "Open connections of one worker."),
    {0}};
