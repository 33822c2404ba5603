/* SPDX-License-Identifier: MIT
 *
 * Every struct and enumeration that plugins and the core hand to each other: what the comparison of ABIs looks at.
 */
#include <proxtier/encryptor.h>
#include <proxtier/eviction.h>
#include <proxtier/tier.h>

void witness_plugin(const struct pxt_plugin *plugin, const struct pxt_option *option, const struct pxt_host *host,
                    enum pxt_plugin_kind kind, enum pxt_option_type type, enum pxt_log_level level);
void witness_tier(const struct pxt_tier_ops *ops, const struct pxt_tier_setup *setup, const struct pxt_touch *touch,
                  const struct pxt_check *check, const struct pxt_key *key);
void witness_others(const struct pxt_eviction_ops *eviction, const struct pxt_encryptor_ops *encryptor,
                    const struct pxt_seal_context *context, enum pxt_removal why);
void witness_entry(const struct pxt_draft *draft, const struct pxt_field *field, const struct pxt_error *error,
                   enum pxt_field_id id, enum pxt_health health, pxt_status status);

void witness_plugin(const struct pxt_plugin *plugin, const struct pxt_option *option, const struct pxt_host *host,
                    enum pxt_plugin_kind kind, enum pxt_option_type type, enum pxt_log_level level)
{
    (void)plugin, (void)option, (void)host, (void)kind, (void)type, (void)level;
}

void witness_tier(const struct pxt_tier_ops *ops, const struct pxt_tier_setup *setup, const struct pxt_touch *touch,
                  const struct pxt_check *check, const struct pxt_key *key)
{
    (void)ops, (void)setup, (void)touch, (void)check, (void)key;
}

void witness_others(const struct pxt_eviction_ops *eviction, const struct pxt_encryptor_ops *encryptor,
                    const struct pxt_seal_context *context, enum pxt_removal why)
{
    (void)eviction, (void)encryptor, (void)context, (void)why;
}

void witness_entry(const struct pxt_draft *draft, const struct pxt_field *field, const struct pxt_error *error,
                   enum pxt_field_id id, enum pxt_health health, pxt_status status)
{
    (void)draft, (void)field, (void)error, (void)id, (void)health, (void)status;
}
