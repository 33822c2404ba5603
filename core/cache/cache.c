/* SPDX-License-Identifier: MIT
 *
 * cache.c: the public face: checks what callers give, and wires configuration, sealer, chain and janitor together.
 */
#include "base/fail.h"
#include "base/gcrypt_start.h"
#include "base/key.h"
#include "cache/cache_private.h"
#include "cache/stats_copy.h"
#include "chain/dead.h"
#include "chain/soft_read.h"
#include "entry/entry.h"
#include <proxtier/plugin.h>
#include <string.h>

#ifndef PXT_VERSION
#define PXT_VERSION "1.0.0"
#endif

const char *pxt_version(void)
{
    return PXT_VERSION;
}

static int64_t setting(const pxt_cache *cache, const char *name)
{
    return pxt_settings_number(cache->config->settings, name);
}

/* Copies as many of the caller's options as both sides know. */
static void read_options(const struct pxt_cache_options *given, struct pxt_cache_options *options)
{
    *options = (struct pxt_cache_options){.size = sizeof *options};
    if (given)
        memcpy(options, given, given->size < sizeof *options ? given->size : sizeof *options);
}

static pxt_status seal(void *sealer, const char *key, struct pxt_draft *draft, char **tokens, struct pxt_error *error)
{
    return pxt_sealer_seal_draft(sealer, key, draft, tokens, error);
}

static pxt_status open_parts(pxt_cache *cache, const struct pxt_cache_options *options, struct pxt_error *error)
{
    pxt_status status = pxt_config_load(options, &cache->logger, &cache->config, error);
    if (status)
        return status;
    cache->default_ttl = setting(cache, "default_ttl") / PXT_SECOND;
    cache->invalidate = setting(cache, "health.invalidate");
    cache->failure_threshold = setting(cache, "health.failure_threshold");
    cache->history = setting(cache, "health.history");
    cache->check_interval = setting(cache, "health.check_interval");
    cache->check_interval_max = setting(cache, "health.check_interval_max");
    status = pxt_sealer_open(&cache->config->encryptor, cache->config->sharing, &cache->logger, &cache->clock,
                             &cache->sealer, error);
    if (!status)
        status =
            pxt_chain_open(&cache->chain, cache->config, &cache->logger, &cache->clock, seal, cache->sealer, error);
    if (!status)
        pxt_chain_repair_small(&cache->chain);
    if (!status && setting(cache, "cleanup.background") && !(options->flags & PXT_OPEN_NO_JANITOR))
        status = pxt_janitor_start(&cache->janitor, &cache->chain, setting(cache, "cleanup.interval") / 1000, error);
    return status;
}

pxt_status pxt_cache_open(const struct pxt_cache_options *given, pxt_cache **out, struct pxt_error *error)
{
    struct pxt_cache_options options;
    if (!out || (given && given->size < sizeof(uint32_t)))
        return pxt_fail(error, PXT_EINVAL, 0, "out must not be NULL, and options need their size");
    *out = NULL;
    read_options(given, &options);
    if (options.flags & PXT_FLAGS_MUST)
        return pxt_fail(
            error, PXT_EINVAL, 0,
            "this libproxtier (%s) does not know the flags %#x of the options: it is older than the program",
            PXT_VERSION, options.flags & PXT_FLAGS_MUST);
    pxt_status status = pxt_gcrypt_start(error);
    if (status)
        return status;
    pxt_cache *cache = pxt_alloc_line(sizeof *cache);
    if (!cache)
        return pxt_fail_memory(error, "a cache");
    cache->logger = (struct pxt_logger){options.log, options.log_arg, options.log_level};
    pxt_selector_init(&cache->selector);
    cache->clock = (struct pxt_clock){options.clock, options.clock_arg, options.monotonic};
    status = open_parts(cache, &options, error);
    if (status)
        pxt_cache_close(cache);
    else
        *out = cache;
    return status;
}

