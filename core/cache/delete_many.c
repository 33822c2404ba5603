/* SPDX-License-Identifier: MIT
 *
 * delete_many.c: deletes of many keys.
 */
#include "base/fail.h"
#include "base/key.h"
#include "base/keymap.h"
#include "cache/cache_private.h"

enum { BATCH = 1000 };

/* Distinct keys that are good. */
struct batch {
    struct pxt_key key[BATCH];
    size_t index[BATCH]; /* of the caller's key */
    pxt_status result[BATCH];
    size_t count;
    struct pxt_keymap seen;
};

/* The first result that is neither PXT_OK nor PXT_NOT_FOUND. */
struct outcome {
    pxt_status *results; /* NULL: nobody wants them */
    pxt_status first;
    struct pxt_error *error; /* of it */
};

static void tell(struct outcome *outcome, size_t index, pxt_status result, const struct pxt_error *why)
{
    if (outcome->results)
        outcome->results[index] = result;
    if (result == PXT_OK || result == PXT_NOT_FOUND || outcome->first)
        return;
    outcome->first = result;
    if (outcome->error)
        *outcome->error = *why;
}

static void delete_batch(pxt_cache *cache, struct batch *batch, struct outcome *outcome)
{
    struct pxt_error why = {.status = PXT_OK};
    pxt_status status =
        pxt_chain_delete_many(&cache->chain, batch->key, batch->count, PXT_REMOVE_DELETED, batch->result, &why);
    for (size_t j = 0; j < batch->count; j++)
        tell(outcome, batch->index[j], status ? status : batch->result[j], &why);
    batch->count = 0;
    pxt_keymap_free(&batch->seen);
}

static pxt_status add(struct batch *batch, const struct pxt_key *key, size_t index, struct pxt_error *error)
{
    if (!pxt_keymap_add(&batch->seen, key))
        return pxt_fail_memory(error, "keys");
    batch->key[batch->count] = *key;
    batch->index[batch->count++] = index;
    return PXT_OK;
}

pxt_status pxt_cache_delete_many(pxt_cache *cache, const char *const *keys, size_t n, pxt_status *results,
                                 struct pxt_error *error)
{
    struct outcome outcome = {results, PXT_OK, error};
    if (!cache || (n && !keys))
        return pxt_fail(error, PXT_EINVAL, 0, "cache and keys must not be NULL");
    struct batch *batch = pxt_alloc(sizeof *batch);
    if (!batch)
        return pxt_fail_memory(error, "keys");
    for (size_t i = 0; i < n; i++) {
        struct pxt_key key;
        struct pxt_error why;
        pxt_status status = pxt_key_check(keys[i], &key, &why);
        if (!status && (batch->count == BATCH || pxt_keymap_find(&batch->seen, &key)))
            delete_batch(cache, batch, &outcome);
        if (!status)
            status = add(batch, &key, i, &why);
        if (status)
            tell(&outcome, i, status, &why);
    }
    delete_batch(cache, batch, &outcome);
    pxt_free(batch);
    return outcome.first;
}
