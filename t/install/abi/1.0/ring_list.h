/* SPDX-License-Identifier: MIT
 *
 * ring_list.h: a doubly linked ring, whose links lie inside the entries' states. Most policies are made of it.
 */
#ifndef EVICTION_RING_LIST_H
#define EVICTION_RING_LIST_H

struct link {
    struct link *next, *previous;
};

static inline void list_init(struct link *head)
{
    head->next = head->previous = head;
}
static inline void list_remove(struct link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
}
/* Puts `link` behind `place`. */
static inline void list_insert(struct link *place, struct link *link)
{
    link->previous = place;
    link->next = place->next;
    place->next->previous = link;
    place->next = link;
}

#endif
