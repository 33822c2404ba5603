/* SPDX-License-Identifier: MIT
 *
 * host.c: fills the services table that plugins are handed. Each service is one function of the core; nothing is
 * decided here.
 */
#include "plugin/host.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/key.h"
#include "base/paths.h"
#include "entry/entry.h"
#include "entry/hazard.h"
#include "entry/json.h"
#include "entry/selection.h"
#include "plugin/call.h"
#include "plugin/stacked_tier.h"
#include "settings/settings.h"
#include <stdio.h>

/* The table is the first member; only the view of it that plugins have is constant. */
static struct pxt_host_instance *instance_of(const struct pxt_host *host)
{
    return (struct pxt_host_instance *)(uintptr_t)host;
}

static pxt_time host_now(const struct pxt_host *host)
{
    return pxt_clock_now(instance_of(host)->clock);
}

static int64_t host_monotonic(const struct pxt_host *host)
{
    return pxt_clock_monotonic(instance_of(host)->clock);
}

/* The public headers have the levels of messages twice, once for programs and once for plugins, as ABI 1.0 names both. */
_Static_assert((int)PXT_LOG_ERROR == (int)PXT_MESSAGE_ERROR && (int)PXT_LOG_WARNING == (int)PXT_MESSAGE_WARNING &&
                   (int)PXT_LOG_NOTICE == (int)PXT_MESSAGE_NOTICE && (int)PXT_LOG_INFO == (int)PXT_MESSAGE_INFO &&
                   (int)PXT_LOG_DEBUG == (int)PXT_MESSAGE_DEBUG,
               "a plugin's level is a program's level");

static void host_log(const struct pxt_host *host, enum pxt_log_level level, const char *format, ...)
{
    const struct pxt_host_instance *instance = instance_of(host);
    va_list args;
    va_start(args, format);
    pxt_vlog(instance->logger, (enum pxt_message_level)level, instance->component, format, args);
    va_end(args);
}

static pxt_status host_fail(const struct pxt_host *host, struct pxt_error *error, pxt_status status, int system_errno,
                            const char *format, ...)
{
    (void)host;
    va_list args;
    va_start(args, format);
    pxt_vfail(error, status, system_errno, format, args);
    va_end(args);
    return status;
}

static pxt_status host_prepare_folder(const struct pxt_host *host, const char *path, struct pxt_error *error)
{
    return pxt_path_prepare_folder(path, instance_of(host)->sharing, error);
}

static pxt_status host_entry_new(const struct pxt_host *host, const struct pxt_draft *draft, pxt_entry **out,
                                 struct pxt_error *error)
{
    (void)host;
    return pxt_entry_new(draft, out, error);
}

static pxt_status host_entry_copy(const struct pxt_host *host, const pxt_entry *entry, const struct pxt_draft *changes,
                                  pxt_entry **out, struct pxt_error *error)
{
    (void)host;
    return pxt_entry_copy_with(entry, changes, out, error);
}

static pxt_status host_json_new(const struct pxt_host *host, const pxt_entry *entry, unsigned flags, char **text,
                                size_t *length, struct pxt_error *error)
{
    (void)host;
    if (flags & PXT_FLAGS_MUST)
        return pxt_fail(error, PXT_ENOTSUP, 0,
                        "json_new: this proxtier does not know the flags 0x%x: install a newer one",
                        flags & PXT_FLAGS_MUST);
    return pxt_json_new(entry, flags, text, length, error);
}

static void host_text_free(char *text)
{
    pxt_free(text);
}

static pxt_status host_json_read(const struct pxt_host *host, const char *text, size_t length, pxt_entry **out,
                                 struct pxt_error *error)
{
    (void)host;
    return pxt_json_read(text, length, out, error);
}

/* Tells, once, that another program's entries are read otherwise than they are stored, or cannot be read. */
static void tell_of_foreign(struct pxt_host_instance *instance, pxt_status status, const char *changed,
                            const struct pxt_error *error)
{
    if ((status != PXT_ENOTSUP && !changed) || atomic_exchange(&instance->told_of_foreign, true))
        return;
    if (status)
        pxt_log(instance->logger, PXT_MESSAGE_WARNING, instance->component,
                "an entry of another program cannot be used here: %s; such entries stay as they are stored",
                error->message);
    else
        pxt_log(
            instance->logger, PXT_MESSAGE_WARNING, instance->component,
            "%s of an entry has a value that only another program holds valid: such values are read clipped, blanked "
            "out or clamped, and stay stored as they are until their entry is written",
            changed);
}

