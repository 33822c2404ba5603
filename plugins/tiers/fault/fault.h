/* SPDX-License-Identifier: MIT
 *
 * fault.h: the parts of the fault tier: the tier that wraps another one, and the rules that make calls fail.
 */
#ifndef FAULT_H
#define FAULT_H

#include <proxtier/tier.h>
#include <stdatomic.h>

/* The operations that a rule can name. */
#define FAULT_OPERATIONS(X)                                                                                            \
    X(get)                                                                                                             \
    X(put)                                                                                                             \
    X(del)                                                                                                             \
    X(each)                                                                                                            \
    X(count)                                                                                                           \
    X(clear)                                                                                                           \
    X(contains)                                                                                                        \
    X(put_many)                                                                                                        \
    X(touch)                                                                                                           \
    X(settle) X(victim) X(expire) X(check_add) X(check_each) X(maintain) X(sync) X(versions) X(record_get)             \
        X(record_put) X(get_many) X(put_if) X(del_if) X(put_if_many) X(lease_take) X(lease_renew) X(lease_end)         \
            X(lease_each)
enum fault_operation {
#define X(name) FAULT_##name,
    FAULT_OPERATIONS(X)
#undef X
        FAULT_ANY /* whichever of them; and how many there are */
};

enum fault_action {
    FAULT_FAIL,  /* the tier below is not called */
    FAULT_TEAR,  /* the tier below does half of the work if there is more than one entry; then the call fails */
    FAULT_DELAY, /* it is called after a while */
};

struct fault_rule {
    struct fault_rule *next;
    enum fault_operation operation;
    uint64_t first, last; /* calls of that operation, from 1 */
    uint64_t every;       /* of those, each n-th; 1: all */
    enum fault_action action;
    pxt_status status; /* of those that fail */
    int64_t delay_us;
};

struct fault {
    const struct pxt_host *host;
    struct pxt_lower_tier *lower;
    struct pxt_tier_ops ops; /* the operations and flags of the tier below */
    struct fault_rule *rules;
    char *lower_text; /* what `lower_options` points into */
    struct pxt_option_value *lower_options;
    _Atomic uint64_t calls[FAULT_ANY + 1];
};

/* rules.c: parses the option `faults`. PXT_ECONFIG names the rule and its mistake. */
pxt_status fault_rules_read(struct fault *fault, const char *text, struct pxt_error *error);
void fault_rules_free(struct fault *fault);
/* lower_options.c: splits the option `tier_options` into fault->lower_options. PXT_ECONFIG says where it is wrong. */
pxt_status fault_lower_options(struct fault *fault, const char *text, struct pxt_error *error);
/* Counts a call, waits if a rule says so, and returns the rule that makes it fail, or NULL. */
const struct fault_rule *fault_meet(struct fault *fault, enum fault_operation operation);
/* Its error. */
pxt_status fault_fail(struct fault *fault, const struct fault_rule *rule, enum fault_operation operation,
                      struct pxt_error *error);

#endif
