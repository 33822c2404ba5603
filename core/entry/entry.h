/* SPDX-License-Identifier: MIT
 *
 * entry.h (core): what only the core does with an entry.
 */
#ifndef PXT_CORE_ENTRY_H
#define PXT_CORE_ENTRY_H

#include <proxtier/plugin.h>
#include <stdatomic.h>

/* The field table, for the core itself: pxt_fields() gives it to others row by row, so that a row may grow. */
const struct pxt_field *pxt_field_table(size_t *count);
/* Makes an entry: checks the draft against the field table. PXT_EINVAL names field and reason. With PXT_FIELD_REMOVED it
 * makes a tombstone, of which the draft needs no more than the key. */
pxt_status pxt_entry_new(const struct pxt_draft *draft, pxt_entry **out, struct pxt_error *error);
/* Makes a tombstone. It counts as expired at any time. PXT_ENOMEM. */
pxt_status pxt_tombstone_new(const struct pxt_key *key, uint64_t version, unsigned why, pxt_time at, pxt_entry **out,
                             struct pxt_error *error);
/* Sets the time of a tombstone that only the caller has. */
void pxt_tombstone_set_time(pxt_entry *tombstone, pxt_time at);
/* Whether the entry is a tombstone of a delete. */
bool pxt_entry_was_deleted(const pxt_entry *entry);
/* Like `entry`, with other live counters and evicted_from_l1. */
pxt_status pxt_entry_copy(const pxt_entry *entry, bool evicted_from_l1, pxt_entry **out, struct pxt_error *error);
/* Like `entry`, but for the fields that are set in `changes`. */
pxt_status pxt_entry_copy_with(const pxt_entry *entry, const struct pxt_draft *changes, pxt_entry **out,
                               struct pxt_error *error);
/* Returns the length of the UTF-8 sequence at `s` (`left` > 0 bytes), or 0 if it is malformed or a control character. */
size_t pxt_utf8_step(const unsigned char *s, size_t left);
/* Gives `*entry`, which only the caller has, the learnt fields of `old` and their version, unless `old` has learnt nothing.
 * May replace `*entry` by another object. */
pxt_status pxt_entry_inherit(pxt_entry **entry, const pxt_entry *old, struct pxt_error *error);
/* Whether the tier that the entry was read from has no place for some of its fields. */
bool pxt_entry_is_partial(const pxt_entry *entry);
/* The version of the key that the entry is; 0: not known. */
uint64_t pxt_entry_version(const pxt_entry *entry);
/* The version by which the entry is compared: where it is not known, that of a change at its fetch_time. */
uint64_t pxt_entry_effective_version(const pxt_entry *entry);
/* The version of the put that supplied it: where it is not known, that of a change at its fetch_time. */
uint64_t pxt_entry_effective_supplied(const pxt_entry *entry);
/* Whether the entry is a tombstone. */
bool pxt_entry_is_tombstone(const pxt_entry *entry);
/* Whether the entry is the tombstone of a proxy that failed too often, and is known as dead at `now`: its time says until
 * when. */
bool pxt_entry_known_dead(const pxt_entry *entry, pxt_time now);
/* Whether a tier may drop the entry by its time: it has expired, or is a tombstone that is not known as dead any more. */
bool pxt_entry_may_drop(const pxt_entry *entry, pxt_time now);
/* Gives an entry that only the caller has its versions: of the change, of the last put, of the last report. */
void pxt_entry_set_versions(pxt_entry *entry, uint64_t version, uint64_t supplied, uint64_t learnt);
/*
 * What two copies of one key say together: the supplied fields of the greater supplied_version, the learnt ones of the
 * greater learnt_version (between equal ones, of the greater supplied_version), of each writer's tally the greater one, of
 * hits and last access the greater. What is still equal is of the greater version of the whole, else of `a`. If one of the
 * two says it all but for the hits, and is not the older one, `*out` is that one (held, with its hits raised) and `*merged`
 * is false. Otherwise `*out` is a new entry with the greater version of the two; before it is stored, the caller must give it
 * one above both. Of a tombstone and an entry the one with the greater version says it all; but of a put and a delete the later
 * one does, also if a report or a repair has given the other a greater version: then `*out` is new, too. PXT_ENOMEM.
 */
pxt_status pxt_entry_merge(pxt_entry *a, pxt_entry *b, pxt_entry **out, bool *merged, struct pxt_error *error);
/* Adds a check of `writer` (8 hexadecimal digits; "": not known, slot "0") to the tallies and totals of a draft; `room` keeps the text. */
#define PXT_TALLIES_ROOM (PXT_TEXT_MAX + 1)
void pxt_tallies_add(struct pxt_draft *draft, const char *writer, bool failed, char room[PXT_TALLIES_ROOM]);
/* Notes in the tallies that the entry was made while copies below a version may have been out of sight: see tallies.h. A new
 * entry takes the place of `*entry`. PXT_ENOMEM. */
pxt_status pxt_entry_mark_blind(pxt_entry **entry, uint64_t below, struct pxt_error *error);
/* Returns that version, or 0. */
uint64_t pxt_entry_blind_below(const pxt_entry *entry);
/* Raises the hits and the last access of an entry to those of another copy, and marks it evicted from L1 if that is: a
 * flush adds nothing for that. */
void pxt_entry_raise_use(pxt_entry *entry, const pxt_entry *other);
void pxt_entry_key_of(const pxt_entry *entry, struct pxt_key *key);
/* The token of a credential, or NULL. */
const char *pxt_entry_token(const pxt_entry *entry, enum pxt_field_id field, size_t *length);
void pxt_entry_touch(pxt_entry *entry, uint64_t hits, pxt_time last_accessed);
/* Returns how many hits the slower tiers have not been told of, and counts them as told. */
uint64_t pxt_entry_take_unflushed_hits(pxt_entry *entry);
/* Marks an entry that only the caller has: see pxt_entry_is_stale(). */
void pxt_entry_set_stale(pxt_entry *entry);
/* The generation of the page under which it was read; set before the entry is handed to a tier. */
uint32_t pxt_entry_generation(const pxt_entry *entry);
void pxt_entry_set_generation(pxt_entry *entry, uint32_t generation);

#endif
