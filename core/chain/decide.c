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

/* What the answer of one tier means. PXT_NOT_FOUND also if its copy is one that another write has made old. */
static pxt_status understand(struct pxt_chain *chain, const struct pxt_tier *tier, struct pxt_decision *decision,
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
    struct pxt_reading reading;
    pxt_soft_read(chain, tier, &soft_key, 1, flags, chain->promote_late, &reading, error);
    *out = reading.entry[0];
    decision->noted = *out ? reading.noted[0] : 0;
    return reading.status[0];
}

/* Asks one tier; but not again where it did not answer in time, for each get waits for a tier once. */
static pxt_status ask(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
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
    return pxt_tier_stores(tier) && !pxt_chain_joins_later(chain, tier) &&
           !(pxt_chain_bit(chain, tier) & pxt_word_doubts(decision->word));
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

/* What the tiers say if none has the key. PXT_EUNAVAILABLE: none of them decides; or the only durable tier is not open yet. */
static pxt_status conclude(const struct pxt_chain *chain, const struct clear_answers *answers, struct pxt_error *error)
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
    return conclude(chain, &answers, error);
}

/* What a copy says of which the authority has nothing: it was there at the last checkpoint, and was removed since. */
static bool was_removed(const struct pxt_chain *chain, const struct pxt_decision *decision, const struct pxt_tier *tier,
                        const pxt_entry *entry)
{
    return decision->seen.read && !decision->seen.version && tier != chain->authority &&
           pxt_chain_agreed(chain, pxt_entry_effective_version(entry));
}

/* What is known while all members are asked for a key. */
struct all_answers {
    pxt_doubts silent;
    const char *name;  /* of the last that failed; NULL: none */
    pxt_status status; /* another than PXT_OK: there is no memory */
};
static const struct pxt_error absent = {.message = "a member of the pool is not in this chain"};

/* The n-th tier of those that are asked: the authority comes first. */
static struct pxt_tier *nth_asked(struct pxt_chain *chain, unsigned n)
{
    unsigned first = chain->authority ? chain->authority->index : 0;
    return &chain->tier[n == 0 ? first : n <= first ? n - 1 : n];
}

/* Takes what a member has answered; `entry` is given away. `why` it failed, if it did. */
static void hear_member(const struct pxt_chain *chain, struct pxt_tier *tier, pxt_status status, pxt_entry *entry,
                        const struct pxt_error *why, struct pxt_decision *decision, struct all_answers *answers,
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

/* What all members say of a key. `why` the last failed that did not answer. */
static pxt_status conclude_all(const struct pxt_key *key, const struct pxt_decision *decision,
                               const struct all_answers *answers, const struct pxt_error *why, struct pxt_error *error)
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
    struct all_answers answers = {.silent = pxt_chain_members(chain)};
    struct pxt_error why = absent;
    for (unsigned n = 0; n < chain->count && !answers.status; n++) {
        struct pxt_tier *tier = nth_asked(chain, n);
        pxt_entry *entry = NULL;
        if (!(pxt_chain_bit(chain, tier) & answers.silent))
            continue;
        pxt_status status = ask(chain, tier, key, flags, decision, &entry, &why);
        hear_member(chain, tier, status, entry, &why, decision, &answers, error);
    }
    return conclude_all(key, decision, &answers, &why, error);
}

static void begin(const struct pxt_chain *chain, const struct pxt_key *key, struct pxt_decision *decision)
{
    *decision = (struct pxt_decision){.generation = atomic_load(&chain->page.base)};
    decision->word = pxt_word(&chain->page, key->hash);
    decision->answers = atomic_load(&chain->answers[key->hash % PXT_ANSWER_SLOTS]);
    decision->generation += (uint32_t)(decision->word >> 8);
}

/* Whether all members have to be asked, after the clear tiers have said `status`. */
static bool is_open(const struct pxt_chain *chain, pxt_status status)
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
        status = ask(chain, tier, key, flags, decision, &entry, NULL);
        if (status == PXT_OK)
            status = pxt_decision_take_newer(chain, decision, entry, i, NULL);
        else if (status != PXT_ENOMEM)
            status = PXT_OK; /* it is among those of pxt_chain_silent_members() */
    }
    return status;
}

