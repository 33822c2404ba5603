/* SPDX-License-Identifier: MIT
 *
 * decide_many.c: decides many keys as decide.c decides one: a tier that offers it is asked for all of them in one call.
 */
#include "base/fail.h"
#include "chain/decide_steps.h"

/* What is known of one key. */
struct one {
    bool by_authority, found;
    bool done; /* the clear tiers have said what they know */
    struct pxt_clear_answers answers;
    struct pxt_all_answers all; /* if no clear tier decides it */
};

/* Many decisions under way: one block of memory with all that they need. */
struct many {
    const struct pxt_key *keys;
    size_t n;
    unsigned flags;
    struct pxt_decision *decision;
    pxt_status *status;
    struct one *one;
    /* What one tier is asked, and its answers. */
    const struct pxt_key **asked;
    size_t *index, count;
    struct pxt_soft_key *soft_key;
    struct pxt_reading reading;
    unsigned late; /* tiers that did not answer in time: they are not asked for other keys */
};

static struct many *make_many(size_t n)
{
    struct many *many;
    const size_t each = sizeof *many->one + sizeof *many->asked + sizeof *many->index + sizeof *many->soft_key +
                        sizeof *many->reading.entry + sizeof *many->reading.noted + sizeof *many->reading.status;
    many = n < SIZE_MAX / each - sizeof *many ? pxt_alloc(sizeof *many + n * each) : NULL;
    if (!many)
        return NULL;
    many->n = n;
    many->one = (struct one *)(many + 1);
    many->asked = (const struct pxt_key **)(many->one + n);
    many->index = (size_t *)(many->asked + n);
    many->soft_key = (struct pxt_soft_key *)(many->index + n);
    many->reading.entry = (pxt_entry **)(many->soft_key + n);
    many->reading.noted = (uint64_t *)(many->reading.entry + n);
    many->reading.status = (pxt_status *)(many->reading.noted + n);
    return many;
}

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
        status = pxt_decide_understand(chain, tier, decision, many->reading.status[j], *out);
    } else {
        status = pxt_decide_ask(chain, tier, many->asked[j], many->flags | many->late, decision, out, error);
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
        if (!many->one[i].done && !many->one[i].found && pxt_decide_is_clear(chain, tier, &many->decision[i]) &&
            !(many->one[i].by_authority && pxt_decide_is_passed_over(chain, tier, &many->keys[i], many->flags)))
            also_ask(many, i);
    bool together = ask_together(chain, tier, many, error);
    for (size_t j = 0; j < many->count; j++) {
        size_t i = many->index[j];
        struct pxt_decision *decision = &many->decision[i];
        pxt_status status = answer_of(chain, tier, many, together, j, &decision->entry, error);
        many->one[i].found = pxt_decide_hear(chain, tier, status, decision, &many->one[i].answers);
    }
}

/* Has the clear tiers say what they know of all keys that are not decided. */
static void ask_clear_tiers_for_many(struct pxt_chain *chain, struct many *many, struct pxt_error *error)
{
    for (unsigned i = 0; i < chain->count; i++)
        ask_clear_for_many(chain, &chain->tier[i], many, error);
    for (size_t i = 0; i < many->n; i++) {
        if (many->one[i].done)
            continue;
        many->status[i] = many->one[i].found ? PXT_OK : pxt_decide_conclude(chain, &many->one[i].answers, error);
        pxt_decide_note_clear(chain, many->one[i].by_authority, many->status[i], &many->decision[i]);
    }
}

/* Keys for which the authority does not answer are decided without it. Returns whether there are any. */
static bool pass_over_silent_authority(struct many *many)
{
    bool any = false;
    for (size_t i = 0; i < many->n; i++) {
        bool silent = many->one[i].by_authority && !many->one[i].found && !many->decision[i].seen.read;
        many->one[i].done = !silent;
        if (silent) {
            many->one[i].by_authority = false;
            many->one[i].answers = PXT_NO_ANSWERS;
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
        if (pxt_decide_is_open(chain, many->status[i]) && !many->one[i].all.status &&
            (pxt_chain_bit(chain, tier) & many->one[i].all.silent))
            also_ask(many, i);
    bool together = ask_together(chain, tier, many, why);
    for (size_t j = 0; j < many->count; j++) {
        size_t i = many->index[j];
        pxt_entry *entry = NULL;
        pxt_status status = answer_of(chain, tier, many, together, j, &entry, why);
        pxt_decide_hear_member(chain, tier, status, entry, why, &many->decision[i], &many->one[i].all, error);
    }
}

static void ask_all_members_for_many(struct pxt_chain *chain, struct many *many, struct pxt_error *error)
{
    struct pxt_error why = PXT_ABSENT;
    for (size_t i = 0; i < many->n; i++)
        many->one[i].all = (struct pxt_all_answers){.silent = pxt_chain_members(chain)};
    for (unsigned n = 0; n < chain->count; n++)
        ask_member_for_many(chain, pxt_decide_nth_asked(chain, n), many, &why, error);
    for (size_t i = 0; i < many->n; i++)
        if (pxt_decide_is_open(chain, many->status[i]))
            many->status[i] =
                pxt_decide_conclude_all(&many->keys[i], &many->decision[i], &many->one[i].all, &why, error);
}

pxt_status pxt_chain_decide_many(struct pxt_chain *chain, const struct pxt_key *keys, size_t n, unsigned flags,
                                 struct pxt_decision *decision, pxt_status *status, struct pxt_error *error)
{
    struct many *many = make_many(n);
    bool open = false;
    if (!many)
        return pxt_fail_memory(error, "a batch");
    many->keys = keys;
    many->flags = flags;
    many->decision = decision;
    many->status = status;
    for (size_t i = 0; i < n; i++) {
        pxt_decide_begin(chain, &keys[i], &decision[i]);
        many->one[i].by_authority = pxt_authority_decides(chain, decision[i].word);
        many->one[i].answers = PXT_NO_ANSWERS;
    }
    ask_clear_tiers_for_many(chain, many, error);
    if (pass_over_silent_authority(many))
        ask_clear_tiers_for_many(chain, many, error);
    for (size_t i = 0; i < n; i++)
        open |= pxt_decide_is_open(chain, status[i]);
    if (open)
        ask_all_members_for_many(chain, many, error);
    for (size_t i = 0; i < n; i++)
        status[i] = pxt_decide_end(chain, &keys[i], flags, status[i], &decision[i]);
    pxt_free(many);
    return PXT_OK;
}
