/* SPDX-License-Identifier: Apache-2.0
 * The table of everything that is stored beside records, and the record of processing made from it. */
#include "store/processing.h"
#include "store/record.h"

#define PERSON  "the person's own key, by clearance"
#define CONFIG  "the operation's configuration key"
#define STAFF   "the operation's staff key"
#define HASHES  "clear: keyed hashes and codes"
#define CODES   "clear: codes, ids and times"
#define ANSWER  "to answer the person"
#define CHANNEL "as long as its channel's retention says, or until the person is erased"
#define LIVES   "as long as the person is known; gone with an erasure"
#define ROUTE   "to bring what waits to who can answer"
#define SECURE  "to keep out who is not staff"
#define MOMENT  "while it lasts"

/* clang-format off */
const struct processing_row processing_rows[] = {
    {"data", "contact:*", "k lt ls lh u o0 o1 o2 T p p1 p2 N a* v ar er me sc un dd pv",
     "a person: addresses, name, notes and fields by clearance, language as stated, set or guessed, area, "
     "threads, whom they were merged with, channels on which it was asked whether it is them",
     ANSWER, "addresses, name, notes and fields: " PERSON "; the rest: " HASHES, LIVES},
    {"data", "addr:*", "*", "which address belongs to whom, its channel, when it was last seen",
     "to know who writes", HASHES, LIVES},
    {"data", "thread:*",
     "c k cl st n v lm li wt op ch fa lt ls lh tp ar pr nl sv cx as la dc ox sn rs oc fr rd tm tg nb hb rn "
     "ev ap pe at mg bt du ds dk df dv ih ib ic ob cb we",
     "a conversation: state, times, topic, area, language, who serves it, how it ended and how that is "
     "known, attempts to reach the person, doubt whether it is the same person, checks of identity",
     ROUTE, CODES, "as its messages; its codes and times as long as the operation"},
    {"data", "log:*", "*",
     "what was written: messages, notes, edits, reactions, what happened; names of attachments; choices; "
     "places; the provider's ids and errors",
     ANSWER, "words and whatever stands with them: " PERSON "; author, channel, time, kind: clear", CHANNEL},
    {"data", "words:*", "*", "search words of messages of an older layout", "to find a conversation", HASHES,
     CHANNEL},
    {"data", "threads", "", "conversations by last activity", "to list them", CODES, "as the conversations"},
    {"data", "waiting", "", "conversations by waiting time", ROUTE, CODES, MOMENT},
    {"data", "offers", "", "conversations that are offered", ROUTE, CODES, MOMENT},
    {"data", "snoozed", "", "conversations that were put off", ROUTE, CODES, MOMENT},
    {"data", "ends", "", "ends of conversations that wait for a focal point", "so that nobody is closed away",
     CODES, MOMENT},
    {"data", "reseal", "", "conversations to be encrypted for a higher clearance", "confidentiality", CODES,
     "minutes"},
    {"data", "seen:*", "*", "which messages of a provider were taken", "so that nothing is shown twice",
     HASHES, "8 to 16 days; of mail and imports for good"},
    {"data", "x:*", "*", "a provider's ids of what was sent", "to know what arrived", HASHES,
     "16 to 32 days"},
    {"data", "refs:*", "*", "a program's references of what it sent", "so that nothing is stored twice",
     HASHES, LIVES},
    {"data", "album:*", "", "pictures that belong together", "to show them as one", CODES, "2 minutes"},
    {"data", "early:*", "*", "news of a message whose id is not known yet", "to know what arrived", HASHES,
     "5 minutes"},
    {"data", "outq:*", "", "what is to be sent to an address", ANSWER, HASHES,
     "until it is sent or given up"},
    {"data", "out:*", "", "whose messages are due", ANSWER, HASHES, "until they are sent"},
    {"data", "outl:*", "", "whose messages are under way", ANSWER, HASHES, "until they are sent"},
    {"data", "outf", "*", "which node sends for a channel", "so that nothing is sent twice", CODES,
     "as long as the channel"},
    {"data", "dead:*", "*", "what could not be sent", "to send it again", CODES,
     "until it is sent or erased"},
    {"data", "deadi:*", "*", "the same, to be found", "to send it again", CODES,
     "until it is sent or erased"},
    {"data", "media", "", "files to be fetched", ANSWER, CODES, "until they are fetched"},
    {"data", "mediaj", "*", "where those files are", ANSWER, PERSON, "until they are fetched"},
    {"data", "wire:*", "", "requests and answers of providers", "to find what went wrong", PERSON,
     "8 days; never of sealed or anonymous matters"},
    {"data", "events", "k t c q w a b x h ar ek i s n st cl e rk ri rg rf o tg nd", "what changed",
     "to tell open pages", CODES, "24 hours"},
    {"data", "audit", "a x o d c", "who did or saw what", "accountability; to tell of a breach",
     CODES "; staff by their login", "as long as the operation"},
    {"data", "seals", "s n c l h", "the chain that protects the audit", "accountability", CODES,
     "as long as the operation"},
    {"data", "quarantine", "*", "what a provider sent and could not be understood", "so that nothing is lost",
     CONFIG, "30 days"},
    {"data", "facts:*", "*",
     "of each conversation language, topic, area, channel, outcome and times, as codes",
     "to report and to answer for the work", CODES, "1,100 days"},
    {"data", "factc", "", "up to which event facts were gathered", "to report", CODES, MOMENT},
    {"data", "doc", "*", "the operation: texts, channels with their secrets, topics, areas, teams", "to work",
     CONFIG, "as long as the operation"},
    {"data", "loaded", "*", "which node works with it", "to work", CODES, MOMENT},
    {"data", "guard", "*", "rules for the end of a conversation", "so that nobody is left without an answer",
     CODES, "as long as the operation"},
    {"data", "counts", "*", "how many people there are", "to run it", CODES, "as long as the operation"},
    {"data", "values", "*", "a channel's cursor and other small values", "to work", CONFIG,
     "as long as the operation"},
    {"data", "idem:*", "*", "answers to programs", "so that nothing is done twice", CONFIG, "a day"},
    {"data", "rec:*", "", "records; what each kind holds is told below", "told below", "told below",
     "told below"},
    {"data", "recz:*", "", "records by time", "to list them", CODES, "as the records"},
    {"data", "recg:*", "", "records by what they belong to", "to list them", CODES, "as the records"},
    {"data", "recc:*", "", "records of a person", "to erase and to tell them", CODES, LIVES},
    {"data", "told:*", "*", "who of the staff was told of an alert, and how that went",
     "to bring help in time", CODES, "30 days"},
    {"data", "agents", "", "staff of the operation", ROUTE, CODES "; staff by their login",
     "as long as the operation"},
    {"data", "agent:*", "x tm ar tp lg ro cl cp ds ps il",
     "somebody of the staff: name, teams, areas, languages, roles, presence", ROUTE,
     "name: " STAFF "; the rest: clear", "as long as they work there"},
    {"data", "held:*", "", "what somebody serves", ROUTE, CODES, MOMENT},
    {"data", "asleep:*", "", "what somebody put off", ROUTE, CODES, MOMENT},
    {"data", "sock:*", "*", "whose page is open", ROUTE, CODES, "45 seconds"},
    {"data", "gone", "", "whose page was closed", ROUTE, CODES, "45 seconds"},
    {"data", "timers", "", "what is due", "to work", CODES, "until it is done"},
    {"data", "wake", "w", "that a program has opened an operation", "to work", CODES, MOMENT},
    {"data", "fences", "*", "which node does what", "to work", CODES, "as long as the operation"},
    {"data", "lease:*", "", "which node does what", "to work", CODES, "seconds"},
    {"data", "blobs", "", "ids of files", "to find files that nobody needs", CODES, CHANNEL},
    {"data", "blob:*", "o x", "the key of a file that was just brought", ANSWER, CONFIG, "an hour"},
    {"data", "erasing", "*", "erasures under way", "to end them", CODES, "until they are done"},
    {"data", "ledger", "*", "hashes of who was erased", "so that no backup brings them back", HASHES,
     "for good"},
    {"data", "users", "", "who can sign in", SECURE, HASHES, "as long as the user"},
    {"data", "user:*", "x p ds cm g sf s sa sc sp sq r*",
     "somebody who can sign in: login, name, language, operations; password (slow hash), second factor",
     SECURE, "the installation's staff key", "as long as the user"},
    {"data", "sess:*", "u g i n p f *", "who is signed in", SECURE, HASHES, "12 hours unused"},
    {"data", "step:*", "u g n *", "who has given a password and not yet a code", SECURE, HASHES, "minutes"},
    {"data", "token:*", "x n lu *", "programs' tokens", SECURE, "the installation's staff key",
     "until it is ended"},
    {"data", "tokens", "*", "programs' tokens", SECURE, HASHES, "until they are ended"},
    {"data", "tokens:*", "", "programs' tokens of an operation", SECURE, HASHES, "until they are ended"},
    {"data", "try:*", "n u", "wrong passwords by login and network or device", SECURE, HASHES, "an hour"},
    {"data", "trys:*", "n u", "wrong passwords by login", SECURE, HASHES, "an hour"},
    {"data", "tryc:*", "n u", "wrong codes by login and place", SECURE, HASHES, "an hour"},
    {"data", "trycs:*", "n u", "wrong codes by login", SECURE, HASHES, "an hour"},
    {"data", "from:*", "", "networks from which somebody signed in", SECURE, HASHES, "90 days"},
    {"data", "devs:*", "", "devices with which somebody signed in", SECURE, HASHES, "400 days"},
    {"data", "trust:*", "", "devices that are not asked for a code", SECURE, HASHES,
     "as long as the office says"},
    {"data", "store", "*", "this installation", "to work", CODES, "as long as the installation"},
    {"data", "schema", "", "the layout's version", "to work", CODES, "as long as the installation"},
    {"data", "ops", "", "names of the operations", "to work", CODES, "as long as the installation"},
    {"data", "nodes", "*", "machines that serve", "to work", CODES, "seconds"},
    {"data", "node:*", "*", "a machine that serves", "to work", CODES, "seconds"},
    {"data", "probe", "*", "whether the server takes what is written", "to work", CODES, "seconds"},
    {"data", "hookc", "", "up to which event webhooks were told", "to tell other programs", CODES, MOMENT},
    {"data", "hooks", "", "webhooks of the operation", "to tell other programs", CODES, "as long as the webhook"},
    {"data", "hk:*", "*", "a webhook's state", "to tell other programs", CODES, "as long as the webhook"},
    {"data", "hkq:*", "", "what a webhook is to be told", "to tell other programs", CODES, "until it is told or given up"},
    {"data", "hkd:*", "", "when a webhook is to be told", "to tell other programs", CODES, "until it is told or given up"},
    {"data", "hka:*", "*", "how often a webhook was tried", "to tell other programs", CODES, "until it is told or given up"},
    {"data", "hkx:*", "*", "what a webhook could not be told", "to tell it again", CODES, "30 days"},
    {"data", "hkz:*", "", "the same by time", "to tell it again", CODES, "30 days"},
    {"keys", "k:*", "*", "people's keys", "so that erasing one makes all of a person unreadable",
     "wrapped by the operation's master key", LIVES},
    {"keys", "keys", "*", "the operation's own keys", "confidentiality",
     "wrapped by the operation's master key", "as long as the operation"},
    {"keys", "kn", "", "how many keys there are", "to make keys", CODES, "as long as the operation"},
    {"keys", "ledger", "*", "hashes of who was erased", "so that no backup brings them back", HASHES,
     "for good"},
    {"keys", "*", "*", "what the server of the keys needs to work", "to work", CODES,
     "as long as the installation"},
    {"disk", "blobs/*", "", "files that people and staff sent", ANSWER,
     "a key of the file's own, kept with its message", CHANNEL},
    {"disk", "ledger.txt", "", "hashes of who was erased", "so that no backup brings them back", HASHES,
     "for good"},
    {"disk", "the log", "",
     "what the programs did; keyed hashes of addresses, no name and no word of anybody", "to run it", HASHES,
     "as the machine's log is kept"},
    {"disk", "backups", "", "all of this", "against loss",
     "the recovery key; people's keys apart, in a file of its own",
     "30 days for the keys; the rest as the office says"},
    {NULL, NULL, NULL, NULL, NULL, NULL, NULL}};
