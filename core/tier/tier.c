/* SPDX-License-Identifier: MIT
 *
 * tier.c: opens a tier into a link, and what every call on it has in common: the guard and the serial lock. The
 * operations themselves are in link_ops.c, the memory of what it missed in link_missed.c.
 */
#include "base/fail.h"
#include "base/key.h"
#include "plugin/stacked_tier.h"
#include "tier/tier.h"
#include "tier/tier_call.h"
#include <stdio.h>
#include <string.h>

static bool track(void *arg, pxt_entry *entry)
{
    struct pxt_link *link = arg;
    struct pxt_key key;
    link->host.host.entry_key(entry, &key);
    return pxt_tracker_put(link->tracker, &key, NULL) == PXT_OK;
}

static pxt_status open_tier(struct pxt_link *link, const struct pxt_tier_config *config, struct pxt_error *error)
{
    const struct pxt_eviction_ops *policy = link->limited && link->max_entries ? config->eviction.module->ops : NULL;
    struct pxt_tier_setup setup = {.size = sizeof setup,
                                   .name = config->name,
                                   .settings = config->tier.settings,
                                   .max_entries = link->limited ? link->max_entries : 0,
                                   .policy_host = &link->policy_host.host,
                                   .policy_settings = config->eviction.settings};
    if (policy && pxt_tier_applies_policy(link->ops, policy))
        setup.policy = policy;
    pxt_status status = link->ops->open(&link->host.host, &setup, &link->self, error);
    if (status) {
        link->self = NULL;
        return status;
    }
    status = pxt_tier_instance_ops(link->ops, link->self, config->plugin, &link->instance_ops, &link->ops, error);
    /* The core's own tracker is used where the tier cannot apply this policy itself. */
    if (!status && policy && !pxt_tier_applies_policy(link->ops, policy)) {
        status = pxt_tracker_open(policy, &link->policy_host.host, config->eviction.settings, link->max_entries,
                                  &link->tracker, error);
        if (!status)
            status = link->ops->each(link->self, track, link, error);
    }
    if (status) {
        link->ops->close(link->self);
        pxt_tracker_close(link->tracker);
        link->tracker = NULL;
        link->self = NULL;
    }
    return status;
}

pxt_status pxt_link_open(struct pxt_link *link, unsigned index, const struct pxt_tier_config *config,
                         const struct pxt_settings *global, char *const *folders, const struct pxt_logger *logger,
                         const struct pxt_clock *clock, struct pxt_error *error)
{
    char policy_component[80];
    link->index = index;
    link->name = config->name;
    link->plugin = config->plugin;
    link->logger = logger;
    link->limited = config->max_entries != UINT64_MAX;
    link->max_entries = config->max_entries;
    link->write_behind = config->write_behind;
    pthread_mutex_init(&link->serial, NULL);
    pthread_mutex_init(&link->missed_lock, NULL);
    pxt_group_init(&link->group);
    pthread_mutex_init(&link->accessed_lock, NULL);
    link->missed_max = (size_t)pxt_settings_number(global, "degrade.missed_max");
    pxt_guard_init(&link->guard, (unsigned)pxt_settings_number(global, "degrade.threshold"),
                   pxt_settings_number(global, "degrade.backoff") / 1000,
                   pxt_settings_number(global, "degrade.backoff_max") / 1000);
    pxt_host_init(&link->host, config->name, logger, clock);
    snprintf(policy_component, sizeof policy_component, "%s.eviction", config->name);
    pxt_host_init(&link->policy_host, policy_component, logger, clock);
    if (!config->tier.module) {
        atomic_store(&link->guard.state, PXT_TIER_ABSENT);
        snprintf(link->guard.reason, sizeof link->guard.reason, "%s",
                 config->problem ? config->problem : "its plugin is missing");
        return PXT_OK;
    }
    link->ops = config->tier.module->ops;
    link->flags = link->ops->flags;
    link->host.plugin_folders = folders;
    struct pxt_error local;
    pxt_status status = open_tier(link, config, &local);
    if (!status) {
        link->flags = link->ops->flags;
        link->grouped = pxt_group_suits(link->ops);
        link->hits_need_no_lock = (link->flags & PXT_TIER_CONCURRENT) && !link->tracker &&
                                  (link->ops->settle || (link->flags & PXT_TIER_SHARED));
        return PXT_OK;
    }
    pxt_error_prefix(&local, "tier %s (%s) cannot be opened", config->name, config->plugin);
    if (config->required) {
        if (error)
            *error = local;
        return status;
    }
    pxt_log(logger, PXT_MESSAGE_WARNING, "chain", "%s; going on without it, it is not required", local.message);
    atomic_store(&link->guard.state, PXT_TIER_ABSENT);
    snprintf(link->guard.reason, sizeof link->guard.reason, "%.250s", local.message);
    return PXT_OK;
}

void pxt_link_close(struct pxt_link *link)
{
    if (!link->name)
        return;
    if (link->self)
        link->ops->close(link->self);
    pxt_tracker_close(link->tracker);
    pxt_keyset_free(&link->missed);
    pxt_keyset_free(&link->accessed);
    pxt_guard_destroy(&link->guard);
    pthread_mutex_destroy(&link->serial);
    pthread_mutex_destroy(&link->missed_lock);
    pxt_group_destroy(&link->group);
    pthread_mutex_destroy(&link->accessed_lock);
}

void pxt_link_failed(struct pxt_link *link, const struct pxt_error *error)
{
    PXT_COUNT(link, failures, 1);
    pxt_log(link->logger, PXT_MESSAGE_WARNING, link->name, "%s", error->message);
    if (pxt_guard_failed(&link->guard, pxt_clock_monotonic_ms(), error->message))
        pxt_log(link->logger, PXT_MESSAGE_ERROR, "chain",
                "tier %s is off after %u failures in a row; the others go on; it is tried again in %lld ms", link->name,
                link->guard.threshold, (long long)link->guard.backoff_ms);
}

bool pxt_link_enter(struct pxt_link *link, bool probing, struct pxt_error *error)
{
    if (!link->self || (!probing && !pxt_guard_on(&link->guard))) {
        PXT_COUNT(link, skipped, 1);
        pxt_fail(error, PXT_EUNAVAILABLE, 0, "tier %s is off", link->name);
        return false;
    }
    if (!(link->flags & PXT_TIER_CONCURRENT))
        pthread_mutex_lock(&link->serial);
    return true;
}

pxt_status pxt_link_leave(struct pxt_link *link, pxt_status status, struct pxt_error *local, struct pxt_error *error)
{
    if (!(link->flags & PXT_TIER_CONCURRENT))
        pthread_mutex_unlock(&link->serial);
    if (status == PXT_OK || status == PXT_NOT_FOUND) {
        pxt_guard_succeeded(&link->guard);
        return status;
    }
    if (status == PXT_EINVAL || status == PXT_ENOTSUP || status == PXT_ENOMEM) {
        /* The caller's fault, or the machine's: no reason to turn the tier off. */
    } else {
        pxt_link_failed(link, local);
    }
    if (error)
        *error = *local;
    return status;
}
