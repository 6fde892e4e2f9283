/* SPDX-License-Identifier: Apache-2.0
 * Certificates of erasure: that a person was erased, when, and how anybody can check it; nothing of the
 * person. Kept as a record, so that it can be told again; its hash is a line of the audit, which the audit's
 * chain protects. */
#ifndef PARLEY_STORE_CERTIFICATE_H
#define PARLEY_STORE_CERTIFICATE_H

#include "store/store.h"

/* Erases (store_erase) and certifies. text: the certificate's JSON:
 * {"certificate","operation","erased","by","threads","entries","addresses","ledger":{"hash"},
 * "key_backups_expire","audit":{"root","lines"}}. Erasing somebody again gives the certificate of the first
 * time. ERR_NOT_FOUND: no such person. */
void store_erase_certified(struct store_op *op, struct id contact, const char *actor, store_text_done done,
                           void *arg);
/* ERR_NOT_FOUND. */
void store_certificate_get(struct store_op *op, const char *id, store_text_done done, void *arg);
/* Newest first; text: a JSON array of certificates. */
void store_certificates(struct store_op *op, unsigned limit, store_text_done done, void *arg);

#endif
