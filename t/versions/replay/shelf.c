/* SPDX-License-Identifier: MIT
 *
 * shelf: a tier for replays: durable and shared, in memory that outlives the processes which have it open. It knows what
 * lost power would leave of it. The option `place` is the number of the shelf; `1f` loses what it is asked to sync.
 */
#include "board.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct instance {
    const struct pxt_host *host;
    struct shelf *shelf;
    unsigned number;
    bool forgets;
    uint64_t corruptions;
    struct pxt_tier_ops ops;
    char path[128];
};

static const struct pxt_option options[] = {
    {"place", PXT_OPTION_TEXT, "0", 0, 0, NULL, "the number of the shelf; with an f behind it, syncs are lost"},
    {NULL, PXT_OPTION_TEXT, NULL, 0, 0, NULL, NULL}};

/* The errors of syncs that this process has been told of: the system tells each opening of a file once. */
static unsigned errors_told[SHELVES];

/* Notices what the tier has lost. */
static void look(struct instance *instance)
{
    instance->corruptions += instance->shelf->damaged;
    instance->shelf->damaged = false;
}

/* NULL: a key that is not in this replay. */
static struct place *find(struct instance *instance, const char *key)
{
    look(instance);
    for (unsigned k = 0; k < SHELF_KEYS; k++)
        if (!strcmp(replay_board->key[k], key))
            return &instance->shelf->place[k];
    return NULL;
}

static pxt_status read_copy(const struct instance *instance, const struct copy *copy, pxt_entry **out,
                            struct pxt_error *error)
{
    return instance->host->json_read(instance->host, copy->line, copy->length, out, error);
}

static pxt_status shelf_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                            struct pxt_error *error)
{
    struct place *place = find(self, key->text);
    (void)flags;
    return place && newest_image(place)->version ? read_copy(self, newest_image(place), out, error) : PXT_NOT_FOUND;
}

/* ---- writes ------------------------------------------------------------------------------------------------------ */

static void forget_images(struct place *place)
{
    place->image[0] = *newest_image(place);
    place->images = 1;
}

/* Adds an image for a write, and returns it. */
static struct copy *add_image(struct instance *instance, struct place *place)
{
    place->sync_failed = false;
    if (!replay_board->power_may_fail || instance->shelf->synced)
        place->images = 0;
    else if (place->images == IMAGES) /* one of them is not tried */
        memmove(&place->image[1], &place->image[2], sizeof place->image[0] * (IMAGES - 2));
    place->images += place->images < IMAGES;
    return newest_image(place);
}

/* A tombstone has no text to carry the number of its change: a copy of one is known by its version. */
static unsigned change_of_tombstone(unsigned key, uint64_t version)
{
    for (unsigned t = 0; t < SHELVES; t++) {
        const struct place *place = &replay_board->shelf[t].place[key];
        for (unsigned i = 0; i < place->images; i++)
            if (place->image[i].version == version)
                return place->image[i].change;
    }
    return replay_change();
}

static unsigned change_of(const struct instance *instance, const pxt_entry *entry, unsigned key, uint64_t version)
{
    struct pxt_draft draft;
    if (instance->host->entry_number(entry, PXT_FIELD_REMOVED))
        return change_of_tombstone(key, version);
    pxt_draft_init(&draft);
    instance->host->entry_read(entry, &draft);
    return (unsigned)strtoul(draft.value[PXT_FIELD_SOURCE].as.text + 1, NULL, 10); /* "c3" */
}

static pxt_status shelf_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    struct instance *instance = self;
    const struct pxt_host *host = instance->host;
    struct pxt_key key;
    host->entry_key(entry, &key);
    struct place *place = find(instance, key.text);
    uint64_t version = (uint64_t)host->entry_number(entry, PXT_FIELD_VERSION);
    struct copy copy = {.version = version};
    if (!place)
        return host->fail(host, error, PXT_EIO, 0, "key %s is not in this replay", key.text);
    if (newest_image(place)->version > version)
        return host->fail(host, error, PXT_ESTALE, 0, "key %s has a newer version", key.text);
    copy.length = (unsigned)host->json_write(entry, copy.line, sizeof copy.line - 1);
    if (!version || copy.length >= sizeof copy.line)
        return host->fail(host, error, PXT_EIO, 0, "key %s has no version, or is too long for a replay", key.text);
    copy.change = change_of(instance, entry, (unsigned)(place - instance->shelf->place), version);
    copy.tombstone = host->entry_number(entry, PXT_FIELD_REMOVED);
    copy.expires = host->entry_number(entry, PXT_FIELD_EXPIRES_AT);
    *add_image(instance, place) = copy;
    return PXT_OK;
}

static pxt_status shelf_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    struct place *place = find(self, key->text);
    (void)why, (void)error;
    if (!place || !newest_image(place)->version)
        return PXT_NOT_FOUND;
    *add_image(self, place) = (struct copy){0};
    return PXT_OK;
}

static pxt_status shelf_sync(void *self, struct pxt_error *error)
{
    struct instance *instance = self;
    struct shelf *shelf = instance->shelf;
    look(instance);
    shelf->sync_errors += instance->forgets;
    bool fails = !instance->forgets && errors_told[instance->number] != shelf->sync_errors;
    errors_told[instance->number] = shelf->sync_errors;
    if (fails)
        return instance->host->fail(instance->host, error, PXT_EIO, 0, "an earlier sync has failed");
    for (unsigned k = 0; k < SHELF_KEYS; k++) {
        struct place *place = &shelf->place[k];
        if (instance->forgets)
            place->sync_failed = place->images > 1;
        else if (!place->sync_failed)
            forget_images(place);
    }
    return PXT_OK;
}

