/* SPDX-License-Identifier: MIT
 *
 * cache_private.h: what a cache is made of.
 */
#ifndef PXT_CACHE_PRIVATE_H
#define PXT_CACHE_PRIVATE_H

#include "cache/sealer.h"
#include "chain/chain.h"
#include "chain/janitor.h"
#include "select/select.h"

struct pxt_cache {
    struct pxt_logger logger;
    struct pxt_clock clock;
    struct pxt_config *config;
    struct pxt_sealer *sealer;
    struct pxt_chain chain;
    struct pxt_janitor janitor;
    struct pxt_selector selector;
    int64_t default_ttl; /* seconds */
    bool invalidate;
    int64_t failure_threshold, history;
    pxt_time check_interval, check_interval_max;
};

/* draft.c: makes an entry from a caller's draft: splits the URL, fills in defaults, seals credentials. `*out` has one
 * reference. PXT_EINVAL names the field. */
pxt_status pxt_entry_from_draft(pxt_cache *cache, const struct pxt_draft *given, pxt_entry **out,
                                struct pxt_error *error);

/* select.c: copies as many of the caller's options as both sides know. PXT_EINVAL: the choice is none, or lacks its session. */
pxt_status pxt_select_options_read(const struct pxt_select_options *given, struct pxt_select_options *options,
                                   struct pxt_error *error);

/* pool.c: fills in what concerns the pool as a whole. */
void pxt_pool_stats(const pxt_cache *cache, struct pxt_stats *stats);

#endif
