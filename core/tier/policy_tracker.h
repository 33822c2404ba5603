/* SPDX-License-Identifier: MIT
 *
 * policy_tracker.h: keeps the state of an eviction policy for a tier that does not keep it.
 */
#ifndef PXT_POLICY_TRACKER_H
#define PXT_POLICY_TRACKER_H

#include <proxtier/tier.h>

struct pxt_policy_tracker;
pxt_status pxt_policy_tracker_open(const struct pxt_eviction_ops *ops, const struct pxt_host *host,
                                   const struct pxt_settings *settings, uint64_t capacity,
                                   struct pxt_policy_tracker **out, struct pxt_error *error);
void pxt_policy_tracker_close(struct pxt_policy_tracker *tracker);
/* All are thread-safe. hit and remove ignore a key that is not tracked. */
pxt_status pxt_policy_tracker_put(struct pxt_policy_tracker *tracker, const struct pxt_key *key,
                                  struct pxt_error *error);
void pxt_policy_tracker_hit(struct pxt_policy_tracker *tracker, const struct pxt_key *key);
void pxt_policy_tracker_remove(struct pxt_policy_tracker *tracker, const struct pxt_key *key, enum pxt_removal why);
/* Tells the policy, if it wants to know, that a get has found nothing. */
void pxt_policy_tracker_missed(struct pxt_policy_tracker *tracker, uint64_t hash);
/* Copies the key of the victim into `text` (PXT_KEY_MAX + 1 bytes): "" if the policy keeps the newcomer out. False if there is
 * no victim. */
bool pxt_policy_tracker_victim(struct pxt_policy_tracker *tracker, uint64_t newcomer, char *text, struct pxt_key *key);

#endif