/* clang-format on */

static void member(struct buf *b, const char *name, const char *value)
{
    buf_printf(b, ",\"%s\":", name);
    buf_json_str(b, slice_str(value));
}

static void row_json(const struct processing_row *r, struct buf *b)
{
    buf_str(b, "{\"server\":");
    buf_json_str(b, slice_str(r->server));
    member(b, "name", r->name);
    member(b, "fields", r->fields);
    member(b, "what", r->what);
    member(b, "why", r->why);
    member(b, "key", r->key);
    member(b, "how_long", r->how_long);
    buf_char(b, '}');
}

void processing_json(const char *operation, struct buf *b)
{
    buf_str(b, "{\"operation\":");
    buf_json_str(b, slice_str(operation));
    buf_str(b, ",\"stored\":[");
    for (const struct processing_row *r = processing_rows; r->name; r++) {
        if (r != processing_rows)
            buf_char(b, ',');
        row_json(r, b);
    }
    buf_str(b, "],\"records\":[");
    bool first = true;
    for (const struct record_kind *k = record_kinds; k->kind; k++) {
        if (!k->is_record)
            continue;
        buf_str(b, first ? "{\"kind\":" : ",{\"kind\":");
        first = false;
        buf_json_str(b, slice_str(k->kind));
        member(b, "what", k->what);
        member(b, "why", k->why);
        member(b, "key", k->key);
        member(b, "how_long", k->how_long);
        buf_char(b, '}');
    }
    buf_str(b, "]}");
}

void processing_markdown(const char *operation, struct buf *b)
{
    buf_printf(b,
               "# Record of processing: %s\n\nWhat Parley stores, why, under which key and for how long. "
               "Made by the "
               "program that stores it.\n\n| what | why | key | how long | where |\n|---|---|---|---|---|\n",
               operation);
    for (const struct record_kind *k = record_kinds; k->kind; k++)
        if (k->is_record)
            buf_printf(b, "| %s | %s | %s | %s | records: %s |\n", k->what, k->why, k->key, k->how_long,
                       k->kind);
    for (const struct processing_row *r = processing_rows; r->name; r++)
        buf_printf(b, "| %s | %s | %s | %s | %s: `%s` |\n", r->what, r->why, r->key, r->how_long, r->server,
                   r->name);
}
