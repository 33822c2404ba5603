/* SPDX-License-Identifier: MIT
 *
 * group_commit.h: group commit: puts of several threads into one durable tier go down together, so that a database makes
 * one transaction of them (D. DeWitt et al., "Implementation Techniques for Main Memory Database Systems", SIGMOD 1984).
 */
#ifndef PXT_GROUP_COMMIT_H
#define PXT_GROUP_COMMIT_H

#include <proxtier/tier.h>
#include <pthread.h>

struct pxt_group_commit_item;
struct pxt_group_commit {
    pthread_mutex_t lock;                       /* a leaf; not held while the tier is called */
    struct pxt_group_commit_item *first, **end; /* the queue of followers */
    bool leading;                               /* there is a leader, in the tier or about to be */
};
void pxt_group_commit_init(struct pxt_group_commit *group);
void pxt_group_commit_destroy(struct pxt_group_commit *group);
/* Tells whether a tier gains by group commit: it has transactions, is concurrent, and offers put_many. */
bool pxt_group_commit_suits(const struct pxt_tier_ops *ops);
/* Calls ops->put, or ops->put_many together with puts of other threads. Each put gets a status and an error of its
 * own. */
pxt_status pxt_group_commit_put(struct pxt_group_commit *group, const struct pxt_tier_ops *ops, void *self,
                                pxt_entry *entry, struct pxt_error *error);

#endif
