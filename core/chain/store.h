/* SPDX-License-Identifier: MIT
 *
 * store.h: writes an entry, a batch of entries, or a removal, to all tiers.
 */
#ifndef PXT_STORE_H
#define PXT_STORE_H

#include "chain/change.h"
#include "chain/stripes.h"
#include "chain/victim.h"

/* One write on its way through the tiers. The locks of all its keys are held. */
struct pxt_write {
    struct pxt_chain *chain;
    pxt_entry *const *entries;
    size_t count;
    struct pxt_change *change;
    /* Writes the entries to one tier. */
    pxt_status (*into)(struct pxt_write *write, struct pxt_tier *tier, struct pxt_error *error);
    struct pxt_victims *victims;          /* NULL: `into` demotes them itself */
    const struct pxt_locked_keys *locked; /* of a batch */
    struct pxt_seen seen;                 /* of one entry */
    uint32_t silent;                      /* see struct pxt_stamp */
    bool may_defer; /* leave out tiers that are off or written behind: repair.c brings the write to them */
    bool partly;  /* set by `into`: the tier has not all of the entries: for want of room, or it only let go of keys */
    bool below;   /* a slower tier has taken all entries, and has room for them all */
    bool taken;   /* a tier has taken the entries */
    bool stale;   /* a tier has a newer version */
    bool lost;    /* another host has changed the key since it was read: no other tier was written to */
    bool is_copy; /* the entry came from a tier that exchanges copies */
    bool unread;  /* the authority was not read, and so cannot be written to: a repair brings the write there */
    pxt_status first; /* what the first tier that failed returned */
    struct pxt_error *error;
};
/* Before each try: what took the version before has not yet taken this one. */
void pxt_write_reset(struct pxt_write *write, struct pxt_error *error);
/* How often a write is tried while a tier has a newer version: by a clock that was set back, or a page that was lost. */
enum { PXT_STALE_TRIES = 3 };
/* Writes to the tiers that decide whether the write succeeds: the durable ones, from the slowest on; in a chain without
 * one, all. Fails if none takes the entries, or none of a pool at level `power` has synced them. */
pxt_status pxt_write_deciding_tiers(struct pxt_write *write);
/* Writes to the others: memory, if the chain has a durable tier. They may fail: get then reads from a durable tier. The
 * change has ended. */
void pxt_write_private_tiers(struct pxt_write *write);

/* The versions that a new entry gets. PXT_VERSION_NEW: that of the change. */
#define PXT_VERSION_NEW UINT64_MAX
struct pxt_stamp {
    uint64_t above;            /* the version of the entry that is replaced */
    uint64_t supplied, learnt; /* see PXT_FIELDS */
    struct pxt_seen seen;      /* what the authority has, if there is one */
    bool is_copy;              /* the entry keeps the versions that it has */
    /* Members that did not say what they have, a bit for each index. They may have learnt what no other tier has, and a write
     * would replace it: they are left out and stay in doubt, and a repair merges what they have. */
    uint32_t silent;
};
static inline void pxt_stamp_above(struct pxt_stamp *stamp, uint64_t version)
{
    stamp->above = pxt_version_max(stamp->above, version);
}
/* Gives an entry a new version. PXT_EUNAVAILABLE if there is none above. */
pxt_status pxt_chain_stamp_version(struct pxt_chain *chain, pxt_entry *entry, const struct pxt_stamp *stamp,
                                   struct pxt_error *error);
/* Returns the greatest version that a durable tier has of a key; 0: none answers. */
uint64_t pxt_chain_greatest_version(struct pxt_chain *chain, const struct pxt_key *key);
/* Writes one entry, which only the caller has, to all tiers, as a change. If no tier takes it, nothing has changed.
 * PXT_ESTALE: another host has changed the key; the caller reads it again, and makes the change anew. */
pxt_status pxt_chain_store(struct pxt_chain *chain, pxt_entry *entry, const struct pxt_stamp *stamp,
                           struct pxt_victims *victims, struct pxt_error *error);

/* Puts the entry of a write of one entry into a tier; into the authority in place of what was seen there. */
pxt_status pxt_write_put(struct pxt_write *write, struct pxt_tier *tier, struct pxt_error *error);

/* remove.c: removes a key from all tiers, as a change. PXT_NOT_FOUND if no tier had it. */
pxt_status pxt_chain_remove(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why,
                            struct pxt_error *error);
/* The same for an entry that was read, and is alive. PXT_ESTALE: another host has changed it since; the caller decides anew. */
pxt_status pxt_chain_remove_read(struct pxt_chain *chain, const struct pxt_key *key, enum pxt_removal why,
                                 const pxt_entry *entry, struct pxt_seen seen, struct pxt_error *error);

#endif
