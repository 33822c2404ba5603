/* SPDX-License-Identifier: MIT
 *
 * change.h: the frame around each write of a key: which tiers are in doubt while it goes on, and which of them afterwards.
 * doc/versions.md, rules 6 to 9.
 */
#ifndef PXT_CHANGE_H
#define PXT_CHANGE_H

#include "chain/chain_layout.h"

/* A write under way. The key's lock is held from begin to end. */
struct pxt_change {
    uint64_t hash;
    uint64_t begun;
    uint32_t base;      /* of the page, at the begin */
    pxt_doubts before;  /* what was in doubt before */
    pxt_doubts members; /* the slots that the write may concern: 0 if no copy of a key can differ from another */
    pxt_doubts took;    /* the slots whose tier has the new version, or a limited one that has nothing */
    pxt_doubts unsure;  /* the slots whose tier may have it or not */
    pxt_doubts stored;  /* the slots whose tier has all of it, and keeps it in a loss of power once it is synced */
};

/* What was read of the store that orders the changes of several hosts: a write replaces exactly that. */
struct pxt_seen {
    bool read;        /* false: it did not answer, or there is none */
    uint64_t version; /* 0: it had nothing */
};

/* The slots of all members of the pool, if there are two or more, also of those that this process does not have. */
pxt_doubts pxt_chain_members(const struct pxt_chain *chain);
/* The bit of a tier; 0 if it is no member, or the only one. */
pxt_doubts pxt_chain_bit(const struct pxt_chain *chain, const struct pxt_tier *tier);

/* Whether a removal is a version, as other tiers or hosts may have an older copy; and whether a tier keeps tombstones then. */
static inline bool pxt_chain_has_tombstones(const struct pxt_chain *chain)
{
    return pxt_chain_members(chain) || chain->authority || chain->exchanges;
}
static inline bool pxt_chain_keeps_tombstones(const struct pxt_chain *chain, const struct pxt_tier *tier)
{
    return pxt_chain_bit(chain, tier) ||
           ((chain->authority || chain->exchanges || !pxt_chain_members(chain)) && pxt_tier_durable(tier));
}

/* Whether a tier has no bit yet, as it was opened a moment ago: it joins with the next lock of a key. Until then it is not known
 * what the tier has missed. */
static inline bool pxt_chain_joins_later(const struct pxt_chain *chain, const struct pxt_tier *tier)
{
    return tier == chain->authority && tier->slot < 0 && pxt_chain_members(chain);
}

/* Whether the authority is on, and has the newest version of each key of a word that any caller was told of. */
static inline bool pxt_authority_decides(const struct pxt_chain *chain, uint64_t word)
{
    return chain->authority && pxt_tier_on(chain->authority) && !pxt_chain_joins_later(chain, chain->authority) &&
           !(pxt_word_doubts(word) & pxt_chain_bit(chain, chain->authority));
}

/* Begins a change of a key: puts all members in doubt; or begins a copy to `only`, which puts that tier in doubt. */
void pxt_change_begin(struct pxt_chain *chain, uint64_t hash, const struct pxt_tier *only, struct pxt_change *change);
/* Notes what became of the write in one tier. */
void pxt_change_wrote(struct pxt_chain *chain, struct pxt_change *change, const struct pxt_tier *tier,
                      pxt_status status);
/* The same of a copy of what the authority has said. A tier that has refused it has an older version, and stays in doubt. */
void pxt_change_followed(struct pxt_chain *chain, struct pxt_change *change, const struct pxt_tier *tier,
                         pxt_status status);
/* Ends it: clears the doubts of the tiers that have the version and were clear before; if no tier can have been changed,
 * those of all that were clear before. Returns the generation of what was written; it is not the current one, if another host
 * has changed a key of the word meanwhile. */
uint32_t pxt_change_end(struct pxt_chain *chain, const struct pxt_change *change);

/* Notes that callers are about to be told that a key was removed by a change that has ended: with this version. */
void pxt_change_removed(struct pxt_chain *chain, uint64_t hash, uint64_t version);

/* The same for many keys, whose locks are all held. */
struct pxt_change_word {
    uint64_t hash, begun;
    pxt_doubts before;
    uint32_t generation; /* at the end */
};
struct pxt_changes {
    struct pxt_change whole; /* `hash`, `begun` and `before` are not used */
    struct pxt_change_word *word;
    size_t count;
};
/* `hash` has the hashes of `n` keys, and is sorted. PXT_ENOMEM. */
pxt_status pxt_changes_begin(struct pxt_chain *chain, uint64_t *hash, size_t n, struct pxt_changes *changes,
                             struct pxt_error *error);
void pxt_changes_end(struct pxt_chain *chain, struct pxt_changes *changes);
/* The generation of a key of these changes, which have ended. */
uint32_t pxt_changes_generation(const struct pxt_chain *chain, const struct pxt_changes *changes, uint64_t hash);
void pxt_changes_free(struct pxt_changes *changes);

#endif
