/* SPDX-License-Identifier: MIT
 *
 * tier_hints.c: the hints of a tier, kept in memory and in the hint log.
 */
#include "base/fail.h"
#include "tier/tier.h"

pxt_status pxt_tier_open_hint_log(struct pxt_hint_log *log, struct pxt_tier *tiers, unsigned count,
                                  const char *shared_path, struct pxt_coherence *coherence, struct pxt_error *error)
{
    struct pxt_hints *hints[PXT_CHAIN_MAX] = {0};
    const struct pxt_logger *logger = count ? tiers[0].logger : NULL;
    for (unsigned i = 0; i < count; i++)
        hints[i] = &tiers[i].hints;
    pxt_status status = pxt_hint_log_open(log, shared_path, coherence, hints, count, logger, error);
    for (unsigned i = 0; i < count; i++)
        tiers[i].hint_log = log;
    return status;
}

/* Where there is no log the event is applied here. */
static void log_or_apply(struct pxt_tier *tier, enum pxt_hint_event event)
{
    if (!pxt_hint_log_append(tier->hint_log, event, &tier->hints, NULL))
        pxt_hints_apply(&tier->hints, event, NULL);
}

void pxt_tier_add_hint(struct pxt_tier *tier, const struct pxt_key *key, bool removal)
{
    switch (pxt_hints_add(&tier->hints, key, removal)) {
    case PXT_HINT_KNOWN:
        break;
    case PXT_HINT_ADDED:
        pxt_hint_log_append(tier->hint_log, removal ? PXT_HINT_REMOVAL : PXT_HINT_PUT, &tier->hints, key->text);
        break;
    case PXT_HINT_OVERFLOWED:
        pxt_hint_log_append(tier->hint_log, PXT_HINT_OVERFLOW, &tier->hints, NULL);
        pxt_log(tier->logger, PXT_MESSAGE_WARNING, "chain",
                "tier %s lacks more than %zu puts: a full resync will be made before it serves again", tier->name,
                tier->hints.puts_max);
        break;
    case PXT_HINT_TOO_MANY_REMOVALS:
        /* A tier that was off for that long may answer with removed entries. */
        pxt_log(tier->logger, PXT_MESSAGE_ERROR, "chain",
                "tier %s lacks more than %zu removals: clear it before it is used again", tier->name,
                100 * tier->hints.puts_max);
        break;
    }
}

void pxt_tier_hint_done(struct pxt_tier *tier, const struct pxt_key *key)
{
    if (pxt_hints_done(&tier->hints, key))
        pxt_hint_log_append(tier->hint_log, PXT_HINT_DONE, &tier->hints, key->text);
}

void pxt_tier_hints_all_done(struct pxt_tier *tier)
{
    log_or_apply(tier, PXT_HINT_ALL_DONE);
}

bool pxt_tier_resync_begin(struct pxt_tier *tier, unsigned *overflow_count)
{
    bool due = pxt_hints_overflowed(&tier->hints, overflow_count);
    if (due)
        log_or_apply(tier, PXT_HINT_RESYNC_BEGIN);
    return due;
}

bool pxt_tier_resync_end(struct pxt_tier *tier, unsigned overflow_count)
{
    return pxt_hint_log_append_resync_end(tier->hint_log, &tier->hints, overflow_count);
}
