/* SPDX-License-Identifier: MIT
 *
 * told.c: puts a member in doubt as a whole that has found damage, or of which a sync has failed.
 */
#include "chain/change.h"
#include "chain/members.h"

void pxt_member_damaged(struct pxt_tier *tier)
{
    struct pxt_chain *chain = tier->damaged_arg;
    uint64_t checkpoint, dropped;
    pxt_doubts bit = pxt_chain_bit(chain, tier);
    if (!bit)
        return;
    pxt_page_checkpoint(&chain->page, &checkpoint, &dropped);
    pxt_page_set_checkpoint(&chain->page, 0, dropped);
    pxt_words_doubt_all(&chain->page, bit);
    pxt_log(chain->logger, PXT_MESSAGE_WARNING, "chain",
            "tier %s has found damage: its entries are compared with those of the other tiers", tier->name);
}

void pxt_member_unsynced(struct pxt_tier *tier)
{
    struct pxt_chain *chain = tier->damaged_arg;
    if (pxt_chain_bit(chain, tier))
        pxt_words_doubt_all(&chain->page, pxt_chain_bit(chain, tier));
}
