/* SPDX-License-Identifier: MIT
 *
 * tier_kit.h: what the checks of tiers are made of.
 */
#ifndef CONFORMANCE_TIER_KIT_H
#define CONFORMANCE_TIER_KIT_H

#include "suite.h"
#include <sys/types.h>

#define TIME INT64_C(1767225600000000) /* 2026-01-01 */
enum { WALK = 100 };
/* A version of today: more than a double holds exactly. */
#define VERSION (UINT64_C(1767225600000000) << 11 | 77)
#define LATER (TIME + 3600 * PXT_SECOND) /* when entries expire */

const struct pxt_tier_ops *tier_ops(const struct subject *subject);
/* `policy` NULL: without a capacity; else with that one, which `trial` opened. */
void *tier_open(struct subject *subject, const struct pxt_eviction_ops *policy, const struct pxt_trial *trial,
                uint64_t capacity);
void tier_close(struct subject *subject, void *self);
struct pxt_key key_named(const struct subject *subject, const char *text);
/* An entry of the test's own, to be let go of; its recovery_attempt carries the version. */
pxt_entry *entry_named(struct subject *subject, const char *key, int64_t version, pxt_time expires);
void set_text(struct pxt_draft *draft, enum pxt_field_id field, const char *text);
void put_named(struct subject *subject, void *self, const char *key, int64_t version);
/* Puts the keys PREFIX0 up to PREFIXn-1, each with its number; at once where the tier can. */
void put_numbered(struct subject *subject, void *self, const char *prefix, unsigned n);
/* -1: not there. */
int64_t version_named(struct subject *subject, void *self, const char *text);
pxt_status delete_named(struct subject *subject, void *self, const char *text);
uint64_t count_of(struct subject *subject, void *self);
/* The stored entry, got without a hit, to be let go of; ends the check where it is not there. */
pxt_entry *entry_stored(struct subject *subject, void *self, const char *text);
/* An entry's victim, to be let go of; NULL where there is none. */
pxt_entry *victim_of_tier(struct subject *subject, void *self);
/* Another process with an instance of its own does `work`, and is waited for. */
pid_t in_another_process(struct subject *subject, void (*work)(struct subject *, void *));
void wait_for(pid_t child);
/* Loads a stock policy. */
pxt_trial *policy_named(struct subject *subject, const char *name);

/* As entry_named(), with a PXT_FIELD_VERSION. */
pxt_entry *entry_of(struct subject *subject, const char *key, int64_t number, pxt_time expires, uint64_t version);
/* A tombstone, whose reason is PXT_REMOVE_HEALTH, to be let go of. */
pxt_entry *tombstone_of(struct subject *subject, const char *text, uint64_t version);
/* What put says. Lets go of the entry. */
pxt_status put_and_release(struct subject *subject, void *self, pxt_entry *entry);
void put_version(struct subject *subject, void *self, const char *key, int64_t number, uint64_t version);
void put_tombstone(struct subject *subject, void *self, const char *key, uint64_t version);
/* What get says of a key. */
struct found {
    bool there;
    uint64_t version;
    int64_t removed, number;
    pxt_time time;
};
struct found look(struct subject *subject, void *self, const char *text);
/* get gives this entry, or the tombstone that tombstone_of() made. `when` begins the message. */
void expect_entry(struct subject *subject, void *self, const char *key, int64_t number, uint64_t version,
                  const char *when);
void expect_tombstone(struct subject *subject, void *self, const char *key, uint64_t version, const char *when);

/* NULL where the tier is durable, or locks itself, or is shared; else why a check does not apply. */
const char *volatile_tier(const struct subject *subject);
const char *without_clear(const struct subject *subject);
const char *without_put_many(const struct subject *subject);
const char *without_expire(const struct subject *subject);
const char *without_victim(const struct subject *subject);
const char *serialised(const struct subject *subject);
const char *private_tier(const struct subject *subject);
/* NULL where the tier has to keep tombstones. */
const char *without_tombstones(const struct subject *subject);
/* Two instances with the same options are one store. */
const char *shares_by_options(const struct subject *subject);

#endif
