/* SPDX-License-Identifier: MIT
 *
 * stacked_tier.c: opens a tier that another tier wraps (a stacked tier), with its plugin and its options.
 */
#include "plugin/stacked_tier.h"
#include "base/alloc.h"
#include "base/fail.h"
#include "plugin/loader.h"
#include "plugin/tier_ops.h"
#include "settings/settings.h"

struct lower {
    struct pxt_lower_tier tier; /* first: what the caller knows */
    struct pxt_module *module;
    struct pxt_settings *settings;
    struct pxt_tier_ops instance;
};

static pxt_status open_lower(struct lower *lower, const struct pxt_tier_setup *above, const char *plugin,
                             const struct pxt_host *lower_host, struct pxt_error *error)
{
    const struct pxt_tier_ops *ops = lower->module->ops;
    struct pxt_tier_setup setup = {.size = sizeof setup,
                                   .name = above->name,
                                   .settings = lower->settings,
                                   .max_entries = above->max_entries,
                                   .policy_host = above->policy_host,
                                   .policy_settings = above->policy_settings};
    if (above->policy && pxt_tier_applies_policy(ops, above->policy))
        setup.policy = above->policy;
    void *self = NULL;
    pxt_status status = ops->open(lower_host, &setup, &self, error);
    if (status)
        return status;
    lower->tier.self = self;
    lower->tier.ops = ops; /* for close, if the next fails */
    return pxt_tier_instance_ops(ops, self, plugin, &lower->instance, &lower->tier.ops, error);
}

pxt_status pxt_lower_tier_open(char *const *folders, const struct pxt_logger *logger, const char *plugin,
                               const struct pxt_option_value *options, const struct pxt_tier_setup *setup,
                               const struct pxt_host *lower_host, struct pxt_lower_tier **out, struct pxt_error *error)
{
    char **found = NULL;
    if (!plugin || !*plugin)
        return pxt_fail(error, PXT_ECONFIG, 0, "the tier that it stands on is not named");
    struct lower *lower = pxt_alloc(sizeof *lower);
    pxt_status status = lower ? PXT_OK : pxt_fail_memory(error, "a tier");
    if (!status && !folders)
        status = pxt_loader_folders(NULL, &found, error);
    if (!status)
        status = pxt_loader_open(folders ? folders : found, plugin, PXT_KIND_TIER, logger, &lower->module, error);
    if (!status)
        status = pxt_settings_read_values(lower->module->plugin.options, options, plugin, &lower->settings, error);
    if (!status)
        status = pxt_settings_read_secrets(lower->settings, plugin, error);
    if (!status)
        status = open_lower(lower, setup, plugin, lower_host, error);
    pxt_loader_folders_free(found);
    if (status)
        pxt_lower_tier_close(lower ? &lower->tier : NULL);
    else
        *out = &lower->tier;
    return status;
}

void pxt_lower_tier_close(struct pxt_lower_tier *tier)
{
    struct lower *lower = (struct lower *)(void *)tier;
    if (!lower)
        return;
    if (lower->tier.self)
        lower->tier.ops->close(lower->tier.self);
    pxt_settings_free(lower->settings);
    pxt_loader_close(lower->module);
    pxt_free(lower);
}
