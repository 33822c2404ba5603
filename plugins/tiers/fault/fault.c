/* SPDX-License-Identifier: MIT
 *
 * fault: wraps another tier and makes chosen calls of it fail, tear or take long: to rehearse what a chain does when a
 * disk is full or a database locked, and to test it. It offers the operations and the flags of the tier below.
 */
#include "fault.h"
#include <stdlib.h>
#include <string.h>

static const struct pxt_option options[] = {
    {"tier", PXT_OPTION_TEXT, NULL, 0, 0, NULL, "the plugin of the tier below: l2_jsonl, l3_sqlite, ..."},
    {"tier_options", PXT_OPTION_TEXT, "", 0, 0, NULL, "its options on one line: name=value,name=value"},
    {"faults", PXT_OPTION_TEXT, "", 0, 0, NULL,
     "rules, separated by `;`: OPERATION CALLS fail|tear [ERROR], or OPERATION CALLS delay TIME"},
    {0}};

/* Starts an operation: returns if a rule makes the call fail. Then `torn` is the rule that tears the call, or NULL. */
#define MEET(operation)                                                                                                \
    struct fault *fault = self;                                                                                        \
    const struct pxt_lower_tier *lower = fault->lower;                                                                 \
    const struct fault_rule *torn = fault_meet(fault, FAULT_##operation);                                              \
    if (torn && torn->action == FAULT_FAIL)                                                                            \
    return fault_fail(fault, torn, FAULT_##operation, error)

/* The status for the caller, after the call of the tier below. */
#define OUTCOME(operation, status) torn ? fault_fail(fault, torn, FAULT_##operation, error) : (status)

static pxt_status on_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                         struct pxt_error *error)
{
    MEET(get);
    pxt_status status = lower->ops->get(lower->self, key, flags, out, error);
    if (torn && status == PXT_OK)
        fault->host->entry_release(*out);
    if (torn)
        *out = NULL;
    return OUTCOME(get, status);
}

static pxt_status on_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    MEET(put);
    pxt_status status = lower->ops->put(lower->self, entry, error);
    return OUTCOME(put, status);
}

static pxt_status on_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    MEET(del);
    pxt_status status = lower->ops->del(lower->self, key, why, error);
    return OUTCOME(del, status);
}

/* Half of the entries. */
struct half {
    pxt_entry_fn *fn;
    void *arg;
    uint64_t left;
};

static bool each_half(void *arg, pxt_entry *entry)
{
    struct half *half = arg;
    return half->left-- > 0 && half->fn(half->arg, entry);
}

static pxt_status on_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    MEET(each);
    struct half half = {fn, arg, 0};
    if (!torn)
        return lower->ops->each(lower->self, fn, arg, error);
    if (lower->ops->count(lower->self, &half.left, NULL) == PXT_OK && (half.left /= 2) > 0)
        lower->ops->each(lower->self, each_half, &half, NULL);
    return OUTCOME(each, PXT_OK);
}

static pxt_status on_count(void *self, uint64_t *out, struct pxt_error *error)
{
    MEET(count);
    pxt_status status = lower->ops->count(lower->self, out, error);
    return OUTCOME(count, status);
}

static pxt_status on_clear(void *self, uint64_t *removed, struct pxt_error *error)
{
    MEET(clear);
    pxt_status status = lower->ops->clear(lower->self, removed, error);
    return OUTCOME(clear, status);
}

static pxt_status on_contains(void *self, const struct pxt_key *key, struct pxt_error *error)
{
    MEET(contains);
    pxt_status status = lower->ops->contains(lower->self, key, error);
    return OUTCOME(contains, status);
}

static pxt_status on_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error)
{
    MEET(put_many);
    pxt_status status = lower->ops->put_many(lower->self, entries, torn ? n / 2 : n, error);
    return OUTCOME(put_many, status);
}

static pxt_status on_touch(void *self, const struct pxt_touch *const *touches, size_t n, struct pxt_error *error)
{
    MEET(touch);
    pxt_status status = lower->ops->touch(lower->self, touches, torn ? n / 2 : n, error);
    return OUTCOME(touch, status);
}

static pxt_status on_settle(void *self, struct pxt_error *error)
{
    MEET(settle);
    pxt_status status = lower->ops->settle(lower->self, error);
    return OUTCOME(settle, status);
}

static pxt_status on_victim(void *self, uint64_t incoming, pxt_entry **out, struct pxt_error *error)
{
    MEET(victim);
    pxt_status status = lower->ops->victim(lower->self, incoming, out, error);
    if (torn && status == PXT_OK)
        fault->host->entry_release(*out);
    return OUTCOME(victim, status);
}

static pxt_status on_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                            uint64_t *removed, struct pxt_error *error)
{
    MEET(expire);
    pxt_status status = lower->ops->expire(lower->self, now, up_to, torn ? limit / 2 : limit, fn, arg, removed, error);
    return OUTCOME(expire, status);
}

