/* SPDX-License-Identifier: MIT
 *
 * choice.h: goes through the keys of a selection in the order of a choice.
 */
#ifndef PXT_CHOICE_H
#define PXT_CHOICE_H

#include "cache/cache_private.h"

/* Called for one key after the other; returns false to stop. No lock is held: it may call the chain. */
typedef bool pxt_chosen_fn(void *arg, const struct pxt_key *key);
/* Calls `fn` for each entry that matches, once, in the order that the options say. Nothing is counted as a hit. `selection`
 * and `options` may be NULL. PXT_OK also if none matches. */
pxt_status pxt_choose(pxt_cache *cache, const struct pxt_selection *selection, const struct pxt_select_options *options,
                      pxt_chosen_fn *fn, void *arg, struct pxt_error *error);

#endif
