/* SPDX-License-Identifier: MIT
 *
 * sealer.h: the cache's encryptor, and the sealing of drafts with it.
 */
#ifndef PXT_SEALER_H
#define PXT_SEALER_H

#include "plugin/host.h"
#include "plugin/loader.h"
#include <proxtier/encryptor.h>

struct pxt_sealer;
/* Makes the sealer. The encryptor itself is opened for the first credential, so that a list without credentials needs
 * no key. */
pxt_status pxt_sealer_open(const struct pxt_chosen *chosen, enum pxt_sharing sharing, const struct pxt_logger *logger,
                           const struct pxt_clock *clock, struct pxt_sealer **out, struct pxt_error *error);
void pxt_sealer_close(struct pxt_sealer *sealer);
/* Seals the plain credentials of a draft in place: their values point into `*tokens` afterwards (pxt_free()d by the
 * caller; NULL where there was nothing to seal). `key` is the entry's. */
pxt_status pxt_sealer_seal_draft(struct pxt_sealer *sealer, const char *key, struct pxt_draft *draft, char **tokens,
                                 struct pxt_error *error);
/* Opens a credential of an entry. PXT_NOT_FOUND where it has none. */
pxt_status pxt_sealer_open_field(struct pxt_sealer *sealer, const pxt_entry *entry, enum pxt_field_id field,
                                 pxt_secret **out, struct pxt_error *error);
/* The name of the encryptor, and the ids of its keys, current first; "" where it tells none. */
const char *pxt_sealer_name(const struct pxt_sealer *sealer);
enum { PXT_SEALER_IDS = 512 };
pxt_status pxt_sealer_key_ids(struct pxt_sealer *sealer, char ids[PXT_SEALER_IDS], struct pxt_error *error);

#endif
