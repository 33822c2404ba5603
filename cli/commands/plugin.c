/* SPDX-License-Identifier: MIT
 *
 * plugin.c: proxtier plugin list | info NAME | test NAME
 */
#include "command.h"
#include "conformance/suite.h"
#include <string.h>

static const char *kind_name(uint32_t kind)
{
    static const char *const names[] = {"?", "tier", "eviction", "encryptor"};
    return names[kind <= PXT_KIND_ENCRYPTOR ? kind : 0];
}

static const char *type_name(enum pxt_option_type type)
{
    static const char *const names[] = {"text", "integer", "bool", "duration", "size", "path", "choice", "secret"};
    return (unsigned)type < 8 ? names[type] : "?";
}

/* What follows the numbers of the ABI. */
static const char *candidate(const struct pxt_plugin *plugin)
{
    return plugin->candidate ? "-rc" : "";
}

static void print_member(const char *name, const char *text, const char *before)
{
    printf("%s\"%s\": ", before, name);
    print_json_text(stdout, text);
}

static void print_info_json(const struct pxt_plugin_info *info)
{
    print_member("path", info->path, "{");
    if (!info->plugin) {
        print_member("problem", info->problem, ", ");
        puts("}");
        return;
    }
    const struct pxt_plugin *plugin = info->plugin;
    print_member("name", plugin->name, ", ");
    print_member("kind", kind_name(plugin->kind), ", ");
    print_member("version", plugin->version, ", ");
    print_member("summary", plugin->summary, ", ");
    print_member("licence", plugin->licence ? plugin->licence : "", ", ");
    printf(", \"abi\": \"%u.%u%s\", \"options\": [", plugin->abi_major, plugin->abi_minor, candidate(plugin));
    const struct pxt_option *row;
    for (size_t i = 0; (row = pxt_plugin_option(plugin, i)); i++) {
        print_member("name", row->name, i ? ", {" : "{");
        print_member("type", type_name(row->type), ", ");
        if (row->default_text)
            print_member("default", row->default_text, ", ");
        print_member("help", row->help ? row->help : "", ", ");
        putchar('}');
    }
    puts("]}");
}

static bool print_row(void *arg, const struct pxt_plugin_info *info)
{
    const struct invocation *invocation = arg;
    if (option(invocation, "json"))
        print_info_json(info);
    else if (info->plugin)
        printf("%-10s %-10s %-8s ABI %u.%u%s  %s\n", info->plugin->name, kind_name(info->plugin->kind),
               info->plugin->version, info->plugin->abi_major, info->plugin->abi_minor, candidate(info->plugin),
               info->plugin->summary);
    else
        printf("%-10s refused: %s\n", info->path, info->problem);
    return true;
}

static bool print_info(void *arg, const struct pxt_plugin_info *info)
{
    const struct invocation *invocation = arg;
    const struct pxt_plugin *plugin = info->plugin;
    if (option(invocation, "json")) {
        print_info_json(info);
        return true;
    }
    printf("name=%s\nkind=%s\nversion=%s\nlicence=%s\nabi=%u.%u%s\npath=%s\nsummary=%s\n", plugin->name,
           kind_name(plugin->kind), plugin->version, plugin->licence ? plugin->licence : "", plugin->abi_major,
           plugin->abi_minor, candidate(plugin), info->path, plugin->summary);
    const struct pxt_option *row;
    for (size_t i = 0; (row = pxt_plugin_option(plugin, i)); i++)
        printf("option=%s\n  type=%s\n  default=%s\n  help=%s\n", row->name,
               row->type == PXT_OPTION_CHOICE ? row->choices : type_name(row->type),
               row->default_text ? row->default_text : "", row->help ? row->help : "");
    return true;
}

static int run_test(struct invocation *invocation)
{
    const char *text = option(invocation, "timeout");
    struct conformance_options options = {.settings = option(invocation, "options"),
                                          .second = option(invocation, "second"),
                                          .reset = option(invocation, "reset"),
                                          .only = option(invocation, "check")};
    int64_t seconds = 20;
    if (text && (!read_seconds(text, &seconds) || seconds < 1 || seconds > 86400))
        return usage(invocation, "--timeout %s is not between 1s and 1d", text);
    options.seconds = (unsigned)seconds;
    return finish_output(conformance_test(invocation->arguments[1], &options));
}

static int plugin_usage(const struct invocation *invocation, const char *what)
{
    int code = check_word(invocation, "plugin:", what, invocation->command->arguments);
    return code >= 0 ? code : usage(invocation, "plugin needs %s", invocation->command->arguments);
}

int run_plugin(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_status status;
    const char *what = invocation->arguments[0];
    if (!strcmp(what, "list") && invocation->count == 1)
        status = pxt_plugin_each(&invocation->open, print_row, invocation, &error);
    else if (!strcmp(what, "info") && invocation->count == 2)
        status = pxt_plugin_find(&invocation->open, invocation->arguments[1], print_info, invocation, &error);
    else if (!strcmp(what, "test") && invocation->count == 2)
        return run_test(invocation);
    else
        return plugin_usage(invocation, what);
    return finish_output(status ? fail(&error) : 0);
}
