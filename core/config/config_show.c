/* SPDX-License-Identifier: MIT
 *
 * config_show.c: the effective configuration: as YAML that reads back to the same, or value by value.
 */
#include "base/fail.h"
#include "config/config.h"
#include <proxtier/admin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Goes over the effective values: writes them to `out` as YAML, or calls `fn` for each. */
struct showing {
    FILE *out;   /* NULL: `fn` is called */
    bool origin; /* with comments that say where values come from */
    pxt_config_value_fn *fn;
    void *arg;
    const char *section; /* what the values belong to: "health", "encryptor", "tiers"; NULL: none */
    const char *tier;    /* of "tiers": the name of the tier */
};

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

/* Ends a line, with a comment that says where its value comes from. */
static void end_line(const struct showing *showing, struct pxt_origin origin)
{
    FILE *out = showing->out;
    if (showing->origin && !origin.file)
        fputs("  # default", out);
    else if (showing->origin && origin.line)
        fprintf(out, "  # %s:%u", origin.file, origin.line);
    else if (showing->origin)
        fprintf(out, "  # %s", origin.file);
    fputc('\n', out);
}

/* Writes what stands around values. */
static void heading(const struct showing *showing, const char *text)
{
    if (showing->out)
        fputs(text, showing->out);
}

/* Shows one value. `before` is what stands before it in YAML. */
static void show(const struct showing *showing, const char *before, const char *name, const char *value, bool quote,
                 struct pxt_origin origin)
{
    if (!showing->out) {
        const struct pxt_config_value shown = {.size = sizeof shown,
                                               .line = origin.line,
                                               .section = showing->section,
                                               .tier = showing->tier,
                                               .name = name,
                                               .value = value,
                                               .origin = origin.file};
        showing->fn(showing->arg, &shown);
        return;
    }
    fputs(before, showing->out);
    if (quote)
        quoted(showing->out, value);
    else
        fputs(value, showing->out);
    end_line(showing, origin);
}

/* Shows the value of an option under a name, which may be another one than that of the option. */
static void show_option(const struct showing *showing, const char *indent, const char *name,
                        const struct pxt_settings *settings, const struct pxt_option *option)
{
    char before[200], quantity[40];
    const char *text = pxt_settings_text(settings, option->name);
    int64_t number = pxt_settings_number(settings, option->name);
    bool quote = false;
    if (!text)
        return;
    switch (option->type) {
    case PXT_OPTION_BOOL:
        text = number ? "true" : "false";
        break;
    case PXT_OPTION_DURATION:
    case PXT_OPTION_SIZE:
        pxt_settings_write_quantity(number, option->type, quantity, sizeof quantity);
        text = number < 0 ? text : quantity; /* a word in the place of a number */
        break;
    case PXT_OPTION_INTEGER:
    case PXT_OPTION_CHOICE:
        break;
    default:
        quote = true;
    }
    snprintf(before, sizeof before, "%s%s: ", indent, name);
    show(showing, before, name, text, quote, pxt_settings_origin(settings, option->name));
}

static void show_options(const struct showing *showing, const char *indent, const struct pxt_chosen *chosen)
{
    const struct pxt_option *option = chosen->module ? chosen->module->plugin.options : NULL;
    for (; option && option->name; option++)
        show_option(showing, indent, option->name, chosen->settings, option);
}

static void show_global(struct showing *showing, const struct pxt_settings *settings)
{
    char section[40] = "";
    for (const struct pxt_option *option = pxt_options_global(); option->name; option++) {
        const char *dot = strchr(option->name, '.');
        size_t length = dot ? (size_t)(dot - option->name) : 0;
        if (dot && (strncmp(section, option->name, length) || section[length])) {
            snprintf(section, sizeof section, "%.*s", (int)length, option->name);
            heading(showing, section);
            heading(showing, ":\n");
        }
        showing->section = dot ? section : NULL;
        show_option(showing, dot ? "  " : "", dot ? dot + 1 : option->name, settings, option);
    }
}

/* A row of the core's table is shown as it is, but for the name, which has a default by place, and the policy, which may
 * have options. */
static void show_tier(struct showing *showing, const struct pxt_tier_config *tier)
{
    const char *indent = "  - ";
    showing->section = "tiers";
    showing->tier = tier->name;
    for (const struct pxt_option *option = pxt_options_tier(); option->name; option++) {
        if (!strcmp(option->name, "name")) {
            show(showing, "  - name: ", "name", tier->name, false, pxt_settings_origin(tier->settings, "name"));
        } else if (!strcmp(option->name, "eviction")) {
            show(showing, "    eviction:\n      plugin: ", "eviction", tier->eviction.module->plugin.name, false,
                 tier->eviction_origin);
            showing->section = "tiers.eviction";
            show_options(showing, "      ", &tier->eviction);
            showing->section = "tiers";
        } else {
            show_option(showing, indent, option->name, tier->settings, option);
        }
        indent = "    ";
    }
    show_options(showing, indent, &tier->tier);
    if (tier->problem && showing->out)
        fprintf(showing->out, "    # absent: %s\n", tier->problem);
    showing->tier = NULL;
}

static void show_source_ttls(struct showing *showing, const struct pxt_config *config)
{
    showing->section = "source_ttl";
    if (config->source_ttl_count)
        heading(showing, "source_ttl:\n");
    for (size_t i = 0; i < config->source_ttl_count; i++) {
        char seconds[32];
        snprintf(seconds, sizeof seconds, "%llds", (long long)config->source_ttl[i].seconds);
        heading(showing, "  ");
        if (showing->out)
            quoted(showing->out, config->source_ttl[i].source);
        show(showing, ": ", config->source_ttl[i].source, seconds, false, config->source_ttl[i].origin);
    }
}

static void show_all(struct showing *showing, const struct pxt_config *config)
{
    show_global(showing, config->settings);
    show_source_ttls(showing, config);
    showing->section = "encryptor";
    heading(showing, "encryptor:\n");
    show(showing, "  plugin: ", "plugin", config->encryptor.module->plugin.name, false, config->encryptor_origin);
    show_options(showing, "  ", &config->encryptor);
    showing->section = NULL;
    heading(showing, "plugin_dirs:\n");
    for (size_t i = 0; config->plugin_folders[i]; i++)
        show(showing, "  - ", "plugin_dirs", config->plugin_folders[i], true, config->folder_origin[i]);
    heading(showing, "tiers:\n");
    for (size_t i = 0; i < config->tier_count; i++)
        show_tier(showing, &config->tier[i]);
}

pxt_status pxt_config_each(const struct pxt_cache_options *options, pxt_config_value_fn *fn, void *arg,
                           struct pxt_error *error)
{
    struct pxt_config *config = NULL;
    struct showing showing = {.fn = fn, .arg = arg};
    if (!fn)
        return pxt_fail(error, PXT_EINVAL, 0, "fn must not be NULL");
    pxt_status status = pxt_config_load(options, NULL, &config, error);
    if (status)
        return status;
    show_all(&showing, config);
    pxt_config_free(config);
    return PXT_OK;
}

static void show_yaml(FILE *out, const struct pxt_config *config, bool origin)
{
    struct showing showing = {.out = out, .origin = origin};
    fprintf(out, "# %s\n", config->path);
    for (char *const *file = config->drop_ins; file && *file; file++)
        fprintf(out, "# and %s\n", *file);
    show_all(&showing, config);
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
        show_yaml(stream, config, origin);
        if (fclose(stream)) {
            free(*out);
            *out = NULL;
        }
    }
    pxt_config_free(config);
    return *out ? PXT_OK : pxt_fail_memory(error, "the configuration");
}
