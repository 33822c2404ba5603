/* SPDX-License-Identifier: MIT
 *
 * promote_late.c: what the get of the key would have done with the answer, but for telling it.
 */
#include "chain/promote_late.h"
#include "chain/demote.h"
#include "chain/overtake.h"
#include "chain/promote.h"
#include "chain/stripes.h"
#include "entry/entry.h"

/* Whether the answer is still the newest version: nothing has changed the key, and no caller was told a later answer. The key's
 * lock is held. */
static bool is_newest(const struct pxt_chain *chain, const struct pxt_tier *tier, const struct pxt_soft_key *key)
{
    bool decides = tier == chain->authority
                       ? pxt_authority_decides(chain, key->word)
                       : !chain->authority && !(pxt_word_doubts(key->word) & pxt_chain_bit(chain, tier));
    return decides && pxt_word(&chain->page, key->key->hash) == key->word &&
           atomic_load(&chain->answers[key->key->hash % PXT_ANSWER_SLOTS]) == key->answers;
}

void pxt_promote_late(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_soft_key *key, pxt_entry *entry)
{
    struct pxt_victims victims;
    struct pxt_decision decision = {.entry = entry,
                                    .found_in = tier->index,
                                    .clear = true,
                                    .noted = key->noted,
                                    .word = key->word,
                                    .generation = key->generation,
                                    .by_authority = tier == chain->authority};
    if (pxt_chain_dead(chain, entry) || !pxt_chain_has_joined(chain) || !pxt_chain_trylock(chain, key->key))
        return;
    for (unsigned i = 0; i < chain->count; i++)
        decision.asked[i] = true;
    pxt_victims_init(&victims);
    victims.in_hurry = true;
    if (is_newest(chain, tier, key) && !pxt_tidy_private_tiers(chain, key->key, &decision))
        pxt_promote(chain, key->key, &decision, &victims);
    pxt_chain_unlock(chain, key->key);
    pxt_demote_victims(chain, &victims);
}
