/* SPDX-License-Identifier: MIT
 *
 * decide.c: asks the tiers which copy of a key counts.
 *
 * The first tier that is not in doubt and has the key decides, from the fastest on; one without a capacity, and the
 * slowest, also with nothing. If none does, all members have to answer, and the newest of their copies counts.
 * Where several hosts share a store, that store is asked before the other durable tiers, which are old as soon as another
 * host has made a change.
 */
#include "base/fail.h"
#include "chain/accesses.h"
#include "chain/decide_steps.h"
#include "entry/entry.h"

/* A get has counted one hit more, when it looked into the first tier without a lock. */
static void keep_hits(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
                      pxt_entry *entry)
{
    uint64_t looked = !(flags & PXT_GET_PEEK) && !tier->index && tier->hits_need_no_lock && tier->ops->settle;
    if (chain->any_durable && !pxt_tier_durable(tier)) {
        pxt_tier_settle(tier, NULL);
        uint64_t hits = pxt_entry_take_unflushed_hits(entry);
        if (hits > looked)
            pxt_access_note(chain, key, hits - looked, pxt_entry_number(entry, PXT_FIELD_LAST_ACCESSED), false);
    }
}

void pxt_chain_drop_stale(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
                          pxt_entry *entry)
{
    keep_hits(chain, tier, key, flags, entry);
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
    decision->stale |= (flags & PXT_DECIDE_UNLOCKED) || chain->fail_safe; /* it may be served after all */
    if (!(flags & PXT_DECIDE_UNLOCKED))
        (chain->fail_safe ? keep_hits : pxt_chain_drop_stale)(chain, tier, key, flags, *out);
    pxt_entry_release(*out);
    *out = NULL;
    return PXT_NOT_FOUND;
}

static pxt_status did_not_answer(const struct pxt_tier *tier, struct pxt_error *error)
{
    return pxt_fail(error, PXT_EBUSY, 0, "tier %s did not answer in time", tier->name);
}

pxt_status pxt_decide_understand(struct pxt_chain *chain, const struct pxt_tier *tier, struct pxt_decision *decision,
                                 pxt_status status, const pxt_entry *entry)
{
    decision->asked[tier->index] = true;
    if (status == PXT_EINVAL || status == PXT_ENOTSUP)
        return PXT_NOT_FOUND; /* a tier that cannot hold the key has nothing to say */
    decision->failed[tier->index] = status != PXT_OK && status != PXT_NOT_FOUND;
    if (status == PXT_EBUSY && (tier->flags & PXT_TIER_REMOTE))
        decision->late |= PXT_DECIDE_LATE(tier->index);
    if (tier == chain->authority && !decision->failed[tier->index])
        decision->seen = (struct pxt_seen){true, status == PXT_OK ? pxt_entry_version(entry) : 0};
    /* The next change may be made while the authority is silent, and no other tier has what is dead. */
    if (tier == chain->authority && status == PXT_OK)
        pxt_version_learn(&chain->page, pxt_entry_version(entry));
    return status;
}

/* Reads from a shared tier, for at most as long as its soft_timeout. */
static pxt_status read_softly(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
                              struct pxt_decision *decision, pxt_entry **out, struct pxt_error *error)
{
    const struct pxt_soft_key soft_key = {key, decision->word, decision->generation, decision->answers, 0};
    pxt_status status;
    uint64_t noted = 0;
    const struct pxt_reading reading = {out, &status, &noted};
    pxt_soft_read(chain, tier, &soft_key, 1, flags, chain->promote_late, &reading, error);
    decision->noted = *out ? noted : 0;
    return status;
}

