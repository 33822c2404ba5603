/* SPDX-License-Identifier: MIT
 *
 * fail_safe.h: what a get serves, with `fail_safe: true`, where no tier can decide. doc/versions.md, rules 36 and 37.
 */
#ifndef PXT_FAIL_SAFE_H
#define PXT_FAIL_SAFE_H

#include "chain/decide.h"

/* Whether old copies in private tiers are kept after a get that ended so: the next one may serve them. */
bool pxt_fail_safe_keeps(const struct pxt_chain *chain, const struct pxt_decision *decision, pxt_status status);
/* Serves the newest copy that can be had, after a decision that ended with `status`: `*out` is a copy of the entry, which is
 * marked and held. False: there is none that may be served. Any lock may be held. */
bool pxt_fail_safe_serve(struct pxt_chain *chain, const struct pxt_key *key, const struct pxt_decision *decision,
                         pxt_status status, pxt_entry **out, unsigned *found_in);
/* Entries of which the time to live has ended by then may be removed. */
pxt_time pxt_fail_safe_expired_by(const struct pxt_chain *chain);

#endif
