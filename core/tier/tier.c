/* SPDX-License-Identifier: MIT
 *
 * tier.c: opens and closes a tier. The operations are in tier_calls.c.
 */
#include "tier/tier.h"
#include "base/fail.h"
#include "base/key.h"
#include "plugin/tier_ops.h"
#include <stdio.h>
#include <string.h>

static bool track(void *arg, pxt_entry *entry)
{
    struct pxt_tier *tier = arg;
    struct pxt_key key;
    tier->instance.host.host.entry_key(entry, &key);
    return pxt_policy_tracker_put(tier->tracker, &key, NULL) == PXT_OK;
}

static pxt_status open_tier(struct pxt_tier *tier, const struct pxt_tier_config *config, struct pxt_error *error)
{
    const struct pxt_eviction_ops *policy = tier->limited && tier->max_entries ? config->eviction.module->ops : NULL;
    struct pxt_tier_setup setup = {.size = sizeof setup,
                                   .name = config->name,
                                   .settings = config->tier.settings,
                                   .max_entries = tier->limited ? tier->max_entries : 0,
                                   .policy_host = &tier->instance.policy_host.host,
                                   .policy_settings = config->eviction.settings};
    tier->tells_misses = policy && policy->missed;
    if (policy && pxt_tier_applies_policy(tier->ops, policy))
        setup.policy = policy;
    pxt_status status = pxt_settings_read_secrets(config->tier.settings, config->name, error);
    if (!status && policy)
        status = pxt_settings_read_secrets(config->eviction.settings, config->name, error);
    if (!status)
        status = tier->ops->open(&tier->instance.host.host, &setup, &tier->self, error);
    if (status) {
        tier->self = NULL;
        return status;
    }
    status = pxt_tier_instance_ops(tier->ops, tier->self, config->plugin, &tier->instance.ops, &tier->ops, error);
    /* The core's own tracker is used where the tier cannot apply this policy itself. */
    if (!status && policy && !pxt_tier_applies_policy(tier->ops, policy)) {
        status = pxt_policy_tracker_open(policy, &tier->instance.policy_host.host, config->eviction.settings,
                                         tier->max_entries, &tier->tracker, error);
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

/* Leaves the tier not present, for the reason that the statistics show. */
static void set_absent(struct pxt_tier *tier, const char *reason)
{
    pxt_breaker_absent(&tier->breaker, pxt_clock_monotonic_ms(), reason);
}

/* What follows from the operations and flags of an open tier. */
static void take_flags(struct pxt_tier *tier)
{
    tier->flags = tier->ops->flags | (tier->lone ? PXT_TIER_DURABLE : 0);
    pxt_forks_listen(&tier->fork_listener, tier->ops, tier->self);
    tier->grouped = pxt_group_commit_suits(tier->ops);
    /* Of a call that is made directly nothing counts, and nobody waits for it in the background. */
    bool may_be_direct = (tier->flags & PXT_TIER_SHARED) && !tier->max_waiting && !tier->soft_timeout;
    tier->hits_need_no_lock =
        (tier->flags & PXT_TIER_CONCURRENT) && !tier->tracker && (tier->ops->settle || may_be_direct);
}

static void init(struct pxt_tier *tier, const struct pxt_tier_config *config, const struct pxt_tier_context *context)
{
    const struct pxt_settings *settings = context->settings;
    char policy_component[80];
    tier->config = config;
    tier->name = config->name;
    tier->plugin = config->plugin;
    tier->logger = context->logger;
    tier->limited = config->max_entries != UINT64_MAX;
    tier->max_entries = config->max_entries;
    tier->write_behind = config->write_behind;
    tier->timeout = config->timeout;
    tier->soft_timeout = config->soft_timeout;
    tier->max_waiting = config->max_waiting;
    tier->clock = context->clock;
    pthread_mutex_init(&tier->serial, NULL);
    pxt_group_commit_init(&tier->group);
    pthread_mutex_init(&tier->accesses.lock, NULL);
    tier->slot = -1;
    pxt_breaker_init(&tier->breaker, (unsigned)pxt_settings_number(settings, "degrade.threshold"),
                     pxt_settings_number(settings, "degrade.backoff") / 1000,
                     pxt_settings_number(settings, "degrade.backoff_max") / 1000);
    pxt_host_init(&tier->instance.host, config->name, tier->logger, context->clock);
    tier->instance.host.plugin_folders = context->plugin_folders;
    pxt_host_share(&tier->instance.host, context->sharing);
    tier->instance.host.seal = context->seal;
    tier->instance.host.seal_arg = context->seal_arg;
    snprintf(policy_component, sizeof policy_component, "%s.eviction", config->name);
    pxt_host_init(&tier->instance.policy_host, policy_component, tier->logger, context->clock);
}

pxt_status pxt_tier_open(struct pxt_tier *tier, unsigned index, const struct pxt_tier_config *config,
                         const struct pxt_tier_context *context, struct pxt_error *error)
{
    struct pxt_error local;
    tier->index = index;
    init(tier, config, context);
    if (!config->tier.module) {
        set_absent(tier, config->problem ? config->problem : "its plugin is missing");
        return PXT_OK;
    }
    tier->ops = config->tier.module->ops;
    tier->flags = tier->ops->flags;
    pxt_status status = open_tier(tier, config, &local);
    if (!status) {
        take_flags(tier);
        return PXT_OK;
    }
    pxt_error_prefix(&local, "tier %s (%s) cannot be opened", config->name, config->plugin);
    if (config->required) {
        if (error)
            *error = local;
        return status;
    }
    pxt_log(tier->logger, PXT_MESSAGE_WARNING, "chain", "%s; going on without it, it is not required", local.message);
    set_absent(tier, local.message);
    return PXT_OK;
}

pxt_status pxt_tier_reopen(struct pxt_tier *tier, struct pxt_error *error)
{
    error->message[0] = '\0';
    tier->ops = tier->config->tier.module->ops; /* not those of an instance that was closed again */
    pxt_status status = open_tier(tier, tier->config, error);
    if (status)
        return status;
    if (pxt_tier_durable(tier) && !tier->lone && !(tier->ops->flags & PXT_TIER_DURABLE)) {
        tier->ops->close(tier->self);
        tier->self = NULL;
        return pxt_fail(
            error, PXT_ENOTSUP, 0,
            "it does not say that it is durable, as the tier said of itself when the cache was opened: open "
            "the cache anew");
    }
    take_flags(tier);
    return PXT_OK;
}

void pxt_tier_close(struct pxt_tier *tier)
{
    if (!tier->name)
        return;
    pxt_forks_ignore(&tier->fork_listener);
    if (tier->self)
        tier->ops->close(tier->self);
    pxt_policy_tracker_close(tier->tracker);
    pxt_free(tier->record_place);
    pxt_keymap_free(&tier->accesses.keys);
    pthread_mutex_destroy(&tier->accesses.lock);
    pxt_breaker_destroy(&tier->breaker);
    pthread_mutex_destroy(&tier->serial);
    pxt_group_commit_destroy(&tier->group);
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
