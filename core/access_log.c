/* SPDX-License-Identifier: MIT
 *
 * access_log.c: hits that are to be written down to durable tiers, gathered by key, and written in batches by the
 * janitor, before an ordered store chooses a victim, and on close. Losing them loses counts, never entries.
 */
#include "chain.h"

enum { BATCH = 512, SOON = 65536 }; /* when so many keys are noted, they are written without waiting for the janitor */

void pxt_access_note(struct pxt_chain *chain, const struct pxt_key *key, uint64_t hits, pxt_time last, bool evicted)
{
    pthread_mutex_lock(&chain->access_lock);
    struct pxt_keyset_item *item = pxt_keyset_add(&chain->accessed, key);
    if (item) {
        item->hits += hits;
        item->last_accessed = last > item->last_accessed ? last : item->last_accessed;
        item->evicted_from_l1 |= evicted;
    }
    bool many = chain->accessed.count >= SOON;
    pthread_mutex_unlock(&chain->access_lock);
    if (many)
        pxt_access_write(chain, NULL);
}

void pxt_access_forget(struct pxt_chain *chain, const struct pxt_key *key)
{
    pthread_mutex_lock(&chain->access_lock);
    pxt_keyset_remove(&chain->accessed, key);
    pthread_mutex_unlock(&chain->access_lock);
}

static pxt_status write_batch(struct pxt_chain *chain, const struct pxt_touch *touches, size_t n,
                              struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_link *link = &chain->link[i];
        if (!pxt_link_durable(link) || !pxt_link_on(link))
            continue;
        pxt_status status = pxt_link_touch(link, touches, n, first ? NULL : error);
        first = first ? first : status;
    }
    return first;
}

pxt_status pxt_access_write(struct pxt_chain *chain, struct pxt_error *error)
{
    struct pxt_keyset taken;
    pthread_mutex_lock(&chain->access_lock);
    pxt_keyset_take(&chain->accessed, &taken);
    pthread_mutex_unlock(&chain->access_lock);
    struct pxt_touch touches[BATCH];
    size_t n = 0;
    pxt_status first = PXT_OK;
    for (size_t i = 0; i < taken.bucket_count; i++)
        for (struct pxt_keyset_item *item = taken.bucket[i]; item; item = item->next) {
            touches[n++] = (struct pxt_touch){.key = item->key,
                                              .hits = item->hits,
                                              .last_accessed = item->last_accessed,
                                              .evicted_from_l1 = item->evicted_from_l1};
            if (n < BATCH)
                continue;
            pxt_status status = write_batch(chain, touches, n, first ? NULL : error);
            first = first ? first : status;
            n = 0;
        }
    if (n) {
        pxt_status status = write_batch(chain, touches, n, first ? NULL : error);
        first = first ? first : status;
    }
    pxt_keyset_free(&taken);
    return first;
}
