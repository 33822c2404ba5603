/* SPDX-License-Identifier: MIT
 *
 * batch_authority.c: writes a batch to the store that several hosts use, in a few calls: each reads or writes many keys. In each
 * round those entries are written that were not yet; of them another host may have changed some.
 */
#include "base/fail.h"
#include "chain/batch.h"
#include "chain/decide.h"
#include "chain/remote.h"
#include "entry/entry.h"

/* The entries of a batch that are not yet in the authority, and what the last call said of each. */
struct round {
    size_t count;
    size_t *index; /* in the batch */
    pxt_entry **entry;
    struct pxt_replaced *replaced;
    uint64_t *expected;
    pxt_status *status;
};

static bool make_round(struct round *round, size_t n)
{
    round->index = pxt_alloc_array(n, sizeof *round->index);
    round->entry = pxt_alloc_array(n, sizeof(pxt_entry *));
    round->replaced = pxt_alloc_array(n, sizeof *round->replaced);
    round->expected = pxt_alloc_array(n, sizeof *round->expected);
    round->status = pxt_alloc_array(n, sizeof *round->status);
    return round->index && round->entry && round->replaced && round->expected && round->status;
}

static void free_round(struct round *round)
{
    pxt_free(round->index);
    pxt_free(round->entry);
    pxt_free(round->replaced);
    pxt_free(round->expected);
    pxt_free(round->status);
}

/* What the removal of each key replaces now. */
static pxt_status see_removed(struct pxt_chain *chain, struct round *round, struct pxt_error *error)
{
    const size_t most = round->count < PXT_WRITING_MAX ? round->count : PXT_WRITING_MAX;
    struct pxt_key *key = pxt_alloc_array(most, sizeof *key);
    struct pxt_decision *decision = pxt_alloc_array(most, sizeof *decision);
    pxt_status *status = pxt_alloc_array(most, sizeof *status);
    pxt_status first = key && decision && status ? PXT_OK : pxt_fail_memory(error, "a batch");
    for (size_t at = 0; at < round->count && !first; at += most) {
        size_t n = round->count - at < most ? round->count - at : most;
        for (size_t i = 0; i < n; i++)
            pxt_entry_key_of(round->entry[at + i], &key[i]);
        first = pxt_chain_decide_many(chain, key, n, PXT_GET_PEEK | PXT_TIER_GET_FOR_WRITE, decision, status, error);
        for (size_t i = 0; i < n && !first; i++) {
            struct pxt_stamp *stamp = &round->replaced[at + i].stamp;
            *stamp =
                (struct pxt_stamp){.supplied = PXT_VERSION_NEW, .learnt = PXT_VERSION_NEW, .seen = decision[i].seen};
            if (decision[i].entry)
                pxt_stamp_above(stamp, pxt_entry_effective_version(decision[i].entry));
            pxt_entry_release(decision[i].entry);
        }
    }
    pxt_free(key);
    pxt_free(decision);
    pxt_free(status);
    return first;
}

/* Has the entries of the round as they were given: without what they have inherited. */
static pxt_status restart(const struct pxt_batch *batch, struct round *round, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    for (size_t j = 0; j < round->count && !status; j++) {
        pxt_entry *anew = NULL;
        status = pxt_entry_copy(batch->given[round->index[j]], false, &anew, error);
        if (status)
            break;
        pxt_entry_release(round->entry[j]);
        round->entry[j] = anew;
    }
    return status;
}

/* Reads again what the entries of the round replace, and gives them new versions. */
static pxt_status read_again(struct pxt_batch *batch, struct round *round, struct pxt_error *error)
{
    struct pxt_chain *chain = batch->write.chain;
    pxt_status status;
    for (size_t j = 0; j < round->count; j++) {
        pxt_entry_release(batch->replaced[round->index[j]].entry);
        round->replaced[j] = (struct pxt_replaced){.entry = NULL};
    }
    status = batch->removes ? see_removed(chain, round, error) : restart(batch, round, error);
    if (!status && !batch->removes)
        status = pxt_learnt_inherit_many(chain, round->entry, round->count, round->replaced, error);
    for (size_t j = 0; j < round->count; j++) {
        batch->entries[round->index[j]] = round->entry[j]; /* it may have become another object */
        batch->replaced[round->index[j]] = round->replaced[j];
        batch->write.silent |= round->replaced[j].stamp.silent;
    }
    for (size_t j = 0; j < round->count && !status; j++)
        status = pxt_chain_stamp_version(chain, round->entry[j], &round->replaced[j].stamp, error);
    return status;
}

/* Writes the entries of which it was read what they replace. */
static void write_round(struct pxt_batch *batch, struct pxt_tier *tier, struct round *round, struct pxt_error *error)
{
    size_t some = 0;
    for (size_t j = 0; j < round->count; j++) {
        const struct pxt_seen *seen = &batch->replaced[round->index[j]].stamp.seen;
        if (!seen->read)
            pxt_fail(error, PXT_EUNAVAILABLE, 0, "tier %s did not answer", tier->name);
        if (!seen->read)
            continue;
        round->index[some] = round->index[j];
        round->entry[some] = round->entry[j];
        round->expected[some++] = seen->version;
    }
    round->count = some;
    pxt_tier_put_if_many(tier, round->entry, round->expected, some, round->status, error);
}

/* Keeps in the round what another host has changed. Returns the first other failure. */
static pxt_status end_round(struct pxt_batch *batch, struct round *round, bool *taken)
{
    pxt_status first = PXT_OK;
    size_t left = 0;
    for (size_t j = 0; j < round->count; j++) {
        if (!round->status[j]) { /* it is what a second try replaces */
            batch->replaced[round->index[j]].stamp.seen.version = pxt_entry_version(round->entry[j]);
            *taken = true;
        } else if (round->status[j] == PXT_ESTALE) {
            round->index[left] = round->index[j];
            round->entry[left++] = round->entry[j];
        } else {
            first = first ? first : round->status[j];
        }
    }
    round->count = left;
    return first;
}

pxt_status pxt_batch_into_authority(struct pxt_batch *batch, struct pxt_tier *tier, struct pxt_error *error)
{
    struct round round = {0};
    pxt_status first = PXT_OK, status = PXT_OK;
    bool taken = false;
    if (!pxt_tier_stores(tier))
        return PXT_ENOTSUP;
    if (tier->limited)
        pxt_batch_evict(&batch->write, tier, batch->entries, batch->write.count);
    if (!make_round(&round, batch->write.count)) {
        free_round(&round);
        return pxt_fail_memory(error, "a batch");
    }
    for (size_t i = 0; i < batch->write.count; i++) {
        round.index[i] = i;
        round.entry[i] = batch->entries[i];
    }
    round.count = batch->write.count;
    for (unsigned n = 0; round.count && !status && pxt_remote_try_again(n); n++) {
        if (n)
            status = read_again(batch, &round, error);
        if (status)
            break;
        size_t tried = round.count;
        write_round(batch, tier, &round, first ? NULL : error);
        first = first || tried == round.count ? first : PXT_EUNAVAILABLE;
        status = end_round(batch, &round, &taken);
    }
    first = first ? first : status;
    if (!first && round.count)
        first = pxt_fail(error, PXT_EBUSY, 0, "tier %s: other hosts change the keys all the time", tier->name);
    free_round(&round);
    return first && taken ? PXT_EIO : first; /* it has a part: no certain failure */
}
