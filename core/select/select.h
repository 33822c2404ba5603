/* SPDX-License-Identifier: MIT
 *
 * select.h (core): chooses entries of a selection, for core/cache.
 */
#ifndef PXT_CORE_SELECT_H
#define PXT_CORE_SELECT_H

#include "chain/chain.h"
#include "select/turns.h"
#include "select/widths.h"
#include <proxtier/cache.h>

/* What a cache keeps between two choices. */
struct pxt_selector {
    struct pxt_widths widths;
    struct pxt_turns turns;
};
void pxt_selector_init(struct pxt_selector *selector);
void pxt_selector_free(struct pxt_selector *selector);

/* Is offered a key that may be chosen, and gets the entry; what does not match any longer it passes over. Returns whether
 * it wants a further one. */
typedef bool pxt_offer_fn(void *arg, const struct pxt_key *key);

/* Who chooses what. */
struct pxt_choosing {
    struct pxt_chain *chain;
    struct pxt_selector *selector;
    const struct pxt_selection *selection; /* of the core's size */
    enum pxt_choice choice;
    const char *session; /* of STICKY */
    size_t expected;     /* so many offers are probably wanted; at least 1 */
    pxt_offer_fn *offer;
    void *arg;
};
/* Offers the keys of a selection, each once, in the order of the choice, until `offer` wants no more or there are no more.
 * PXT_EUNAVAILABLE: nothing was offered, and a tier that may have a match does not answer. */
pxt_status pxt_choose(const struct pxt_choosing *choosing, struct pxt_error *error);
/* Whether the choice looks at hits: then those of the chosen entry are to be written at once with pxt_chosen_used(), for
 * other processes choose by them. */
static inline bool pxt_choice_by_use(enum pxt_choice choice)
{
    return choice == PXT_CHOOSE_LEAST_USED || choice == PXT_CHOOSE_LEAST_RECENTLY_USED;
}
void pxt_chosen_used(struct pxt_chain *chain, pxt_entry *const *entries, size_t n);

/* As pxt_cache_each_selected(); `selection` is of the core's size. */
pxt_status pxt_select_each(struct pxt_chain *chain, const struct pxt_selection *selection, pxt_cache_each_fn *fn,
                           void *arg, struct pxt_error *error);

#endif
