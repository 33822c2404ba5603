/* SPDX-License-Identifier: MIT
 *
 * decide.h: what is true of a key: which copy of it counts. doc/versions.md, rules 10 and 11.
 */
#ifndef PXT_DECIDE_H
#define PXT_DECIDE_H

#include "chain/change.h"
#include "chain/key_ops.h"
#include "chain/soft_read.h"

/* Beside PXT_GET_PEEK and PXT_TIER_GET_FOR_WRITE: the key's lock is not held. Nothing may be removed, and the word of the
 * key may change meanwhile: the caller compares it. */
#define PXT_DECIDE_UNLOCKED 0x40000000u
/* A tier that did not answer in time: it is not asked, and counts as silent. */
#define PXT_DECIDE_LATE(index) (0x00010000u << (index))

/* What the tiers say of a key. */
struct pxt_decision {
    pxt_entry *entry;  /* held: the newest copy, alive or dead; NULL: there is none */
    unsigned found_in; /* index of the tier that had it */
    bool clear;        /* a tier that is not in doubt decided: memory may be filled, and the entry be copied */
    bool asked[PXT_CHAIN_MAX], failed[PXT_CHAIN_MAX];
    bool stale;           /* a private tier has an old copy, which the caller should remove */
    uint64_t noted;       /* the hits noted for tier `found_in`, which `entry` has in its count */
    uint64_t word;        /* as it was before the first tier was asked */
    uint32_t generation;  /* that of the word */
    struct pxt_seen seen; /* of the authority, if there is one */
    bool by_authority;    /* it has decided, also with nothing */
    unsigned late;        /* the remote tiers that did not answer in time, as bits of PXT_DECIDE_LATE() */
    uint32_t answers;     /* of it, that callers were given before */
    bool overtaken;       /* another caller was given one meanwhile: this one is copied nowhere */
};

/*
 * Finds the copy that counts. `flags`: PXT_GET_PEEK, PXT_TIER_GET_FOR_WRITE, PXT_DECIDE_UNLOCKED.
 * PXT_OK: `entry` is the newest. PXT_NOT_FOUND: no tier has one. PXT_EUNAVAILABLE: a tier that may have a newer one did not
 * answer; `entry` is the newest of the others, or NULL. PXT_ENOMEM. In a pool with one member the error of that tier.
 * If there is an authority (remote.h), it is asked before the other durable tiers; for a write also before memory.
 */
pxt_status pxt_chain_decide(struct pxt_chain *chain, const struct pxt_key *key, unsigned flags,
                            struct pxt_decision *decision, struct pxt_error *error);
/* Whether the answer may be given: nothing has changed since the tiers were asked. Under the key's lock only damage that was found
 * meanwhile changes anything. */
static inline bool pxt_decision_stands(const struct pxt_chain *chain, const struct pxt_key *key,
                                       const struct pxt_decision *decision)
{
    return pxt_word(&chain->page, key->hash) == decision->word;
}
/* Whether a change that is open may be the reason that no tier decides. */
bool pxt_decision_may_be_open(const struct pxt_chain *chain, const struct pxt_decision *decision, pxt_status status);
/* Decides again while the word of the key changes, `tries` times. `*open`: it changes all the time, or a change that is open
 * may be the reason that no tier decides. */
pxt_status pxt_chain_decide_again(struct pxt_chain *chain, const struct pxt_key *key, int tries, unsigned flags,
                                  struct pxt_decision *decision, bool *open, struct pxt_error *error);
/* Decides `n` keys: each as pxt_chain_decide() would, with one call of a tier that offers that.
 * `error` is that of the last that failed. PXT_ENOMEM: nothing is decided. */
pxt_status pxt_chain_decide_many(struct pxt_chain *chain, const struct pxt_key *keys, size_t n, unsigned flags,
                                 struct pxt_decision *decision, pxt_status *status, struct pxt_error *error);
/* The members that did not say what they have, a bit for each index: see struct pxt_stamp. Where clear tiers have decided, only
 * those in doubt count, for the clear ones have said all. */
uint32_t pxt_chain_silent_members(const struct pxt_chain *chain, const struct pxt_decision *decision);
/* Takes a copy that is old or has expired out of its private tier, with the key's lock held among threads. The hits on it
 * count. */
void pxt_chain_drop_stale(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
                          pxt_entry *entry);
/* Whether the copy of a private tier is old, or has expired while durable tiers keep it. */
bool pxt_chain_is_stale_copy(const struct pxt_chain *chain, const struct pxt_tier *tier, const pxt_entry *entry);
/* Whether all members had agreed on a version at the last checkpoint. */
static inline bool pxt_chain_agreed(const struct pxt_chain *chain, uint64_t version)
{
    uint64_t checkpoint, dropped;
    pxt_page_checkpoint(&chain->page, &checkpoint, &dropped);
    return version <= checkpoint;
}
/* What two copies of a key say together, as pxt_entry_merge(). In a pool of one host a copy whose health was learnt after the other was made was
 * changed by a process that had read the other, and counts alone: the key may have been deleted in between. */
pxt_status pxt_chain_merge(const struct pxt_chain *chain, pxt_entry *a, pxt_entry *b, pxt_entry **out, bool *merged,
                           struct pxt_error *error);
/* Has a decision take a copy from a tier, if that is newer, or what both copies say together; `entry` is given away. PXT_ENOMEM. */
pxt_status pxt_decision_take_newer(const struct pxt_chain *chain, struct pxt_decision *decision, pxt_entry *entry,
                                   unsigned tier, struct pxt_error *error);
/* count_answers.c: counts what each tier has answered. */
void pxt_chain_count_answers(struct pxt_chain *chain, const struct pxt_decision *decision, bool hit);
/* Whether an entry is dead: a tombstone, or expired. */
static inline bool pxt_chain_dead(const struct pxt_chain *chain, const pxt_entry *entry)
{
    return pxt_chain_expired(chain, entry);
}

#endif
