/* SPDX-License-Identifier: MIT
 *
 * tier.h: the ABI of tiers: stores of entries.
 *
 * A tier knows nothing of its neighbours. Seven operations are required: open, close, get, put, del, each, count. The
 * others are optional: they make the tier faster or more exact. For a missing one the core uses the seven.
 * examples/ grows from a tier that forgets everything to one over files; the stock tiers use this header only.
 *
 * Rules for all operations:
 *  - Threads: without PXT_TIER_CONCURRENT the core calls one operation at a time on an instance. With it, which
 *    calls may overlap is in proxtier-tier(3).
 *  - What is damaged is not there: PXT_NOT_FOUND. The tier itself removes it or puts it aside, and counts it in
 *    corruptions().
 *  - Return PXT_OK, PXT_NOT_FOUND where it is the answer, or an error made with host->fail(). An error (but
 *    PXT_EINVAL, PXT_ENOTSUP, PXT_ENOMEM and PXT_ESTALE) counts against the tier: after several in a row the core
 *    goes on without it for a while. After an error the entry is stored either as before or as asked, never in
 *    between. PXT_ENOSPC, PXT_EBUSY, PXT_EACCES, PXT_ENOTSUP and PXT_ESTALE promise more: it is stored as before.
 *    After another error of a write the core holds the tier for in doubt.
 *  - Keys and entries are the caller's; hold an entry (host->entry_hold) to keep it beyond the call.
 *  - A tier without PXT_TIER_SHARED must return the same entry object that it was given (host->entry_hold), not a
 *    copy. The object carries a generation; by it the core sees whether another process has written since.
 *  - A forked child may not use the caches of its parent, nor close them; it opens its own. See after_fork_child.
 *  - Expiry is the core's: a tier returns what it has, expired or not.
 *  - A tombstone (PXT_FIELD_REMOVED is not 0) says that a key was removed, and by which version, so that an older
 *    copy which another tier still has does not come back. It has a key, a version and a time, and no URL. To a tier
 *    it is an entry like others: it is put, got, replaced and deleted. But count() should not count it, and victim()
 *    must not return it; each() may pass it over if versions() does not.
 */
#ifndef PROXTIER_TIER_H
#define PROXTIER_TIER_H

#include <proxtier/eviction.h>
#include <proxtier/select.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PXT_TIER_CONCURRENT 1u    /* locks itself; otherwise the core serialises calls */
#define PXT_TIER_DURABLE 2u       /* survives the end of the process */
#define PXT_TIER_SHARED 4u        /* several processes may open it at once and see each other's writes */
#define PXT_TIER_POLICY_STATE 8u  /* offers victim() and keeps the state of any policy beside its entries */
#define PXT_TIER_POLICY_ORDER 16u /* offers victim() for policies that name an order */
#define PXT_TIER_TRANSACTION 32u  /* put_many() costs hardly more than put(): the core gathers threads' puts */
#define PXT_TIER_VERSIONS 64u     /* put and put_many compare versions: see there */
#define PXT_TIER_SYNCED 128u      /* what a put or del acknowledged survives loss of power */

/* Both must be understood (PXT_FLAGS_MUST). The store stands on another machine, and hosts that know nothing of each
 * other write to it. Versions in the store order their changes: so such a tier also has SHARED and VERSIONS, and
 * offers put_if and del_if. It needs no shared_path(): page and record of the host stand beside another tier, or in
 * the state folder. The tier calls host->changed() and host->available(). It has DURABLE only if its server keeps
 * what it has acknowledged when it starts anew: where that depends on the server, the tier finds out, and
 * instance_ops() says so. Without DURABLE it exchanges copies: the core compares what it has with what the durable
 * tiers of the host have, and the newer version counts, once a durable tier has it. No put counts on it, and it may
 * be emptied, or go back to older data, at any time. In a chain without durable tiers it is the store all the same. */
#define PXT_TIER_REMOTE 0x10000u
/* The store drops expired entries by itself, and tombstones a week after their PXT_FIELD_FETCH_TIME at the
 * earliest (which may be ahead of the clock: see expire): the core does not call expire. */
#define PXT_TIER_EXPIRES 0x20000u

#define PXT_GET_PEEK 1u /* not a hit: recency and access counts stay as they are */

/* What a tier is opened with: valid during open(); what it points to, until close(). */
struct pxt_tier_setup {
    uint32_t size;
    uint32_t reserved;
    const char *name;                      /* of the tier, for messages: "l2" */
    const struct pxt_settings *settings;   /* of the options that the tier declared */
    uint64_t max_entries;                  /* capacity, enforced by the core through victim(); 0: unlimited */
    const struct pxt_eviction_ops *policy; /* NULL where no victim() will be asked for */
    const struct pxt_host *policy_host;    /* for policy->open */
    const struct pxt_settings *policy_settings;
};