void pxt_cache_close(pxt_cache *cache)
{
    if (!cache)
        return;
    pxt_janitor_stop(&cache->janitor);
    pxt_soft_close(&cache->chain); /* no get is left whose answer is still wanted */
    if (cache->chain.is_open)
        pxt_chain_leave(&cache->chain);
    if (cache->chain.count)
        pxt_chain_close(&cache->chain);
    pxt_selector_free(&cache->selector);
    pxt_sealer_close(cache->sealer);
    pxt_config_free(cache->config);
    pxt_free(cache);
}

static pxt_status need(const void *cache, const void *other, struct pxt_error *error)
{
    return cache && other ? PXT_OK : pxt_fail(error, PXT_EINVAL, 0, "an argument is NULL that must not be");
}

pxt_status pxt_cache_get_from(pxt_cache *cache, const char *text, pxt_entry **out, unsigned *tier,
                              struct pxt_error *error)
{
    struct pxt_key key;
    unsigned answered;
    if (!cache || !out)
        return need(cache, out, error);
    *out = NULL;
    pxt_status status = pxt_key_check(text, &key, error);
    if (status)
        return status;
    return pxt_chain_get(&cache->chain, &key, out, tier ? tier : &answered, error);
}

pxt_status pxt_cache_get(pxt_cache *cache, const char *key, pxt_entry **out, struct pxt_error *error)
{
    return pxt_cache_get_from(cache, key, out, NULL, error);
}

pxt_status pxt_cache_peek(pxt_cache *cache, const char *text, pxt_entry **out, struct pxt_error *error)
{
    struct pxt_key key;
    pxt_status status = need(cache, out, error);
    if (!status)
        status = pxt_key_check(text, &key, error);
    return status ? status : pxt_chain_peek(&cache->chain, &key, out, error);
}

pxt_status pxt_cache_put(pxt_cache *cache, const struct pxt_draft *draft, char *key, struct pxt_error *error)
{
    pxt_entry *entry = NULL;
    pxt_status status = need(cache, draft, error);
    if (!status)
        status = pxt_entry_from_draft(cache, draft, &entry, error);
    if (!status)
        status = pxt_chain_put(&cache->chain, &entry, error);
    if (!status && key) {
        struct pxt_key stored;
        pxt_entry_key_of(entry, &stored);
        memcpy(key, stored.text, stored.length + 1);
    }
    pxt_entry_release(entry);
    return status;
}

/* ---- many at once ----------------------------------------------------------------------------------------------- */

struct batch {
    pxt_entry **entries; /* the good ones, distinct keys */
    size_t *draft_of;    /* which draft each came from */
    bool *replaced, *dead;
    size_t count;
    struct pxt_keymap keys; /* key -> place in `entries` + 1, in `hits` */
};

static void batch_free(struct batch *batch)
{
    for (size_t i = 0; batch->entries && i < batch->count; i++)
        pxt_entry_release(batch->entries[i]);
    pxt_free(batch->entries);
    pxt_free(batch->draft_of);
    pxt_free(batch->replaced);
    pxt_free(batch->dead);
    pxt_keymap_free(&batch->keys);
}

/* Among drafts of one key the last one stays, with the learnt fields that a put of each in turn would give it. */
static pxt_status batch_add(struct batch *batch, pxt_entry *entry, size_t draft, struct pxt_error *error)
{
    struct pxt_key key;
    pxt_entry_key_of(entry, &key);
    struct pxt_keymap_item *item = pxt_keymap_add(&batch->keys, &key);
    if (!item) {
        pxt_entry_release(entry);
        return pxt_fail_memory(error, "a batch");
    }
    if (item->value) { /* the index + 1 of an earlier entry with this key */
        pxt_entry **earlier = &batch->entries[item->value - 1];
        pxt_status status = pxt_entry_inherit(&entry, *earlier, error);
        pxt_entry_release(status ? entry : *earlier);
        if (!status)
            *earlier = entry;
        return status;
    }
    batch->entries[batch->count] = entry;
    batch->draft_of[batch->count++] = draft;
    item->value = batch->count;
    return PXT_OK;
}

