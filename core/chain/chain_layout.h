/* SPDX-License-Identifier: MIT
 *
 * chain_layout.h: the chain as its files see it, and the order of its locks.
 *
 * Lock order, the only one in the core; each may be taken while those before it are held, never the other way round:
 *   0. join_lock
 *   1. words of `word_locks`: the lock of a word protects each change of its keys that touches more than one tier. A word
 *      at a time; a whole stripe (repair.c); or several or all of them in ascending order (batches, joining). More of
 *      them only without waiting: those of victims.
 *   2. the same words among processes (page.h)
 *   3. tier->serial: one call inside a tier that does not lock itself
 *   4. locks of tiers and policies
 *   5. leaves: flights, group commit, breaker, accesses, policy tracker, hazard, totals
 * A hit in the first tier takes none of 1 to 3. A get takes 1 and 2 without waiting, to promote, and else not (get.c).
 */
#ifndef PXT_CHAIN_LAYOUT_H
#define PXT_CHAIN_LAYOUT_H

#include "chain/flights.h"
#include "chain/word_locks.h"
#include "entry/hazard.h"
#include "shared/totals.h"
#include "tier/tier.h"
#include <pthread.h>
#include <sys/types.h>

struct pxt_soft_key;

/* Gets of one thread: only that thread writes them, pxt_chain_stats() sums them. */
struct pxt_thread_counts {
    _Alignas(64) _Atomic uint64_t hits[PXT_CHAIN_MAX], misses[PXT_CHAIN_MAX];
    _Atomic uint64_t nowhere;
};

enum { PXT_ANSWER_SLOTS = 1024 };

struct pxt_chain {
    unsigned count;
    struct pxt_tier tier[PXT_CHAIN_MAX];
    struct pxt_page page;
    char *page_place; /* its path without ".page"; NULL: memory of this process */
    /* What the page was when the members joined: page.reopened, and its epoch. */
    _Atomic unsigned joined_page;
    _Atomic uint32_t joined_epoch;
    pthread_mutex_t join_lock; /* taken before all others: one thread joins at a time */
    pxt_status (*join_again)(struct pxt_chain *chain, struct pxt_error *error); /* NULL: they have not joined yet */
    struct pxt_clock clock;
    const struct pxt_logger *logger;
    bool is_open; /* the page is there, and the members have joined */
    bool any_durable;
    bool
        with_proxywhirl; /* see struct pxt_config: its entries stay as they are, without versions, until they are changed */
    bool gets_need_no_lock; /* what a get reads from the tiers can be checked afterwards: see get.c */
    bool generations;       /* changes raise generations: without a durable or shared tier no copy in memory gets old */
    struct pxt_tier *shared; /* the slowest shared tier that is present; may be NULL */
    /* The slowest member that is present: it has every key, or drops as the user chose. May be NULL. */
    struct pxt_tier *_Atomic slowest;
    /* The slowest tier of which the store stands on another machine, also while it is absent: versions in that store order the
     * changes of all hosts. NULL: no tier is remote. See remote.h. */
    struct pxt_tier *authority;
    bool exchanges;                             /* a tier only exchanges copies with other hosts: see exchange.h */
    _Atomic uint32_t answers[PXT_ANSWER_SLOTS]; /* of the authority, that callers were given: by key; see overtake.h */
    char *remote_place;          /* where the page stands if no other tier is shared; NULL: no tier is remote */
    int64_t max_staleness_ms;    /* of entries in memory; 0: no tier is remote */
    _Atomic int64_t stale_at_ms; /* then all of them are stale; by the monotonic clock */
    atomic_bool listening;       /* to what remote tiers tell: the page is there */
    _Atomic unsigned restarts,
        joined_restarts; /* connections to remote stores that were made again: by then, and at the last join */
    _Atomic bool power;  /* a durable tier promises to survive loss of power: so do acknowledged changes */
    char writer[9];      /* as which this host counts checks in the tallies of entries; "": none */
    size_t expire_batch;
    void (*call_janitor)(void *arg); /* for work that a get leaves to it; NULL: no janitor runs */
    void *call_janitor_arg;
    int64_t max_skew;        /* see pxt_version_learn() */
    int64_t clock_tolerance; /* by how much the clocks of hosts may differ */
    int64_t tombstone_keep;  /* how long a remote tier keeps a tombstone, for hosts that were away */
    int64_t dead_for;        /* how long a proxy that failed too often is known as dead; 0: not at all */
    uint64_t dead_max;       /* of so many proxies */
    /* See soft_read.h: copies into the faster tiers what a get did not wait for. */
    void (*promote_late)(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_soft_key *key,
                         pxt_entry *entry);
    bool fail_safe; /* see fail_safe.h */
    int64_t fail_safe_max;
    _Atomic uint64_t skewed;      /* changes of entries whose version was further ahead */
    _Atomic int64_t skew_told_ms; /* when that was last logged; 0: not yet */
    struct pxt_word_locks word_locks;
    struct pxt_flights flights;
    _Atomic(struct pxt_thread_counts *) counts[PXT_THREAD_MAX];
    struct pxt_thread_counts shared_counts; /* of threads without a number */
    _Atomic pxt_time last_stamp;
    _Atomic unsigned written_behind; /* writes that a tier lacks since the last repair */
    _Atomic bool victim_stayed;      /* a tier is over capacity: no slower tier could be given its victim */
    _Atomic bool trim_pending; /* a tier is over capacity: the lock of a victim's key was held by another thread */
    enum pxt_sharing sharing;  /* of folders that the chain makes */
    pxt_time opened;
    pthread_mutex_t totals_lock; /* a leaf; protects the rest */
    struct pxt_totals totalled;  /* what this process has added to PATH.stats */
    pid_t totals_process;        /* that counts there; a child that was forked does not */
    bool told_of_totals;         /* that the file cannot be used */
};

#endif