/* Accesses that happened elsewhere, to be added to a stored entry. */
struct pxt_touch {
    uint32_t size;
    uint32_t evicted_from_l1; /* 1: set that flag */
    struct pxt_key key;
    uint64_t hits;          /* add to access_count */
    pxt_time last_accessed; /* the later one stays; PXT_TIME_NONE: leave */
};

/* One health check, for the history. */
struct pxt_check {
    uint32_t size;
    uint32_t reserved;
    struct pxt_key key;
    pxt_time time;
    enum pxt_health status;    /* after the check */
    double response_time_ms;   /* < 0: unknown */
    const char *error_message; /* NULL: none */
    const char *check_url;     /* "" where unknown */
};

/* Called for each entry or check; returns false to stop. The entry is valid during the call. `fn` may call a
 * CONCURRENT tier again, so that tier must hold no lock of its own here. Other tiers are not called from `fn`. What
 * expire() and versions() call makes a note only. */
typedef bool pxt_entry_fn(void *arg, pxt_entry *entry);
typedef bool pxt_check_fn(void *arg, const struct pxt_check *check);
typedef void pxt_key_fn(void *arg, const struct pxt_key *key);
typedef bool pxt_version_fn(void *arg, const struct pxt_key *key, uint64_t version);

#define PXT_RECORD_MAX 4095

/* The place of an entry in an order, from which a walk can go on: compared by value, then by the bytes of the key. */
enum pxt_order {
    PXT_ORDER_RING,                /* PXT_RING(hash of the key): the order of keys that is the same in every tier */
    PXT_ORDER_RANDOM,              /* `limit` picks, each of any match with the same chance; a key may come twice */
    PXT_ORDER_LEAST_USED,          /* PXT_FIELD_ACCESS_COUNT */
    PXT_ORDER_LEAST_RECENTLY_USED, /* PXT_FIELD_LAST_ACCESSED */
    PXT_ORDER_FASTEST              /* PXT_FIELD_LATENCY; unknown: INT64_MAX */
};
#define PXT_RING(hash) ((int64_t)((hash) >> 1))

/* What select() is to find. */
struct pxt_select {
    uint32_t size;
    uint32_t order;                        /* enum pxt_order */
    const struct pxt_selection *selection; /* of the core's size; never NULL */
    pxt_time now;                          /* entries with expires_at <= now are no matches */
    /* The part of the order that is asked for: values from `from` to `to`, both inclusive. If `after` is not NULL, keys
     * up to and including it are passed over at the value `from`. Of no meaning with PXT_ORDER_RANDOM. */
    int64_t from, to;
    const struct pxt_key *after;
    uint64_t limit; /* at most so many; never 0 */
};
/* Receives a match, in the order asked for; returns false to stop. `value` is its place in the order. It makes a
 * note only. */
typedef bool pxt_selected_fn(void *arg, const struct pxt_key *key, int64_t value);

/* The use of an entry by one worker, for a time. */
struct pxt_lease {
    uint32_t size;
    uint32_t max;       /* how many leases of the key may be held while this one is; 1 or more */
    struct pxt_key key; /* of the entry, which need not be stored */
    const char *id;     /* of this lease: printable, made by the core; no other lease has it, ever */
    const char *holder; /* the name that its worker gives; "": none */
    int64_t ttl;        /* of take and renew: after so many microseconds it ends by itself, by the clock of the store */
    pxt_time until;     /* of each: when it ends, by the clock of this host */
};
typedef bool pxt_lease_fn(void *arg, const struct pxt_lease *lease); /* of lease_each */

struct pxt_tier_ops {
    uint32_t size;  /* sizeof(struct pxt_tier_ops) at compile time */
    uint32_t flags; /* PXT_TIER_* */

    /* Opens an instance; `*self` must not be NULL. On failure nothing remains open and `*self` is not used. */
    pxt_status (*open)(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                       struct pxt_error *error);
    /* Closes it; no other call runs or follows. Everything acknowledged is already safe. */
    void (*close)(void *self);
    /* Finds an entry. `*out` is held for the caller. PXT_NOT_FOUND where there is none. `flags`: PXT_GET_*. */
    pxt_status (*get)(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out, struct pxt_error *error);
    /* Stores an entry in place of any with the same key. When it returns, a durable tier's entry survives kill -9.
     * With PXT_TIER_VERSIONS: PXT_ESTALE, and nothing changes, where what is stored has a greater PXT_FIELD_VERSION.
     * The version 0 (not known: another program wrote the entry) takes the place of any: the core puts such an entry
     * only as a copy, under the lock of the key, after it has compared the entry's own time with what the tier has. */
    pxt_status (*put)(void *self, pxt_entry *entry, struct pxt_error *error);
    /* Removes the entry, or the tombstone, of a key. PXT_NOT_FOUND where there is no entry: a tombstone is none, but
     * goes. `why` is for the policy. */
    pxt_status (*del)(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error);
    /* Calls `fn` for each entry, in any order. An entry that is stored during the whole call is seen exactly once; one
     * that is added or removed meanwhile may be missed. */
    pxt_status (*each)(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error);
    /* The number of entries. */
    pxt_status (*count)(void *self, uint64_t *out, struct pxt_error *error);