/* Ends a decision: `status` is what the tiers say. */
static pxt_status end(struct pxt_chain *chain, const struct pxt_key *key, unsigned flags, pxt_status status,
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

/* Notes what the clear tiers say. */
static void note_clear(const struct pxt_chain *chain, bool by_authority, pxt_status status,
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
    begin(chain, key, decision);
    bool by_authority = pxt_authority_decides(chain, decision->word);
    pxt_status status = ask_clear_tiers(chain, key, flags, by_authority, decision, error);
    note_clear(chain, by_authority, status, decision);
    if (by_authority && status != PXT_OK && !decision->seen.read) { /* it does not answer */
        status = ask_clear_tiers(chain, key, flags, false, decision, error);
        decision->clear = status == PXT_OK || status == PXT_NOT_FOUND;
    }
    if (is_open(chain, status))
        status = ask_all_members(chain, key, flags, decision, error);
    return end(chain, key, flags, status, decision);
}

/* ---- many keys -------------------------------------------------------------------------------------------------- */

/* Many decisions under way. */
struct many {
    const struct pxt_key *keys;
    size_t n;
    unsigned flags;
    struct pxt_decision *decision;
    pxt_status *status;
    bool by_authority[PXT_READING_MAX], found[PXT_READING_MAX];
    bool done[PXT_READING_MAX]; /* the clear tiers have said what they know */
    struct clear_answers answers[PXT_READING_MAX];
    struct all_answers all[PXT_READING_MAX]; /* of the keys that no clear tier decides */
    /* What one tier is asked. */
    const struct pxt_key *asked[PXT_READING_MAX];
    size_t index[PXT_READING_MAX], count;
    struct pxt_soft_key soft_key[PXT_READING_MAX];
    struct pxt_reading reading;
    unsigned late; /* tiers that did not answer in time: they are not asked for other keys */
};

static void also_ask(struct many *many, size_t i)
{
    many->asked[many->count] = &many->keys[i];
    many->index[many->count++] = i;
}

static void read_softly_for_many(struct pxt_chain *chain, struct pxt_tier *tier, struct many *many,
                                 struct pxt_error *error)
{
    for (size_t j = 0; j < many->count; j++) {
        const struct pxt_decision *decision = &many->decision[many->index[j]];
        many->soft_key[j] =
            (struct pxt_soft_key){many->asked[j], decision->word, decision->generation, decision->answers, 0};
    }
    pxt_soft_read(chain, tier, many->soft_key, many->count, many->flags, chain->promote_late, &many->reading, error);
}

/* Reads what is to be asked of a tier, if it offers that in one call. */
static bool ask_together(struct pxt_chain *chain, struct pxt_tier *tier, struct many *many, struct pxt_error *error)
{
    bool together = (tier->flags & PXT_TIER_SHARED) && pxt_tier_gets_many(tier);
    bool late = (many->flags | many->late) & PXT_DECIDE_LATE(tier->index);
    if (together && many->count && !late && pxt_reads_softly(tier, many->flags))
        read_softly_for_many(chain, tier, many, error);
    else if (together && many->count && !late)
        pxt_chain_read_many(chain, tier, many->asked, many->count, many->flags, &many->reading, error);
    return together && !late;
}

/* The answer of a tier to the j-th of the keys that it is asked for. */
static pxt_status answer_of(struct pxt_chain *chain, struct pxt_tier *tier, struct many *many, bool together, size_t j,
                            pxt_entry **out, struct pxt_error *error)
{
    struct pxt_decision *decision = &many->decision[many->index[j]];
    pxt_status status;
    if (together) {
        *out = many->reading.entry[j];
        decision->noted = many->reading.noted[j];
        status = understand(chain, tier, decision, many->reading.status[j], *out);
    } else {
        status = ask(chain, tier, many->asked[j], many->flags | many->late, decision, out, error);
    }
    many->late |= decision->late;
    return status;
}

/* Asks one tier for all keys that are not decided, and of which it is clear. */
static void ask_clear_for_many(struct pxt_chain *chain, struct pxt_tier *tier, struct many *many,
                               struct pxt_error *error)
{
    many->count = 0;
    for (size_t i = 0; i < many->n; i++)
        if (!many->done[i] && !many->found[i] && is_clear(chain, tier, &many->decision[i]) &&
            !(many->by_authority[i] && is_passed_over(chain, tier, &many->keys[i], many->flags)))
            also_ask(many, i);
    bool together = ask_together(chain, tier, many, error);
    for (size_t j = 0; j < many->count; j++) {
        size_t i = many->index[j];
        struct pxt_decision *decision = &many->decision[i];
        pxt_status status = answer_of(chain, tier, many, together, j, &decision->entry, error);
        many->found[i] = hear(chain, tier, status, decision, &many->answers[i]);
    }
}

/* Has the clear tiers say what they know of all keys that are not decided. */
static void ask_clear_tiers_for_many(struct pxt_chain *chain, struct many *many, struct pxt_error *error)
{
    for (unsigned i = 0; i < chain->count; i++)
        ask_clear_for_many(chain, &chain->tier[i], many, error);
    for (size_t i = 0; i < many->n; i++) {
        if (many->done[i])
            continue;
        many->status[i] = many->found[i] ? PXT_OK : conclude(chain, &many->answers[i], error);
        note_clear(chain, many->by_authority[i], many->status[i], &many->decision[i]);
    }
}

/* Keys for which the authority does not answer are decided without it. Returns whether there are any. */
static bool pass_over_silent_authority(struct many *many)
{
    bool any = false;
    for (size_t i = 0; i < many->n; i++) {
        bool silent = many->by_authority[i] && !many->found[i] && !many->decision[i].seen.read;
        many->done[i] = !silent;
        if (silent) {
            many->by_authority[i] = false;
            many->answers[i] = no_answers;
        }
        any |= silent;
    }
    return any;
}

/* Asks one member for all keys that are open. */
static void ask_member_for_many(struct pxt_chain *chain, struct pxt_tier *tier, struct many *many,
                                struct pxt_error *why, struct pxt_error *error)
{
    many->count = 0;
    for (size_t i = 0; i < many->n; i++)
        if (is_open(chain, many->status[i]) && !many->all[i].status &&
            (pxt_chain_bit(chain, tier) & many->all[i].silent))
            also_ask(many, i);
    bool together = ask_together(chain, tier, many, why);
    for (size_t j = 0; j < many->count; j++) {
        size_t i = many->index[j];
        pxt_entry *entry = NULL;
        pxt_status status = answer_of(chain, tier, many, together, j, &entry, why);
        hear_member(chain, tier, status, entry, why, &many->decision[i], &many->all[i], error);
    }
}

static void ask_all_members_for_many(struct pxt_chain *chain, struct many *many, struct pxt_error *error)
{
    struct pxt_error why = absent;
    for (size_t i = 0; i < many->n; i++)
        many->all[i] = (struct all_answers){.silent = pxt_chain_members(chain)};
    for (unsigned n = 0; n < chain->count; n++)
        ask_member_for_many(chain, nth_asked(chain, n), many, &why, error);
    for (size_t i = 0; i < many->n; i++)
        if (is_open(chain, many->status[i]))
            many->status[i] = conclude_all(&many->keys[i], &many->decision[i], &many->all[i], &why, error);
}

pxt_status pxt_chain_decide_many(struct pxt_chain *chain, const struct pxt_key *keys, size_t n, unsigned flags,
                                 struct pxt_decision *decision, pxt_status *status, struct pxt_error *error)
{
    struct many *many = pxt_alloc(sizeof *many);
    bool open = false;
    if (!many)
        return pxt_fail_memory(error, "a batch");
    many->keys = keys;
    many->n = n;
    many->flags = flags;
    many->decision = decision;
    many->status = status;
    for (size_t i = 0; i < n; i++) {
        begin(chain, &keys[i], &decision[i]);
        many->by_authority[i] = pxt_authority_decides(chain, decision[i].word);
        many->answers[i] = no_answers;
    }
    ask_clear_tiers_for_many(chain, many, error);
    if (pass_over_silent_authority(many))
        ask_clear_tiers_for_many(chain, many, error);
    for (size_t i = 0; i < n; i++)
        open |= is_open(chain, status[i]);
    if (open)
        ask_all_members_for_many(chain, many, error);
    for (size_t i = 0; i < n; i++)
        status[i] = end(chain, &keys[i], flags, status[i], &decision[i]);
    pxt_free(many);
    return PXT_OK;
}
