/* SPDX-License-Identifier: MIT
 *
 * widths.c: a small table; a selection takes the place of another one with the same slot.
 */
#include "select/widths.h"

uint64_t pxt_width_get(struct pxt_widths *widths, uint64_t selection)
{
    unsigned slot = (unsigned)(selection >> 32) % PXT_WIDTHS;
    pthread_mutex_lock(&widths->lock);
    uint64_t width = widths->slot[slot].selection == selection ? widths->slot[slot].width : 0;
    pthread_mutex_unlock(&widths->lock);
    return width ? width : PXT_RING_SIZE;
}

void pxt_width_set(struct pxt_widths *widths, uint64_t selection, uint64_t width)
{
    unsigned slot = (unsigned)(selection >> 32) % PXT_WIDTHS;
    pthread_mutex_lock(&widths->lock);
    widths->slot[slot].selection = selection;
    widths->slot[slot].width = width;
    pthread_mutex_unlock(&widths->lock);
}
