/* SPDX-License-Identifier: MIT
 *
 * policy_tracker.h: a policy's state for the entries of a tier that keeps none itself.
 */
#ifndef PXT_TRACKER_H
#define PXT_TRACKER_H

#include <proxtier/tier.h>

struct pxt_policy_tracker;
pxt_status pxt_policy_tracker_open(const struct pxt_eviction_ops *ops, const struct pxt_host *host,
                                   const struct pxt_settings *settings, uint64_t capacity,
                                   struct pxt_policy_tracker **out, struct pxt_error *error);
void pxt_policy_tracker_close(struct pxt_policy_tracker *tracker);
/* All thread-safe. An entry that is not tracked is ignored by hit and remove. */
pxt_status pxt_policy_tracker_put(struct pxt_policy_tracker *tracker, const struct pxt_key *key,
                                  struct pxt_error *error);
void pxt_policy_tracker_hit(struct pxt_policy_tracker *tracker, const struct pxt_key *key);
void pxt_policy_tracker_remove(struct pxt_policy_tracker *tracker, const struct pxt_key *key, enum pxt_removal why);
void pxt_policy_tracker_clear(struct pxt_policy_tracker *tracker);
/* Copies the key of the victim into `text` (PXT_KEY_MAX + 1 bytes); false where there is none. */
bool pxt_policy_tracker_victim(struct pxt_policy_tracker *tracker, char *text, struct pxt_key *key);

#endif
