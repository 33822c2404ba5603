/* SPDX-License-Identifier: MIT
 *
 * tier.h: one tier in the chain, with its capacity, policy, breaker, counters and what it missed.
 *
 * A tier_* call on a tier that is off answers PXT_EUNAVAILABLE without asking it. A failed call counts against the
 * tier; a failed or skipped write is remembered, and until it was made good that key is not read from this tier. So a
 * tier that comes back never answers with what was replaced or deleted meanwhile.
 */
#ifndef PXT_TIER_H
#define PXT_TIER_H

#include "base/keymap.h"
#include "config/config.h"
#include "plugin/host.h"
#include "shared/hint_log.h"
#include "tier/breaker.h"
#include "tier/group_commit.h"
#include "tier/policy_tracker.h"
#include <proxtier/tier.h>

struct pxt_tier {
    const char *name, *plugin;
    unsigned index;
    const struct pxt_tier_ops *ops;   /* its declared ones, or: */
    struct pxt_tier_ops instance_ops; /* those of this instance, where they differ */
    void *self;                       /* NULL: absent */
    unsigned flags;
    bool limited;
    bool hits_need_no_lock; /* as the first tier: it locks itself and keeps the policy's state */
    bool write_behind;      /* puts are written down later, in batches: a faster durable tier has them */
    uint64_t max_entries;   /* where limited */
    struct pxt_host_instance host, policy_host;
    struct pxt_breaker breaker;
    pthread_mutex_t serial;        /* around calls where the tier is not concurrent */
    struct pxt_group_commit group; /* puts, where `grouped` */
    bool grouped;
    struct pxt_policy_tracker *tracker; /* the policy's state, where the tier keeps none */
    const struct pxt_logger *logger;
    char *absent_reason;

    /* What this tier missed; `missed_lock` is a leaf. More than `missed_max` puts count as all keys. */
    pthread_mutex_t missed_lock;
    struct pxt_keymap missed;
    size_t missed_max, missed_puts;
    bool missed_all;
    bool resyncing;                /* all is missed, and the tier is being gone through */
    unsigned missed_overflows;     /* how often that came */
    _Atomic uint64_t missed_count; /* read without the lock: usually 0 */
    struct pxt_hint_log *journal;

    /* Accesses to be written down to this tier, if it is durable; `accessed_lock` is a leaf. */
    pthread_mutex_t accessed_lock;
    struct pxt_keymap accessed;

#define X(name, help) _Atomic uint64_t name;
    struct {
        PXT_TIER_COUNTERS(X)
    } counter;
#undef X
    _Atomic uint64_t corruptions_seen; /* by whoever last filled up what damage took */
};
#define PXT_COUNT(tier, name, n) atomic_fetch_add_explicit(&(tier)->counter.name, (n), memory_order_relaxed)

/* Opens the tier of a configuration into `tier`, which must not move afterwards. */
pxt_status pxt_tier_open(struct pxt_tier *tier, unsigned index, const struct pxt_tier_config *config,
                         const struct pxt_settings *global, char *const *folders, const struct pxt_logger *logger,
                         const struct pxt_clock *clock, struct pxt_error *error);
void pxt_tier_close(struct pxt_tier *tier);

static inline bool pxt_tier_present(const struct pxt_tier *tier)
{
    return tier->self != NULL;
}
static inline bool pxt_tier_on(const struct pxt_tier *tier)
{
    return tier->self && pxt_breaker_on(&tier->breaker);
}
static inline bool pxt_tier_durable(const struct pxt_tier *tier)
{
    return tier->flags & PXT_TIER_DURABLE;
}
static inline bool pxt_tier_stores(const struct pxt_tier *tier)
{
    return !tier->limited || tier->max_entries;
}

/* The operations, as in tier.h, with the core's defaults. `del` gives PXT_OK where the key is gone. */
pxt_status pxt_tier_get(struct pxt_tier *tier, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                        struct pxt_error *error);
pxt_status pxt_tier_put(struct pxt_tier *tier, pxt_entry *entry, struct pxt_error *error);
pxt_status pxt_tier_put_many(struct pxt_tier *tier, pxt_entry *const *entries, size_t n, struct pxt_error *error);
pxt_status pxt_tier_del(struct pxt_tier *tier, const struct pxt_key *key, enum pxt_removal why,
                        struct pxt_error *error);
