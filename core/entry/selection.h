/* SPDX-License-Identifier: MIT
 *
 * selection.h: what a selection asks of an entry. pxt_selection_matches() is public.
 */
#ifndef PXT_SELECTION_H
#define PXT_SELECTION_H

#include <proxtier/cache.h>
#include <stdint.h>

/* Reads the caller's selection, which may be NULL or of another version: what it does not have asks for nothing. */
void pxt_selection_read(const struct pxt_selection *given, struct pxt_selection *out);
/* Whether it takes each entry that has not expired. */
bool pxt_selection_takes_all(const struct pxt_selection *selection);
/* The same number for the same selection, in every process. */
uint64_t pxt_selection_hash(const struct pxt_selection *selection);

#endif