    /* ---- optional from here on: if NULL, or not within `size`, the core uses the default in [brackets] ---- */

    /* Removes all entries and tombstones, and says how many entries there were. The record stays. [each + del] */
    pxt_status (*clear)(void *self, uint64_t *removed, struct pxt_error *error);
    /* PXT_OK where the key is stored, else PXT_NOT_FOUND; not a hit. [get with PXT_GET_PEEK] */
    pxt_status (*contains)(void *self, const struct pxt_key *key, struct pxt_error *error);
    /* Stores `n` entries, which may be none, in order, all or none. [put, one after the other] */
    pxt_status (*put_many)(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error);
    /* Adds accesses to stored entries; keys that are not stored are skipped. Need not be durable at once.
     * [get with PEEK, entry_touch, put] */
    pxt_status (*touch)(void *self, const struct pxt_touch *const *touches, size_t n, struct pxt_error *error);
    /* Applies hits that were noted but not yet counted: afterwards the live counters of stored entries are exact. A
     * tier with settle() counts the hits on its entries itself, at any time, with host->entry_touch(). [the core
     * counts each hit] */
    pxt_status (*settle)(void *self, struct pxt_error *error);
    /* Returns the entry that setup->policy chooses to evict, held for the caller. Does not remove it: the core
     * demotes it and then calls del(..., PXT_REMOVE_POLICY). Room is needed for an entry whose key hash is
     * `incoming`, or, if that is 0, for nobody in particular: the policy is told. Where the policy keeps the
     * newcomer out, PXT_OK and `*out` NULL. PXT_NOT_FOUND where the tier is empty. Required with
     * PXT_TIER_POLICY_STATE or _ORDER. A tier with PXT_TIER_POLICY_STATE also tells policy->missed(), if it is not
     * NULL, of gets that find nothing (not of PXT_GET_PEEK). [the core keeps the policy's state itself] */
    pxt_status (*victim)(void *self, uint64_t incoming, pxt_entry **out, struct pxt_error *error);
    /* Removes up to `limit` entries that are dead and whose version is <= up_to: tombstones, and entries with
     * expires_at <= now. A tombstone whose PXT_FIELD_REMOVED is 1 + PXT_REMOVE_HEALTH stays until its
     * PXT_FIELD_FETCH_TIME is <= now: until then the proxy is known as dead. Calls `fn` (not NULL) with the key of
     * each entry, not of tombstones, after its removal. `*removed` counts both; `*removed` < limit means that none
     * is left. [each + del] */
    pxt_status (*expire)(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                         uint64_t *removed, struct pxt_error *error);
    /* Adds a check to the history, keeping at most `keep` checks of the key (0: all). What removes the entry removes
     * its history; a put leaves it. [not kept] */
    pxt_status (*check_add)(void *self, const struct pxt_check *check, uint64_t keep, struct pxt_error *error);
    /* The history of a key, newest first. [PXT_ENOTSUP] */
    pxt_status (*check_each)(void *self, const struct pxt_key *key, pxt_check_fn *fn, void *arg,
                             struct pxt_error *error);
    /* Work for idle times: compaction, checkpoints. Called by the janitor and before close. [nothing] */
    pxt_status (*maintain)(void *self, struct pxt_error *error);
    /* Makes everything acknowledged survive loss of power. [nothing] */
    pxt_status (*sync)(void *self, struct pxt_error *error);
    /* A path that all processes which share this store have in common. Beside it the core keeps the files
     * `PATH.page`, `PATH.turn` and `PATH.record`: use none of these names. Required with PXT_TIER_SHARED. */
    const char *(*shared_path)(void *self);
    /* How many entries were found damaged since open; where it rises the core compares with the other tiers. [0] */
    uint64_t (*corruptions)(void *self);
    /*
     * In the child of a fork, which has a copy of the instance: the core calls no other operation of it there, not
     * even close(). The parent goes on; so give back what the two would share, as connections (close() of the
     * descriptors, without a word to the other end). Make anew what the plugin has for the process, and touch
     * nothing else. Other threads of the parent may have been inside the tier: take no lock, and call only what is
     * safe in a signal handler, nothing of the host. [nothing]
     */
    void (*after_fork_child)(void *self);

