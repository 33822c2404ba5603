/* SPDX-License-Identifier: MIT
 *
 * choice.c: goes through the keys of a selection in the order of a choice.
 */
#include "cache/choice.h"
#include "base/fail.h"
#include "entry/selection.h"
#include <string.h>

pxt_status pxt_choice_read(const struct pxt_select_options *given, struct pxt_select_options *options,
                           struct pxt_error *error)
{
    *options = (struct pxt_select_options){.size = sizeof *options};
    if (given)
        memcpy(options, given, given->size < sizeof *options ? given->size : sizeof *options);
    if ((unsigned)options->choice >= PXT_CHOICE_COUNT)
        return pxt_fail(error, PXT_EINVAL, 0, "%u is no way to choose", (unsigned)options->choice);
    if (options->choice == PXT_CHOOSE_STICKY && !options->session)
        return pxt_fail(error, PXT_EINVAL, 0, "the choice sticky needs a session");
    return PXT_OK;
}

struct passing {
    pxt_cache *cache;
    const struct pxt_selection *selection;
    pxt_time now;
    size_t left; /* so many are still to be passed over */
    pxt_offer_fn *fn;
    void *arg;
};

/* What is passed over has to match too: otherwise the next one would be the same as without. */
static bool pass(void *arg, const struct pxt_key *key)
{
    struct passing *passing = arg;
    pxt_entry *entry = NULL;
    if (!passing->left)
        return passing->fn(passing->arg, key);
    if (!pxt_chain_peek(&passing->cache->chain, key, &entry, NULL) &&
        pxt_selection_matches(passing->selection, entry, passing->now))
        passing->left--;
    pxt_entry_release(entry);
    return true;
}

pxt_status pxt_choice_run(pxt_cache *cache, const struct pxt_selection *given, const struct pxt_select_options *options,
                          size_t expected, pxt_offer_fn *fn, void *arg, struct pxt_error *error)
{
    struct pxt_selection selection;
    pxt_selection_read(given, &selection);
    struct passing passing = {cache, &selection, pxt_clock_now(&cache->clock), options->after, fn, arg};
    struct pxt_choosing choosing = {.chain = &cache->chain,
                                    .selector = &cache->selector,
                                    .selection = &selection,
                                    .choice = options->choice,
                                    .session = options->session,
                                    .offer = pass,
                                    .arg = &passing};
    if (__builtin_add_overflow(options->after, expected, &choosing.expected))
        return pxt_fail(error, PXT_EINVAL, 0, "`after` and the number that is wanted are too great together");
    return pxt_choose(&choosing, error);
}
