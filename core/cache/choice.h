/* SPDX-License-Identifier: MIT
 *
 * choice.h: goes through the keys of a selection in the order of a choice.
 */
#ifndef PXT_CHOICE_H
#define PXT_CHOICE_H

#include "cache/cache_private.h"

/* Reads what a caller gave, which may be NULL: as much as both sides know. PXT_EINVAL. */
pxt_status pxt_choice_read(const struct pxt_select_options *given, struct pxt_select_options *options,
                           struct pxt_error *error);
/* Offers the keys of a selection, each once, in the order that the options say, without the first ones that they pass over.
 * Nothing is counted as a hit. `options` are of the core's size, `selection` may be NULL, `expected` says how many keys are
 * probably wanted. A key that is offered may have changed: the caller looks whether it matches. PXT_OK also if none matches. */
pxt_status pxt_choice_run(pxt_cache *cache, const struct pxt_selection *selection,
                          const struct pxt_select_options *options, size_t expected, pxt_offer_fn *fn, void *arg,
                          struct pxt_error *error);

#endif
