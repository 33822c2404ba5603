/* SPDX-License-Identifier: MIT
 *
 * config_schema.c: proxtier config schema: what a configuration may have, as a JSON Schema for editors. It is made from
 * the tables of the core's options and of those of the plugins that are found.
 */
#include "command.h"
#include <string.h>

#define DURATION_PATTERN "^[0-9]+(us|ms|s|m|h|d|w)?$"
#define SIZE_PATTERN "^[0-9]+(B|KiB|MiB|GiB|TiB)?$"

static void member(const char *name)
{
    print_json_text(stdout, name);
    fputs(": ", stdout);
}

/* Words that are separated by '|', as an array. */
static void print_words(const char *words)
{
    char word[80];
    putchar('[');
    for (const char *at = words; *at;) {
        size_t length = strcspn(at, "|");
        snprintf(word, sizeof word, "%.*s", (int)length, at);
        print_json_text(stdout, word);
        at += length + (at[length] == '|');
        fputs(*at ? ", " : "", stdout);
    }
    putchar(']');
}

static void print_integer_type(const struct pxt_option *row)
{
    fputs(row->choices ? "\"anyOf\": [{\"type\": [\"integer\", \"null\"]" : "\"type\": [\"integer\", \"null\"]",
          stdout);
    printf(", \"minimum\": %lld", (long long)row->min);
    if (row->max)
        printf(", \"maximum\": %lld", (long long)row->max);
    if (!row->choices)
        return;
    fputs("}, {\"enum\": ", stdout);
    print_words(row->choices);
    fputs("}]", stdout);
}

/* An option without a value, null, keeps its default. Bounds of quantities with units cannot be said here. */
static void print_type(const struct pxt_option *row)
{
    switch (row->type) {
    case PXT_OPTION_INTEGER:
        print_integer_type(row);
        break;
    case PXT_OPTION_BOOL:
        fputs("\"type\": [\"boolean\", \"null\"]", stdout);
        break;
    case PXT_OPTION_DURATION:
        fputs("\"type\": [\"string\", \"integer\", \"null\"], \"minimum\": 0, \"pattern\": \"" DURATION_PATTERN "\"",
              stdout);
        break;
    case PXT_OPTION_SIZE:
        fputs("\"type\": [\"string\", \"integer\", \"null\"], \"minimum\": 0, \"pattern\": \"" SIZE_PATTERN "\"",
              stdout);
        break;
    case PXT_OPTION_CHOICE:
        fputs("\"anyOf\": [{\"type\": \"null\"}, {\"enum\": ", stdout);
        print_words(row->choices);
        fputs("}]", stdout);
        break;
    case PXT_OPTION_PATH:
        fputs("\"type\": [\"string\", \"null\"], \"pattern\": \"^[/~$]\"", stdout);
        break;
    default:
        fputs("\"type\": [\"string\", \"number\", \"boolean\", \"null\"]", stdout);
    }
}

static void print_option(const struct pxt_option *row, const char *name)
{
    member(name);
    putchar('{');
    print_type(row);
    fputs(", \"description\": ", stdout);
    print_json_text(stdout, row->help ? row->help : "");
    if (row->default_text) {
        fputs(", \"default\": ", stdout);
        print_json_text(stdout, row->default_text);
    }
    putchar('}');
}

static void print_options(const struct pxt_option *rows)
{
    for (; rows && rows->name; rows++) {
        fputs(",\n        ", stdout);
        print_option(rows, rows->name);
    }
}

/* ---- plugins ------------------------------------------------------------------------------------------------------ */

/* What is printed of each plugin of a kind. */
struct listing {
    const struct invocation *invocation;
    enum pxt_plugin_kind kind;
    void (*print)(const struct pxt_plugin *plugin);
};

static bool print_of_kind(void *arg, const struct pxt_plugin_info *info)
{
    const struct listing *listing = arg;
    if (info->plugin && info->plugin->kind == (uint32_t)listing->kind) {
        fputs(",\n      ", stdout);
        listing->print(info->plugin);
    }
    return true;
}

static pxt_status print_plugins(const struct invocation *invocation, enum pxt_plugin_kind kind,
                                void (*print)(const struct pxt_plugin *plugin), struct pxt_error *error)
{
    struct listing listing = {invocation, kind, print};
    return pxt_plugin_each(&invocation->open, print_of_kind, &listing, error);
}

/* With {plugin: NAME} only the options of that plugin are allowed. A plugin that is not found may have any. */
static void print_if(const struct pxt_plugin *plugin)
{
    fputs("{\"if\": {\"properties\": {\"plugin\": {\"const\": ", stdout);
    print_json_text(stdout, plugin->name);
    fputs("}}}, \"then\": {\"description\": ", stdout);
    print_json_text(stdout, plugin->summary);
    fputs(", \"additionalProperties\": false, \"properties\": {\"plugin\": true", stdout);
}

