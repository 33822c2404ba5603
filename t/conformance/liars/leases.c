/* SPDX-License-Identifier: MIT
 *
 * leases.c: the leases of the tier, and their faults.
 */
#include "tier.h"
#include <stdio.h>
#include <unistd.h>

/* The store is locked. A lease that has ended makes room. */
static bool is_held(struct tier *tier, struct kept_lease *kept)
{
    if (kept->used && kept->until <= tier->host->now(tier->host) && !lies("leases_do_not_end"))
        kept->used = false;
    return kept->used;
}

static struct kept_lease *find(struct tier *tier, const struct pxt_lease *lease)
{
    for (struct kept_lease *kept = tier->store->lease; kept < tier->store->lease + LEASES; kept++)
        if (is_held(tier, kept) && !strcmp(kept->key, lease->key.text) &&
            (!strcmp(kept->id, lease->id) || lies("looks_at_no_id")))
            return kept;
    return NULL;
}

static uint32_t count(struct tier *tier, const char *key)
{
    uint32_t n = 0;
    for (struct kept_lease *kept = tier->store->lease; kept < tier->store->lease + LEASES; kept++)
        n += is_held(tier, kept) && (!strcmp(kept->key, key) || lies("counts_leases_of_all_keys"));
    return n;
}

pxt_status tier_lease_take(void *self, const struct pxt_lease *lease, bool *taken, struct pxt_error *error)
{
    struct tier *tier = self;
    struct kept_lease *place = NULL;
    (void)error;
    lock(tier);
    *taken = count(tier, lease->key.text) < lease->max + lies("lets_one_more_hold_a_key");
    if (lies("counts_and_takes_in_two_steps")) {
        unlock(tier);
        usleep(1000);
        lock(tier);
    }
    for (struct kept_lease *kept = tier->store->lease; kept < tier->store->lease + LEASES && *taken && !place; kept++)
        place = is_held(tier, kept) ? NULL : kept;
    if (place) {
        *place = (struct kept_lease){.used = true, .until = tier->host->now(tier->host) + lease->ttl};
        snprintf(place->key, sizeof place->key, "%s", lease->key.text);
        snprintf(place->id, sizeof place->id, "%s", lease->id);
        snprintf(place->holder, sizeof place->holder, "%s", lies("forgets_the_holder") ? "" : lease->holder);
    }
    unlock(tier);
    return PXT_OK;
}

pxt_status tier_lease_renew(void *self, const struct pxt_lease *lease, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    lock(tier);
    struct kept_lease *kept = find(tier, lease);
    if (kept && !lies("renews_nothing"))
        kept->until = tier->host->now(tier->host) + lease->ttl;
    unlock(tier);
    return kept || lies("renews_what_is_lost") ? PXT_OK : PXT_NOT_FOUND;
}

pxt_status tier_lease_end(void *self, const struct pxt_lease *lease, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    lock(tier);
    struct kept_lease *kept = find(tier, lease);
    if (kept && !lies("keeps_what_was_ended"))
        kept->used = false;
    unlock(tier);
    return kept || lies("ends_what_is_lost") ? PXT_OK : PXT_NOT_FOUND;
}

pxt_status tier_lease_each(void *self, const struct pxt_key *key, pxt_lease_fn *fn, void *arg, struct pxt_error *error)
{
    struct tier *tier = self;
    bool more = true;
    (void)error;
    for (size_t i = 0; i < LEASES && more; i++) {
        lock(tier);
        struct kept_lease kept = tier->store->lease[i];
        bool given = is_held(tier, &kept) && (!key || !strcmp(kept.key, key->text));
        unlock(tier);
        struct pxt_lease lease = {.size = sizeof lease, .id = kept.id, .holder = kept.holder, .until = kept.until};
        tier->host->key_init(&lease.key, kept.key, strlen(kept.key));
        more = !given || fn(arg, &lease);
    }
    return PXT_OK;
}
