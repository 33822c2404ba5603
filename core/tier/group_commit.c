/* SPDX-License-Identifier: MIT
 *
 * group_commit.c: leader and followers. A thread that finds no leader writes at once. Threads that arrive meanwhile
 * queue; when the leader is done, the first of them becomes the leader and writes the whole queue. Each follower has its
 * own semaphore: a shared condition variable would wake them all.
 */
#include "tier/group_commit.h"
#include <errno.h>
#include <semaphore.h>

enum { GROUP_MAX = 64 };

struct pxt_group_commit_item {
    struct pxt_group_commit_item *next;
    pxt_entry *entry;
    pxt_status status;
    struct pxt_error error;
    sem_t woken;
    bool finished; /* false when woken: this thread is the next leader */
};

void pxt_group_commit_init(struct pxt_group_commit *group)
{
    pthread_mutex_init(&group->lock, NULL);
    group->first = NULL;
    group->end = &group->first;
    group->leading = false;
}

void pxt_group_commit_destroy(struct pxt_group_commit *group)
{
    pthread_mutex_destroy(&group->lock);
}

bool pxt_group_commit_suits(const struct pxt_tier_ops *ops)
{
    return (ops->flags & PXT_TIER_TRANSACTION) && (ops->flags & PXT_TIER_CONCURRENT) && ops->put_many;
}

/* Stores the entries of all items, and sets their status. put_many stores all or none. If one entry is the reason
 * (EINVAL, ESTALE), each is put singly to find which; if the tier is the reason, all share the error, because a locked
 * database would make each single put wait again. */
static void put_all(const struct pxt_tier_ops *ops, void *self, struct pxt_group_commit_item *const *items, size_t n)
{
    pxt_entry *entries[GROUP_MAX];
    for (size_t i = 0; i < n; i++)
        entries[i] = items[i]->entry;
    pxt_status all = n > 1 ? ops->put_many(self, entries, n, &items[0]->error) : PXT_EINVAL;
    if (all != PXT_EINVAL && all != PXT_ESTALE) {
        for (size_t i = 0; i < n; i++) {
            items[i]->status = all;
            if (all && i)
                items[i]->error = items[0]->error;
        }
        return;
    }
    for (size_t i = 0; i < n; i++)
        items[i]->status = ops->put(self, items[i]->entry, &items[i]->error);
}

/* Takes items from the queue. The lock is held. */
static size_t take(struct pxt_group_commit *group, struct pxt_group_commit_item **items)
{
    size_t n = 0;
    while (group->first && n < GROUP_MAX) {
        items[n++] = group->first;
        group->first = group->first->next;
    }
    if (!group->first)
        group->end = &group->first;
    return n;
}

/* Writes the queue, `self_item` among it; then wakes the next leader and the followers that are done. */
static void lead(struct pxt_group_commit *group, const struct pxt_tier_ops *ops, void *self,
                 const struct pxt_group_commit_item *self_item)
{
    struct pxt_group_commit_item *items[GROUP_MAX];
    pthread_mutex_lock(&group->lock);
    size_t n = take(group, items);
    pthread_mutex_unlock(&group->lock);
    put_all(ops, self, items, n);
    pthread_mutex_lock(&group->lock);
    struct pxt_group_commit_item *next = group->first;
    group->leading = next != NULL;
    pthread_mutex_unlock(&group->lock);
    if (next) /* its thread still waits: only the next leader can finish it */
        sem_post(&next->woken);
    for (size_t i = 0; i < n; i++)
        if (items[i] != self_item) {
            items[i]->finished = true;
            sem_post(&items[i]->woken);
        }
}

pxt_status pxt_group_commit_put(struct pxt_group_commit *group, const struct pxt_tier_ops *ops, void *self,
                                pxt_entry *entry, struct pxt_error *error)
{
    struct pxt_group_commit_item item;
    int cancel_state;
    /* Until the end: a thread that is cancelled would leave a queue with an item of its stack, or without a leader. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel_state);
    item.next = NULL;
    item.entry = entry;
    item.finished = false;
    item.error.message[0] = '\0';
    sem_init(&item.woken, 0, 0);
    pthread_mutex_lock(&group->lock);
    *group->end = &item;
    group->end = &item.next;
    bool waits = group->leading;
    group->leading = true;
    pthread_mutex_unlock(&group->lock);
    while (waits && sem_wait(&item.woken) && errno == EINTR) {
    }
    if (!item.finished)
        lead(group, ops, self, &item);
    sem_destroy(&item.woken);
    pthread_setcancelstate(cancel_state, NULL);
    if (item.status && error)
        *error = item.error;
    return item.status;
}
