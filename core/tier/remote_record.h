/* SPDX-License-Identifier: MIT
 *
 * remote_record.h: the record of a remote tier. It has two parts, as checkpoints, members and the page are those of one host:
 * the host keeps its record in a file, and the store says who it is, and how new its content is.
 */
#ifndef PXT_REMOTE_RECORD_H
#define PXT_REMOTE_RECORD_H

#include "tier/tier.h"

/* Gives what the host keeps, if the store is still the one of which that is: with no later checkpoint than the store has heard
 * of. Of another store: a record without a checkpoint. PXT_NOT_FOUND: neither has one. Called inside a call of the tier. */
pxt_status pxt_remote_record_get(struct pxt_tier *tier, char text[PXT_RECORD_MAX + 1], struct pxt_error *error);
/* Keeps it in both, if the store is that of the record. */
pxt_status pxt_remote_record_put(struct pxt_tier *tier, const char *text, struct pxt_error *error);

#endif
