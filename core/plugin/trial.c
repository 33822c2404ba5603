/* SPDX-License-Identifier: MIT
 *
 * trial.c: one plugin, opened as the core would, with a host of its own: for tests of plugins.
 */
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fail.h"
#include "plugin/host.h"
#include "plugin/loader.h"
#include "settings/settings.h"
#include <proxtier/admin.h>

struct pxt_trial {
    struct pxt_logger logger;
    struct pxt_clock clock;
    struct pxt_host_instance host;
    struct pxt_module *module;
    struct pxt_plugin plugin; /* with operations in the core's size: what an older one lacks is NULL */
    struct pxt_settings *settings;
    char **folders;
};

pxt_status pxt_trial_open(const struct pxt_cache_options *options, const char *name, const char *settings,
                          struct pxt_trial **out, struct pxt_error *error)
{
    if (!out || !name)
        return pxt_fail(error, PXT_EINVAL, 0, "name and out must not be NULL");
    struct pxt_trial *trial = pxt_alloc(sizeof *trial);
    if (!trial)
        return pxt_fail_memory(error, "a plugin's trial");
    if (options) {
        trial->logger = (struct pxt_logger){options->log, options->log_arg, options->log_level};
        trial->clock = (struct pxt_clock){.fn = options->clock, .arg = options->clock_arg};
    }
    pxt_host_init(&trial->host, name, &trial->logger, &trial->clock);
    pxt_status status = pxt_loader_folders(NULL, &trial->folders, error);
    if (!status)
        status = pxt_loader_open(trial->folders, name, (enum pxt_plugin_kind)0, &trial->logger, &trial->module, error);
    if (!status) {
        trial->plugin = trial->module->plugin;
        trial->plugin.ops = trial->module->ops;
    }
    if (!status)
        status = pxt_settings_read_pairs(trial->module->plugin.options, settings, name, &trial->settings, error);
    if (!status)
        status = pxt_settings_read_secrets(trial->settings, name, error);
    trial->host.plugin_folders = trial->folders;
    if (status)
        pxt_trial_close(trial);
    else
        *out = trial;
    return status;
}

void pxt_trial_close(struct pxt_trial *trial)
{
    if (!trial)
        return;
    pxt_settings_free(trial->settings);
    pxt_loader_close(trial->module);
    pxt_loader_folders_free(trial->folders);
    pxt_free(trial);
}

const struct pxt_plugin *pxt_trial_plugin(const struct pxt_trial *trial)
{
    return &trial->plugin;
}

const struct pxt_host *pxt_trial_host(const struct pxt_trial *trial)
{
    return &trial->host.host;
}

const struct pxt_settings *pxt_trial_settings(const struct pxt_trial *trial)
{
    return trial->settings;
}
