/* SPDX-License-Identifier: MIT
 *
 * widths.h: how densely the matches of a selection lie on the ring of keys, as the last choice found it.
 */
#ifndef PXT_WIDTHS_H
#define PXT_WIDTHS_H

#include <pthread.h>
#include <stdint.h>

/* The ring has so many places: PXT_RING() of a hash is one. */
#define PXT_RING_SIZE (UINT64_C(1) << 63)

enum { PXT_WIDTHS = 64 };
struct pxt_widths {
    pthread_mutex_t lock; /* a leaf */
    struct {
        uint64_t selection, width;
    } slot[PXT_WIDTHS];
};
/* The width of a window that holds a few matches of the selection with this hash; the whole ring where it is not known. */
uint64_t pxt_width_get(struct pxt_widths *widths, uint64_t selection);
void pxt_width_set(struct pxt_widths *widths, uint64_t selection, uint64_t width);

#endif
