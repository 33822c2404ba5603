/* SPDX-License-Identifier: MIT
 *
 * exchange.c: copies that hosts give each other through a store that may be emptied, or go back to older data, at any time. What
 * counts is what the members of this host have: a newer copy is stored there before anybody is told of it.
 */
#include "chain/exchange.h"
#include "base/fail.h"
#include "chain/decide.h"
#include "chain/demote.h"
#include "chain/remote.h"
#include "chain/soft_read.h"
#include "chain/store.h"
#include "entry/entry.h"

/* Nothing is durable: what the slowest remote tier acknowledges is as safe as it can be. */
static void count_as_durable(struct pxt_chain *chain, struct pxt_tier *tier)
{
    tier->lone = true;
    tier->flags |= PXT_TIER_DURABLE;
    chain->authority = tier;
    chain->any_durable = true;
    pxt_log(
        chain->logger, PXT_MESSAGE_NOTICE, "chain",
        "tier %s does not say that it is durable, and no other tier of this chain is: what is stored lasts as long as "
        "its server keeps it",
        tier->name);
}

pxt_status pxt_exchange_open(struct pxt_chain *chain, struct pxt_error *error)
{
    for (unsigned i = chain->count; i-- > 0;) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!(tier->flags & PXT_TIER_REMOTE) || pxt_tier_durable(tier))
            continue;
        if (!chain->any_durable) {
            count_as_durable(chain, tier);
            continue;
        }
        if (tier->limited)
            return pxt_fail(error, PXT_ECONFIG, 0,
                            "tier %s is shared with other hosts and keeps nothing for certain: its server evicts by "
                            "itself; remove max_entries",
                            tier->name);
        tier->exchanges = chain->exchanges = true;
        tier->hits_need_no_lock = false;
        pxt_log(
            chain->logger, PXT_MESSAGE_NOTICE, "chain",
            "tier %s does not say that it is durable: it exchanges copies with other hosts, and no put counts on it",
            tier->name);
    }
    return PXT_OK;
}

/* What is older than this is not taken where the members have nothing: they may have dropped its tombstone. */
static bool is_newer(struct pxt_chain *chain, const pxt_entry *entry, const pxt_entry *own)
{
    if (!own && pxt_chain_dead(chain, entry))
        return false; /* it says what the members say */
    return pxt_entry_version(entry) > (own ? pxt_entry_effective_version(own) : pxt_remote_kept(chain));
}

/* Whether a copy is newer than what the members have. They have to know. */
static bool counts(struct pxt_chain *chain, const struct pxt_key *key, const pxt_entry *entry, unsigned flags)
{
    struct pxt_decision decision;
    pxt_status status = pxt_chain_decide(chain, key, flags, &decision, NULL);
    bool newer = (status == PXT_OK || status == PXT_NOT_FOUND) && is_newer(chain, entry, decision.entry);
    pxt_entry_release(decision.entry);
    return newer;
}

static void take_over(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, pxt_entry *entry,
                      bool wait)
{
    const struct pxt_stamp stamp = {.is_copy = true};
    struct pxt_victims victims;
    pxt_victims_init(&victims);
    if (!counts(chain, key, entry, PXT_GET_PEEK | PXT_DECIDE_UNLOCKED))
        return;
    if (wait ? pxt_chain_lock(chain, key, NULL) != PXT_OK : !pxt_chain_trylock(chain, key))
        return;
    if (counts(chain, key, entry, PXT_GET_PEEK | PXT_TIER_GET_FOR_WRITE) &&
        pxt_chain_store(chain, entry, &stamp, &victims, NULL) == PXT_OK)
        PXT_COUNT(tier, promotions, 1);
    pxt_chain_unlock(chain, key);
    pxt_demote_victims(chain, &victims);
}

/* What a get did not wait for. */
static void take_over_late(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_soft_key *key,
                           pxt_entry *entry)
{
    take_over(chain, tier, key->key, entry, false);
}

static void read_softly(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *keys, size_t n,
                        struct pxt_reading *reading)
{
    struct pxt_soft_key soft_key[PXT_READING_MAX];
    for (size_t i = 0; i < n; i++)
        soft_key[i] = (struct pxt_soft_key){.key = &keys[i]};
    pxt_soft_read(chain, tier, soft_key, n, PXT_GET_PEEK, take_over_late, reading, NULL);
}

/* Asks one tier, in one call if it offers that. */
static void take_from(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *keys, size_t n, bool wait)
{
    const struct pxt_key *asked[PXT_READING_MAX];
    struct pxt_reading reading;
    for (size_t i = 0; i < n; i++)
        asked[i] = &keys[i];
    if (!wait && pxt_reads_softly(tier, 0))
        read_softly(chain, tier, keys, n, &reading);
    else
        pxt_tier_get_many(tier, asked, n, PXT_GET_PEEK, reading.entry, reading.status, NULL);
    for (size_t i = 0; i < n; i++) {
        if (reading.status[i] == PXT_OK)
            take_over(chain, tier, &keys[i], reading.entry[i], wait);
        pxt_entry_release(reading.entry[i]);
    }
}

void pxt_exchange_take(struct pxt_chain *chain, const struct pxt_key *keys, size_t n, bool wait)
{
    /* What the authority has is newer, or the same. */
    if (!chain->exchanges || (chain->authority && pxt_tier_on(chain->authority)))
        return;
    for (unsigned i = 0; i < chain->count; i++)
        for (size_t at = 0; chain->tier[i].exchanges && pxt_tier_on(&chain->tier[i]) && at < n; at += PXT_READING_MAX)
            take_from(chain, &chain->tier[i], keys + at, n - at < PXT_READING_MAX ? n - at : PXT_READING_MAX, wait);
}

void pxt_exchange_take_for(struct pxt_chain *chain, pxt_entry *const *entries, size_t n)
{
    struct pxt_key key[PXT_READING_MAX];
    size_t count = 0;
    for (size_t i = 0; i < n && chain->exchanges; i++) {
        pxt_entry_key_of(entries[i], &key[count++]);
        if (count < PXT_READING_MAX && i + 1 < n)
            continue;
        pxt_exchange_take(chain, key, count, true);
        count = 0;
    }
}

void pxt_exchange_give(struct pxt_chain *chain, pxt_entry *const *entries, size_t n)
{
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!tier->exchanges || !pxt_tier_on(tier) || pxt_tier_put_many(tier, entries, n, NULL) != PXT_ESTALE || n == 1)
            continue;
        for (size_t j = 0; j < n; j++) /* it has a newer copy of one of them */
            pxt_tier_put(tier, entries[j], NULL);
    }
}
