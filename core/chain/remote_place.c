/* SPDX-License-Identifier: MIT
 *
 * remote_place.c: where page and records of a pool stand of which a tier is remote: beside another shared tier, or, if there is
 * none, in the state folder, under a name that is made of the options of the remote tier.
 */
#include "base/fail.h"
#include "base/key.h"
#include "base/paths.h"
#include "chain/remote.h"
#include "entry/entry.h"
#include <stdio.h>
#include <string.h>

/* Adds an option to the text that names a store. */
static char *with_option(char *text, const struct pxt_option *option, const struct pxt_settings *settings)
{
    bool named =
        option->type == PXT_OPTION_TEXT || option->type == PXT_OPTION_PATH || option->type == PXT_OPTION_CHOICE;
    const char *value = named ? pxt_settings_text(settings, option->name) : NULL;
    if (!text || !value)
        return text;
    char *longer = pxt_asprintf("%s\n%s=%s", text, option->name, value);
    pxt_free(text);
    return longer;
}

/* The digest of the plugin and of all that its options say in words: the address of the server, above all. */
static pxt_status digest_of(const struct pxt_tier_config *config, char digest[17], struct pxt_error *error)
{
    char *text = pxt_strdup(config->tier.module->plugin.name);
    for (const struct pxt_option *option = config->tier.module->plugin.options; option && option->name; option++)
        text = with_option(text, option, config->tier.settings);
    if (text)
        pxt_key_digest(text, strlen(text), digest);
    pxt_status status = text ? PXT_OK : pxt_fail_memory(error, "a path");
    pxt_free(text);
    return status;
}

/* Makes the folder, and the place in it. */
static pxt_status find_place(const struct pxt_chain *chain, const struct pxt_tier_config *config, char **place,
                             struct pxt_error *error)
{
    char digest[17];
    char *folder = NULL;
    pxt_status status = digest_of(config, digest, error);
    if (!status)
        status = pxt_path_expand("${state}/remote", &folder, error);
    if (!status)
        status = pxt_path_prepare_folder(folder, chain->sharing, error);
    if (!status) {
        *place = pxt_asprintf("%s/%s-%s", folder, config->name, digest);
        status = *place ? PXT_OK : pxt_fail_memory(error, "a path");
    }
    pxt_free(folder);
    return status;
}

pxt_status pxt_remote_places(struct pxt_chain *chain, const struct pxt_config *config, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    if (!chain->authority)
        return PXT_OK;
    if (!chain->shared)
        status = find_place(chain, &config->tier[chain->authority->index], &chain->remote_place, error);
    for (unsigned i = 0; i < chain->count && !status; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!(tier->flags & PXT_TIER_REMOTE))
            continue;
        tier->record_place = pxt_asprintf(
            "%s.%s", chain->shared ? pxt_tier_shared_path(chain->shared) : chain->remote_place, tier->name);
        status = tier->record_place ? PXT_OK : pxt_fail_memory(error, "a path");
    }
    return status;
}