pxt_status pxt_tier_contains(struct pxt_tier *tier, const struct pxt_key *key, struct pxt_error *error);
/* The same whatever it missed, also while it is let back in. */
pxt_status pxt_tier_holds(struct pxt_tier *tier, const struct pxt_key *key, struct pxt_error *error);
pxt_status pxt_tier_count(struct pxt_tier *tier, uint64_t *out, struct pxt_error *error);
pxt_status pxt_tier_each(struct pxt_tier *tier, pxt_entry_fn *fn, void *arg, struct pxt_error *error);
pxt_status pxt_tier_clear(struct pxt_tier *tier, uint64_t *removed, struct pxt_error *error);
pxt_status pxt_tier_touch(struct pxt_tier *tier, const struct pxt_touch *touches, size_t n, struct pxt_error *error);
pxt_status pxt_tier_settle(struct pxt_tier *tier, struct pxt_error *error);
pxt_status pxt_tier_victim(struct pxt_tier *tier, uint64_t incoming, pxt_entry **out, struct pxt_error *error);
/* Whether the tier removes what expired by itself, with pxt_tier_expire(); else its keys are gathered, and each is
 * removed under its own lock: it may have been put anew meanwhile. */
bool pxt_tier_expires(const struct pxt_tier *tier);
pxt_status pxt_tier_gather_expired(struct pxt_tier *tier, pxt_time now, size_t limit, struct pxt_keymap *out,
                                   struct pxt_error *error);
pxt_status pxt_tier_expire(struct pxt_tier *tier, pxt_time now, size_t limit, pxt_key_fn *fn, void *arg,
                           uint64_t *removed, struct pxt_error *error);
pxt_status pxt_tier_check_add(struct pxt_tier *tier, const struct pxt_check *check, uint64_t keep,
                              struct pxt_error *error);
pxt_status pxt_tier_check_each(struct pxt_tier *tier, const struct pxt_key *key, pxt_check_fn *fn, void *arg,
                               struct pxt_error *error);
pxt_status pxt_tier_maintain(struct pxt_tier *tier, struct pxt_error *error);
pxt_status pxt_tier_sync(struct pxt_tier *tier, struct pxt_error *error);

/* Remembers that this tier has not what it should have for a key, and tells other processes. */
void pxt_tier_missed(struct pxt_tier *tier, const struct pxt_key *key, bool removal);
/* A key that was missed is not valid here; where all is missed it may be. */
enum pxt_hint_key { PXT_KEY_VALID, PXT_KEY_MISSED, PXT_KEY_IN_DOUBT };
enum pxt_hint_key pxt_tier_is_missed(struct pxt_tier *tier, const struct pxt_key *key);
static inline bool pxt_tier_has_missed(const struct pxt_tier *tier)
{
    return atomic_load_explicit(&tier->missed_count, memory_order_acquire) != 0;
}
/* Whether a put may be written later: the tier is on, and what is remembered has room. */
static inline bool pxt_tier_may_wait(const struct pxt_tier *tier)
{
    return pxt_tier_on(tier) && atomic_load_explicit(&tier->missed_count, memory_order_relaxed) < tier->missed_max;
}
/* Copies some key that was missed into `text` (PXT_KEY_MAX + 1 bytes); false where none was. */
bool pxt_tier_any_missed(struct pxt_tier *tier, char *text, struct pxt_key *key);
/* All keys whose put was missed, and whether there are removals as well; false when out of memory. */
bool pxt_tier_missed_puts(struct pxt_tier *tier, struct pxt_keymap *out, bool *removals);
/* With all stripes locked: every key was made good. */
void pxt_tier_nothing_missed(struct pxt_tier *tier);
/* Stores what was missed, without noting it as made good. */
pxt_status pxt_tier_store_missed(struct pxt_tier *tier, pxt_entry *const *entries, size_t n, struct pxt_error *error);
void pxt_tier_made_good(struct pxt_tier *tier, const struct pxt_key *key);
/* Where all is missed: begins to go through the tier as a whole, and ends it. The end counts only where not all was missed
 * again meanwhile: then it returns false. `*overflows` carries that from one to the other. */
bool pxt_tier_resync_begin(struct pxt_tier *tier, unsigned *overflows);
bool pxt_tier_resync_end(struct pxt_tier *tier, unsigned overflows);
/* Whether what it missed concerns other processes. */
bool pxt_tier_tells(const struct pxt_tier *tier);
unsigned pxt_tier_missed_overflows(struct pxt_tier *tier);
/* missed.c: an event that another process told; and that none counts any more. */
void pxt_tier_apply_missed(struct pxt_tier *tier, enum pxt_hint_event event, const char *key);
void pxt_tier_forget_missed(struct pxt_tier *tier);
/* Every write that failed is remembered already; the result of a call that goes round the breaker (a probe) is told
 * with these. */
void pxt_tier_failed(struct pxt_tier *tier, const struct pxt_error *error);

#endif
