/* SPDX-License-Identifier: MIT
 *
 * decide_steps.h: the steps of a decision, of one key (decide.c) and of many keys together (decide_many.c).
 */
#ifndef PXT_DECIDE_STEPS_H
#define PXT_DECIDE_STEPS_H

#include "chain/decide.h"

/* What the tiers that are not in doubt have said so far. */
struct pxt_clear_answers {
    pxt_status worst;
    bool complete_has_nothing;
};
#define PXT_NO_ANSWERS ((struct pxt_clear_answers){PXT_NOT_FOUND, false})

/* What is known while all members are asked for a key. */
struct pxt_all_answers {
    pxt_doubts silent;
    const char *name;  /* of the last that failed; NULL: none */
    pxt_status status; /* another than PXT_OK: there is no memory */
};
/* Why a member is silent that no call has asked. */
#define PXT_ABSENT ((struct pxt_error){.message = "a member of the pool is not in this chain"})

void pxt_decide_begin(const struct pxt_chain *chain, const struct pxt_key *key, struct pxt_decision *decision);

/* Whether a tier may decide. */
bool pxt_decide_is_clear(const struct pxt_chain *chain, const struct pxt_tier *tier,
                         const struct pxt_decision *decision);
/* Whether the authority is asked instead of a faster tier. */
bool pxt_decide_is_passed_over(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key,
                               unsigned flags);
/* Asks one tier; but not again where it did not answer in time, for each get waits for a tier once. */
pxt_status pxt_decide_ask(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key, unsigned flags,
                          struct pxt_decision *decision, pxt_entry **out, struct pxt_error *error);
/* What the answer of one tier means. PXT_NOT_FOUND also if its copy is one that another write has made old. */
pxt_status pxt_decide_understand(struct pxt_chain *chain, const struct pxt_tier *tier, struct pxt_decision *decision,
                                 pxt_status status, const pxt_entry *entry);
/* Notes the answer of a clear tier. Returns whether the tier decides. */
bool pxt_decide_hear(const struct pxt_chain *chain, const struct pxt_tier *tier, pxt_status status,
                     struct pxt_decision *decision, struct pxt_clear_answers *answers);
/* What the clear tiers say if none has the key. PXT_EUNAVAILABLE: none of them decides; or the only durable tier is not open yet. */
pxt_status pxt_decide_conclude(const struct pxt_chain *chain, const struct pxt_clear_answers *answers,
                               struct pxt_error *error);
/* Notes what the clear tiers say. */
void pxt_decide_note_clear(const struct pxt_chain *chain, bool by_authority, pxt_status status,
                           struct pxt_decision *decision);

/* Whether all members have to be asked, after the clear tiers have said `status`. */
bool pxt_decide_is_open(const struct pxt_chain *chain, pxt_status status);
/* The n-th tier of those that are asked then: the authority comes first. */
struct pxt_tier *pxt_decide_nth_asked(struct pxt_chain *chain, unsigned n);
/* Takes what a member has answered; `entry` is given away. `why` it failed, if it did. */
void pxt_decide_hear_member(const struct pxt_chain *chain, struct pxt_tier *tier, pxt_status status, pxt_entry *entry,
                            const struct pxt_error *why, struct pxt_decision *decision, struct pxt_all_answers *answers,
                            struct pxt_error *error);
/* What all members say of a key. `why` the last failed that did not answer. */
pxt_status pxt_decide_conclude_all(const struct pxt_key *key, const struct pxt_decision *decision,
                                   const struct pxt_all_answers *answers, const struct pxt_error *why,
                                   struct pxt_error *error);

/* Ends a decision: `status` is what the tiers say. */
pxt_status pxt_decide_end(struct pxt_chain *chain, const struct pxt_key *key, unsigned flags, pxt_status status,
                          struct pxt_decision *decision);

#endif
