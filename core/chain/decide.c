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

/* A get has counted one hit more, when it looked into the first tier without a lock. */
void pxt_chain_drop_stale(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
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

/* An expired copy is none: durable tiers keep it, and gets would count as hits on it. */
bool pxt_chain_is_stale_copy(const struct pxt_chain *chain, const struct pxt_tier *tier, const pxt_entry *entry)
{
    return pxt_chain_stale(chain, tier, entry) ||
           (chain->any_durable && !pxt_tier_durable(tier) && pxt_chain_expired(chain, entry));
}

/* Reads from a private tier: whether its copy counts is known only when it is there. */
static pxt_status read_private(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key,
                               unsigned flags, struct pxt_decision *decision, pxt_entry **out, struct pxt_error *error)
{
    bool told =
        (flags & PXT_GET_PEEK) || (tier->index == 0 && tier->hits_need_no_lock); /* pxt_chain_get() has asked it */
    pxt_status status = pxt_chain_read(chain, tier, key, flags | PXT_GET_PEEK, out, NULL, error);
    if (status == PXT_NOT_FOUND && tier->tells_misses && !told)
        return pxt_chain_read(chain, tier, key, flags, out, NULL, error);
    if (status == PXT_OK && !pxt_chain_is_stale_copy(chain, tier, *out)) {
        if (flags & PXT_GET_PEEK)
            return PXT_OK;
        pxt_entry_release(*out);
        *out = NULL;
        status = pxt_chain_read(chain, tier, key, flags, out, NULL, error);
    }
    /* Without the lock it may have been replaced between the two. */
    if (status != PXT_OK || !pxt_chain_is_stale_copy(chain, tier, *out))
        return status;
    if (flags & PXT_DECIDE_UNLOCKED)
        decision->stale = true;
    else
        pxt_chain_drop_stale(chain, tier, key, flags, *out);
    pxt_entry_release(*out);
    *out = NULL;
    return PXT_NOT_FOUND;
}

/* What the answer of one tier means. PXT_NOT_FOUND also if its copy is one that another write has made old. */
static pxt_status understand(const struct pxt_chain *chain, const struct pxt_tier *tier, struct pxt_decision *decision,
                             pxt_status status, const pxt_entry *entry)
{
    decision->asked[tier->index] = true;
    if (status == PXT_EINVAL || status == PXT_ENOTSUP)
        return PXT_NOT_FOUND; /* a tier that cannot hold the key has nothing to say */
    decision->failed[tier->index] = status != PXT_OK && status != PXT_NOT_FOUND;
    if (tier == chain->authority && !decision->failed[tier->index])
        decision->seen = (struct pxt_seen){true, status == PXT_OK ? pxt_entry_version(entry) : 0};
    return status;
}

/* Asks one tier. */
static pxt_status ask(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
                      struct pxt_decision *decision, pxt_entry **out, struct pxt_error *error)
{
    pxt_status status = tier->flags & PXT_TIER_SHARED
                            ? pxt_chain_read(chain, tier, key, flags, out, &decision->noted, error)
                            : read_private(chain, tier, key, flags, decision, out, error);
    return understand(chain, tier, decision, status, *out);
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

/* What the tiers that are not in doubt have said so far. */
struct clear_answers {
    pxt_status worst;
    bool complete_has_nothing;
};
static const struct clear_answers no_answers = {PXT_NOT_FOUND, false};

/* Whether a tier may decide. */
static bool is_clear(const struct pxt_chain *chain, const struct pxt_tier *tier, const struct pxt_decision *decision)
{
    return pxt_tier_stores(tier) && !(pxt_chain_bit(chain, tier) & pxt_word_doubts(decision->word));
}

/* Notes the answer of a tier. Returns whether the tier decides. */
static bool hear(const struct pxt_chain *chain, const struct pxt_tier *tier, pxt_status status,
                 struct pxt_decision *decision, struct clear_answers *answers)
{
    decision->found_in = tier->index;
    if (status == PXT_OK)
        return true;
    answers->complete_has_nothing |=
        status == PXT_NOT_FOUND && pxt_chain_bit(chain, tier) && (tier == chain->slowest || !tier->limited);
    if (status != PXT_NOT_FOUND && answers->worst == PXT_NOT_FOUND && pxt_tier_present(tier) &&
        (pxt_tier_durable(tier) || !chain->any_durable)) /* the durable tiers have all that memory has */
        answers->worst = status;
    return false;
}

/* What the tiers say if none has the key. PXT_EUNAVAILABLE: none of them decides. */
static pxt_status conclude(const struct pxt_chain *chain, const struct clear_answers *answers)
{
    if (!pxt_chain_members(chain) || answers->worst == PXT_ENOMEM)
        return answers->worst;
    return answers->complete_has_nothing ? PXT_NOT_FOUND : PXT_EUNAVAILABLE;
}

/* Asks the tiers that are not in doubt; `by_authority`: without those that the authority stands in for. */
static pxt_status ask_clear_tiers(struct pxt_chain *chain, const struct pxt_key *key, unsigned flags, bool by_authority,
                                  struct pxt_decision *decision, struct pxt_error *error)
{
    struct clear_answers answers = no_answers;
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!is_clear(chain, tier, decision) || (by_authority && is_passed_over(chain, tier, key, flags)))
            continue;
        pxt_status status =
            ask(chain, tier, key, flags, decision, &decision->entry, answers.worst == PXT_NOT_FOUND ? error : NULL);
        if (hear(chain, tier, status, decision, &answers))
            return PXT_OK;
    }
    return conclude(chain, &answers);
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

static void begin(const struct pxt_chain *chain, const struct pxt_key *key, struct pxt_decision *decision)
{
    *decision = (struct pxt_decision){.generation = atomic_load(&chain->page.base)};
    decision->word = pxt_word(&chain->page, key->hash);
    decision->generation += (uint32_t)(decision->word >> 8);
}

/* Ends a decision, for which the clear tiers have said `status`. */
static pxt_status end(struct pxt_chain *chain, const struct pxt_key *key, unsigned flags, pxt_status status,
                      struct pxt_decision *decision, struct pxt_error *error)
{
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

pxt_status pxt_chain_decide(struct pxt_chain *chain, const struct pxt_key *key, unsigned flags,
                            struct pxt_decision *decision, struct pxt_error *error)
{
    begin(chain, key, decision);
    bool by_authority = pxt_authority_decides(chain, decision->word);
    pxt_status status = ask_clear_tiers(chain, key, flags, by_authority, decision, error);
    decision->by_authority =
        by_authority && decision->seen.read &&
        (decision->entry ? decision->found_in == chain->authority->index : status == PXT_NOT_FOUND);
    if (by_authority && status != PXT_OK && !decision->seen.read) /* it does not answer */
        status = ask_clear_tiers(chain, key, flags, false, decision, error);
    return end(chain, key, flags, status, decision, error);
}

/* ---- many keys -------------------------------------------------------------------------------------------------- */

/* Many decisions under way. */
struct many {
    const struct pxt_key *keys;
    size_t n;
    unsigned flags;
    struct pxt_decision *decision;
    struct clear_answers answers[PXT_READING_MAX];
    bool decided[PXT_READING_MAX];
    /* What one tier is asked. */
    const struct pxt_key *asked[PXT_READING_MAX];
    size_t index[PXT_READING_MAX];
    struct pxt_reading reading;
};

/* Asks one tier for all keys that are not decided: in one call, if the tier offers that. */
static void ask_for_many(struct pxt_chain *chain, struct pxt_tier *tier, struct many *many, struct pxt_error *error)
{
    size_t count = 0;
    for (size_t i = 0; i < many->n; i++) {
        if (many->decided[i] || !is_clear(chain, tier, &many->decision[i]))
            continue;
        many->asked[count] = &many->keys[i];
        many->index[count++] = i;
    }
    bool together = (tier->flags & PXT_TIER_SHARED) && pxt_tier_gets_many(tier);
    if (together && count)
        pxt_chain_read_many(chain, tier, many->asked, count, many->flags, &many->reading, error);
    for (size_t j = 0; j < count; j++) {
        size_t i = many->index[j];
        struct pxt_decision *decision = &many->decision[i];
        pxt_status status;
        if (together) {
            decision->entry = many->reading.entry[j];
            decision->noted = many->reading.noted[j];
            status = understand(chain, tier, decision, many->reading.status[j], decision->entry);
        } else {
            status = ask(chain, tier, many->asked[j], many->flags, decision, &decision->entry, error);
        }
        many->decided[i] = hear(chain, tier, status, decision, &many->answers[i]);
    }
}

pxt_status pxt_chain_decide_many(struct pxt_chain *chain, const struct pxt_key *keys, size_t n, unsigned flags,
                                 struct pxt_decision *decision, pxt_status *status, struct pxt_error *error)
{
    for (size_t i = 0; i < n && chain->authority; i++)
        status[i] = pxt_chain_decide(chain, &keys[i], flags, &decision[i], error);
    if (chain->authority)
        return PXT_OK;
    struct many *many = pxt_alloc(sizeof *many);
    if (!many)
        return pxt_fail_memory(error, "a batch");
    many->keys = keys;
    many->n = n;
    many->flags = flags;
    many->decision = decision;
    for (size_t i = 0; i < n; i++) {
        begin(chain, &keys[i], &decision[i]);
        many->answers[i] = no_answers;
    }
    for (unsigned i = 0; i < chain->count; i++)
        ask_for_many(chain, &chain->tier[i], many, error);
    for (size_t i = 0; i < n; i++)
        status[i] = end(chain, &keys[i], flags, many->decided[i] ? PXT_OK : conclude(chain, &many->answers[i]),
                        &decision[i], error);
    pxt_free(many);
    return PXT_OK;
}
