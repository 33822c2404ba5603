/* SPDX-License-Identifier: MIT
 *
 * config_environment.c: options of the whole from the environment: PROXTIER_DEFAULT_TTL for default_ttl, and so on.
 */
#include "base/didyoumean.h"
#include "base/fail.h"
#include "config/config_private.h"
#include <proxtier/admin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VARIABLE_MAX = 64 };
static const char prefix[] = "PROXTIER_";
/* Variables that are not options. */
static const char *const others[] = {"PROXTIER_CACHE_DIR",
                                     "PROXTIER_CONFIG",
                                     "PROXTIER_CONFIG_DIR",
                                     "PROXTIER_LIBEXEC_DIR",
                                     "PROXTIER_PLUGIN_PATH",
                                     "PROXTIER_STATE_DIR",
                                     "PROXTIER_SYSCONFDIR",
                                     NULL};

/* `health.history` as PROXTIER_HEALTH_HISTORY. */
static void variable_of(const struct pxt_option *option, char variable[VARIABLE_MAX])
{
    int length = snprintf(variable, VARIABLE_MAX, "%s%s", prefix, option->name);
    for (int i = 0; i < length && i < VARIABLE_MAX; i++)
        variable[i] = variable[i] == '.'                         ? '_'
                      : variable[i] >= 'a' && variable[i] <= 'z' ? (char)(variable[i] - 'a' + 'A')
                                                                 : variable[i];
}

/* Keeps `known` in `best` if it is nearer to `name` than what is there. */
static void compare(const char *name, const char *known, unsigned *nearest, char best[VARIABLE_MAX])
{
    unsigned distance;
    if (!*nearest)
        return;
    if (pxt_word_near(name, known, &distance) && distance < *nearest) {
        *nearest = distance;
        snprintf(best, VARIABLE_MAX, "%s", known);
    }
}

/* A variable of another name is none of ours: container platforms set some with this prefix. */
static void warn_if_misspelt(const struct pxt_logger *logger, const char *name)
{
    char known[VARIABLE_MAX], best[VARIABLE_MAX] = "";
    unsigned nearest = 99;
    for (const struct pxt_option *option = pxt_options_global(); option->name; option++) {
        variable_of(option, known);
        compare(name, known, &nearest, best);
    }
    for (const char *const *other = others; *other; other++)
        compare(name, *other, &nearest, best);
    if (*best && nearest)
        pxt_log(logger, PXT_MESSAGE_WARNING, "config",
                "the environment variable %s is not known, and has no effect (did you mean %s?)", name, best);
}

static void check_names(const struct pxt_logger *logger)
{
    for (char **variable = environ; variable && *variable; variable++) {
        char name[VARIABLE_MAX];
        size_t length = strcspn(*variable, "=");
        if (length >= sizeof name || strncmp(*variable, prefix, sizeof prefix - 1))
            continue;
        memcpy(name, *variable, length);
        name[length] = '\0';
        warn_if_misspelt(logger, name);
    }
}

pxt_status pxt_config_apply_environment(struct pxt_config_loading *loading)
{
    for (const struct pxt_option *option = pxt_options_global(); option->name; option++) {
        char variable[VARIABLE_MAX];
        variable_of(option, variable);
        const char *value = secure_getenv(variable);
        if (!value)
            continue;
        pxt_status status =
            pxt_settings_override(loading->config->settings, option->name, value, "the environment", loading->error);
        if (status) {
            pxt_error_prefix(loading->error, "%s", variable);
            return status;
        }
    }
    check_names(loading->logger);
    return PXT_OK;
}
