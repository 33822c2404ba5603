/* SPDX-License-Identifier: MIT
 *
 * tier.c: a durable, shared, concurrent tier with all optional operations, in a file that is mapped. Without LIE it keeps all
 * promises; with LIE it breaks the one that is named so.
 */
#include "tier.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void *stay(void *arg)
{
    (void)arg;
    for (;;)
        pause();
    return NULL;
}

/* What a plugin must not do to its process. */
static void spoil_process(struct tier *tier)
{
    pthread_t thread;
    if (lies("leaves_a_thread") && !pthread_create(&thread, NULL, stay, NULL))
        pthread_detach(thread);
    if (lies("changes_the_environment"))
        setenv("TZ", "UTC", 1);
    if (lies("inherits_descriptors"))
        tier->descriptor = open("/dev/null", O_RDONLY);
    if (lies("leaks_a_descriptor") && open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
        abort();
}

static void find_folder(struct tier *tier)
{
    static char first[400];
    snprintf(tier->folder, sizeof tier->folder, "%s", getenv("HOME"));
    if (!*first)
        memcpy(first, tier->folder, sizeof first);
    if (lies("has_one_store"))
        memcpy(tier->folder, first, sizeof first);
}

static pxt_status tier_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                            struct pxt_error *error)
{
    struct tier *tier = calloc(1, sizeof *tier);
    if (!tier)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory");
    tier->host = host;
    tier->descriptor = -1;
    tier->setup = setup;
    tier->settings = setup->settings;
    tier->order = setup->policy ? setup->policy->order : NULL;
    tier->capacity = setup->max_entries;
    find_folder(tier);
    tier->store = store_open(tier->folder, &tier->file);
    if (!tier->store) {
        pxt_status status = host->fail(host, error, PXT_EIO, 0, "cannot open the store in %s", tier->folder);
        free(tier);
        return status;
    }
    pthread_mutex_init(&tier->get_lock, NULL);
    spoil_process(tier);
    *self = tier;
    return PXT_OK;
}

static void tier_close(void *self)
{
    struct tier *tier = self;
    for (size_t i = 0; i < SLOTS; i++)
        tier->host->entry_release(tier->read[i]);
    if (tier->descriptor >= 0)
        close(tier->descriptor);
    store_close(tier->store, tier->file);
    pthread_mutex_destroy(&tier->get_lock);
    free(tier);
}

/* Entries that were read once are given again, until this process puts the key. */
static pxt_entry **read_before(struct tier *tier, const struct slot *slot)
{
    return lies("gives_what_it_read_before") ? &tier->read[slot - tier->store->slot] : NULL;
}

static pxt_status tier_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                           struct pxt_error *error)
{
    struct tier *tier = self;
    pxt_status status = PXT_NOT_FOUND;
    (void)flags;
    spoil_call(tier);
    if (lies("uses_the_setup_after_open") && tier->setup->max_entries == 17)
        return PXT_NOT_FOUND;
    pthread_mutex_lock(&tier->get_lock);
    lock(tier);
    struct slot *slot = slot_of(tier, key);
    if (lies("remembers_a_key_of_the_caller")) { /* the same key as last time? */
        slot = tier->key && !strcmp(tier->key, key->text) ? tier->last : slot;
        tier->key = key->text;
        tier->last = slot;
    }
    pxt_entry **before = slot ? read_before(tier, slot) : NULL;
    if (slot && slot->used && lies("hides_what_has_expired") && slot->expires <= tier->host->now(tier->host))
        slot = NULL;
    if (before && *before)
        *out = tier->host->entry_hold(*before), status = PXT_OK;
    else if (slot && slot->used)
        status = slot_read(tier, slot, out, error);
    if (before && !status && !*before)
        *before = tier->host->entry_hold(*out);
    if (status == PXT_NOT_FOUND && lies("sets_out_to_another_entry") && tier->store->slot[0].used) {
        slot_read(tier, &tier->store->slot[0], out, NULL);
        tier->host->entry_release(*out);
    }
    unlock(tier);
    pthread_mutex_unlock(&tier->get_lock);
    return status;
}

/* The tier is full and makes room, which is for the core to do. */
static void make_room(struct tier *tier)
{
    uint64_t count = 0;
    struct slot *oldest = NULL;
    for (struct slot *slot = tier->store->slot; slot < tier->store->slot + SLOTS; slot++) {
        count += slot->used;
        if (slot->used && (!oldest || slot->came < oldest->came))
            oldest = slot;
    }
    if (tier->capacity && count >= tier->capacity && oldest)
        slot_free(tier, oldest);
}

