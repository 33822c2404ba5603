/* SPDX-License-Identifier: MIT
 *
 * remote.c: conditional writes and many gets of the tier, and their faults.
 */
#include "tier.h"
#include <stdio.h>
#include <unistd.h>

void spoil_call(struct tier *tier)
{
    const char *password = lies("logs_its_password") || lies("writes_its_password")
                               ? tier->host->setting_secret(tier->settings, "password", NULL)
                               : NULL;
    if (lies("waits_beyond_the_deadline") && tier->host->call(tier->host)->deadline)
        sleep(3);
    if (lies("logs_its_password") && password)
        tier->host->log(tier->host, PXT_LOG_DEBUG, "logs in with %s", password);
    if (lies("writes_its_password") && password) {
        char path[500];
        snprintf(path, sizeof path, "%s/login", tier->folder);
        FILE *file = fopen(path, "w");
        if (file) {
            fputs(password, file);
            fclose(file);
        }
    }
}

/* The store is locked. */
static bool is_as_expected(const struct slot *slot, uint64_t expected)
{
    if (lies("compares_no_version"))
        return true;
    if (lies("takes_a_tombstone_for_nothing") && slot && slot->used && slot->removed)
        return !expected || (uint64_t)slot->version == expected;
    return (slot && slot->used ? (uint64_t)slot->version : 0) == expected;
}

static pxt_status is_other(struct tier *tier, struct pxt_error *error)
{
    return tier->host->fail(tier->host, error, PXT_ESTALE, 0, "the store has another version");
}

/* The store is locked. */
static pxt_status put_locked(struct tier *tier, pxt_entry *entry, uint64_t expected, struct pxt_error *error)
{
    struct pxt_key key;
    tier->host->entry_key(entry, &key);
    struct slot *slot = slot_of(tier, &key);
    if (!is_as_expected(slot, expected))
        return is_other(tier, error);
    if (lies("compares_and_writes_in_two_steps")) {
        unlock(tier);
        usleep(1000);
        lock(tier);
        slot = slot_of(tier, &key);
    }
    return slot ? slot_write(tier, slot, entry, error)
                : tier->host->fail(tier->host, error, PXT_ENOSPC, 0, "the store is full");
}

pxt_status tier_put_if(void *self, pxt_entry *entry, uint64_t expected, struct pxt_error *error)
{
    struct tier *tier = self;
    lock(tier);
    pxt_status status = put_locked(tier, entry, expected, error);
    unlock(tier);
    return status;
}

pxt_status tier_del_if(void *self, const struct pxt_key *key, uint64_t expected, enum pxt_removal why,
                       struct pxt_error *error)
{
    struct tier *tier = self;
    pxt_status status = PXT_OK;
    (void)why;
    lock(tier);
    struct slot *slot = slot_of(tier, key);
    if (!slot || !slot->used)
        status = PXT_NOT_FOUND;
    else if (!is_as_expected(slot, expected) && !lies("deletes_any_version"))
        status = is_other(tier, error);
    else
        slot_free(tier, slot);
    unlock(tier);
    return status;
}

pxt_status tier_put_if_many(void *self, pxt_entry *const *entries, const uint64_t *expected, size_t n,
                            pxt_status *results, struct pxt_error *error)
{
    struct tier *tier = self;
    bool stale = false;
    (void)error;
    lock(tier);
    for (size_t i = 0; i < n; i++) {
        results[i] = lies("stops_at_the_first_other_version") && stale
                         ? PXT_ESTALE
                         : put_locked(tier, entries[i], expected[i], NULL);
        stale |= results[i] == PXT_ESTALE;
        if (lies("says_ok_of_all") && results[i] == PXT_ESTALE)
            results[i] = PXT_OK;
    }
    unlock(tier);
    return PXT_OK;
}

pxt_status tier_get_many(void *self, const struct pxt_key *const *keys, size_t n, unsigned flags, pxt_entry **out,
                         struct pxt_error *error)
{
    struct tier *tier = self;
    pxt_status status = PXT_OK;
    (void)flags;
    lock(tier);
    for (size_t i = 0; i < n; i++) {
        struct slot *slot = slot_of(tier, keys[i]);
        out[i] = NULL;
        for (size_t j = 0; j < i && lies("gives_a_key_once"); j++)
            if (slot == slot_of(tier, keys[j]))
                slot = NULL;
        if (slot && slot->used && !status)
            status = slot_read(tier, slot, &out[i], error);
    }
    unlock(tier);
    for (size_t i = 0; i < n && status; i++)
        tier->host->entry_release(out[i]);
    return status;
}
