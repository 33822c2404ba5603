/* SPDX-License-Identifier: MIT
 *
 * decide.c: asks the tiers which copy of a key counts.
 *
 * The first tier that is not in doubt and has the key decides, from the fastest on; one without a capacity, and the
 * slowest, also with nothing. If none does, all members have to answer, and the newest of their copies counts.
 * Where several hosts share a store, that store is asked before the other durable tiers, which are old as soon as another
 * host has made a change.
 */
#include "chain/decide.h"
#include "base/fail.h"
#include "chain/accesses.h"
#include "entry/entry.h"

/* Takes a copy that is old or has expired out of its tier. The hits on it count; a get has counted one more, when it
 * looked without a lock. */
static void drop_stale(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
                       pxt_entry *entry)
{
    uint64_t looked = !(flags & PXT_GET_PEEK) && !tier->index && tier->hits_need_no_lock && tier->ops->settle;
    if (chain->any_durable && !pxt_tier_durable(tier)) {
        pxt_tier_settle(tier, NULL);
        uint64_t hits = pxt_entry_take_unflushed_hits(entry);
        if (hits > looked)
            pxt_access_note(chain, key, hits - looked, pxt_entry_number(entry, PXT_FIELD_LAST_ACCESSED), false);
    }
    pxt_tier_del(tier, key, PXT_REMOVE_DELETED, NULL);
}

/* Reads from a private tier: whether its copy counts is known only when it is there. */
static pxt_status read_private(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key,
                               unsigned flags, pxt_entry **out, struct pxt_error *error)
{
    pxt_status status = pxt_chain_read(chain, tier, key, flags | PXT_GET_PEEK, out, error);
    bool told =
        (flags & PXT_GET_PEEK) || (tier->index == 0 && tier->hits_need_no_lock); /* pxt_chain_get() has asked it */
    if (status == PXT_NOT_FOUND && tier->tells_misses && !told)
        return pxt_chain_read(chain, tier, key, flags, out, error);
    if (status != PXT_OK)
        return status;
    /* An expired copy goes at once: durable tiers keep it, and gets would count as hits on it. */
    bool stale = pxt_chain_stale(chain, tier, *out) ||
                 (chain->any_durable && !pxt_tier_durable(tier) && pxt_chain_expired(chain, *out));
    if (stale)
        drop_stale(chain, tier, key, flags, *out);
    if (!stale && (flags & PXT_GET_PEEK))
        return PXT_OK;
    pxt_entry_release(*out);
    *out = NULL;
    return stale ? PXT_NOT_FOUND : pxt_chain_read(chain, tier, key, flags, out, error);
}

/* Asks one tier. PXT_NOT_FOUND also if its copy is one that another write has made old. */
static pxt_status ask(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
                      struct pxt_decision *decision, pxt_entry **out, struct pxt_error *error)
{
    decision->asked[tier->index] = true;
    pxt_status status = tier->flags & PXT_TIER_SHARED ? pxt_chain_read(chain, tier, key, flags, out, error)
                                                      : read_private(chain, tier, key, flags, out, error);
    if (status == PXT_EINVAL || status == PXT_ENOTSUP)
        return PXT_NOT_FOUND; /* a tier that cannot hold the key has nothing to say */
    decision->failed[tier->index] = status != PXT_OK && status != PXT_NOT_FOUND;
    if (tier == chain->authority && !decision->failed[tier->index])
        decision->seen = (struct pxt_seen){true, status == PXT_OK ? pxt_entry_version(*out) : 0};
    return status;
}

/* The hits on a copy in memory are noted, so that the copy of the authority has them. */
static void note_hits(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key)
{
    pxt_entry *entry = NULL;
    pxt_tier_settle(tier, NULL);
    if (pxt_tier_get(tier, key, PXT_GET_PEEK, &entry, NULL) != PXT_OK)
        return;
    uint64_t hits = pxt_entry_take_unflushed_hits(entry);
    if (hits)
        pxt_access_note(chain, key, hits, pxt_entry_number(entry, PXT_FIELD_LAST_ACCESSED), false);
    pxt_entry_release(entry);
}