static pxt_status on_check_add(void *self, const struct pxt_check *check, uint64_t keep, struct pxt_error *error)
{
    MEET(check_add);
    pxt_status status = lower->ops->check_add(lower->self, check, keep, error);
    return OUTCOME(check_add, status);
}

static pxt_status on_check_each(void *self, const struct pxt_key *key, pxt_check_fn *fn, void *arg,
                                struct pxt_error *error)
{
    MEET(check_each);
    pxt_status status = lower->ops->check_each(lower->self, key, fn, arg, error);
    return OUTCOME(check_each, status);
}

static pxt_status on_maintain(void *self, struct pxt_error *error)
{
    MEET(maintain);
    pxt_status status = lower->ops->maintain(lower->self, error);
    return OUTCOME(maintain, status);
}

static pxt_status on_sync(void *self, struct pxt_error *error)
{
    MEET(sync);
    pxt_status status = lower->ops->sync(lower->self, error);
    return OUTCOME(sync, status);
}

/* Half of the versions. */
struct half_versions {
    pxt_version_fn *fn;
    void *arg;
    uint64_t left;
};

static bool count_version(void *arg, const struct pxt_key *key, uint64_t version)
{
    (void)key, (void)version;
    ++*(uint64_t *)arg;
    return true;
}

static bool versions_half(void *arg, const struct pxt_key *key, uint64_t version)
{
    struct half_versions *half = arg;
    return half->left-- > 0 && half->fn(half->arg, key, version);
}

static pxt_status on_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error)
{
    MEET(versions);
    struct half_versions half = {fn, arg, 0};
    if (!torn)
        return lower->ops->versions(lower->self, above, fn, arg, error);
    if (lower->ops->versions(lower->self, above, count_version, &half.left, NULL) == PXT_OK && (half.left /= 2) > 0)
        lower->ops->versions(lower->self, above, versions_half, &half, NULL);
    return OUTCOME(versions, PXT_OK);
}

static pxt_status on_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    MEET(record_get);
    pxt_status status = lower->ops->record_get(lower->self, text, error);
    return OUTCOME(record_get, status);
}

static pxt_status on_record_put(void *self, const char *text, struct pxt_error *error)
{
    MEET(record_put);
    pxt_status status = lower->ops->record_put(lower->self, text, error);
    return OUTCOME(record_put, status);
}

/* Torn: half of the entries were read before the failure, and are let go of. */
static pxt_status on_get_many(void *self, const struct pxt_key *const *keys, size_t n, unsigned flags, pxt_entry **out,
                              struct pxt_error *error)
{
    MEET(get_many);
    size_t some = torn ? n / 2 : n;
    pxt_status status = lower->ops->get_many(lower->self, keys, some, flags, out, error);
    for (size_t i = 0; i < some && torn && !status; i++)
        fault->host->entry_release(out[i]);
    return OUTCOME(get_many, status);
}

static pxt_status on_put_if(void *self, pxt_entry *entry, uint64_t expected, struct pxt_error *error)
{
    MEET(put_if);
    pxt_status status = lower->ops->put_if(lower->self, entry, expected, error);
    return OUTCOME(put_if, status);
}

static pxt_status on_del_if(void *self, const struct pxt_key *key, uint64_t expected, enum pxt_removal why,
                            struct pxt_error *error)
{
    MEET(del_if);
    pxt_status status = lower->ops->del_if(lower->self, key, expected, why, error);
    return OUTCOME(del_if, status);
}

/* Torn: half of the entries are stored, each for itself. */
static pxt_status on_put_if_many(void *self, pxt_entry *const *entries, const uint64_t *expected, size_t n,
                                 pxt_status *results, struct pxt_error *error)
{
    MEET(put_if_many);
    pxt_status status = lower->ops->put_if_many(lower->self, entries, expected, torn ? n / 2 : n, results, error);
    return OUTCOME(put_if_many, status);
}

static pxt_status on_lease_take(void *self, const struct pxt_lease *lease, bool *taken, struct pxt_error *error)
{
    MEET(lease_take);
    pxt_status status = lower->ops->lease_take(lower->self, lease, taken, error);
    return OUTCOME(lease_take, status);
}

static pxt_status on_lease_renew(void *self, const struct pxt_lease *lease, struct pxt_error *error)
{
    MEET(lease_renew);
    pxt_status status = lower->ops->lease_renew(lower->self, lease, error);
    return OUTCOME(lease_renew, status);
}

static pxt_status on_lease_end(void *self, const struct pxt_lease *lease, struct pxt_error *error)
{
    MEET(lease_end);
    pxt_status status = lower->ops->lease_end(lower->self, lease, error);
    return OUTCOME(lease_end, status);
}

static pxt_status on_lease_each(void *self, const struct pxt_key *key, pxt_lease_fn *fn, void *arg,
                                struct pxt_error *error)
{
    MEET(lease_each);
    pxt_status status = lower->ops->lease_each(lower->self, key, fn, arg, error);
    return OUTCOME(lease_each, status);
}

static const char *shared_path(void *self)
{
    const struct fault *fault = self;
    return fault->lower->ops->shared_path(fault->lower->self);
}

