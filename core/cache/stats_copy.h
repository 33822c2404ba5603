/* SPDX-License-Identifier: MIT
 *
 * stats_copy.h: statistics between programs and a library of another age: their structs have other lengths.
 */
#ifndef PXT_STATS_COPY_H
#define PXT_STATS_COPY_H

#include <proxtier/stats.h>
#include <stdbool.h>

/* Whether pxt_stats_init() has set the sizes of `stats`. */
bool pxt_stats_has_sizes(const struct pxt_stats *stats);
/* Copies what both structs have, by the sizes that each of them says; what only `to` has becomes 0. */
void pxt_stats_copy(struct pxt_stats *to, const struct pxt_stats *from);

#endif
