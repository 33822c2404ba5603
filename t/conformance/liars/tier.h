/* SPDX-License-Identifier: MIT
 *
 * tier.h: the parts of the tier.
 */
#ifndef LIAR_TIER_H
#define LIAR_TIER_H

#include "lies.h"
#include "store.h"

struct tier {
    const struct pxt_host *host;
    const struct pxt_tier_setup *setup; /* of the lie that uses it after open */
    const struct pxt_settings *settings;
    struct store *store;
    int file;
    const enum pxt_field_id *order; /* of the policy; NULL: none */
    uint64_t capacity;
    pthread_mutex_t get_lock;
    pxt_entry *read[SLOTS]; /* of the lie that gives what it read before */
    const char *key;        /* of the lie that remembers a key of the caller */
    struct slot *last;
    int descriptor; /* of the lie that lets it be inherited; -1: none */
    bool has_record;
    char record[PXT_RECORD_MAX + 1];
    char folder[400];
};

/* ---- entries.c ---- */

/* The store is this call's alone: among threads and processes. The rest is called with it locked. */
void lock(struct tier *tier);
void unlock(struct tier *tier);

/* Where the key is, or else a free place; NULL where there is neither. */
struct slot *slot_of(struct tier *tier, const struct pxt_key *key);
pxt_status slot_read(struct tier *tier, const struct slot *slot, pxt_entry **out, struct pxt_error *error);
pxt_status slot_write(struct tier *tier, struct slot *slot, pxt_entry *entry, struct pxt_error *error);
void slot_free(struct tier *tier, struct slot *slot);
bool is_stale(struct tier *tier, const struct slot *slot, const pxt_entry *entry);

/* ---- history.c ---- */

pxt_status tier_check_add(void *self, const struct pxt_check *check, uint64_t keep, struct pxt_error *error);
pxt_status tier_check_each(void *self, const struct pxt_key *key, pxt_check_fn *fn, void *arg, struct pxt_error *error);
void history_forget(struct tier *tier, const char *key);

/* ---- optional.c ---- */

pxt_status tier_clear(void *self, uint64_t *removed, struct pxt_error *error);
pxt_status tier_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error);
pxt_status tier_touch(void *self, const struct pxt_touch *const *touches, size_t n, struct pxt_error *error);
pxt_status tier_victim(void *self, uint64_t incoming, pxt_entry **out, struct pxt_error *error);
pxt_status tier_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                       uint64_t *removed, struct pxt_error *error);
pxt_status tier_maintain(void *self, struct pxt_error *error);
pxt_status tier_sync(void *self, struct pxt_error *error);
pxt_status tier_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error);
pxt_status tier_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error);
pxt_status tier_record_put(void *self, const char *text, struct pxt_error *error);

/* ---- select.c ---- */

pxt_status tier_select(void *self, const struct pxt_select *select, pxt_selected_fn *fn, void *arg,
                       struct pxt_error *error);

/* ---- leases.c ---- */

pxt_status tier_lease_take(void *self, const struct pxt_lease *lease, bool *taken, struct pxt_error *error);
pxt_status tier_lease_renew(void *self, const struct pxt_lease *lease, struct pxt_error *error);
pxt_status tier_lease_end(void *self, const struct pxt_lease *lease, struct pxt_error *error);
pxt_status tier_lease_each(void *self, const struct pxt_key *key, pxt_lease_fn *fn, void *arg, struct pxt_error *error);

/* ---- remote.c ---- */

pxt_status tier_put_if(void *self, pxt_entry *entry, uint64_t expected, struct pxt_error *error);
pxt_status tier_del_if(void *self, const struct pxt_key *key, uint64_t expected, enum pxt_removal why,
                       struct pxt_error *error);
pxt_status tier_put_if_many(void *self, pxt_entry *const *entries, const uint64_t *expected, size_t n,
                            pxt_status *results, struct pxt_error *error);
pxt_status tier_get_many(void *self, const struct pxt_key *const *keys, size_t n, unsigned flags, pxt_entry **out,
                         struct pxt_error *error);
/* What a tier that hosts share must not do in a call. */
void spoil_call(struct tier *tier);

#endif
