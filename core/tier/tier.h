/* SPDX-License-Identifier: MIT
 *
 * tier.h: one tier of the chain as the core sees it: the instance of the plugin, with its capacity, circuit breaker,
 * membership and counters.
 *
 * Four questions, and the function or member that answers each:
 *   present   pxt_tier_present()   the plugin is loaded and the instance is open
 *   on        pxt_tier_on()        present, and the breaker lets calls through
 *   limited   limited              the tier has a capacity, `max_entries`
 *   stores    pxt_tier_stores()    that capacity is not 0, and the tier is not one that only `exchanges`
 *
 * A call on a tier that is not on returns PXT_EUNAVAILABLE without a call of the plugin. A call that fails counts
 * against the tier. Whether the copy of a key in a tier counts is not known here: the page says it (shared/page.h).
 */
#ifndef PXT_TIER_H
#define PXT_TIER_H

#include "base/keymap.h"
#include "config/config.h"
#include "plugin/call.h"
#include "plugin/host.h"
#include "shared/record.h"
#include "tier/breaker.h"
#include "tier/forks.h"
#include "tier/group_commit.h"
#include "tier/policy_tracker.h"
#include <proxtier/tier.h>

struct pxt_chain;
struct pxt_workers;

/* What the instance of a plugin points to. */
struct pxt_tier_instance {
    struct pxt_tier_ops ops; /* if it has a table of its own */
    struct pxt_host_instance host, policy_host;
};

/* Hits that are yet to be written to a durable tier. */
struct pxt_tier_accesses {
    pthread_mutex_t lock; /* a leaf */
    struct pxt_keymap keys;
};

#define X(name, help) _Atomic uint64_t name;
struct pxt_tier_counters {
    PXT_TIER_COUNTERS(X)
};
#undef X

struct pxt_tier {
    const struct pxt_tier_config *config;
    const char *name, *plugin;
    unsigned index; /* 0: the fastest */
    const struct pxt_logger *logger;

    /* The instance. */
    void *self; /* NULL: not present */
    const struct pxt_tier_ops *ops;
    unsigned flags;
    struct pxt_tier_instance instance;

    /* Its place in the chain. */
    bool limited;
    uint64_t max_entries;               /* if limited */
    struct pxt_policy_tracker *tracker; /* the state of the policy, if the tier does not keep it */
    bool tells_misses;                  /* its policy wants to know of gets that find nothing */
    bool exchanges;    /* remote and not durable, beside durable tiers: exchange.c looks after it, and nothing else */
    bool lone;         /* remote, in a chain without other durable tiers: it counts as one, also if it is not */
    bool write_behind; /* puts are deferred, if a faster durable tier has them */
    bool hits_need_no_lock; /* as the first tier: it locks itself and keeps the state of the policy */

    /* The way in. */
    int64_t soft_timeout;        /* of a get, in microseconds; 0: none */
    struct pxt_workers *workers; /* that make the gets; NULL: no soft_timeout, or the cache is being closed */
    unsigned max_waiting;        /* calls inside at once; 0: any number */
    _Atomic unsigned inside;     /* if `max_waiting` */
    int64_t timeout;             /* of a call for a key, in microseconds; 0: none */
    const struct pxt_clock *clock;
    struct pxt_breaker breaker;
    pthread_mutex_t serial; /* around each call, if the tier is not concurrent */
    bool grouped;           /* puts go through `group` */
    struct pxt_group_commit group;

    struct pxt_fork_listener fork_listener;

    /* Hits that are yet to be written. */
    struct pxt_tier_accesses accesses;

    struct pxt_chain *chain; /* that it is a tier of; for what it tells */

    /* Its membership, if it is durable. */
    _Atomic int slot; /* in the page; -1: none */
    char id[PXT_MEMBER_ID + 1];
    char *record_place; /* path, without ".record", of what this host keeps of a remote tier; else NULL */
    void (*damaged)(struct pxt_tier *tier);  /* called when the tier has found damage, at once; NULL: nobody to tell */
    void (*unsynced)(struct pxt_tier *tier); /* called when a sync has failed, at once; NULL: nobody to tell */
    void *damaged_arg;                       /* of both */
    /* Syncs that have failed, and how many of them are made good: what the tier has may not be on the disk though the next
     * sync succeeds, and has to be written again. */
    _Atomic unsigned sync_failures, sync_failures_mended;

    struct pxt_tier_counters counter;
    _Atomic uint64_t corruptions_seen;
};
#define PXT_COUNT(tier, name, n) atomic_fetch_add_explicit(&(tier)->counter.name, (n), memory_order_relaxed)

