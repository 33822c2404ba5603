/* SPDX-License-Identifier: MIT
 *
 * bring.c: brings the entries of another chain into this one.
 */
#include "base/fail.h"
#include "chain/chain.h"
#include "chain/decide.h"
#include "chain/demote.h"
#include "chain/exchange.h"
#include "chain/remote.h"
#include "chain/store.h"
#include "chain/stripes.h"
#include "entry/entry.h"

/* Stores what `entry` and the one that this chain has say together, unless that one says it all. */
static pxt_status bring_locked(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry *entry, bool *brought,
                               struct pxt_victims *victims, struct pxt_error *error)
{
    struct pxt_decision decision;
    pxt_entry *whole = NULL;
    bool merged;
    struct pxt_stamp stamp = {.above = pxt_entry_effective_version(entry)};
    pxt_status status = pxt_chain_decide(chain, key, PXT_GET_PEEK | PXT_TIER_GET_FOR_WRITE, &decision, error);
    pxt_entry *old = decision.entry;
    stamp.seen = decision.seen;
    if (status == PXT_NOT_FOUND) {
        whole = pxt_entry_hold(entry);
        status = PXT_OK;
    } else if (!status) {
        uint64_t version = pxt_entry_effective_version(old);
        stamp.above = version > stamp.above ? version : stamp.above;
        status = pxt_entry_merge(old, entry, &whole, &merged, error);
    }
    if (!status && whole != old) {
        stamp.supplied = pxt_entry_effective_supplied(whole);
        stamp.learnt = (uint64_t)pxt_entry_number(whole, PXT_FIELD_LEARNT_VERSION);
        status = pxt_chain_store(chain, whole, &stamp, victims, error);
        *brought = !status;
    }
    pxt_entry_release(old);
    pxt_entry_release(whole);
    return status;
}

pxt_status pxt_chain_bring(struct pxt_chain *chain, pxt_entry *entry, bool *brought, struct pxt_error *error)
{
    struct pxt_key key;
    struct pxt_victims victims;
    pxt_victims_init(&victims);
    *brought = false;
    pxt_entry_key_of(entry, &key);
    pxt_exchange_take(chain, &key, 1, true);
    pxt_status status = pxt_chain_lock(chain, &key, error);
    if (status)
        return status;
    unsigned n = 0;
    do
        status = bring_locked(chain, &key, entry, brought, &victims, error);
    while (status == PXT_ESTALE && chain->authority && pxt_remote_try_again(n++));
    pxt_chain_unlock(chain, &key);
    pxt_demote_victims(chain, &victims);
    pxt_chain_flush(chain);
    return status;
}
