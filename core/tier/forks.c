/* SPDX-License-Identifier: MIT
 *
 * forks.c: the instances of all caches of the process that are told of a fork, in the child. One lock, a leaf; a fork waits
 * for it, so that the child finds the list whole.
 */
#include "tier/forks.h"
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct pxt_fork_listener *first;

void pxt_forks_listen(struct pxt_fork_listener *listener, const struct pxt_tier_ops *ops, void *self)
{
    if (!ops->after_fork_child)
        return;
    pthread_mutex_lock(&lock);
    *listener = (struct pxt_fork_listener){first, ops, self};
    first = listener;
    pthread_mutex_unlock(&lock);
}

void pxt_forks_ignore(const struct pxt_fork_listener *listener)
{
    pthread_mutex_lock(&lock);
    struct pxt_fork_listener **place = &first;
    while (*place && *place != listener)
        place = &(*place)->next;
    if (*place)
        *place = listener->next;
    pthread_mutex_unlock(&lock);
}

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

/* The child has no use for the caches of its parent: it tells their tiers, and forgets them. */
static void after_fork_in_child(void)
{
    for (struct pxt_fork_listener *listener = first; listener; listener = listener->next)
        listener->ops->after_fork_child(listener->self);
    first = NULL;
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void library_loaded(void)
{
    pthread_atfork(before_fork, after_fork, after_fork_in_child);
}