pxt_status pxt_decide_ask(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
                          struct pxt_decision *decision, pxt_entry **out, struct pxt_error *error)
{
    pxt_status status;
    if ((flags | decision->late) & PXT_DECIDE_LATE(tier->index))
        status = did_not_answer(tier, error);
    else if (!(tier->flags & PXT_TIER_SHARED))
        status = read_private(chain, tier, key, flags, decision, out, error);
    else if (pxt_reads_softly(tier, flags))
        status = read_softly(chain, tier, key, flags, decision, out, error);
    else
        status = pxt_chain_read(chain, tier, key, flags, out, &decision->noted, error);
    return pxt_decide_understand(chain, tier, decision, status, *out);
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

bool pxt_decide_is_passed_over(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key,
                               unsigned flags)
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

bool pxt_decide_is_clear(const struct pxt_chain *chain, const struct pxt_tier *tier,
                         const struct pxt_decision *decision)
{
    return pxt_tier_stores(tier) && !pxt_chain_joins_later(chain, tier) &&
           !(pxt_chain_bit(chain, tier) & pxt_word_doubts(decision->word));
}

bool pxt_decide_hear(const struct pxt_chain *chain, const struct pxt_tier *tier, pxt_status status,
                     struct pxt_decision *decision, struct pxt_clear_answers *answers)
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

pxt_status pxt_decide_conclude(const struct pxt_chain *chain, const struct pxt_clear_answers *answers,
                               struct pxt_error *error)
{
    const struct pxt_tier *authority = chain->authority;
    if (!pxt_chain_members(chain) && answers->worst == PXT_NOT_FOUND && authority && !pxt_tier_present(authority))
        return pxt_fail(error, PXT_EUNAVAILABLE, 0,
                        "tier %s is absent, and no other tier keeps what it has: see `proxtier status`",
                        authority->name);
    if (!pxt_chain_members(chain) || answers->worst == PXT_ENOMEM)
        return answers->worst;
    return answers->complete_has_nothing ? PXT_NOT_FOUND : PXT_EUNAVAILABLE;
}

/* Asks the tiers that are not in doubt; `by_authority`: without those that the authority stands in for. */
static pxt_status ask_clear_tiers(struct pxt_chain *chain, const struct pxt_key *key, unsigned flags, bool by_authority,
                                  struct pxt_decision *decision, struct pxt_error *error)
{
    struct pxt_clear_answers answers = PXT_NO_ANSWERS;
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!pxt_decide_is_clear(chain, tier, decision) ||
            (by_authority && pxt_decide_is_passed_over(chain, tier, key, flags)))
            continue;
        pxt_status status = pxt_decide_ask(chain, tier, key, flags, decision, &decision->entry,
                                           answers.worst == PXT_NOT_FOUND ? error : NULL);
        if (pxt_decide_hear(chain, tier, status, decision, &answers))
            return PXT_OK;
    }
    return pxt_decide_conclude(chain, &answers, error);
}

/* What a copy says of which the authority has nothing: it was there at the last checkpoint, and was removed since. */
static bool was_removed(const struct pxt_chain *chain, const struct pxt_decision *decision, const struct pxt_tier *tier,
                        const pxt_entry *entry)
{
    return decision->seen.read && !decision->seen.version && tier != chain->authority &&
           pxt_chain_agreed(chain, pxt_entry_effective_version(entry));
}

struct pxt_tier *pxt_decide_nth_asked(struct pxt_chain *chain, unsigned n)
{
    unsigned first = chain->authority ? chain->authority->index : 0;
    return &chain->tier[n == 0 ? first : n <= first ? n - 1 : n];
}

void pxt_decide_hear_member(const struct pxt_chain *chain, struct pxt_tier *tier, pxt_status status, pxt_entry *entry,
                            const struct pxt_error *why, struct pxt_decision *decision, struct pxt_all_answers *answers,
                            struct pxt_error *error)
{
    if (status == PXT_OK && was_removed(chain, decision, tier, entry)) {
        pxt_entry_release(entry);
        status = PXT_NOT_FOUND;
    }
    if (status == PXT_OK)
        answers->status = pxt_decision_take_newer(chain, decision, entry, tier->index, error);
    else if (status == PXT_ENOMEM)
        answers->status = pxt_fail(error, PXT_ENOMEM, 0, "%s", why->message);
    if (status == PXT_OK || status == PXT_NOT_FOUND)
        answers->silent &= (pxt_doubts)~pxt_chain_bit(chain, tier);
    else
        answers->name = tier->name;
}

pxt_status pxt_decide_conclude_all(const struct pxt_key *key, const struct pxt_decision *decision,
                                   const struct pxt_all_answers *answers, const struct pxt_error *why,
                                   struct pxt_error *error)
{
    if (answers->status)
        return answers->status;
    if (answers->silent)
        return pxt_fail(error, PXT_EUNAVAILABLE, 0,
                        "%s%s may have a newer version of key %s and does not answer: %.600s; see `proxtier status`",
                        answers->name ? "tier " : "a tier", answers->name ? answers->name : "", key->text,
                        why->message);
    return decision->entry ? PXT_OK : PXT_NOT_FOUND;
}

