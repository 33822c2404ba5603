/* SPDX-License-Identifier: MIT
 *
 * group.c: whoever finds no one in the tier goes down at once; those who come meanwhile wait, and the first of them takes
 * all along. A thread that is alone never waits.
 */
#include "group.h"

enum { TOGETHER = 64 };

struct pxt_group_item {
    struct pxt_group_item *next;
    pxt_entry *entry;
    pxt_status status;
    struct pxt_error error;
    bool finished;
};

void pxt_group_init(struct pxt_group *group)
{
    pthread_mutex_init(&group->lock, NULL);
    pthread_cond_init(&group->finished, NULL);
    group->first = NULL;
    group->end = &group->first;
    group->leading = false;
}

void pxt_group_destroy(struct pxt_group *group)
{
    pthread_cond_destroy(&group->finished);
    pthread_mutex_destroy(&group->lock);
}

bool pxt_group_suits(const struct pxt_tier_ops *ops)
{
    return (ops->flags & PXT_TIER_DURABLE) && (ops->flags & PXT_TIER_CONCURRENT) && ops->put_many;
}

/* put_many takes all or none: where it takes none, each has to learn for itself why. */
static void put_all(const struct pxt_tier_ops *ops, void *self, struct pxt_group_item *const *items, size_t n)
{
    pxt_entry *entries[TOGETHER];
    for (size_t i = 0; i < n; i++)
        entries[i] = items[i]->entry;
    if (n > 1 && ops->put_many(self, entries, n, NULL) == PXT_OK) {
        for (size_t i = 0; i < n; i++)
            items[i]->status = PXT_OK;
        return;
    }
    for (size_t i = 0; i < n; i++)
        items[i]->status = ops->put(self, items[i]->entry, &items[i]->error);
}

/* Called and returns with the lock held. */
static void lead(struct pxt_group *group, const struct pxt_tier_ops *ops, void *self)
{
    struct pxt_group_item *items[TOGETHER];
    size_t n = 0;
    while (group->first && n < TOGETHER) {
        items[n++] = group->first;
        group->first = group->first->next;
    }
    if (!group->first)
        group->end = &group->first;
    group->leading = true;
    pthread_mutex_unlock(&group->lock);
    put_all(ops, self, items, n);
    pthread_mutex_lock(&group->lock);
    for (size_t i = 0; i < n; i++)
        items[i]->finished = true;
    group->leading = false;
    if (n > 1 || group->first)
        pthread_cond_broadcast(&group->finished);
}

pxt_status pxt_group_put(struct pxt_group *group, const struct pxt_tier_ops *ops, void *self, pxt_entry *entry,
                         struct pxt_error *error)
{
    struct pxt_group_item item = {.entry = entry, .error = {.status = PXT_OK}};
    pthread_mutex_lock(&group->lock);
    *group->end = &item;
    group->end = &item.next;
    while (!item.finished) {
        if (group->leading)
            pthread_cond_wait(&group->finished, &group->lock);
        else
            lead(group, ops, self);
    }
    pthread_mutex_unlock(&group->lock);
    if (item.status && error)
        *error = item.error;
    return item.status;
}