/* For statistics: no rule makes it fail. */
static pxt_status tombstones(void *self, uint64_t *out, struct pxt_error *error)
{
    const struct fault *fault = self;
    return fault->lower->ops->tombstones(fault->lower->self, out, error);
}

static pxt_status known_dead(void *self, pxt_time now, uint64_t *out, struct pxt_error *error)
{
    const struct fault *fault = self;
    return fault->lower->ops->known_dead(fault->lower->self, now, out, error);
}

static uint64_t corruptions(void *self)
{
    const struct fault *fault = self;
    return fault->lower->ops->corruptions(fault->lower->self);
}

static void after_fork_child(void *self)
{
    const struct fault *fault = self;
    fault->lower->ops->after_fork_child(fault->lower->self);
}

/* ---- the instance ----------------------------------------------------------------------------------------------- */

static const struct pxt_tier_ops *instance_ops(void *self)
{
    const struct fault *fault = self;
    return &fault->ops;
}

static void fault_close(void *self)
{
    struct fault *fault = self;
    fault->host->tier_close(fault->lower);
    fault_rules_free(fault);
    free(fault->lower_options);
    free(fault->lower_text);
    free(fault);
}

static pxt_status fault_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                             struct pxt_error *error);

/* All operations. An instance offers those that the tier below has. */
static const struct pxt_tier_ops ops = {
    .size = sizeof ops,
    .flags = PXT_TIER_POLICY_STATE | PXT_TIER_POLICY_ORDER, /* it passes the policy on */
    .open = fault_open,
    .close = fault_close,
    .get = on_get,
    .put = on_put,
    .del = on_del,
    .each = on_each,
    .count = on_count,
    .clear = on_clear,
    .contains = on_contains,
    .put_many = on_put_many,
    .touch = on_touch,
    .settle = on_settle,
    .victim = on_victim,
    .expire = on_expire,
    .check_add = on_check_add,
    .check_each = on_check_each,
    .maintain = on_maintain,
    .sync = on_sync,
    .shared_path = shared_path,
    .corruptions = corruptions,
    .after_fork_child = after_fork_child,
    .instance_ops = instance_ops,
    .versions = on_versions,
    .record_get = on_record_get,
    .record_put = on_record_put,
    .get_many = on_get_many,
    .tombstones = tombstones,
    .put_if = on_put_if,
    .del_if = on_del_if,
    .put_if_many = on_put_if_many,
    .lease_take = on_lease_take,
    .lease_renew = on_lease_renew,
    .lease_end = on_lease_end,
    .lease_each = on_lease_each,
    .known_dead = known_dead,
};

static void offer_what_it_offers(struct fault *fault)
{
    const struct pxt_tier_ops *lower = fault->lower->ops;
    fault->ops = ops;
    fault->ops.flags = lower->flags;
#define TAKE_OUT(operation)                                                                                            \
    if (!lower->operation)                                                                                             \
    fault->ops.operation = NULL
    TAKE_OUT(clear);
    TAKE_OUT(contains);
    TAKE_OUT(put_many);
    TAKE_OUT(touch);
    TAKE_OUT(settle);
    TAKE_OUT(victim);
    TAKE_OUT(expire);
    TAKE_OUT(check_add);
    TAKE_OUT(check_each);
    TAKE_OUT(maintain);
    TAKE_OUT(sync);
    TAKE_OUT(shared_path);
    TAKE_OUT(corruptions);
    TAKE_OUT(after_fork_child);
    TAKE_OUT(versions);
    TAKE_OUT(record_get);
    TAKE_OUT(record_put);
    TAKE_OUT(get_many);
    TAKE_OUT(tombstones);
    TAKE_OUT(put_if);
    TAKE_OUT(del_if);
    TAKE_OUT(put_if_many);
    TAKE_OUT(lease_take);
    TAKE_OUT(lease_renew);
    TAKE_OUT(lease_end);
    TAKE_OUT(lease_each);
    TAKE_OUT(known_dead);
#undef TAKE_OUT
}

static pxt_status fault_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                             struct pxt_error *error)
{
    const char *tier = host->setting_text(setup->settings, "tier");
    if (!tier || !*tier)
        return host->fail(host, error, PXT_ECONFIG, 0, "the option `tier` must name the tier that fault wraps");
    struct fault *fault = calloc(1, sizeof *fault);
    if (!fault)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for a tier");
    fault->host = host;
    pxt_status status = fault_rules_read(fault, host->setting_text(setup->settings, "faults"), error);
    if (!status)
        status = fault_lower_options(fault, host->setting_text(setup->settings, "tier_options"), error);
    if (!status)
        status = host->tier_open(host, tier, fault->lower_options, setup, host, &fault->lower, error);
    if (status) {
        fault_close(fault);
        return status;
    }
    offer_what_it_offers(fault);
    *self = fault;
    return PXT_OK;
}

PXT_PLUGIN(PXT_KIND_TIER, "fault", "1.0.0", "MIT", "another tier, with faults to rehearse", options, &ops);