static pxt_status tier_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    struct tier *tier = self;
    pxt_entry **before = NULL;
    struct pxt_key key;
    pxt_status status;
    tier->host->entry_key(entry, &key);
    lock(tier);
    if (lies("evicts_by_itself"))
        make_room(tier);
    struct slot *slot = slot_of(tier, &key);
    if (!slot)
        status = tier->host->fail(tier->host, error, PXT_ENOSPC, 0, "the store is full");
    else if (is_stale(tier, slot, entry))
        status = tier->host->fail(tier->host, error, PXT_ESTALE, 0, "a newer version of %s is stored", key.text);
    else if (!store_journal(tier->folder, 1))
        status = tier->host->fail(tier->host, error, PXT_ENOSPC, 0, "the journal cannot grow");
    else
        status = slot_write(tier, slot, entry, error);
    if (slot && (before = read_before(tier, slot))) {
        tier->host->entry_release(*before);
        *before = NULL;
    }
    unlock(tier);
    return status;
}

static pxt_status tier_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    if (lies("deletes_only_what_users_delete") && why > PXT_REMOVE_EXPIRED)
        return PXT_OK;
    lock(tier);
    struct slot *slot = slot_of(tier, key);
    bool found = slot && slot->used, is_entry = found && !slot->removed;
    pxt_entry **before = found ? read_before(tier, slot) : NULL;
    if (found)
        slot_free(tier, slot);
    if (before) {
        tier->host->entry_release(*before);
        *before = NULL;
    }
    unlock(tier);
    return is_entry ? PXT_OK : PXT_NOT_FOUND;
}

static pxt_status tier_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct tier *tier = self;
    pxt_status status = PXT_OK;
    bool more = true;
    unsigned n = 0;
    if (lies("holds_a_lock_in_each"))
        pthread_mutex_lock(&tier->get_lock);
    for (struct slot *slot = tier->store->slot; slot < tier->store->slot + SLOTS && more && !status; slot++) {
        pxt_entry *entry = NULL;
        lock(tier);
        bool given = slot->used && !slot->removed && (++n % 1000 || !lies("each_skips_every_1000th"));
        if (given)
            status = slot_read(tier, slot, &entry, error);
        unlock(tier);
        more = !entry || fn(arg, entry);
        tier->host->entry_release(entry);
    }
    if (lies("holds_a_lock_in_each"))
        pthread_mutex_unlock(&tier->get_lock);
    return status;
}

static pxt_status tier_count(void *self, uint64_t *out, struct pxt_error *error)
{
    struct tier *tier = self;
    uint64_t count = 0;
    (void)error;
    lock(tier);
    for (struct slot *slot = tier->store->slot; slot < tier->store->slot + SLOTS; slot++)
        count += slot->used && !slot->removed;
    unlock(tier);
    *out = count;
    return PXT_OK;
}

static pxt_status tier_contains(void *self, const struct pxt_key *key, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    lock(tier);
    struct slot *slot = slot_of(tier, key);
    bool found = slot && slot->used;
    unlock(tier);
    return found ? PXT_OK : PXT_NOT_FOUND;
}

static const char *tier_shared_path(void *self)
{
    return ((struct tier *)self)->folder;
}

static const struct pxt_tier_ops ops = {.size = sizeof ops,
                                        .flags = PXT_TIER_CONCURRENT | PXT_TIER_DURABLE | PXT_TIER_SHARED |
                                                 PXT_TIER_VERSIONS | PXT_TIER_POLICY_ORDER,
                                        .open = tier_open,
                                        .close = tier_close,
                                        .get = tier_get,
                                        .put = tier_put,
                                        .del = tier_del,
                                        .each = tier_each,
                                        .count = tier_count,
                                        .clear = tier_clear,
                                        .contains = tier_contains,
                                        .put_many = tier_put_many,
                                        .touch = tier_touch,
                                        .victim = tier_victim,
                                        .expire = tier_expire,
                                        .check_add = tier_check_add,
                                        .check_each = tier_check_each,
                                        .maintain = tier_maintain,
                                        .sync = tier_sync,
                                        .shared_path = tier_shared_path,
                                        .versions = tier_versions,
                                        .record_get = tier_record_get,
                                        .record_put = tier_record_put,
                                        .get_many = tier_get_many,
                                        .put_if = tier_put_if,
                                        .del_if = tier_del_if,
                                        .put_if_many = tier_put_if_many,
                                        .select = tier_select,
                                        .lease_take = tier_lease_take,
                                        .lease_renew = tier_lease_renew,
                                        .lease_end = tier_lease_end,
                                        .lease_each = tier_lease_each};

static const struct pxt_option options[] = {
    {"password", PXT_OPTION_SECRET, NULL, 0, 0, NULL, "the password of its server"}, {0}};

PXT_PLUGIN(PXT_KIND_TIER, "liar_tier", "1.0", "MIT", "a tier with the fault that LIE names", options, &ops);