    /* The operations and flags of this instance, where they depend on its options; asked once, after open, and valid
     * until close. During open() the core uses this static table only: a flag that is needed then, as
     * PXT_TIER_POLICY_STATE, must stand in both tables. [this table] */
    const struct pxt_tier_ops *(*instance_ops)(void *self);

    /* Calls `fn` with the key and the version of each entry and tombstone whose version is greater than `above`, or
     * 0 (it is not known: another program wrote the entry). Rules as for each(). [each] */
    pxt_status (*versions)(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error);
    /* Keeps a text of the core (up to PXT_RECORD_MAX bytes) with the entries: after record_put() it survives loss of
     * power, and a copy of the store has it too. record_get() gives it with a final NUL, or PXT_NOT_FOUND. Both or
     * none. [the file PATH.record] */
    pxt_status (*record_get)(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error);
    pxt_status (*record_put)(void *self, const char *text, struct pxt_error *error);
    /* The number of tombstones, for statistics: must be as cheap as count(). [not told] */
    pxt_status (*tombstones)(void *self, uint64_t *out, struct pxt_error *error);
    /* The number of tombstones that expire() keeps at `now`, whatever their version, because the proxy is known as
     * dead. [not told] */
    pxt_status (*known_dead)(void *self, pxt_time now, uint64_t *out, struct pxt_error *error);

    /* ---- batches, for stores where each call is a round trip ---- */

    /* Finds `n` entries, each as get() does; a key may stand twice. `out[i]` is held for the caller, or NULL where
     * the key is not stored: PXT_OK also if none is. After an error nothing is held. [get, one after the other] */
    pxt_status (*get_many)(void *self, const struct pxt_key *const *keys, size_t n, unsigned flags, pxt_entry **out,
                           struct pxt_error *error);

    /* ---- for PXT_TIER_REMOTE, which requires both ---- */

    /* Stores an entry in place of exactly the version that the caller has read: `expected` is the PXT_FIELD_VERSION
     * of what is stored, or 0 where nothing is. If something else is stored, also after a call that arrives late:
     * PXT_ESTALE, and nothing changes. The store compares and writes in one step. */
    pxt_status (*put_if)(void *self, pxt_entry *entry, uint64_t expected, struct pxt_error *error);
    /* Removes exactly the version `expected`, likewise. PXT_NOT_FOUND where nothing is stored. */
    pxt_status (*del_if)(void *self, const struct pxt_key *key, uint64_t expected, enum pxt_removal why,
                         struct pxt_error *error);
    /* record_get() and record_put() of such a tier are shared by all hosts: the core keeps there who the store is,
     * so that it notices one that was emptied, or went back to an older content. Without them it does not. */

    /* put_if() of `n` entries of distinct keys in one round trip, each for itself: `results[i]` receives what
     * put_if() returns for entries[i]. After another return than PXT_OK, what of them was stored is not known.
     * [put_if, one after the other] */
    pxt_status (*put_if_many)(void *self, pxt_entry *const *entries, const uint64_t *expected, size_t n,
                              pxt_status *results, struct pxt_error *error);

    /* ---- search ---- */

    /* Calls `fn` for keys whose entries match, in the order asked for. It must not cost more the more entries there
     * are which do not match, or come earlier in the order: where it would, PXT_ENOTSUP, and the core goes another
     * way. A walk of all keys by PXT_ORDER_RING with an empty selection is the paged walk of a large store. [each] */
    pxt_status (*select)(void *self, const struct pxt_select *select, pxt_selected_fn *fn, void *arg,
                         struct pxt_error *error);

    /* ---- leases: all four or none, and with PXT_TIER_SHARED; [PXT_ENOTSUP] ---- */

    /* Takes a lease of a key, if then no more leases of the key are held than this lease and each of the held ones
     * allow (`max`). `*taken` says whether. The store counts and writes in one step. A lease survives kill -9 of its
     * holder, and ends after `ttl`. It need not survive loss of power. */
    pxt_status (*lease_take)(void *self, const struct pxt_lease *lease, bool *taken, struct pxt_error *error);
    /* Has a held lease (its key and id) end `ttl` from now instead. PXT_NOT_FOUND: it is not held: it has ended, or
     * never was. */
    pxt_status (*lease_renew)(void *self, const struct pxt_lease *lease, struct pxt_error *error);
    /* Ends a held lease (its key and id). PXT_NOT_FOUND: likewise. */
    pxt_status (*lease_end)(void *self, const struct pxt_lease *lease, struct pxt_error *error);
    /* Calls `fn` for each held lease, of a key or, if `key` is NULL, of all; each is valid during the call. `fn`
     * makes a note only, and returns false to stop. */
    pxt_status (*lease_each)(void *self, const struct pxt_key *key, pxt_lease_fn *fn, void *arg,
                             struct pxt_error *error);
};

#ifdef __cplusplus
}
#endif
#endif
