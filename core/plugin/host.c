/* SPDX-License-Identifier: MIT
 *
 * host.c: fills the services table that plugins are handed. Each service is one function of the core; nothing is
 * decided here.
 */
#include "plugin/host.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/key.h"
#include "base/paths.h"
#include "entry/entry.h"
#include "entry/hazard.h"
#include "entry/json.h"
#include "plugin/stacked_tier.h"
#include "settings/settings.h"
#include <stdio.h>

static const struct pxt_host_instance *instance_of(const struct pxt_host *host)
{
    return (const struct pxt_host_instance *)(const void *)host; /* the table is the first member */
}

static pxt_time host_now(const struct pxt_host *host)
{
    return pxt_clock_now(instance_of(host)->clock);
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
    (void)host;
    return pxt_path_prepare_folder(path, error);
}

static pxt_status host_entry_new(const struct pxt_host *host, const struct pxt_draft *draft, pxt_entry **out,
                                 struct pxt_error *error)
{
    (void)host;
    return pxt_entry_new(draft, out, error);
}

static pxt_status host_json_read(const struct pxt_host *host, const char *text, size_t length, pxt_entry **out,
                                 struct pxt_error *error)
{
    (void)host;
    return pxt_json_read(text, length, out, error);
}

static pxt_status host_tier_open(const struct pxt_host *host, const char *plugin, const char *options,
                                 const struct pxt_tier_setup *setup, const struct pxt_host *lower_host,
                                 struct pxt_lower_tier **out, struct pxt_error *error)
{
    const struct pxt_host_instance *instance = instance_of(host);
    return pxt_lower_tier_open(instance->plugin_folders, instance->logger, plugin, options, setup, lower_host, out,
                               error);
}

void pxt_host_init(struct pxt_host_instance *instance, const char *component, const struct pxt_logger *logger,
                   const struct pxt_clock *clock)
{
    size_t field_count;
    const struct pxt_field *fields = pxt_fields(&field_count);
    instance->host = (struct pxt_host){
        .size = sizeof instance->host,
        .now = host_now,
        .log = host_log,
        .fail = host_fail,
        .status_of_errno = pxt_status_of_errno,
        .setting_text = pxt_settings_text,
        .setting_number = pxt_settings_number,
        .setting_given = pxt_settings_given,
        .prepare_folder = host_prepare_folder,
        .fields = fields,
        .field_count = field_count,
        .entry_new = host_entry_new,
        .entry_read = pxt_entry_read,
        .entry_key = pxt_entry_key_of,
        .entry_number = pxt_entry_number,
        .entry_hold = pxt_entry_hold,
        .entry_release = pxt_entry_release,
        .entry_acquire = pxt_entry_acquire,
        .entry_touch = pxt_entry_touch,
        .thread_index = pxt_thread_index,
        .json_write = pxt_json_write,
        .json_read = host_json_read,
        .key_init = pxt_key_init,
        .entry_acquire_key = pxt_entry_acquire_key,
        .tier_open = host_tier_open,
        .tier_close = pxt_lower_tier_close,
    };
    instance->logger = logger;
    instance->clock = clock;
    snprintf(instance->component, sizeof instance->component, "%s", component);
}
