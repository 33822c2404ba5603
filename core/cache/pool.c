/* SPDX-License-Identifier: MIT
 *
 * pool.c: the pool as a whole: its members, which of them this cache does not have, and how far all agree.
 */
#include "base/fail.h"
#include "cache/cache_private.h"
#include "chain/change.h"
#include <proxtier/admin.h>
#include <string.h>

/* The tier of this cache that is the member of a slot; -1: none. Of one that is absent only the name is known. */
static int tier_of(const struct pxt_chain *chain, unsigned slot, const char *name)
{
    int by_name = -1;
    for (unsigned i = 0; i < chain->count; i++) {
        const struct pxt_tier *tier = &chain->tier[i];
        if (tier->slot == (int)slot)
            return (int)i;
        if (!pxt_tier_present(tier) && !strcmp(tier->name, name))
            by_name = (int)i;
    }
    return by_name;
}

static bool count_ahead(void *arg, const struct pxt_key *key, uint64_t version)
{
    (void)key;
    *(uint64_t *)arg += version != 0; /* 0: not known */
    return true;
}

/* Counts the words for which one member is not in doubt and each other one is. */
static uint64_t words_alone(const struct pxt_chain *chain, pxt_doubts bit, pxt_doubts members)
{
    uint64_t alone = 0;
    for (uint64_t i = 0; i < PXT_WORDS; i++)
        alone += (pxt_word_doubts(pxt_word(&chain->page, i)) & members) == (members & (pxt_doubts)~bit);
    return alone;
}

/* Counts the versions that a tier has too far ahead of the clock. */
static uint64_t versions_ahead(pxt_cache *cache, int tier)
{
    uint64_t ahead = 0;
    pxt_time limit = pxt_clock_now(&cache->clock) + cache->chain.max_skew;
    if (tier >= 0 && pxt_tier_on(&cache->chain.tier[tier]))
        pxt_tier_versions(&cache->chain.tier[tier], pxt_version_of_time(limit), count_ahead, &ahead, NULL);
    return ahead;
}

pxt_status pxt_cache_members(pxt_cache *cache, pxt_member_fn *fn, void *arg, struct pxt_error *error)
{
    char id[PXT_MEMBER_ID + 1], name[64];
    bool more = true;
    if (!cache || !fn)
        return pxt_fail(error, PXT_EINVAL, 0, "cache and fn must not be NULL");
    const struct pxt_chain *chain = &cache->chain;
    pxt_doubts members = pxt_chain_members(chain);
    for (unsigned slot = 0; more && slot < PXT_CHAIN_MAX; slot++) {
        pxt_doubts bit = (pxt_doubts)(1u << slot) & members;
        unsigned doubted = 0;
        if (!bit || !pxt_page_member(&chain->page, slot, id, name))
            continue;
        pxt_words_doubted(&chain->page, bit, &doubted);
        int tier = tier_of(chain, slot, name);
        struct pxt_member member = {sizeof member,
                                    tier,
                                    tier < 0 ? name : chain->tier[tier].name,
                                    doubted,
                                    words_alone(chain, bit, members),
                                    versions_ahead(cache, tier)};
        more = fn(arg, &member);
    }
    return PXT_OK;
}

const char *pxt_cache_page(const pxt_cache *cache)
{
    return cache ? cache->chain.page.path : NULL;
}

pxt_status pxt_cache_forget_tier(pxt_cache *cache, const char *name, struct pxt_error *error)
{
    if (!cache || !name)
        return pxt_fail(error, PXT_EINVAL, 0, "cache and name must not be NULL");
    pxt_status status = pxt_members_forget(&cache->chain, name, error);
    if (!status)
        pxt_chain_maintain(&cache->chain); /* what waited for it can be repaired now */
    return status;
}

void pxt_pool_stats(const pxt_cache *cache, struct pxt_stats *stats)
{
    char name[64];
    uint64_t checkpoint, dropped;
    const struct pxt_chain *chain = &cache->chain;
    for (int slot = -1; (slot = pxt_members_missing(chain, slot, name)) >= 0;)
        stats->missing++;
    pxt_page_checkpoint(&chain->page, &checkpoint, &dropped);
    if (pxt_chain_members(chain))
        stats->checkpoint = (int64_t)(checkpoint >> PXT_VERSION_SHIFT);
}
