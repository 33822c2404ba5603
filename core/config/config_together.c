/* SPDX-License-Identifier: MIT
 *
 * config_together.c: what is right by itself and wrong together.
 */
#include "base/fail.h"
#include "config/config_private.h"
#include <proxtier/admin.h>
#include <proxtier/tier.h>
#include <string.h>

/* Whether a tier's option `compatible` is `proxywhirl`; `*knows`: it has this option. */
static bool is_with_proxywhirl(const struct pxt_tier_config *tier, bool *knows)
{
    const char *with = tier->tier.module ? pxt_settings_text(tier->tier.settings, "compatible") : NULL;
    *knows = with != NULL;
    return with && !strcmp(with, "proxywhirl");
}

/* Finds out whether the chain is shared with ProxyWhirl. Its keys are the same in all tiers, so that the tiers which have
 * the option must agree; and ProxyWhirl opens credentials with Fernet only. */
pxt_status pxt_config_read_compatible(struct pxt_config_loading *loading, const struct pxt_yaml_node *tree)
{
    const struct pxt_config *config = loading->config;
    const struct pxt_tier_config *with = NULL, *without = NULL;
    const struct pxt_yaml_node *tiers = pxt_yaml_member(tree, "tiers"), *encryptor = pxt_yaml_member(tree, "encryptor");
    for (size_t i = 0; i < config->tier_count; i++) {
        const struct pxt_tier_config *tier = &config->tier[i];
        bool knows;
        if (is_with_proxywhirl(tier, &knows))
            with = tier;
        else if (knows)
            without = tier;
    }
    loading->config->with_proxywhirl = with != NULL;
    loading->config->sharing = !strcmp(pxt_settings_text(loading->config->settings, "mode"), "group")
                                   ? PXT_SHARED_WITH_GROUP
                               : with ? PXT_SHARED_WITH_PROXYWHIRL
                                      : PXT_SHARED_WITH_NONE;
    if (with && without)
        return pxt_yaml_fail(loading->error, tiers ? tiers : tree,
                             "tier %s has compatible: proxywhirl, but tier %s has not, and an entry has one key in all "
                             "tiers: give it to both, or to none",
                             with->name, without->name);
    if (with && strcmp(config->encryptor.module->plugin.name, "fernet"))
        return pxt_yaml_fail(loading->error, encryptor ? encryptor : tree,
                             "tier %s has compatible: proxywhirl, but ProxyWhirl cannot open credentials that are "
                             "sealed by %s: give encryptor: fernet, or leave compatible out",
                             with->name, config->encryptor.module->plugin.name);
    return PXT_OK;
}

static bool is_durable(const struct pxt_tier_config *tier)
{
    const struct pxt_tier_ops *ops = tier->tier.module ? tier->tier.module->plugin.ops : NULL;
    return ops && (ops->flags & PXT_TIER_DURABLE) && tier->max_entries;
}

void pxt_config_advise(const struct pxt_config *config, const struct pxt_logger *logger)
{
    const struct pxt_tier_config *slowest = NULL;
    unsigned durable = 0;
    for (size_t i = 0; i < config->tier_count; i++) {
        const struct pxt_tier_config *tier = &config->tier[i];
        if (!is_durable(tier))
            continue;
        if (tier->write_behind && !slowest)
            pxt_log(logger, PXT_MESSAGE_NOTICE, "config",
                    "tier %s: write_behind does nothing: no faster tier is durable, so each put waits for this one",
                    tier->name);
        slowest = tier;
        durable++;
    }
    if (!slowest)
        pxt_log(logger, PXT_MESSAGE_NOTICE, "config", "no tier is durable: all entries are gone when the program ends");
    else if (durable > 1 && slowest->max_entries != UINT64_MAX) /* one alone: plainly what is meant */
        pxt_log(logger, PXT_MESSAGE_NOTICE, "config",
                "tier %s is the slowest that is durable, and has max_entries: %llu: what it evicts is nowhere else",
                slowest->name, (unsigned long long)slowest->max_entries);
}