/* Returns a draft of an array, each of which is as long as it was for the program. */
static const struct pxt_draft *draft_at(const struct pxt_draft *drafts, size_t i)
{
    size_t length = offsetof(struct pxt_draft, value) + drafts->field_count * sizeof drafts->value[0];
    return (const struct pxt_draft *)(const void *)((const char *)drafts + i * length);
}

static pxt_status batch_make(pxt_cache *cache, struct batch *batch, const struct pxt_draft *drafts, size_t n,
                             pxt_status *results, struct pxt_error *error)
{
    batch->entries = pxt_alloc_array(n, sizeof(*batch->entries));
    batch->draft_of = pxt_alloc_array(n, sizeof(*batch->draft_of));
    batch->replaced = pxt_alloc_array(n, sizeof(*batch->replaced));
    batch->dead = pxt_alloc_array(n, sizeof(*batch->dead));
    if (!batch->entries || !batch->draft_of || !batch->replaced || !batch->dead)
        return pxt_fail_memory(error, "a batch");
    for (size_t i = 0; i < n; i++) {
        pxt_entry *entry = NULL;
        struct pxt_error local;
        pxt_status status = pxt_entry_from_draft(cache, draft_at(drafts, i), &entry, &local);
        if (results)
            results[i] = status;
        if (!status)
            status = batch_add(batch, entry, i, &local);
        if (status && status != PXT_EINVAL) { /* a key that cannot be read, no memory: all would fail */
            if (error)
                *error = local;
            return status;
        }
    }
    return PXT_OK;
}

/* `dead` NULL: what is known as dead is stored as well. */
static pxt_status put_drafts(pxt_cache *cache, const struct pxt_draft *drafts, size_t n, pxt_status *results,
                             bool *replaced, bool *dead, struct pxt_error *error)
{
    struct batch batch = {0};
    pxt_status status = need(cache, drafts, error);
    if (status || !n)
        return n ? status : PXT_OK;
    for (size_t i = 0; i < n; i++) {
        if (results)
            results[i] = PXT_EUNAVAILABLE;
        if (replaced)
            replaced[i] = false;
        if (dead)
            dead[i] = false;
    }
    status = batch_make(cache, &batch, drafts, n, results, error);
    if (!status && batch.count)
        status = pxt_chain_put_many(&cache->chain, batch.entries, batch.count, batch.replaced, dead ? batch.dead : NULL,
                                    error);
    for (size_t i = 0; i < batch.count; i++) {
        if (replaced)
            replaced[batch.draft_of[i]] = batch.replaced[i];
        if (dead)
            dead[batch.draft_of[i]] = batch.dead[i];
    }
    for (size_t i = 0; results && status && i < n; i++)
        results[i] = results[i] ? results[i] : status;
    batch_free(&batch);
    return status;
}

pxt_status pxt_cache_put_many(pxt_cache *cache, const struct pxt_draft *drafts, size_t n, pxt_status *results,
                              bool *replaced, struct pxt_error *error)
{
    return put_drafts(cache, drafts, n, results, replaced, NULL, error);
}

pxt_status pxt_cache_put_list(pxt_cache *cache, const struct pxt_draft *drafts, size_t n, pxt_status *results,
                              bool *replaced, bool *dead, struct pxt_error *error)
{
    pxt_status status = need(dead, dead, error);
    return status ? status : put_drafts(cache, drafts, n, results, replaced, dead, error);
}

/* ---- the rest --------------------------------------------------------------------------------------------------- */

pxt_status pxt_cache_delete(pxt_cache *cache, const char *text, struct pxt_error *error)
{
    struct pxt_key key;
    pxt_status status = need(cache, cache, error);
    if (!status)
        status = pxt_key_check(text, &key, error);
    return status ? status : pxt_chain_delete(&cache->chain, &key, PXT_REMOVE_DELETED, error);
}

pxt_status pxt_cache_clear(pxt_cache *cache, uint64_t *removed, struct pxt_error *error)
{
    pxt_status status = need(cache, cache, error);
    return status ? status : pxt_chain_clear(&cache->chain, removed, error);
}

