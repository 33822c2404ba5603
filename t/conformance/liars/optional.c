/* SPDX-License-Identifier: MIT
 *
 * optional.c: the operations of the tier that are optional, and their faults.
 */
#include "tier.h"
#include <stdio.h>
#include <unistd.h>

#define EACH_SLOT(slot, tier) (struct slot *slot = (tier)->store->slot; slot < (tier)->store->slot + SLOTS; slot++)

pxt_status tier_clear(void *self, uint64_t *removed, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    if (!lies("adds_to_removed"))
        *removed = 0;
    lock(tier);
    for
        EACH_SLOT(slot, tier)
        {
            if (!slot->used)
                continue;
            *removed += !slot->removed;
            slot_free(tier, slot);
            slot->cleared = true;
        }
    unlock(tier);
    return PXT_OK;
}

static pxt_status stale_or_full(struct tier *tier, pxt_entry *entry, struct pxt_error *error)
{
    struct pxt_key key;
    tier->host->entry_key(entry, &key);
    struct slot *slot = slot_of(tier, &key);
    if (!slot)
        return tier->host->fail(tier->host, error, PXT_ENOSPC, 0, "the store is full");
    if (is_stale(tier, slot, entry))
        return tier->host->fail(tier->host, error, PXT_ESTALE, 0, "a newer version of %s is stored", key.text);
    return PXT_OK;
}

pxt_status tier_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error)
{
    struct tier *tier = self;
    pxt_status status = PXT_OK;
    bool early = lies("keeps_a_part_of_a_failed_batch");
    if (lies("puts_no_more_than_1000") && n > 1000)
        n = 1000;
    lock(tier);
    for (size_t i = 0; i < n && !status; i++)
        status = stale_or_full(tier, entries[i], error);
    if (!status && !early && !store_journal(tier->folder, n))
        status = tier->host->fail(tier->host, error, PXT_ENOSPC, 0, "the journal cannot grow");
    for (size_t i = 0; i < n && !status; i++) {
        struct pxt_key key;
        tier->host->entry_key(entries[i], &key);
        status = slot_write(tier, slot_of(tier, &key), entries[i], error);
        if (early && i == n / 2 && !store_journal(tier->folder, n))
            status = tier->host->fail(tier->host, error, PXT_ENOSPC, 0, "the journal cannot grow");
    }
    unlock(tier);
    return status;
}

/* ---- touch ------------------------------------------------------------------------------------------------------ */

static pxt_entry *touched(struct tier *tier, pxt_entry *entry, const struct pxt_touch *touch)
{
    struct pxt_draft draft;
    pxt_entry *copy = NULL;
    pxt_draft_init(&draft);
    tier->host->entry_read(entry, &draft);
    int64_t last = draft.value[PXT_FIELD_LAST_ACCESSED].as.number;
    int64_t count = draft.value[PXT_FIELD_ACCESS_COUNT].as.number;
    bool flag = draft.value[PXT_FIELD_EVICTED_FROM_L1].as.number;
    if (touch->last_accessed > last || (lies("touch_goes_back_in_time") && touch->last_accessed != PXT_TIME_NONE))
        pxt_draft_set_number(&draft, PXT_FIELD_LAST_ACCESSED, touch->last_accessed);
    pxt_draft_set_number(&draft, PXT_FIELD_ACCESS_COUNT, count + (int64_t)touch->hits);
    if (lies("touch_clears_evicted_from_l1"))
        flag = false;
    if (touch->evicted_from_l1 && !lies("touch_drops_evicted_from_l1"))
        flag = true;
    pxt_draft_set_number(&draft, PXT_FIELD_EVICTED_FROM_L1, flag);
    if (lies("touch_raises_the_version"))
        pxt_draft_set_number(&draft, PXT_FIELD_VERSION, draft.value[PXT_FIELD_VERSION].as.number + 1);
    tier->host->entry_new(tier->host, &draft, &copy, NULL);
    return copy;
}

static pxt_status touch_one(struct tier *tier, const struct pxt_touch *touch, struct pxt_error *error)
{
    pxt_entry *entry = NULL;
    struct slot *slot = slot_of(tier, &touch->key);
    if (!slot || !slot->used)
        return PXT_OK;
    pxt_status status = slot_read(tier, slot, &entry, error);
    pxt_entry *copy = status ? NULL : touched(tier, entry, touch);
    if (lies("touch_loses_updates")) {
        unlock(tier);
        usleep(1000);
        lock(tier);
    }
    int64_t came = slot->came;
    if (copy)
        status = slot_write(tier, slot, copy, error);
    slot->came = came;
    tier->host->entry_release(entry);
    tier->host->entry_release(copy);
    return status;
}