static pxt_status host_entry_new_foreign(const struct pxt_host *host, const struct pxt_draft *draft, pxt_entry **out,
                                         struct pxt_error *error)
{
    struct pxt_host_instance *instance = instance_of(host);
    struct pxt_foreign foreign = {.seal = instance->seal, .seal_arg = instance->seal_arg};
    struct pxt_error local;
    pxt_status status = pxt_entry_new_foreign(draft, &foreign, out, error ? error : &local);
    tell_of_foreign(instance, status, foreign.changed, error ? error : &local);
    return status;
}

static pxt_status host_json_read_foreign(const struct pxt_host *host, const char *text, size_t length, pxt_entry **out,
                                         struct pxt_error *error)
{
    struct pxt_host_instance *instance = instance_of(host);
    struct pxt_foreign foreign = {.seal = instance->seal, .seal_arg = instance->seal_arg};
    struct pxt_error local;
    pxt_status status = pxt_json_read_foreign(text, length, &foreign, out, error ? error : &local);
    tell_of_foreign(instance, status, foreign.changed, error ? error : &local);
    return status;
}

static pxt_status host_tier_open(const struct pxt_host *host, const char *plugin,
                                 const struct pxt_option_value *options, const struct pxt_tier_setup *setup,
                                 const struct pxt_host *lower_host, struct pxt_lower_tier **out,
                                 struct pxt_error *error)
{
    const struct pxt_host_instance *instance = instance_of(host);
    return pxt_lower_tier_open(instance->plugin_folders, instance->logger, plugin, options, setup, lower_host, out,
                               error);
}

static pxt_status host_tombstone_new(const struct pxt_host *host, const struct pxt_key *key, uint64_t version,
                                     unsigned why, pxt_time at, pxt_entry **out, struct pxt_error *error)
{
    (void)host;
    return pxt_tombstone_new(key, version, why, at, out, error);
}

static void host_changed(const struct pxt_host *host, const struct pxt_key *key)
{
    const struct pxt_host_instance *instance = instance_of(host);
    if (instance->changed)
        instance->changed(instance->listener, key);
}

static void host_available(const struct pxt_host *host, bool available)
{
    const struct pxt_host_instance *instance = instance_of(host);
    if (instance->available)
        instance->available(instance->listener, available);
}

void pxt_host_share(struct pxt_host_instance *instance, enum pxt_sharing sharing)
{
    instance->sharing = sharing;
    instance->host.file_mode = pxt_file_mode(sharing);
}

void pxt_host_init(struct pxt_host_instance *instance, const char *component, const struct pxt_logger *logger,
                   const struct pxt_clock *clock)
{
    size_t field_count;
    const struct pxt_field *const *fields = pxt_fields(&field_count);
    instance->host = (struct pxt_host){
        .size = sizeof instance->host,
        .now = host_now,
        .monotonic = host_monotonic,
        .call = pxt_call_of,
        .log = host_log,
        .fail = host_fail,
        .status_of_errno = pxt_status_of_errno,
        .setting_text = pxt_settings_text,
        .setting_number = pxt_settings_number,
        .setting_given = pxt_settings_given,
        .setting_secret = pxt_settings_secret,
        .prepare_folder = host_prepare_folder,
        .fields = fields,
        .field_count = field_count,
        .entry_new = host_entry_new,
        .entry_copy = host_entry_copy,
        .entry_read = pxt_entry_read,
        .entry_key = pxt_entry_key_of,
        .entry_number = pxt_entry_number,
        .entry_hold = pxt_entry_hold,
        .entry_release = pxt_entry_release,
        .entry_acquire = pxt_entry_acquire,
        .entry_touch = pxt_entry_touch,
        .thread_index = pxt_thread_index,
        .json_write = pxt_json_write,
        .json_new = host_json_new,
        .text_free = host_text_free,
        .json_read = host_json_read,
        .key_init = pxt_key_init,
        .entry_acquire_key = pxt_entry_acquire_key,
        .tier_open = host_tier_open,
        .tier_close = pxt_lower_tier_close,
        .entry_new_foreign = host_entry_new_foreign,
        .json_read_foreign = host_json_read_foreign,
        .tombstone_new = host_tombstone_new,
        .json_write_plain = pxt_json_write_plain,
        .changed = host_changed,
        .available = host_available,
        .selection_matches = pxt_selection_matches,
    };
    instance->logger = logger;
    instance->clock = clock;
    pxt_host_share(instance, PXT_SHARED_WITH_NONE);
    snprintf(instance->component, sizeof instance->component, "%s", component);
}
