/* SPDX-License-Identifier: MIT
 *
 * entry.h (core): what only the core does with an entry.
 */
#ifndef PXT_CORE_ENTRY_H
#define PXT_CORE_ENTRY_H

#include <proxtier/plugin.h>
#include <stdatomic.h>

/* Makes an entry: checks the draft against the field table. PXT_EINVAL names field and reason. */
pxt_status pxt_entry_new(const struct pxt_draft *draft, pxt_entry **out, struct pxt_error *error);
/* Like `entry`, with other live counters and evicted_from_l1. */
pxt_status pxt_entry_copy(const pxt_entry *entry, bool evicted_from_l1, pxt_entry **out, struct pxt_error *error);
/* Returns the length of the UTF-8 sequence at `s` (`left` > 0 bytes), or 0 if it is malformed or a control character. */
size_t pxt_utf8_step(const unsigned char *s, size_t left);
/* Gives `*entry`, which only the caller has, the learnt fields of `old`, unless `old` has learnt nothing. May replace
 * `*entry` by another object. */
pxt_status pxt_entry_inherit(pxt_entry **entry, const pxt_entry *old, struct pxt_error *error);
/* Whether the tier that the entry was read from has no place for some of its fields. */
bool pxt_entry_is_partial(const pxt_entry *entry);
void pxt_entry_key_of(const pxt_entry *entry, struct pxt_key *key);
/* The token of a credential, or NULL. */
const char *pxt_entry_token(const pxt_entry *entry, enum pxt_field_id field, size_t *length);
void pxt_entry_touch(pxt_entry *entry, uint64_t hits, pxt_time last_accessed);
/* Returns how many hits the slower tiers have not been told of, and counts them as told. */
uint64_t pxt_entry_take_unflushed_hits(pxt_entry *entry);
/* The coherence generation under which it was read; set before the entry is handed to a tier. */
uint32_t pxt_entry_generation(const pxt_entry *entry);
void pxt_entry_set_generation(pxt_entry *entry, uint32_t generation);

#endif