pxt_status pxt_cache_each(pxt_cache *cache, pxt_cache_each_fn *fn, void *arg, struct pxt_error *error)
{
    if (!cache || !fn)
        return pxt_fail(error, PXT_EINVAL, 0, "cache and fn must not be NULL");
    return pxt_chain_each(&cache->chain, fn, arg, error);
}

pxt_status pxt_cache_open_secret(pxt_cache *cache, const pxt_entry *entry, enum pxt_field_id field, pxt_secret **out,
                                 struct pxt_error *error)
{
    pxt_status status = need(cache, entry, error);
    if (!status)
        status = need(cache, out, error);
    if (!status && field != PXT_FIELD_USERNAME && field != PXT_FIELD_PASSWORD)
        status = pxt_fail(error, PXT_EINVAL, 0, "only username and password are credentials");
    return status ? status : pxt_sealer_open_field(cache->sealer, entry, field, out, error);
}

pxt_status pxt_cache_settle(pxt_cache *cache, struct pxt_error *error)
{
    pxt_status status = need(cache, cache, error);
    return status ? status : pxt_chain_settle(&cache->chain, error);
}

int64_t pxt_cache_entry_number(pxt_cache *cache, const pxt_entry *entry, enum pxt_field_id field)
{
    size_t count;
    const struct pxt_field *fields = pxt_field_table(&count);
    if (cache && (size_t)field < count && fields[field].flags & PXT_FIELD_LIVE)
        pxt_chain_settle(&cache->chain, NULL);
    return pxt_entry_number(entry, field);
}

pxt_status pxt_cache_tick(pxt_cache *cache, uint64_t *expired, struct pxt_error *error)
{
    uint64_t ignored;
    pxt_status status = need(cache, cache, error);
    if (status)
        return status;
    status = pxt_chain_expire(&cache->chain, expired ? expired : &ignored, error);
    pxt_status written = pxt_chain_write_accesses(&cache->chain, status ? NULL : error);
    pxt_chain_maintain(&cache->chain);
    return status ? status : written;
}

pxt_status pxt_cache_sync(pxt_cache *cache, struct pxt_error *error)
{
    pxt_status first = need(cache, cache, error);
    for (unsigned i = 0; !first && i < cache->chain.count; i++)
        if (pxt_tier_present(&cache->chain.tier[i]))
            first = pxt_tier_sync(&cache->chain.tier[i], error);
    if (!first)
        pxt_members_checkpoint(&cache->chain, false, NULL); /* if it is possible now */
    return first;
}

static pxt_status fill_stats(pxt_cache *cache, bool total, struct pxt_stats *stats, struct pxt_error *error)
{
    pxt_status status = need(cache, stats, error);
    if (status)
        return status;
    if (!pxt_stats_has_sizes(stats))
        return pxt_fail(error, PXT_EINVAL, 0, "pxt_stats_init() must be called on stats first");
    struct pxt_stats all = {0};
    pxt_stats_init(&all);
    pxt_chain_stats(&cache->chain, &all);
    all.known_dead = pxt_chain_known_dead(&cache->chain);
    pxt_pool_stats(cache, &all);
    if (total)
        pxt_chain_total_stats(&cache->chain, &all);
    pxt_stats_copy(stats, &all);
    return PXT_OK;
}

pxt_status pxt_cache_stats(pxt_cache *cache, struct pxt_stats *stats, struct pxt_error *error)
{
    return fill_stats(cache, false, stats, error);
}

pxt_status pxt_cache_stats_total(pxt_cache *cache, struct pxt_stats *stats, struct pxt_error *error)
{
    return fill_stats(cache, true, stats, error);
}

unsigned pxt_cache_tier_count(const pxt_cache *cache)
{
    return cache ? cache->chain.count : 0;
}

const char *pxt_cache_tier_name(const pxt_cache *cache, unsigned tier)
{
    return cache && tier < cache->chain.count ? cache->chain.tier[tier].name : NULL;
}

pxt_time pxt_cache_now(const pxt_cache *cache)
{
    return pxt_clock_now(cache ? &cache->clock : NULL);
}
