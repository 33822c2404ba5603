/* SPDX-License-Identifier: MIT
 *
 * reopen.c: opens a tier that was absent when the cache was opened, as soon as it can be opened.
 */
#include "base/fail.h"
#include "chain/exchange.h"
#include "chain/remote.h"
#include "chain/repair.h"
#include "chain/stripes.h"
#include <string.h>

/* What a durable tier changes of a chain without one, and where a local tier keeps the
 * page, is settled when the cache is opened. */
bool pxt_chain_can_reopen(const struct pxt_tier *tier)
{
    return tier->ops && ((tier->flags & PXT_TIER_REMOTE) || !(tier->flags & (PXT_TIER_DURABLE | PXT_TIER_SHARED)));
}

void pxt_chain_reopen(struct pxt_chain *chain, struct pxt_tier *tier)
{
    struct pxt_error error;
    if (!pxt_chain_can_reopen(tier) || !pxt_breaker_may_reopen(&tier->breaker, pxt_clock_monotonic_ms()))
        return;
    pxt_status status = pxt_tier_reopen(tier, &error);
    if (!status) /* before it answers, so that the members join first */
        atomic_fetch_add(&chain->restarts, 1);
    pxt_breaker_reopened(&tier->breaker, status == PXT_OK, pxt_clock_monotonic_ms(), error.message);
    if (status) {
        pxt_log(chain->logger, PXT_MESSAGE_INFO, "chain", "tier %s stays absent: %s", tier->name, error.message);
        return;
    }
    pxt_log(chain->logger, PXT_MESSAGE_NOTICE, "chain", "tier %s is open now", tier->name);
    pxt_exchange_tell_lone(chain, tier);
}