static void print_plain(const struct pxt_plugin *plugin)
{
    print_if(plugin);
    print_options(plugin->options);
    fputs("}}}", stdout);
}

static void print_tier(const struct pxt_plugin *plugin)
{
    print_if(plugin);
    for (const struct pxt_option *row = pxt_options_tier(); row->name; row++)
        if (strcmp(row->name, "plugin") != 0) {
            fputs(", ", stdout);
            member(row->name);
            fputs("true", stdout);
        }
    print_options(plugin->options);
    fputs("}}}", stdout);
}

/* NAME, or {plugin: NAME, ...its options}. */
static pxt_status print_choice(const struct invocation *invocation, const char *name, enum pxt_plugin_kind kind,
                               struct pxt_error *error)
{
    fputs(",\n    ", stdout);
    member(name);
    fputs("{\"type\": [\"string\", \"object\"], \"required\": [\"plugin\"], \"properties\": {\"plugin\": {\"type\": "
          "\"string\"}},\n"
          "      \"allOf\": [true",
          stdout);
    pxt_status status = print_plugins(invocation, kind, print_plain, error);
    fputs("]}", stdout);
    return status;
}

static pxt_status print_tiers(const struct invocation *invocation, struct pxt_error *error)
{
    fputs(",\n    \"tiers\": {\"description\": \"the chain, the fastest tier first\", \"type\": \"array\", "
          "\"minItems\": 1, "
          "\"maxItems\": 8,\n      \"items\": {\"type\": \"object\", \"required\": [\"plugin\"], \"properties\": {\n   "
          "     ",
          stdout);
    const char *before = "";
    for (const struct pxt_option *row = pxt_options_tier(); row->name; row++) {
        fputs(before, stdout);
        before = ",\n        ";
        if (!strcmp(row->name, "eviction"))
            fputs("\"eviction\": {\"$ref\": \"#/$defs/eviction\"}", stdout);
        else
            print_option(row, row->name);
    }
    fputs("},\n      \"allOf\": [true", stdout);
    pxt_status status = print_plugins(invocation, PXT_KIND_TIER, print_tier, error);
    fputs("]}}", stdout);
    return status;
}

/* ---- the whole ---------------------------------------------------------------------------------------------------- */

/* `health.history` as a member of `health`. Options of a section stand together in the table. */
static void print_global(void)
{
    char section[40] = "";
    for (const struct pxt_option *row = pxt_options_global(); row->name; row++) {
        const char *dot = strchr(row->name, '.');
        size_t length = dot ? (size_t)(dot - row->name) : 0;
        bool same = *section && dot && !strncmp(section, row->name, length) && !section[length];
        if (*section && !same)
            fputs("}}", stdout);
        fputs(row == pxt_options_global() ? "    " : ",\n    ", stdout);
        if (dot && !same) {
            snprintf(section, sizeof section, "%.*s", (int)length, row->name);
            member(section);
            fputs("{\"type\": \"object\", \"additionalProperties\": false, \"properties\": {\n    ", stdout);
        } else if (!dot) {
            *section = '\0';
        }
        print_option(row, dot ? dot + 1 : row->name);
    }
    if (*section)
        fputs("}}", stdout);
}

pxt_status print_config_schema(const struct invocation *invocation, struct pxt_error *error)
{
    fputs("{\n  \"$schema\": \"https://json-schema.org/draft/2020-12/schema\",\n"
          "  \"title\": \"proxtier.yaml: configuration of proxtier ",
          stdout);
    printf("%s\",\n  \"type\": [\"object\", \"null\"],\n  \"additionalProperties\": false,\n  \"properties\": {\n",
           pxt_version());
    print_global();
    fputs(",\n    \"source_ttl\": {\"description\": \"times to live by source\", \"type\": \"object\", "
          "\"additionalProperties\": {\"type\": [\"string\", \"integer\"], \"minimum\": 60, \"pattern\": "
          "\"" DURATION_PATTERN
          "\"}},\n    \"plugin_dirs\": {\"description\": \"folders with plugins\", \"type\": \"array\", "
          "\"items\": {\"type\": \"string\", \"pattern\": \"^[/~$]\"}}",
          stdout);
    pxt_status status = print_choice(invocation, "encryptor", PXT_KIND_ENCRYPTOR, error);
    if (!status)
        status = print_tiers(invocation, error);
    fputs("\n  },\n  \"$defs\": {\n    \"none\": true", stdout);
    if (!status)
        status = print_choice(invocation, "eviction", PXT_KIND_EVICTION, error);
    fputs("\n  }\n}\n", stdout);
    return status;
}
