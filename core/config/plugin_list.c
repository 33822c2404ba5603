/* SPDX-License-Identifier: MIT
 *
 * plugin_list.c: what plugins there are.
 */
#include "base/fail.h"
#include "config/config.h"
#include <proxtier/admin.h>

/* The folders of the configuration; of a configuration that is wrong, the usual ones, so that plugins can be listed. */
static pxt_status folders_of(const struct pxt_cache_options *options, char ***out, struct pxt_error *error)
{
    struct pxt_config *config = NULL;
    if (pxt_config_load(options, NULL, &config, NULL) != PXT_OK)
        return pxt_loader_folders(NULL, out, error);
    pxt_status status = pxt_loader_folders((const char *const *)config->plugin_folders, out, error);
    pxt_config_free(config);
    return status;
}

static bool tell(const char *path, struct pxt_module *module, const struct pxt_error *error, pxt_plugin_fn *fn,
                 void *arg)
{
    struct pxt_plugin_info info = {.size = sizeof info,
                                   .path = module ? module->path : path,
                                   .plugin = module ? &module->plugin : NULL,
                                   .problem = module ? NULL : error->message};
    return fn(arg, &info);
}

pxt_status pxt_plugin_each(const struct pxt_cache_options *options, pxt_plugin_fn *fn, void *arg,
                           struct pxt_error *error)
{
    char **folders = NULL, **names = NULL;
    if (!fn)
        return pxt_fail(error, PXT_EINVAL, 0, "fn must not be NULL");
    pxt_status status = folders_of(options, &folders, error);
    if (!status)
        status = pxt_loader_list(folders, &names, error);
    for (size_t i = 0; !status && names[i]; i++) {
        struct pxt_module *module = NULL;
        struct pxt_error problem;
        pxt_status opened = pxt_loader_open(folders, names[i], (enum pxt_plugin_kind)0, NULL, &module, &problem);
        bool go_on = tell(names[i], opened ? NULL : module, &problem, fn, arg);
        pxt_loader_close(module);
        if (!go_on)
            break;
    }
    pxt_loader_folders_free(names);
    pxt_loader_folders_free(folders);
    return status;
}

pxt_status pxt_plugin_find(const struct pxt_cache_options *options, const char *name, pxt_plugin_fn *fn, void *arg,
                           struct pxt_error *error)
{
    char **folders = NULL;
    struct pxt_module *module = NULL;
    if (!fn || !name || !*name)
        return pxt_fail(error, PXT_EINVAL, 0, "give the name or path of a plugin");
    pxt_status status = folders_of(options, &folders, error);
    if (!status)
        status = pxt_loader_open(folders, name, (enum pxt_plugin_kind)0, NULL, &module, error);
    if (!status)
        tell(name, module, NULL, fn, arg);
    pxt_loader_close(module);
    pxt_loader_folders_free(folders);
    return status;
}
