/* SPDX-License-Identifier: MIT
 *
 * tier_kit.h: what the checks of tiers are made of.
 */
#ifndef CONFORMANCE_TIER_KIT_H
#define CONFORMANCE_TIER_KIT_H

#include "suite.h"

#define TIME INT64_C(1767225600000000) /* 2026-01-01 */
enum { WALK = 100 };

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
/* -1: not there. */
int64_t version_named(struct subject *subject, void *self, const char *text);
pxt_status delete_named(struct subject *subject, void *self, const char *text);
uint64_t count_of(struct subject *subject, void *self);
/* NULL where the tier is durable, or locks itself, or is shared; else why a check does not apply. */
const char *volatile_tier(const struct subject *subject);
const char *serialised(const struct subject *subject);
const char *private_tier(const struct subject *subject);
/* Two instances with the same options are one store. */
const char *shares_by_options(const struct subject *subject);

#endif