/* Hits are of no interest here. */
static pxt_status shelf_touch(void *self, const struct pxt_touch *touches, size_t n, struct pxt_error *error)
{
    (void)self, (void)touches, (void)n, (void)error;
    return PXT_OK;
}

/* ---- all keys ---------------------------------------------------------------------------------------------------- */

static pxt_status shelf_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct instance *instance = self;
    pxt_status status = PXT_OK;
    look(instance);
    for (unsigned k = 0; k < SHELF_KEYS && !status; k++) {
        struct copy copy = *newest_image(&instance->shelf->place[k]); /* `fn` may have it changed */
        pxt_entry *entry = NULL;
        if (!copy.version)
            continue;
        status = read_copy(instance, &copy, &entry, error);
        bool go_on = !status && fn(arg, entry);
        instance->host->entry_release(entry);
        if (!go_on)
            break;
    }
    return status;
}

static pxt_status shelf_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error)
{
    struct instance *instance = self;
    (void)error;
    look(instance);
    for (unsigned k = 0; k < SHELF_KEYS; k++) {
        struct pxt_key key;
        uint64_t version = newest_image(&instance->shelf->place[k])->version;
        instance->host->key_init(&key, replay_board->key[k], strlen(replay_board->key[k]));
        if (version > above && !fn(arg, &key, version))
            break;
    }
    return PXT_OK;
}

static pxt_status shelf_count(void *self, uint64_t *out, struct pxt_error *error)
{
    struct instance *instance = self;
    (void)error;
    look(instance);
    *out = 0;
    for (unsigned k = 0; k < SHELF_KEYS; k++) {
        const struct copy *copy = newest_image(&instance->shelf->place[k]);
        *out += copy->version && !copy->tombstone;
    }
    return PXT_OK;
}

static pxt_status shelf_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                               uint64_t *removed, struct pxt_error *error)
{
    struct instance *instance = self;
    (void)error;
    look(instance);
    *removed = 0;
    for (unsigned k = 0; k < SHELF_KEYS && *removed < limit; k++) {
        struct place *place = &instance->shelf->place[k];
        const struct copy *copy = newest_image(place);
        bool expired = !copy->tombstone && copy->expires != PXT_TIME_NONE && copy->expires <= now;
        struct pxt_key key;
        if (!copy->version || copy->version > up_to || !(copy->tombstone || expired))
            continue;
        *add_image(instance, place) = (struct copy){0};
        ++*removed;
        instance->host->key_init(&key, replay_board->key[k], strlen(replay_board->key[k]));
        if (expired)
            fn(arg, &key);
    }
    return PXT_OK;
}

/* ---- the instance ------------------------------------------------------------------------------------------------ */

static pxt_status shelf_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    const struct instance *instance = self;
    (void)error;
    if (instance->shelf->record_there)
        memcpy(text, instance->shelf->record, sizeof instance->shelf->record);
    return instance->shelf->record_there ? PXT_OK : PXT_NOT_FOUND;
}

static pxt_status shelf_record_put(void *self, const char *text, struct pxt_error *error)
{
    struct instance *instance = self;
    (void)error;
    snprintf(instance->shelf->record, sizeof instance->shelf->record, "%s", text);
    instance->shelf->record_there = true;
    return PXT_OK;
}

static const char *shelf_path(void *self)
{
    return ((const struct instance *)self)->path;
}

static uint64_t shelf_corruptions(void *self)
{
    return ((const struct instance *)self)->corruptions;
}

static const struct pxt_tier_ops *shelf_instance_ops(void *self)
{
    return &((const struct instance *)self)->ops;
}

static void shelf_close(void *self)
{
    free(self);
}

static pxt_status shelf_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                             struct pxt_error *error);

static const struct pxt_tier_ops ops = {
    .size = sizeof ops,
    .flags = PXT_TIER_CONCURRENT | PXT_TIER_DURABLE | PXT_TIER_SHARED | PXT_TIER_VERSIONS,
    .open = shelf_open,
    .close = shelf_close,
    .get = shelf_get,
    .put = shelf_put,
    .del = shelf_del,
    .each = shelf_each,
    .count = shelf_count,
    .touch = shelf_touch,
    .expire = shelf_expire,
    .sync = shelf_sync,
    .shared_path = shelf_path,
    .corruptions = shelf_corruptions,
    .instance_ops = shelf_instance_ops,
    .versions = shelf_versions,
    .record_get = shelf_record_get,
    .record_put = shelf_record_put,
};

static pxt_status shelf_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                             struct pxt_error *error)
{
    struct instance *instance = calloc(1, sizeof *instance);
    const char *place = host->setting_text(setup->settings, "place");
    if (!instance)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for a shelf");
    instance->host = host;
    instance->number = (unsigned)(*place - '0') % SHELVES;
    instance->forgets = place[1] == 'f';
    instance->shelf = &replay_board->shelf[instance->number];
    errors_told[instance->number] = instance->shelf->sync_errors;
    instance->ops = ops;
    instance->ops.flags |= instance->shelf->synced ? PXT_TIER_SYNCED : 0;
    snprintf(instance->path, sizeof instance->path, "%s/shelf%u", replay_board->folder, instance->number);
    *self = instance;
    return PXT_OK;
}

PXT_PLUGIN(PXT_KIND_TIER, "shelf", "1.0.0", "MIT", "a tier of a replay", options, &ops);