/* Whether the authority is asked instead of a faster tier. */
static bool is_passed_over(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags)
{
    if (tier->index >= chain->authority->index)
        return false;
    if (pxt_tier_durable(tier))
        return true;
    if (!(flags & PXT_TIER_GET_FOR_WRITE))
        return false;
    note_hits(chain, tier, key);
    return true;
}

/* Asks the tiers that are not in doubt; `by_authority`: without those that the authority stands in for.
 * PXT_EUNAVAILABLE: none of them decides. */
static pxt_status ask_clear_tiers(struct pxt_chain *chain, const struct pxt_key *key, unsigned flags, bool by_authority,
                                  struct pxt_decision *decision, struct pxt_error *error)
{
    pxt_doubts members = pxt_chain_members(chain), doubts = pxt_word_doubts(decision->word);
    pxt_status worst = PXT_NOT_FOUND;
    bool complete_has_nothing = false;
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        pxt_status status;
        if (!pxt_tier_stores(tier) || (pxt_chain_bit(chain, tier) & doubts) ||
            (by_authority && is_passed_over(chain, tier, key, flags)))
            continue;
        status = ask(chain, tier, key, flags, decision, &decision->entry, worst == PXT_NOT_FOUND ? error : NULL);
        decision->found_in = i;
        if (status == PXT_OK)
            return PXT_OK;
        complete_has_nothing |=
            status == PXT_NOT_FOUND && pxt_chain_bit(chain, tier) && (tier == chain->slowest || !tier->limited);
        if (status != PXT_NOT_FOUND && worst == PXT_NOT_FOUND && pxt_tier_present(tier) &&
            (pxt_tier_durable(tier) || !chain->any_durable)) /* the durable tiers have all that memory has */
            worst = status;
    }
    if (!members || worst == PXT_ENOMEM)
        return worst;
    return complete_has_nothing ? PXT_NOT_FOUND : PXT_EUNAVAILABLE;
}

/* Whether what was learnt of an entry was learnt by a process that had read the other, or knew that it was gone. */
static bool knows(const pxt_entry *entry, const pxt_entry *other)
{
    uint64_t version = pxt_entry_effective_version(other);
    return (uint64_t)pxt_entry_number(entry, PXT_FIELD_LEARNT_VERSION) > version &&
           version >= pxt_entry_blind_below(entry);
}

pxt_status pxt_chain_merge(const struct pxt_chain *chain, pxt_entry *a, pxt_entry *b, pxt_entry **out, bool *merged,
                           struct pxt_error *error)
{
    bool tombstone = pxt_entry_is_tombstone(a) || pxt_entry_is_tombstone(b);
    /* Another host may have made the later one without having seen this one. */
    if (tombstone || chain->authority || (!knows(a, b) && !knows(b, a)))
        return pxt_entry_merge(a, b, out, merged, error);
    pxt_entry *last = knows(a, b) ? a : b;
    pxt_entry_raise_use(last, last == a ? b : a);
    *out = pxt_entry_hold(last);
    *merged = false;
    return PXT_OK;
}

/* Takes the newer of two copies, or what both say together. */
static pxt_status take_newer(const struct pxt_chain *chain, struct pxt_decision *decision, pxt_entry *entry,
                             unsigned tier, struct pxt_error *error)
{
    pxt_entry *both = NULL;
    bool merged = false;
    if (!decision->entry) {
        decision->entry = entry;
        decision->found_in = tier;
        return PXT_OK;
    }
    pxt_status status = pxt_chain_merge(chain, decision->entry, entry, &both, &merged, error);
    if (!status) {
        decision->found_in = both == entry ? tier : decision->found_in;
        if (merged) /* the reader sees the greater version; only a repair gives the two together a new one */
            pxt_entry_set_versions(both,
                                   pxt_entry_version(entry) > pxt_entry_version(decision->entry)
                                       ? pxt_entry_version(entry)
                                       : pxt_entry_version(decision->entry),
                                   (uint64_t)pxt_entry_number(both, PXT_FIELD_SUPPLIED_VERSION),
                                   (uint64_t)pxt_entry_number(both, PXT_FIELD_LEARNT_VERSION));
        pxt_entry_release(decision->entry);
        decision->entry = both;
    }
    pxt_entry_release(entry);
    return status;
}

