/* SPDX-License-Identifier: MIT
 *
 * learnt.c: a list or a caller says where a proxy is; what its use has taught (health, checks, hits) stays with the key.
 */
#include "chain/learnt.h"
#include "base/fail.h"
#include "chain/decide.h"
#include "entry/entry.h"

/* Whether a put can go on without one of the tiers that decide whether it succeeds. */
static bool can_spare_a_tier(const struct pxt_chain *chain)
{
    unsigned takers = 0;
    for (unsigned i = 0; i < chain->count; i++)
        takers += pxt_tier_on(&chain->tier[i]) && pxt_tier_stores(&chain->tier[i]) &&
                  (pxt_tier_durable(&chain->tier[i]) || !chain->any_durable);
    return takers > 1;
}

/* Whether asking again cannot help. */
static bool is_final(pxt_status status)
{
    return status == PXT_OK || status == PXT_NOT_FOUND || status == PXT_EUNAVAILABLE || status == PXT_ENOMEM;
}

/* Asks a tier that fails again, until its breaker turns it off: then the put goes on without it, as with every tier that
 * is off. So a process that makes one put only gets there too. */
static pxt_status find_replaced(struct pxt_chain *chain, const struct pxt_key *key, struct pxt_decision *decision,
                                struct pxt_error *error)
{
    pxt_status status;
    unsigned tries = chain->tier[0].breaker.threshold;
    do {
        status = pxt_chain_decide(chain, key, PXT_GET_PEEK | PXT_TIER_GET_FOR_WRITE, decision, error);
        if (is_final(status))
            return status;
    } while (tries-- && can_spare_a_tier(chain));
    return status;
}

/* Gives `*entry` what the decision says of the entry that it replaces. */
static pxt_status take_over(const struct pxt_chain *chain, pxt_entry **entry, pxt_status status,
                            const struct pxt_decision *decision, struct pxt_replaced *replaced, struct pxt_error *error)
{
    pxt_entry *old = decision->entry;
    *replaced = (struct pxt_replaced){
        .stamp = {.supplied = PXT_VERSION_NEW, .learnt = PXT_VERSION_NEW, .seen = decision->seen}};
    if (status == PXT_EUNAVAILABLE) { /* the silent member may have learnt more, or a version far ahead */
        replaced->stamp.learnt = old ? (uint64_t)pxt_entry_number(old, PXT_FIELD_LEARNT_VERSION) : 0;
        replaced->stamp.above = pxt_version_far(&chain->page);
    } else if (status)
        return status == PXT_NOT_FOUND ? PXT_OK : status;
    if (!old)
        return PXT_OK;
    replaced->stamp.above = pxt_version_max(replaced->stamp.above, pxt_entry_effective_version(old));
    if (pxt_entry_is_tombstone(old)) {
        replaced->known_dead = pxt_entry_known_dead(old, pxt_clock_now(&chain->clock));
        pxt_entry_release(old);
        return PXT_OK;
    }
    replaced->stamp.learnt = (uint64_t)pxt_entry_number(old, PXT_FIELD_LEARNT_VERSION);
    if (!replaced->stamp.learnt && status == PXT_OK)
        replaced->stamp.learnt = replaced->stamp.above; /* an entry without versions */
    replaced->hits = pxt_entry_number(old, PXT_FIELD_ACCESS_COUNT);
    status = pxt_entry_inherit(entry, old, error);
    if (status)
        pxt_entry_release(old);
    else
        replaced->entry = old;
    return status;
}

/* Likewise, and notes whether that may not have been all. */
static pxt_status take(struct pxt_chain *chain, pxt_entry **entry, pxt_status status,
                       const struct pxt_decision *decision, struct pxt_replaced *replaced, struct pxt_error *error)
{
    uint32_t silent = pxt_chain_silent_members(chain, decision);
    if (status == PXT_OK && silent) /* what is replaced was put blindly itself */
        status = PXT_EUNAVAILABLE;
    pxt_status taken = take_over(chain, entry, status, decision, replaced, error);
    if (taken || status != PXT_EUNAVAILABLE)
        return taken;
    replaced->stamp.silent = silent;
    taken = pxt_entry_mark_blind(entry, pxt_version_next(&chain->page, replaced->stamp.above), error);
    if (taken) {
        pxt_entry_release(replaced->entry);
        replaced->entry = NULL;
    }
    return taken;
}

pxt_status pxt_learnt_inherit(struct pxt_chain *chain, pxt_entry **entry, struct pxt_replaced *replaced,
                              struct pxt_error *error)
{
    struct pxt_key key;
    struct pxt_decision decision;
    pxt_entry_key_of(*entry, &key);
    pxt_status status = find_replaced(chain, &key, &decision, error);
    return take(chain, entry, status, &decision, replaced, error);
}

/* Of some of many entries. */
struct some {
    struct pxt_key *key;
    struct pxt_decision *decision;
    pxt_status *status;
};

static pxt_status inherit_some(struct pxt_chain *chain, pxt_entry **entries, size_t n, const struct some *some,
                               struct pxt_replaced *replaced, struct pxt_error *error)
{
    for (size_t i = 0; i < n; i++)
        pxt_entry_key_of(entries[i], &some->key[i]);
    pxt_status first = pxt_chain_decide_many(chain, some->key, n, PXT_GET_PEEK | PXT_TIER_GET_FOR_WRITE, some->decision,
                                             some->status, error);
    if (first)
        return first;
    for (size_t i = 0; i < n; i++) {
        pxt_status status = some->status[i];
        if (first) {
            pxt_entry_release(some->decision[i].entry);
            continue;
        }
        if (is_final(status) || !can_spare_a_tier(chain))
            first = take(chain, &entries[i], status, &some->decision[i], &replaced[i], error);
        else
            first = pxt_learnt_inherit(chain, &entries[i], &replaced[i], error);
    }
    return first;
}

pxt_status pxt_learnt_inherit_many(struct pxt_chain *chain, pxt_entry **entries, size_t n,
                                   struct pxt_replaced *replaced, struct pxt_error *error)
{
    const size_t most = n < PXT_WRITING_MAX ? n : PXT_WRITING_MAX;
    const struct some some = {.key = pxt_alloc_array(most, sizeof *some.key),
                              .decision = pxt_alloc_array(most, sizeof *some.decision),
                              .status = pxt_alloc_array(most, sizeof *some.status)};
    pxt_status status =
        some.key && some.decision && some.status ? PXT_OK : pxt_fail_memory(error, "what a batch replaces");
    for (size_t at = 0; at < n && !status; at += most)
        status = inherit_some(chain, entries + at, n - at < most ? n - at : most, &some, replaced + at, error);
    pxt_free(some.key);
    pxt_free(some.decision);
    pxt_free(some.status);
    return status;
}

void pxt_learnt_finish(pxt_entry *entry, struct pxt_replaced *replaced)
{
    if (!replaced->entry)
        return;
    int64_t late = pxt_entry_number(replaced->entry, PXT_FIELD_ACCESS_COUNT) - replaced->hits;
    if (late > 0)
        pxt_entry_touch(entry, (uint64_t)late, pxt_entry_number(replaced->entry, PXT_FIELD_LAST_ACCESSED));
    pxt_entry_release(replaced->entry);
    replaced->entry = NULL;
}
