/* SPDX-License-Identifier: MIT
 *
 * stats_copy.c: statistics between programs and a library of another age. A newer one counts more: its totals end later,
 * and its tiers are longer and stand further apart.
 */
#include "cache/stats_copy.h"
#include <string.h>

enum { HEAD = offsetof(struct pxt_stats, gets) };

bool pxt_stats_has_sizes(const struct pxt_stats *stats)
{
    return stats->tier_offset >= HEAD && stats->tier_size >= offsetof(struct pxt_tier_stats, doubted) &&
           stats->size >= stats->tier_offset && stats->size - stats->tier_offset >= stats->tier_size;
}

static uint32_t room_for_tiers(const struct pxt_stats *stats)
{
    return (stats->size - stats->tier_offset) / stats->tier_size;
}

static uint32_t smaller(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

void pxt_stats_copy(struct pxt_stats *to, const struct pxt_stats *from)
{
    char *out = (char *)to;
    const char *in = (const char *)from;
    uint32_t tiers = smaller(from->tier_count, smaller(room_for_tiers(from), room_for_tiers(to)));
    memset(out + HEAD, 0, to->size - HEAD);
    memcpy(out + HEAD, in + HEAD, smaller(to->tier_offset, from->tier_offset) - HEAD);
    for (uint32_t i = 0; i < tiers; i++)
        memcpy(out + to->tier_offset + (size_t)i * to->tier_size, in + from->tier_offset + (size_t)i * from->tier_size,
               smaller(to->tier_size, from->tier_size));
    to->tier_count = tiers;
}