/* What a copy says of which the authority has nothing: it was there at the last checkpoint, and was removed since. */
static bool was_removed(const struct pxt_chain *chain, const struct pxt_decision *decision, const struct pxt_tier *tier,
                        const pxt_entry *entry)
{
    return decision->seen.read && !decision->seen.version && tier != chain->authority &&
           pxt_chain_agreed(chain, pxt_entry_effective_version(entry));
}

/* Asks all members, the authority first. */
static pxt_status ask_all_members(struct pxt_chain *chain, const struct pxt_key *key, unsigned flags,
                                  struct pxt_decision *decision, struct pxt_error *error)
{
    pxt_doubts silent = pxt_chain_members(chain);
    struct pxt_error local = {.message = "a member of the pool is not in this chain"};
    const char *name = NULL;
    unsigned first = chain->authority ? chain->authority->index : 0;
    for (unsigned n = 0; n < chain->count; n++) {
        unsigned i = n == 0 ? first : n <= first ? n - 1 : n;
        struct pxt_tier *tier = &chain->tier[i];
        pxt_entry *entry = NULL;
        if (!(pxt_chain_bit(chain, tier) & silent))
            continue;
        pxt_status status = ask(chain, tier, key, flags, decision, &entry, &local);
        if (status == PXT_OK && was_removed(chain, decision, tier, entry)) {
            pxt_entry_release(entry);
            status = PXT_NOT_FOUND;
        }
        if (status == PXT_OK && (status = take_newer(chain, decision, entry, i, error)))
            return status;
        if (status == PXT_ENOMEM)
            return pxt_fail(error, PXT_ENOMEM, 0, "%s", local.message);
        if (status == PXT_OK || status == PXT_NOT_FOUND)
            silent &= (pxt_doubts)~pxt_chain_bit(chain, tier);
        else
            name = tier->name;
    }
    if (silent)
        return pxt_fail(error, PXT_EUNAVAILABLE, 0,
                        "%s%s may have a newer version of key %s and does not answer: %.600s; see `proxtier status`",
                        name ? "tier " : "a tier", name ? name : "", key->text, local.message);
    return decision->entry ? PXT_OK : PXT_NOT_FOUND;
}

pxt_status pxt_chain_decide(struct pxt_chain *chain, const struct pxt_key *key, unsigned flags,
                            struct pxt_decision *decision, struct pxt_error *error)
{
    uint32_t base = atomic_load(&chain->page.base);
    *decision = (struct pxt_decision){.word = pxt_word(&chain->page, key->hash)};
    decision->generation = base + pxt_word_generation(decision->word);
    bool by_authority = pxt_authority_decides(chain, decision->word);
    pxt_status status = ask_clear_tiers(chain, key, flags, by_authority, decision, error);
    decision->by_authority =
        by_authority && decision->seen.read &&
        (decision->entry ? decision->found_in == chain->authority->index : status == PXT_NOT_FOUND);
    if (by_authority && status != PXT_OK && !decision->seen.read) /* it does not answer */
        status = ask_clear_tiers(chain, key, flags, false, decision, error);
    decision->clear = status == PXT_OK || status == PXT_NOT_FOUND;
    if (!decision->clear && status != PXT_ENOMEM && pxt_chain_members(chain))
        status = ask_all_members(chain, key, flags, decision, error);
    if (flags & PXT_TIER_GET_FOR_WRITE)
        pxt_chain_include_hits(chain, key, decision->entry ? decision->found_in : PXT_CHAIN_MAX);
    if (status != PXT_OK && status != PXT_EUNAVAILABLE && decision->entry) {
        pxt_entry_release(decision->entry);
        decision->entry = NULL;
    }
    return status;
}
