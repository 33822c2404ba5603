/* SPDX-License-Identifier: MIT
 *
 * count_answers.c: counts a get in the tiers that it asked.
 */
#include "chain/decide.h"
#include "chain/get_counts.h"

void pxt_chain_count_answers(struct pxt_chain *chain, const struct pxt_decision *decision, bool hit)
{
    struct pxt_thread_counts *counts = pxt_chain_counts(chain);
    for (unsigned i = 0; i < chain->count; i++) {
        if (hit && i == decision->found_in)
            pxt_count_raise(chain, counts, &counts->hits[i]);
        else if (decision->asked[i] && pxt_tier_present(&chain->tier[i]))
            pxt_count_raise(chain, counts, &counts->misses[i]);
    }
    if (!hit)
        pxt_count_raise(chain, counts, &counts->nowhere);
}
