/* SPDX-License-Identifier: MIT
 *
 * group_commit.h: group commit: puts of several threads into one durable tier go down together, so that a database makes one
 * transaction of them (D. DeWitt et al., "Implementation Techniques for Main Memory Database Systems", SIGMOD 1984).
 */
#ifndef PXT_GROUP_H
#define PXT_GROUP_H

#include <proxtier/tier.h>
#include <pthread.h>

struct pxt_group_commit_item;
struct pxt_group_commit {
    pthread_mutex_t lock;                       /* a leaf; not held while the tier is called */
    struct pxt_group_commit_item *first, **end; /* those that wait */
    bool leading;                               /* a thread is in the tier, for itself and others */
};
void pxt_group_commit_init(struct pxt_group_commit *group);
void pxt_group_commit_destroy(struct pxt_group_commit *group);
/* Whether a tier gains by it: it says so, locks itself, and takes many at once. */
bool pxt_group_commit_suits(const struct pxt_tier_ops *ops);
/* ops->put, perhaps together with those of other threads. Each gets a status and an error of its own. */
pxt_status pxt_group_commit_put(struct pxt_group_commit *group, const struct pxt_tier_ops *ops, void *self,
                                pxt_entry *entry, struct pxt_error *error);

#endif
