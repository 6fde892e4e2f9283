/* SPDX-License-Identifier: Apache-2.0
 * Every kind of record: what it holds, why, under which key, for how long. What is not here cannot be
 * written, and the record of processing is made from it. */
#include "store/record.h"

#define CONTACT "the person's own key, by clearance"
#define CONFIG  "the operation's configuration key"
#define PERSON  "as long as the person; codes and times stay for the figures"

const struct record_kind record_kinds[] = {
    {"run", true, "how far a person is in a flow: answers given to it", "to go on where they left off",
     CONTACT, "until the flow ends or expires", 30},
    {"callback", true, "who asked to be called or written back, when and where", "to call back", CONTACT,
     PERSON, 0},
    {"alert", true, "red alerts: category, area, times, who acknowledged", "to bring help in time", CONTACT,
     PERSON, 0},
    {"matter", true, "what somebody wants: type, subject, risk, form, referrals, outcome",
     "to answer it, refer it and count it", CONTACT, PERSON, 0},
    {"pack", true, "codes, forms and referral table that matters are coded with", "to read what was coded",
     CONFIG, "as long as the operation", 0},
    {"referral", true, "to which institution a matter went, for what, until when, its answer",
     "to see that somebody acts", "clear: codes", PERSON, 0},
    {"matter_step", true, "what was done to a matter, by whom and when", "to answer for it", "clear: codes",
     PERSON, 0},
    {"article", true, "canned answers and articles; who wrote and rated them", "to answer alike", CONFIG,
     "until it is deleted", 0},
    {"article_note", true, "how agents rated an article, their comment, how often they used it",
     "to mend what is wrong or old", CONFIG, "until the operation ends", 0},
    {"certificate", true, "that somebody was erased, when and by whom; nothing of the person", "to prove it",
     CONFIG, "as long as the operation", 0},
    {"told", false, "of a red alert: which notice went to whom of the staff, and how it ended",
     "to know that help was called", "clear: codes", "30 days", 0},
    {"webhook", false, "what is still to be told to programs elsewhere: ids, codes, times",
     "to tell them at least once, in order", "clear: codes", "three days; what failed 30 days", 0},
    {"second_factor", false, "secret and recovery codes of who signs in; devices that are trusted",
     "to know that it is them", "the staff key; keyed hashes", "as long as the user, or until it is reset",
     0},
    {NULL, false, NULL, NULL, NULL, NULL, 0}};
