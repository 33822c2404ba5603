/* SPDX-License-Identifier: MIT
 *
 * get_many.c: gets of many keys.
 */
#include "base/fail.h"
#include "base/key.h"
#include "cache/cache_private.h"

/* Keys that are good. */
struct good {
    struct pxt_key *key;
    size_t *index; /* of the caller's key */
    pxt_entry **entry;
    unsigned *tier;
    pxt_status *result;
    size_t count;
};

static bool make_room(struct good *good, size_t n)
{
    good->key = pxt_alloc_array(n, sizeof *good->key);
    good->index = pxt_alloc_array(n, sizeof *good->index);
    good->entry = pxt_alloc_array(n, sizeof *good->entry);
    good->tier = pxt_alloc_array(n, sizeof *good->tier);
    good->result = pxt_alloc_array(n, sizeof *good->result);
    return good->key && good->index && good->entry && good->tier && good->result;
}

static void free_room(struct good *good)
{
    pxt_free(good->key);
    pxt_free(good->index);
    pxt_free(good->entry);
    pxt_free(good->tier);
    pxt_free(good->result);
}

/* `out` and `results` are set; each entry is held. */
static pxt_status get_good(pxt_cache *cache, struct good *good, pxt_entry **out, pxt_status *results, unsigned *tiers,
                           struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    struct pxt_error local;
    pxt_status status =
        pxt_chain_get_many(&cache->chain, good->key, good->count, good->entry, good->tier, good->result, &local);
    for (size_t j = 0; j < good->count; j++) {
        size_t i = good->index[j];
        results[i] = status ? status : good->result[j];
        out[i] = good->entry[j];
        if (tiers)
            tiers[i] = good->tier[j];
        if (!first && results[i] != PXT_NOT_FOUND)
            first = results[i];
    }
    if (first && error)
        *error = local;
    return first;
}

pxt_status pxt_cache_get_many(pxt_cache *cache, const char *const *keys, size_t n, pxt_entry **out, pxt_status *results,
                              unsigned *tiers, struct pxt_error *error)
{
    struct good good = {NULL};
    struct pxt_error local;
    pxt_status first = PXT_OK;
    if (!cache || (n && (!keys || !out || !results)))
        return pxt_fail(error, PXT_EINVAL, 0, "cache, keys, out and results must not be NULL");
    bool room = make_room(&good, n);
    for (size_t i = 0; i < n; i++) {
        out[i] = NULL;
        results[i] = room ? pxt_key_check(keys[i], &good.key[good.count], &local) : PXT_ENOMEM;
        if (!results[i])
            good.index[good.count++] = i;
        else if (!first && room && error)
            *error = local;
        first = first ? first : results[i];
    }
    if (!room) {
        pxt_fail_memory(error, "keys");
    } else {
        pxt_status status = get_good(cache, &good, out, results, tiers, first ? NULL : error);
        first = first ? first : status;
    }
    free_room(&good);
    return first;
}