/* What all tiers of a chain are opened with. */
struct pxt_tier_context {
    const struct pxt_settings *settings; /* the global options */
    char *const *plugin_folders;
    const struct pxt_logger *logger;
    const struct pxt_clock *clock;
    enum pxt_sharing sharing;
    pxt_seal_fn *seal; /* see struct pxt_host_instance */
    void *seal_arg;
};
/* Opens the tier of a configuration into `tier`, which must not move afterwards. A tier that cannot be opened and is
 * not required is not present, and the result is PXT_OK. */
pxt_status pxt_tier_open(struct pxt_tier *tier, unsigned index, const struct pxt_tier_config *config,
                         const struct pxt_tier_context *context, struct pxt_error *error);
/* Opens an absent tier again, while other threads see it as absent. */
pxt_status pxt_tier_reopen(struct pxt_tier *tier, struct pxt_error *error);
void pxt_tier_close(struct pxt_tier *tier);
/* The state comes first: a tier that is opened later has its instance before it. */
static inline bool pxt_tier_present(const struct pxt_tier *tier)
{
    return atomic_load_explicit(&tier->breaker.state, memory_order_acquire) != PXT_TIER_ABSENT && tier->self;
}
static inline bool pxt_tier_on(const struct pxt_tier *tier)
{
    return pxt_breaker_on(&tier->breaker) && tier->self;
}
/* Whether what a sync that failed may have lost is not yet written again. */
static inline bool pxt_tier_unsynced(const struct pxt_tier *tier)
{
    return atomic_load(&tier->sync_failures) != atomic_load(&tier->sync_failures_mended);
}
static inline bool pxt_tier_durable(const struct pxt_tier *tier)
{
    return tier->flags & PXT_TIER_DURABLE;
}
static inline bool pxt_tier_stores(const struct pxt_tier *tier)
{
    return !tier->exchanges && (!tier->limited || tier->max_entries);
}

/* Around a call of the plugin for one key, or a few: gives it its deadline, and counts it if it overran. */
void pxt_tier_begin_call(const struct pxt_tier *tier, struct pxt_call_frame *frame);
void pxt_tier_end_call(struct pxt_tier *tier, const struct pxt_call_frame *frame);

/* The operations of <proxtier/tier.h>, with the defaults of the core for those that the plugin does not offer. */
/* Beside PXT_GET_*: the read is the first part of a write. Its success says nothing of the write, so that it does not end
 * a row of failures. */
#define PXT_TIER_GET_FOR_WRITE 0x80000000u
pxt_status pxt_tier_get(struct pxt_tier *tier, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                        struct pxt_error *error);
/* `status[i]` is that of a get of `keys[i]`; `out[i]` is NULL unless it is PXT_OK. `error` is that of the last that failed. */
void pxt_tier_get_many(struct pxt_tier *tier, const struct pxt_key *const *keys, size_t n, unsigned flags,
                       pxt_entry **out, pxt_status *status, struct pxt_error *error);
/* Whether it costs one call of the plugin. */
static inline bool pxt_tier_puts_many(const struct pxt_tier *tier)
{
    return tier->ops && tier->ops->put_many && !tier->tracker;
}
static inline bool pxt_tier_gets_many(const struct pxt_tier *tier)
{
    return tier->ops && tier->ops->get_many;
}
pxt_status pxt_tier_put(struct pxt_tier *tier, pxt_entry *entry, struct pxt_error *error);
pxt_status pxt_tier_put_many(struct pxt_tier *tier, pxt_entry *const *entries, size_t n, struct pxt_error *error);
/* Of remote tiers: see put_if and del_if. */
pxt_status pxt_tier_put_if(struct pxt_tier *tier, pxt_entry *entry, uint64_t expected, struct pxt_error *error);
/* The same for `n` entries of distinct keys; `status[i]` is that of entries[i]. One call, if the tier offers that. `error` is that
 * of the last that failed. */
void pxt_tier_put_if_many(struct pxt_tier *tier, pxt_entry *const *entries, const uint64_t *expected, size_t n,
                          pxt_status *status, struct pxt_error *error);
pxt_status pxt_tier_del_if(struct pxt_tier *tier, const struct pxt_key *key, uint64_t expected, enum pxt_removal why,
                           struct pxt_error *error);
pxt_status pxt_tier_del(struct pxt_tier *tier, const struct pxt_key *key, enum pxt_removal why,
                        struct pxt_error *error);