pxt_status tier_touch(void *self, const struct pxt_touch *const *touches, size_t n, struct pxt_error *error)
{
    struct tier *tier = self;
    pxt_status status = PXT_OK;
    lock(tier);
    for (size_t i = 0; i < n && !status; i++) {
        bool again = false;
        for (size_t j = 0; j < i; j++)
            again = again || !strcmp(touches[i]->key.text, touches[j]->key.text);
        if (!again || !lies("touch_counts_a_key_once"))
            status = touch_one(tier, touches[i], error);
    }
    unlock(tier);
    return status;
}

/* ---- victim ----------------------------------------------------------------------------------------------------- */

static bool leaves_first(struct tier *tier, pxt_entry *a, pxt_entry *b)
{
    for (const enum pxt_field_id *field = tier->order; field && *field != PXT_FIELD_END; field++) {
        int64_t x = tier->host->entry_number(a, *field), y = tier->host->entry_number(b, *field);
        if (x != y)
            return x < y;
        if (lies("ignores_the_second_field_of_an_order"))
            break;
    }
    return false;
}

pxt_status tier_victim(void *self, uint64_t incoming, pxt_entry **out, struct pxt_error *error)
{
    struct tier *tier = self;
    pxt_status status = PXT_OK;
    pxt_entry *first = NULL;
    (void)incoming;
    lock(tier);
    for
        EACH_SLOT(slot, tier)
        {
            pxt_entry *entry = NULL;
            bool counts = slot->used || (slot->cleared && lies("clear_leaves_the_order"));
            if (!counts || slot->removed || status)
                continue;
            status = slot_read(tier, slot, &entry, error);
            bool better = !status && (!first || leaves_first(tier, entry, first));
            tier->host->entry_release(better ? first : entry);
            first = better ? entry : first;
        }
    unlock(tier);
    if (status)
        tier->host->entry_release(first);
    else if (first)
        *out = first;
    return status ? status : first ? PXT_OK : PXT_NOT_FOUND;
}

/* ---- expire ----------------------------------------------------------------------------------------------------- */

static bool is_dead(const struct slot *slot, pxt_time now, uint64_t up_to)
{
    return slot->used && slot->expires <= now && (uint64_t)slot->version <= up_to;
}

pxt_status tier_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                       uint64_t *removed, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    if (!lies("adds_to_removed"))
        *removed = 0;
    if (lies("expires_a_microsecond_early"))
        now++;
    for
        EACH_SLOT(slot, tier)
        {
            char text[PXT_KEY_MAX + 1];
            struct pxt_key key;
            lock(tier);
            bool dead = *removed < limit && is_dead(slot, now, up_to), early = lies("tells_before_it_removes");
            bool told = dead && !slot->removed;
            memcpy(text, slot->key, sizeof text);
            tier->host->key_init(&key, text, strlen(text));
            if (told && early)
                fn(arg, &key);
            if (dead)
                slot_free(tier, slot);
            unlock(tier);
            *removed += dead;
            if (told && !early)
                fn(arg, &key);
        }
    return PXT_OK;
}

/* ---- the rest --------------------------------------------------------------------------------------------------- */

pxt_status tier_maintain(void *self, struct pxt_error *error)
{
    struct tier *tier = self;
    bool gone = false;
    (void)error;
    lock(tier);
    for
        EACH_SLOT(slot, tier)
    if (slot->used && !gone && lies("maintain_deletes")) {
        slot_free(tier, slot);
        gone = true;
    }
    unlock(tier);
    return PXT_OK;
}

pxt_status tier_sync(void *self, struct pxt_error *error)
{
    struct tier *tier = self;
    return lies("sync_fails") ? tier->host->fail(tier->host, error, PXT_EIO, 0, "cannot sync") : PXT_OK;
}

pxt_status tier_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error)
{
    struct tier *tier = self;
    bool more = true;
    (void)error;
    for
        EACH_SLOT(slot, tier)
        {
            char text[PXT_KEY_MAX + 1];
            struct pxt_key key;
            lock(tier);
            uint64_t version = (uint64_t)slot->version;
            bool listed = slot->used && (!version || version > above);
            memcpy(text, slot->key, sizeof text);
            unlock(tier);
            tier->host->key_init(&key, text, strlen(text));
            more = more && (!listed || fn(arg, &key, version));
        }
    return PXT_OK;
}

pxt_status tier_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    lock(tier);
    if (!tier->has_record || !lies("reads_its_record_once")) {
        tier->has_record = tier->store->has_record;
        memcpy(tier->record, tier->store->record, sizeof tier->record);
    }
    memcpy(text, tier->record, sizeof tier->record);
    unlock(tier);
    return tier->has_record ? PXT_OK : PXT_NOT_FOUND;
}

pxt_status tier_record_put(void *self, const char *text, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    lock(tier);
    snprintf(tier->store->record, sizeof tier->store->record, "%s", text);
    tier->store->has_record = true;
    unlock(tier);
    return PXT_OK;
}
