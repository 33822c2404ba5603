/* SPDX-License-Identifier: MIT
 *
 * deadline.c: the deadlines of the calls of a tier that has a timeout.
 */
#include "tier/tier.h"

void pxt_tier_begin_call(const struct pxt_tier *tier, struct pxt_call_frame *frame)
{
    if (tier->timeout)
        pxt_call_begin(frame, &tier->instance.host.host, pxt_clock_monotonic(tier->clock) + tier->timeout);
}

void pxt_tier_end_call(struct pxt_tier *tier, const struct pxt_call_frame *frame)
{
    if (!tier->timeout)
        return;
    pxt_call_end(frame);
    if (pxt_clock_monotonic(tier->clock) > frame->call.deadline)
        PXT_COUNT(tier, overruns, 1);
}