pxt_status pxt_tier_contains(struct pxt_tier *tier, const struct pxt_key *key, struct pxt_error *error);
pxt_status pxt_tier_count(struct pxt_tier *tier, uint64_t *out, struct pxt_error *error);
/* PXT_ENOTSUP: it does not tell. */
pxt_status pxt_tier_tombstones(struct pxt_tier *tier, uint64_t *out, struct pxt_error *error);
pxt_status pxt_tier_known_dead(struct pxt_tier *tier, pxt_time now, uint64_t *out, struct pxt_error *error);
pxt_status pxt_tier_each(struct pxt_tier *tier, pxt_entry_fn *fn, void *arg, struct pxt_error *error);
pxt_status pxt_tier_clear(struct pxt_tier *tier, uint64_t *removed, struct pxt_error *error);
pxt_status pxt_tier_touch(struct pxt_tier *tier, const struct pxt_touch *const *touches, size_t n,
                          struct pxt_error *error);
/* For a tier without touch(): a get and a put. The caller holds the lock of the key. */
pxt_status pxt_tier_touch_one(struct pxt_tier *tier, const struct pxt_touch *touch, struct pxt_error *error);
pxt_status pxt_tier_settle(struct pxt_tier *tier, struct pxt_error *error);
/* PXT_OK with `*out` NULL: the policy keeps the entry of the hash `incoming`, which is not 0, out of the tier. */
pxt_status pxt_tier_victim(struct pxt_tier *tier, uint64_t incoming, pxt_entry **out, struct pxt_error *error);
/* Tells whether the tier removes expired entries itself, with pxt_tier_expire(). Otherwise the caller gathers their keys
 * and removes each under its own lock, because a key may have been put anew meanwhile. */
bool pxt_tier_expires(const struct pxt_tier *tier);
pxt_status pxt_tier_gather_expired(struct pxt_tier *tier, pxt_time now, uint64_t up_to, size_t limit,
                                   struct pxt_keymap *out, struct pxt_error *error);
pxt_status pxt_tier_expire(struct pxt_tier *tier, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                           uint64_t *removed, struct pxt_error *error);
pxt_status pxt_tier_versions(struct pxt_tier *tier, uint64_t above, pxt_version_fn *fn, void *arg,
                             struct pxt_error *error);
pxt_status pxt_tier_record_get(struct pxt_tier *tier, char text[PXT_RECORD_MAX + 1], struct pxt_error *error);
pxt_status pxt_tier_record_put(struct pxt_tier *tier, const char *text, struct pxt_error *error);
pxt_status pxt_tier_check_add(struct pxt_tier *tier, const struct pxt_check *check, uint64_t keep,
                              struct pxt_error *error);
pxt_status pxt_tier_check_each(struct pxt_tier *tier, const struct pxt_key *key, pxt_check_fn *fn, void *arg,
                               struct pxt_error *error);
/* select_call.c: PXT_ENOTSUP where the tier does not offer it, or not for this. */
pxt_status pxt_tier_select(struct pxt_tier *tier, const struct pxt_select *select, pxt_selected_fn *fn, void *arg,
                           struct pxt_error *error);
static inline bool pxt_tier_selects(const struct pxt_tier *tier)
{
    return tier->ops && tier->ops->select;
}
/* Whether the leases of a chain stand in this tier if no slower one keeps them. An absent tier of which that is not known may. */
bool pxt_tier_keeps_leases(const struct pxt_tier *tier);
/* Of a tier that keeps leases. */
pxt_status pxt_tier_lease_take(struct pxt_tier *tier, const struct pxt_lease *lease, bool *taken,
                               struct pxt_error *error);
pxt_status pxt_tier_lease_renew(struct pxt_tier *tier, const struct pxt_lease *lease, struct pxt_error *error);
pxt_status pxt_tier_lease_end(struct pxt_tier *tier, const struct pxt_lease *lease, struct pxt_error *error);
pxt_status pxt_tier_lease_each(struct pxt_tier *tier, const struct pxt_key *key, pxt_lease_fn *fn, void *arg,
                               struct pxt_error *error);
pxt_status pxt_tier_maintain(struct pxt_tier *tier, struct pxt_error *error);
pxt_status pxt_tier_sync(struct pxt_tier *tier, struct pxt_error *error);

/* Reports a failure to the breaker, for a caller that bypasses it (a probe). */
void pxt_tier_failed(struct pxt_tier *tier, const struct pxt_error *error);
/* Puts all keys in doubt if the tier has found damage: for a caller that has called an operation directly. */
void pxt_tier_look_for_damage(struct pxt_tier *tier);

/* The path that the processes which share the store of a tier have in common; NULL: the tier is not shared. */
static inline const char *pxt_tier_shared_path(const struct pxt_tier *tier)
{
    bool shared = pxt_tier_present(tier) && (tier->flags & PXT_TIER_SHARED) && tier->ops->shared_path;
    return shared ? tier->ops->shared_path(tier->self) : NULL;
}

#endif
