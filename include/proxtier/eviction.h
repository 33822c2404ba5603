/* SPDX-License-Identifier: MIT
 *
 * eviction.h: the ABI of eviction policies: who leaves a full tier.
 *
 * A policy never sees keys, entries or storage. It declares how many bytes of state it needs for an entry; whoever
 * stores the entry keeps those bytes beside it, so that a hit costs no second look-up, and tells the policy what
 * happens. The caller serialises all calls on one instance; several instances (one a shard) may run at once.
 */
#ifndef PROXTIER_EVICTION_H
#define PROXTIER_EVICTION_H

#include <proxtier/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Why an entry leaves a store. */
enum pxt_removal {
    PXT_REMOVE_DELETED,   /* the user asked */
    PXT_REMOVE_POLICY,    /* chosen by victim() */
    PXT_REMOVE_EXPIRED,   /* its time to live ended */
    PXT_REMOVE_HEALTH,    /* it failed too often */
    PXT_REMOVE_CORRUPTION /* it could not be read */
};

/* What victim() returns to keep the newcomer out (admission). */
#define PXT_VICTIM_NEWCOMER ((void *)(uintptr_t)1)

struct pxt_eviction_ops {
    uint32_t size;  /* sizeof(struct pxt_eviction_ops) at compile time */
    uint32_t flags; /* 0; see PXT_FLAGS_MUST */
    /* Bytes of state an entry; aligned to 8; zeroed by the store before `inserted`. At most 256. */
    size_t state_size;
    /*
     * The policy as an order: the fields by which entries leave, smallest first, ended by PXT_FIELD_END; NULL where
     * it cannot be said so. A persistent store indexes these fields instead of keeping state, and so applies the
     * policy across restarts and processes.
     */
    const enum pxt_field_id *order;

    /* Makes an instance for at most `capacity` entries. */
    pxt_status (*open)(const struct pxt_host *host, const struct pxt_settings *settings, uint64_t capacity, void **self,
                       struct pxt_error *error);
    /* Frees the instance; entries may still be in it, their state is not touched any more. */
    void (*close)(void *self);
    /* A new entry came in; `hash` identifies it if it comes again (ghost queues). Must not fail except by
     * PXT_ENOMEM, after which the entry is not in the policy. */
    pxt_status (*inserted)(void *self, void *state, uint64_t hash, struct pxt_error *error);
    /* It was hit `times` times since it was last mentioned. Must not fail. */
    void (*accessed)(void *self, void *state, uint64_t times);
    /* It was stored anew under the same key. NULL: as accessed once. */
    void (*replaced)(void *self, void *state);
    /* It left, for whatever reason. */
    void (*removed)(void *self, void *state, enum pxt_removal why);
    /*
     * Says who leaves next: the state of an entry that is in the policy, or NULL where there is none. The caller
     * removes it (removed(..., PXT_REMOVE_POLICY)) unless it is used meanwhile, and may insert others in between, or
     * ask again. `newcomer` is the hash of the entry that needs the room, which is not in the policy and is inserted
     * afterwards; 0: room is needed for nobody in particular. For a newcomer the answer may be PXT_VICTIM_NEWCOMER:
     * then it is not stored in this tier, for a slower tier has it. If it has to be stored all the same, victim() is
     * asked again without a newcomer.
     */
    void *(*victim)(void *self, uint64_t newcomer);

    /* ---- optional from here on ---- */

    /* A get found no entry with this hash here. A store that is asked first may tell of one get twice; one that
     * keeps no state tells of none. NULL: not told. */
    void (*missed)(void *self, uint64_t hash);
};

#ifdef __cplusplus
}
#endif
#endif
