/* SPDX-License-Identifier: MIT
 *
 * didyoumean.h: the known word that a mistyped one was meant to be.
 */
#ifndef PXT_DIDYOUMEAN_H
#define PXT_DIDYOUMEAN_H

#include <proxtier/admin.h>

/* How many insertions, deletions, changes and swaps of neighbours lead from one word to the other (F. Damerau, 1964);
 * words longer than 63 bytes count as far apart. */
unsigned pxt_word_distance(const char *a, const char *b);
#endif
