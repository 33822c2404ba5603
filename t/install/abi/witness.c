/* SPDX-License-Identifier: MIT
 *
 * Every struct and enumeration that plugins and the core hand to each other: what the comparison of ABIs looks at.
 */
#include <proxtier/encryptor.h>
#include <proxtier/eviction.h>
#include <proxtier/stats.h>
#include <proxtier/tier.h>

/* A struct that has grown is let pass as a whole, so that each function in it stands here once more. The lists are those
 * of the header. */
#define TIER(X)                                                                                                        \
    X(open)                                                                                                            \
    X(close)                                                                                                           \
    X(get)                                                                                                             \
    X(put)                                                                                                             \
    X(del)                                                                                                             \
    X(each)                                                                                                            \
    X(count)                                                                                                           \
    X(clear)                                                                                                           \
    X(contains)                                                                                                        \
    X(put_many)                                                                                                        \
    X(touch)                                                                                                           \
    X(settle)                                                                                                          \
    X(victim)                                                                                                          \
    X(expire)                                                                                                          \
    X(check_add)                                                                                                       \
    X(check_each)                                                                                                      \
    X(maintain)                                                                                                        \
    X(sync)                                                                                                            \
    X(shared_path)                                                                                                     \
    X(corruptions)                                                                                                     \
    X(after_fork_child)                                                                                                \
    X(instance_ops)                                                                                                    \
    X(versions)                                                                                                        \
    X(record_get)                                                                                                      \
    X(record_put)                                                                                                      \
    X(tombstones)                                                                                                      \
    X(known_dead)                                                                                                      \
    X(get_many)                                                                                                        \
    X(put_if)                                                                                                          \
    X(del_if)                                                                                                          \
    X(put_if_many)                                                                                                     \
    X(select)                                                                                                          \
    X(lease_take)                                                                                                      \
    X(lease_renew)                                                                                                     \
    X(lease_end)                                                                                                       \
    X(lease_each)
#define HOST(X)                                                                                                        \
    X(now)                                                                                                             \
    X(monotonic)                                                                                                       \
    X(call)                                                                                                            \
    X(log)                                                                                                             \
    X(fail)                                                                                                            \
    X(status_of_errno)                                                                                                 \
    X(setting_text)                                                                                                    \
    X(setting_number)                                                                                                  \
    X(setting_given)                                                                                                   \
    X(setting_secret)                                                                                                  \
    X(prepare_folder)                                                                                                  \
    X(key_init)                                                                                                        \
    X(entry_new)                                                                                                       \
    X(entry_copy)                                                                                                      \
    X(tombstone_new)                                                                                                   \
    X(entry_read)                                                                                                      \
    X(entry_key)                                                                                                       \
    X(entry_number)                                                                                                    \
    X(entry_hold)                                                                                                      \
    X(entry_release)                                                                                                   \
    X(entry_acquire)                                                                                                   \
    X(entry_acquire_key)                                                                                               \
    X(entry_touch)                                                                                                     \
    X(json_write)                                                                                                      \
    X(json_write_plain)                                                                                                \
    X(json_new)                                                                                                        \
    X(text_free)                                                                                                       \
    X(json_read)                                                                                                       \
    X(entry_new_foreign)                                                                                               \
    X(json_read_foreign)                                                                                               \
    X(thread_index)                                                                                                    \
    X(tier_open)                                                                                                       \
    X(tier_close)                                                                                                      \
    X(changed)                                                                                                         \
    X(available)                                                                                                       \
    X(selection_matches)
#define EVICTION(X) X(open) X(close) X(inserted) X(accessed) X(replaced) X(removed) X(victim) X(missed)
#define ENCRYPTOR(X) X(open) X(close) X(token_size) X(seal) X(open_token) X(key_ids)
#define WITNESS(kind, type, name)                                                                                      \
    void witness_##kind##_##name(__typeof__(((const struct type *)0)->name) function);                                 \
    void witness_##kind##_##name(__typeof__(((const struct type *)0)->name) function)                                  \
    {                                                                                                                  \
        (void)function;                                                                                                \
    }
#define TIER_FUNCTION(name) WITNESS(tier, pxt_tier_ops, name)
#define HOST_FUNCTION(name) WITNESS(host, pxt_host, name)
#define EVICTION_FUNCTION(name) WITNESS(eviction, pxt_eviction_ops, name)
#define ENCRYPTOR_FUNCTION(name) WITNESS(encryptor, pxt_encryptor_ops, name)
TIER(TIER_FUNCTION)
HOST(HOST_FUNCTION)
EVICTION(EVICTION_FUNCTION)
ENCRYPTOR(ENCRYPTOR_FUNCTION)

void witness_stats(const struct pxt_stats *stats);
void witness_stats(const struct pxt_stats *stats)
{
    (void)stats;
}

void witness_plugin(const struct pxt_plugin *plugin, const struct pxt_option *option, const struct pxt_host *host,
                    enum pxt_plugin_kind kind, enum pxt_option_type type, enum pxt_log_level level,
                    const struct pxt_option_value *value, const struct pxt_call *call,
                    const struct pxt_lower_tier *lower);
void witness_tier(const struct pxt_tier_ops *ops, const struct pxt_tier_setup *setup, const struct pxt_touch *touch,
                  const struct pxt_check *check, const struct pxt_key *key, const struct pxt_select *select,
                  const struct pxt_selection *selection, const struct pxt_lease *lease, enum pxt_order order);
void witness_others(const struct pxt_eviction_ops *eviction, const struct pxt_encryptor_ops *encryptor,
                    const struct pxt_seal_context *context, enum pxt_removal why);
void witness_entry(const struct pxt_draft *draft, const struct pxt_field *field, const struct pxt_error *error,
                   const struct pxt_value *value, enum pxt_field_id id, enum pxt_health health, pxt_status status);

void witness_plugin(const struct pxt_plugin *plugin, const struct pxt_option *option, const struct pxt_host *host,
                    enum pxt_plugin_kind kind, enum pxt_option_type type, enum pxt_log_level level,
                    const struct pxt_option_value *value, const struct pxt_call *call,
                    const struct pxt_lower_tier *lower)
{
    (void)plugin, (void)option, (void)host, (void)kind, (void)type, (void)level, (void)value, (void)call, (void)lower;
}

void witness_tier(const struct pxt_tier_ops *ops, const struct pxt_tier_setup *setup, const struct pxt_touch *touch,
                  const struct pxt_check *check, const struct pxt_key *key, const struct pxt_select *select,
                  const struct pxt_selection *selection, const struct pxt_lease *lease, enum pxt_order order)
{
    (void)ops, (void)setup, (void)touch, (void)check, (void)key, (void)select, (void)selection, (void)lease,
        (void)order;
}

void witness_others(const struct pxt_eviction_ops *eviction, const struct pxt_encryptor_ops *encryptor,
                    const struct pxt_seal_context *context, enum pxt_removal why)
{
    (void)eviction, (void)encryptor, (void)context, (void)why;
}

void witness_entry(const struct pxt_draft *draft, const struct pxt_field *field, const struct pxt_error *error,
                   const struct pxt_value *value, enum pxt_field_id id, enum pxt_health health, pxt_status status)
{
    (void)draft, (void)field, (void)error, (void)value, (void)id, (void)health, (void)status;
}