/* Asks all members, the authority first. */
static pxt_status ask_all_members(struct pxt_chain *chain, const struct pxt_key *key, unsigned flags,
                                  struct pxt_decision *decision, struct pxt_error *error)
{
    struct pxt_all_answers answers = {.silent = pxt_chain_members(chain)};
    struct pxt_error why = PXT_ABSENT;
    for (unsigned n = 0; n < chain->count && !answers.status; n++) {
        struct pxt_tier *tier = pxt_decide_nth_asked(chain, n);
        pxt_entry *entry = NULL;
        if (!(pxt_chain_bit(chain, tier) & answers.silent))
            continue;
        pxt_status status = pxt_decide_ask(chain, tier, key, flags, decision, &entry, &why);
        pxt_decide_hear_member(chain, tier, status, entry, &why, decision, &answers, error);
    }
    return pxt_decide_conclude_all(key, decision, &answers, &why, error);
}

void pxt_decide_begin(const struct pxt_chain *chain, const struct pxt_key *key, struct pxt_decision *decision)
{
    *decision = (struct pxt_decision){.generation = atomic_load(&chain->page.base)};
    decision->word = pxt_word(&chain->page, key->hash);
    decision->answers = atomic_load(&chain->answers[key->hash % PXT_ANSWER_SLOTS]);
    decision->generation += (uint32_t)(decision->word >> 8);
}

bool pxt_decide_is_open(const struct pxt_chain *chain, pxt_status status)
{
    return status != PXT_OK && status != PXT_NOT_FOUND && status != PXT_ENOMEM && pxt_chain_members(chain);
}

/* Whether a tier that is in doubt may have the only copy of what was learnt before a blind put (merge.c), and would take a
 * write in its place. */
static bool may_have_more(const struct pxt_chain *chain, const struct pxt_tier *tier,
                          const struct pxt_decision *decision)
{
    return (pxt_chain_bit(chain, tier) & pxt_word_doubts(decision->word)) && pxt_tier_on(tier) &&
           !decision->asked[tier->index];
}

/* The found entry was put blindly, or comes from one that was, and is about to be changed: the tiers in doubt are asked too. */
static pxt_status ask_doubted(struct pxt_chain *chain, const struct pxt_key *key, unsigned flags,
                              struct pxt_decision *decision)
{
    pxt_status status = PXT_OK;
    for (unsigned i = 0; i < chain->count && !status; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        pxt_entry *entry = NULL;
        if (!may_have_more(chain, tier, decision))
            continue;
        status = pxt_decide_ask(chain, tier, key, flags, decision, &entry, NULL);
        if (status == PXT_OK)
            status = pxt_decision_take_newer(chain, decision, entry, i, NULL);
        else if (status != PXT_ENOMEM)
            status = PXT_OK; /* it is among those of pxt_chain_silent_members() */
    }
    return status;
}

pxt_status pxt_decide_end(struct pxt_chain *chain, const struct pxt_key *key, unsigned flags, pxt_status status,
                          struct pxt_decision *decision)
{
    if ((flags & PXT_TIER_GET_FOR_WRITE) && status == PXT_OK && decision->clear &&
        pxt_entry_blind_below(decision->entry))
        status = ask_doubted(chain, key, flags, decision);
    if (flags & PXT_TIER_GET_FOR_WRITE)
        pxt_chain_include_hits(chain, key, decision->entry ? decision->found_in : PXT_CHAIN_MAX);
    if (status != PXT_OK && status != PXT_EUNAVAILABLE && decision->entry) {
        pxt_entry_release(decision->entry);
        decision->entry = NULL;
    }
    return status;
}

void pxt_decide_note_clear(const struct pxt_chain *chain, bool by_authority, pxt_status status,
                           struct pxt_decision *decision)
{
    decision->clear = status == PXT_OK || status == PXT_NOT_FOUND;
    decision->by_authority =
        by_authority && decision->seen.read &&
        (decision->entry ? decision->found_in == chain->authority->index : status == PXT_NOT_FOUND);
}

pxt_status pxt_chain_decide(struct pxt_chain *chain, const struct pxt_key *key, unsigned flags,
                            struct pxt_decision *decision, struct pxt_error *error)
{
    pxt_decide_begin(chain, key, decision);
    bool by_authority = pxt_authority_decides(chain, decision->word);
    pxt_status status = ask_clear_tiers(chain, key, flags, by_authority, decision, error);
    pxt_decide_note_clear(chain, by_authority, status, decision);
    if (by_authority && status != PXT_OK && !decision->seen.read) { /* it does not answer */
        status = ask_clear_tiers(chain, key, flags, false, decision, error);
        decision->clear = status == PXT_OK || status == PXT_NOT_FOUND;
    }
    if (pxt_decide_is_open(chain, status))
        status = ask_all_members(chain, key, flags, decision, error);
    return pxt_decide_end(chain, key, flags, status, decision);
}
