/* SPDX-License-Identifier: MIT
 *
 * The probe that lets a tier in again: damage that the tier finds during the probe counts before anything relies on the
 * tier.
 */
#include "../lib/tap.h"
#include "chain/chain.h"

static uint64_t found; /* entries that the tier has found damaged */
static int told;       /* how often the chain was told of damage while the tier was off or just on */

/* The first call after a while finds the damage. */
static pxt_status count_damage(void *self, uint64_t *out, struct pxt_error *error)
{
    (void)self, (void)error;
    found = 1;
    *out = 0;
    return PXT_OK;
}

static uint64_t corruptions(void *self)
{
    (void)self;
    return found;
}

static void note_damage(struct pxt_tier *tier)
{
    (void)tier;
    told++;
}

int main(void)
{
    static struct pxt_chain chain;
    static const struct pxt_logger logger;
    const struct pxt_tier_ops ops = {.size = sizeof ops, .count = count_damage, .corruptions = corruptions};
    struct pxt_tier *tier = &chain.tier[0];
    if (pxt_page_open(&chain.page, NULL, 0, &chain.clock, NULL))
        return 1;
    chain.logger = &logger;
    chain.count = 1;
    *tier =
        (struct pxt_tier){.name = "l3", .self = &chain, .ops = &ops, .flags = PXT_TIER_CONCURRENT | PXT_TIER_DURABLE};
    tier->slot = -1;
    tier->damaged = note_damage;
    pxt_breaker_init(&tier->breaker, 1, 0, 0);
    pxt_breaker_failed(&tier->breaker, 0, "a failure");
    ok(!pxt_tier_on(tier), "the tier is off");
    pxt_chain_probe_down_tiers(&chain);
    ok(pxt_tier_on(tier), "a probe lets it in");
    is_int(told, 1, "damage that the probe has found is noted at once");
    pxt_breaker_destroy(&tier->breaker);
    pxt_page_close(&chain.page);
    return tap_done();
}
