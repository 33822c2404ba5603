/* SPDX-License-Identifier: MIT
 *
 * entries.c: entries of the store.
 */
#include "tier.h"
#include <sys/file.h>

/* Of the threads of this process; the lock of the file is of processes. */
static pthread_mutex_t threads = PTHREAD_MUTEX_INITIALIZER;

void lock(struct tier *tier)
{
    pthread_mutex_lock(&threads);
    while (flock(tier->file, LOCK_EX)) {
    }
}

void unlock(struct tier *tier)
{
    flock(tier->file, LOCK_UN);
    pthread_mutex_unlock(&threads);
}

static char *json_of(struct tier *tier, const struct slot *slot)
{
    return tier->store->json[slot - tier->store->slot];
}

struct slot *slot_of(struct tier *tier, const struct pxt_key *key)
{
    struct slot *free_slot = NULL;
    bool by_hash = lies("compares_hashes_only");
    for (struct slot *slot = tier->store->slot; slot < tier->store->slot + SLOTS; slot++) {
        if (slot->used && (by_hash ? slot->hash == key->hash : !strcmp(slot->key, key->text)))
            return slot;
        if (!slot->used && !free_slot)
            free_slot = slot;
    }
    return free_slot;
}

pxt_status slot_read(struct tier *tier, const struct slot *slot, pxt_entry **out, struct pxt_error *error)
{
    return tier->host->json_read(tier->host, json_of(tier, slot), slot->length, out, error);
}

pxt_status slot_write(struct tier *tier, struct slot *slot, pxt_entry *entry, struct pxt_error *error)
{
    struct pxt_key key;
    const struct pxt_host *host = tier->host;
    char *json = json_of(tier, slot);
    bool replaces = slot->used;
    host->entry_key(entry, &key);
    size_t length = host->json_write(entry, json, JSON_MAX - 1);
    if (length >= JSON_MAX)
        return host->fail(host, error, PXT_EINVAL, 0, "the entry %s needs %zu bytes", key.text, length);
    json[length] = '\0';
    slot->length = length;
    memcpy(slot->key, key.text, key.length + 1);
    slot->hash = key.hash;
    slot->version = host->entry_number(entry, PXT_FIELD_VERSION);
    slot->removed = host->entry_number(entry, PXT_FIELD_REMOVED);
    if (!replaces || !lies("dies_at_its_old_expiry"))
        slot->expires = host->entry_number(entry, PXT_FIELD_EXPIRES_AT);
    slot->came = ++tier->store->came;
    slot->cleared = false;
    if (slot->removed)
        history_forget(tier, slot->key);
    slot->used = true;
    return PXT_OK;
}

void slot_free(struct tier *tier, struct slot *slot)
{
    slot->used = false;
    if (!lies("leaves_the_history"))
        history_forget(tier, slot->key);
}

bool is_stale(struct tier *tier, const struct slot *slot, const pxt_entry *entry)
{
    int64_t comes = tier->host->entry_number(entry, PXT_FIELD_VERSION);
    return slot->used && comes && slot->version > comes; /* 0 is not known: it takes the place of any */
}
