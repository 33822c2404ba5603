/* SPDX-License-Identifier: MIT
 *
 * decide_again.c: decides on a key whose word may change meanwhile.
 */
#include "base/fail.h"
#include "chain/decide.h"
#include "entry/entry.h"

bool pxt_decision_may_be_open(const struct pxt_chain *chain, const struct pxt_decision *decision, pxt_status status)
{
    return status == PXT_EUNAVAILABLE && (pxt_word_doubts(decision->word) & pxt_chain_members(chain));
}

pxt_status pxt_chain_decide_again(struct pxt_chain *chain, const struct pxt_key *key, int tries, unsigned flags,
                                  struct pxt_decision *decision, bool *open, struct pxt_error *error)
{
    *open = true;
    for (int i = 0; i < tries; i++) {
        pxt_status status = pxt_chain_decide(chain, key, flags, decision, error);
        flags |= decision->late; /* no get waits for a tier twice */
        if (pxt_decision_stands(chain, key, decision)) {
            *open = pxt_decision_may_be_open(chain, decision, status);
            return status;
        }
        if (decision->entry)
            pxt_entry_release(decision->entry);
        decision->entry = NULL;
    }
    decision->clear = decision->by_authority = false;
    return pxt_fail(error, PXT_EBUSY, 0, "key %s is changed all the time%s", key->text,
                    flags & PXT_DECIDE_UNLOCKED ? ", and its lock cannot be had" : "");
}
