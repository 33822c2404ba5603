/* SPDX-License-Identifier: MIT
 *
 * tier.c: opens a tier into a tier, and what every call on it has in common: the breaker and the serial lock. The
 * operations themselves are in tier_ops.c, the memory of what it missed in tier_missed.c.
 */
#include "tier/tier.h"
#include "base/fail.h"
#include "base/key.h"
#include "plugin/tier_ops.h"
#include "tier/tier_call.h"
#include <stdio.h>
#include <string.h>

static bool track(void *arg, pxt_entry *entry)
{
    struct pxt_tier *tier = arg;
    struct pxt_key key;
    tier->host.host.entry_key(entry, &key);
    return pxt_policy_tracker_put(tier->tracker, &key, NULL) == PXT_OK;
}

static pxt_status open_tier(struct pxt_tier *tier, const struct pxt_tier_config *config, struct pxt_error *error)
{
    const struct pxt_eviction_ops *policy = tier->limited && tier->max_entries ? config->eviction.module->ops : NULL;
    struct pxt_tier_setup setup = {.size = sizeof setup,
                                   .name = config->name,
                                   .settings = config->tier.settings,
                                   .max_entries = tier->limited ? tier->max_entries : 0,
                                   .policy_host = &tier->policy_host.host,
                                   .policy_settings = config->eviction.settings};
    if (policy && pxt_tier_applies_policy(tier->ops, policy))
        setup.policy = policy;
    pxt_status status = tier->ops->open(&tier->host.host, &setup, &tier->self, error);
    if (status) {
        tier->self = NULL;
        return status;
    }
    status = pxt_tier_instance_ops(tier->ops, tier->self, config->plugin, &tier->instance_ops, &tier->ops, error);
    /* The core's own tracker is used where the tier cannot apply this policy itself. */
    if (!status && policy && !pxt_tier_applies_policy(tier->ops, policy)) {
        status = pxt_policy_tracker_open(policy, &tier->policy_host.host, config->eviction.settings, tier->max_entries,
                                         &tier->tracker, error);
        if (!status)
            status = tier->ops->each(tier->self, track, tier, error);
    }
    if (status) {
        tier->ops->close(tier->self);
        pxt_policy_tracker_close(tier->tracker);
        tier->tracker = NULL;
        tier->self = NULL;
    }
    return status;
}

pxt_status pxt_tier_open(struct pxt_tier *tier, unsigned index, const struct pxt_tier_config *config,
                         const struct pxt_settings *global, char *const *folders, const struct pxt_logger *logger,
                         const struct pxt_clock *clock, struct pxt_error *error)
{
    char policy_component[80];
    tier->index = index;
    tier->name = config->name;
    tier->plugin = config->plugin;
    tier->logger = logger;
    tier->limited = config->max_entries != UINT64_MAX;
    tier->max_entries = config->max_entries;
    tier->write_behind = config->write_behind;
    pthread_mutex_init(&tier->serial, NULL);
    pthread_mutex_init(&tier->missed_lock, NULL);
    pxt_group_commit_init(&tier->group);
    pthread_mutex_init(&tier->accessed_lock, NULL);
    tier->missed_max = (size_t)pxt_settings_number(global, "degrade.missed_max");
    pxt_breaker_init(&tier->breaker, (unsigned)pxt_settings_number(global, "degrade.threshold"),
                     pxt_settings_number(global, "degrade.backoff") / 1000,
                     pxt_settings_number(global, "degrade.backoff_max") / 1000);
    pxt_host_init(&tier->host, config->name, logger, clock);
    snprintf(policy_component, sizeof policy_component, "%s.eviction", config->name);
    pxt_host_init(&tier->policy_host, policy_component, logger, clock);
    if (!config->tier.module) {
        atomic_store(&tier->breaker.state, PXT_TIER_ABSENT);
        snprintf(tier->breaker.reason, sizeof tier->breaker.reason, "%s",
                 config->problem ? config->problem : "its plugin is missing");
        return PXT_OK;
    }
    tier->ops = config->tier.module->ops;
    tier->flags = tier->ops->flags;
    tier->host.plugin_folders = folders;
    struct pxt_error local;
    pxt_status status = open_tier(tier, config, &local);
    if (!status) {
        tier->flags = tier->ops->flags;
        tier->grouped = pxt_group_commit_suits(tier->ops);
        tier->hits_need_no_lock = (tier->flags & PXT_TIER_CONCURRENT) && !tier->tracker &&
                                  (tier->ops->settle || (tier->flags & PXT_TIER_SHARED));
        return PXT_OK;
    }
    pxt_error_prefix(&local, "tier %s (%s) cannot be opened", config->name, config->plugin);
    if (config->required) {
        if (error)
            *error = local;
        return status;
    }
    pxt_log(logger, PXT_MESSAGE_WARNING, "chain", "%s; going on without it, it is not required", local.message);
    atomic_store(&tier->breaker.state, PXT_TIER_ABSENT);
    snprintf(tier->breaker.reason, sizeof tier->breaker.reason, "%.250s", local.message);
    return PXT_OK;
}

void pxt_tier_close(struct pxt_tier *tier)
{
    if (!tier->name)
        return;
    if (tier->self)
        tier->ops->close(tier->self);
    pxt_policy_tracker_close(tier->tracker);
    pxt_keymap_free(&tier->missed);
    pxt_keymap_free(&tier->accessed);
    pxt_breaker_destroy(&tier->breaker);
    pthread_mutex_destroy(&tier->serial);
    pthread_mutex_destroy(&tier->missed_lock);
    pxt_group_commit_destroy(&tier->group);
    pthread_mutex_destroy(&tier->accessed_lock);
}

void pxt_tier_failed(struct pxt_tier *tier, const struct pxt_error *error)
{
    PXT_COUNT(tier, failures, 1);
    pxt_log(tier->logger, PXT_MESSAGE_WARNING, tier->name, "%s", error->message);
    if (pxt_breaker_failed(&tier->breaker, pxt_clock_monotonic_ms(), error->message))
        pxt_log(tier->logger, PXT_MESSAGE_ERROR, "chain",
                "tier %s is off after %u failures in a row; the others go on; it is tried again in %lld ms", tier->name,
                tier->breaker.threshold, (long long)tier->breaker.backoff_ms);
}

bool pxt_tier_enter(struct pxt_tier *tier, bool probing, struct pxt_error *error)
{
    if (!tier->self || (!probing && !pxt_breaker_on(&tier->breaker))) {
        PXT_COUNT(tier, skipped, 1);
        pxt_fail(error, PXT_EUNAVAILABLE, 0, "tier %s is off", tier->name);
        return false;
    }
    if (!(tier->flags & PXT_TIER_CONCURRENT))
        pthread_mutex_lock(&tier->serial);
    return true;
}

pxt_status pxt_tier_leave(struct pxt_tier *tier, pxt_status status, struct pxt_error *local, struct pxt_error *error)
{
    if (!(tier->flags & PXT_TIER_CONCURRENT))
        pthread_mutex_unlock(&tier->serial);
    if (status == PXT_OK || status == PXT_NOT_FOUND) {
        pxt_breaker_succeeded(&tier->breaker);
        return status;
    }
    if (status == PXT_EINVAL || status == PXT_ENOTSUP || status == PXT_ENOMEM) {
        /* The caller's fault, or the machine's: no reason to turn the tier off. */
    } else {
        pxt_tier_failed(tier, local);
    }
    if (error)
        *error = *local;
    return status;
}
