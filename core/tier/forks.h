/* SPDX-License-Identifier: MIT
 *
 * forks.h: tells tiers, in the child of a fork, that they are in one.
 */
#ifndef PXT_FORKS_H
#define PXT_FORKS_H

#include <proxtier/tier.h>

/* An open instance that wants to know: a member of struct pxt_tier. */
struct pxt_fork_listener {
    struct pxt_fork_listener *next;
    const struct pxt_tier_ops *ops;
    void *self;
};
/* Adds the instance to those that are told, if it offers after_fork_child. */
void pxt_forks_listen(struct pxt_fork_listener *listener, const struct pxt_tier_ops *ops, void *self);
/* Takes it off; it need not be on the list. */
void pxt_forks_ignore(const struct pxt_fork_listener *listener);

#endif
