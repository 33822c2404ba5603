/* SPDX-License-Identifier: MIT
 *
 * config_show.c: the effective configuration as YAML that reads back to the same.
 */
#include "base/fail.h"
#include "config/config.h"
#include <proxtier/admin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A value in single quotes: nothing in it is special but the quote itself. */
static void quoted(FILE *out, const char *text)
{
    fputc('\'', out);
    for (; *text; text++) {
        if (*text == '\'')
            fputc('\'', out);
        fputc(*text, out);
    }
    fputc('\'', out);
}

static void show_value(FILE *out, const struct pxt_settings *settings, const struct pxt_option *option)
{
    char text[40];
    switch (option->type) {
    case PXT_OPTION_BOOL:
        fputs(pxt_settings_number(settings, option->name) ? "true" : "false", out);
        break;
    case PXT_OPTION_DURATION:
    case PXT_OPTION_SIZE:
        pxt_settings_write_quantity(pxt_settings_number(settings, option->name), option->type, text, sizeof text);
        fputs(text, out);
        break;
    case PXT_OPTION_INTEGER:
    case PXT_OPTION_CHOICE:
        fputs(pxt_settings_text(settings, option->name), out);
        break;
    default:
        quoted(out, pxt_settings_text(settings, option->name));
    }
}

/* Ends a line, with a comment that says where its value comes from. */
static void end_line(FILE *out, bool wanted, struct pxt_origin origin)
{
    if (wanted && !origin.file)
        fputs("  # default", out);
    else if (wanted && origin.line)
        fprintf(out, "  # %s:%u", origin.file, origin.line);
    else if (wanted)
        fprintf(out, "  # %s", origin.file);
    fputc('\n', out);
}

static void show_option(FILE *out, const char *indent, const char *label, const struct pxt_settings *settings,
                        const struct pxt_option *option, bool origin)
{
    if (!pxt_settings_text(settings, option->name))
        return;
    fprintf(out, "%s%s: ", indent, label);
    show_value(out, settings, option);
    end_line(out, origin, pxt_settings_origin(settings, option->name));
}

static void show_options(FILE *out, const char *indent, const struct pxt_chosen *chosen, bool origin)
{
    const struct pxt_option *option = chosen->module ? chosen->module->plugin.options : NULL;
    for (; option && option->name; option++)
        show_option(out, indent, option->name, chosen->settings, option, origin);
}

static void show_global(FILE *out, const struct pxt_settings *settings, bool origin)
{
    char section[40] = "";
    for (const struct pxt_option *option = pxt_options_global(); option->name; option++) {
        const char *dot = strchr(option->name, '.');
        size_t length = dot ? (size_t)(dot - option->name) : 0;
        if (dot && (strncmp(section, option->name, length) || section[length])) {
            snprintf(section, sizeof section, "%.*s", (int)length, option->name);
            fprintf(out, "%s:\n", section);
        }
        show_option(out, dot ? "  " : "", dot ? dot + 1 : option->name, settings, option, origin);
    }
}

/* A row of the core's table is shown as it is, but for the name, which has a default by place, and the policy, which may
 * have options. */
static void show_tier(FILE *out, const struct pxt_tier_config *tier, bool origin)
{
    const char *indent = "  - ";
    for (const struct pxt_option *option = pxt_options_tier(); option->name; option++) {
        if (!strcmp(option->name, "name")) {
            fprintf(out, "%sname: %s", indent, tier->name);
            end_line(out, origin, pxt_settings_origin(tier->settings, "name"));
        } else if (!strcmp(option->name, "eviction")) {
            fprintf(out, "%seviction:\n      plugin: %s", indent, tier->eviction.module->plugin.name);
            end_line(out, origin, tier->eviction_origin);
            show_options(out, "      ", &tier->eviction, origin);
        } else {
            show_option(out, indent, option->name, tier->settings, option, origin);
        }
        indent = "    ";
    }
    show_options(out, indent, &tier->tier, origin);
    if (tier->problem)
        fprintf(out, "    # absent: %s\n", tier->problem);
}

static void show(FILE *out, const struct pxt_config *config, bool origin)
{
    fprintf(out, "# %s\n", config->path);
    for (char *const *file = config->drop_ins; file && *file; file++)
        fprintf(out, "# and %s\n", *file);
    show_global(out, config->settings, origin);
    if (config->source_ttl_count)
        fputs("source_ttl:\n", out);
    for (size_t i = 0; i < config->source_ttl_count; i++) {
        fputs("  ", out);
        quoted(out, config->source_ttl[i].source);
        fprintf(out, ": %llds", (long long)config->source_ttl[i].seconds);
        end_line(out, origin, config->source_ttl[i].origin);
    }
    fprintf(out, "encryptor:\n  plugin: %s", config->encryptor.module->plugin.name);
    end_line(out, origin, config->encryptor_origin);
    show_options(out, "  ", &config->encryptor, origin);
    fputs("plugin_dirs:\n", out);
    for (size_t i = 0; config->plugin_folders[i]; i++) {
        fputs("  - ", out);
        quoted(out, config->plugin_folders[i]);
        end_line(out, origin, config->folder_origin[i]);
    }
    fputs("tiers:\n", out);
    for (size_t i = 0; i < config->tier_count; i++)
        show_tier(out, &config->tier[i], origin);
}

pxt_status pxt_config_show(const struct pxt_cache_options *options, bool origin, char **out, struct pxt_error *error)
{
    struct pxt_config *config = NULL;
    size_t length;
    if (!out)
        return pxt_fail(error, PXT_EINVAL, 0, "out must not be NULL");
    pxt_status status = pxt_config_load(options, NULL, &config, error);
    if (status)
        return status;
    *out = NULL;
    FILE *stream = open_memstream(out, &length);
    if (stream) {
        show(stream, config, origin);
        if (fclose(stream)) {
            free(*out);
            *out = NULL;
        }
    }
    pxt_config_free(config);
    return *out ? PXT_OK : pxt_fail_memory(error, "the configuration");
}
