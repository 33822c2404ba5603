/* SPDX-License-Identifier: MIT
 *
 * main.c: reads the command line by the tables and runs the command.
 */
#include "command.h"
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *option(const struct invocation *invocation, const char *name)
{
    const struct option_row *rows = invocation->command->options;
    for (int i = 0; rows && rows[i].name; i++)
        if (!strcmp(rows[i].name, name))
            return invocation->value[i];
    return NULL;
}

static void set_level(struct invocation *invocation, const char *name)
{
    static const char *const names[] = {"error", "warning", "notice", "info", "debug"};
    for (int i = 0; i < 5; i++)
        if (!strcmp(name, names[i]))
            invocation->open.log_level = (enum pxt_message_level)i;
}

static void print_version(void)
{
    printf("proxtier %s\nplugin ABI %s\n", pxt_version(), PXT_ABI_TEXT);
}

/* getopt's tables from ours: the global options, then the command's; `val` is 256 + place. The options end at the first
 * argument if that is a command, or another program. */
static void make_tables(const struct command *command, struct option table[2 * OPTIONS_MAX], char letters[128])
{
    size_t n = 0;
    strcpy(letters, command && command->run != run_exec ? ":" : "+:");
    for (int pass = 0; pass < 2; pass++) {
        const struct option_row *rows = pass ? (command ? command->options : NULL) : global_options;
        for (int i = 0; rows && rows[i].name; i++) {
            table[n++] = (struct option){rows[i].name, rows[i].argument ? required_argument : no_argument, NULL,
                                         256 + pass * 100 + i};
            if (rows[i].letter) {
                char letter[3] = {rows[i].letter, rows[i].argument ? ':' : '\0', '\0'};
                strcat(letters, letter);
            }
        }
    }
    table[n] = (struct option){NULL, 0, NULL, 0};
}

static int place_of(const struct command *command, int found)
{
    if (found >= 256)
        return found - 256;
    for (int i = 0; global_options[i].name; i++)
        if (global_options[i].letter == found)
            return i;
    for (int i = 0; command && command->options && command->options[i].name; i++)
        if (command->options[i].letter == found)
            return 100 + i;
    return -1;
}

/* Options for folders, which the library takes from the environment. */
static const struct {
    const char *option, *variable;
} places[] = {{"state-dir", "PROXTIER_STATE_DIR"},
              {"cache-dir", "PROXTIER_CACHE_DIR"},
              {"config-dir", "PROXTIER_CONFIG_DIR"},
              {NULL, NULL}};

static const char *variable_of(const char *name)
{
    size_t i = 0;
    while (places[i].option && strcmp(places[i].option, name))
        i++;
    return places[i].variable;
}

/* Returns -1 to go on, else an exit code. */
static int set_place(const struct invocation *invocation, const char *name, const char *value)
{
    char folder[PATH_MAX], path[2 * PATH_MAX + 2];
    if (!*value)
        return usage(invocation, "--%s needs a folder", name);
    bool relative = *value != '/';
    if (relative && !getcwd(folder, sizeof folder))
        return usage(invocation, "--%s %s: the working directory is not known: give an absolute path", name, value);
    int length = snprintf(path, sizeof path, "%s%s%s", relative ? folder : "", relative ? "/" : "", value);
    if (length >= PATH_MAX)
        return usage(invocation, "--%s: the path is too long", name);
    return setenv(variable_of(name), path, 1) ? EXIT_INTERNAL : -1;
}

/* Returns -1 to go on, else an exit code. */
static int take_global(struct invocation *invocation, const char *name, const char *value)
{
    if (!strcmp(name, "config")) {
        invocation->open.config_file = value;
    } else if (variable_of(name)) {
        return set_place(invocation, name, value);
    } else if (!strcmp(name, "log-level")) {
        set_level(invocation, value);
    } else if (!strcmp(name, "verbose")) {
        invocation->verbose = true;
        invocation->open.log_level = PXT_MESSAGE_INFO;
    } else if (!strcmp(name, "quiet")) {
        invocation->quiet = true;
        invocation->open.log_level = PXT_MESSAGE_ERROR;
    } else if (!strcmp(name, "version")) {
        print_version();
        return finish_output(0);
    } else {
        if (invocation->command)
            print_command_help(stdout, invocation->command);
        else
            print_help(stdout);
        return finish_output(0);
    }
    return -1;
}

static const struct option_row *row_of(const struct command *command, int place)
{
    return place < 100 ? &global_options[place] : &command->options[place - 100];
}

/* Whether the word of the command line is the long option of a row, and no abbreviation of it, or a short one. */
static bool is_whole(const char *word, const char *name)
{
    size_t length = strlen(name);
    return strncmp(word, "--", 2) || (!strncmp(word + 2, name, length) && strchr("=", word[2 + length]));
}

/* Takes an option that getopt has found. Returns -1 to go on, else an exit code. */
static int take(struct invocation *invocation, int place, const char *word)
{
    const struct option_row *row = row_of(invocation->command, place);
    if (!is_whole(word, row->name))
        return unknown_option(invocation, word);
    int code = optarg ? check_value(invocation, row->name, optarg) : -1;
    if (code >= 0 || place < 100)
        return code >= 0 ? code : take_global(invocation, row->name, optarg);
    invocation->value[place - 100] = optarg ? optarg : "";
    return -1;
}

static int parse(struct invocation *invocation, int argc, char **argv)
{
    struct option table[2 * OPTIONS_MAX];
    char letters[128];
    int found;
    make_tables(invocation->command, table, letters);
    optind = 0;
    while ((found = getopt_long(argc, argv, letters, table, NULL)) != -1) {
        const char *word = argv[optind - 1];
        if (found == ':')
            return usage(invocation, "%s needs a value", word);
        int place = found == '?' ? -1 : place_of(invocation->command, found);
        if (place < 0)
            return unknown_option(invocation, word);
        int code = take(invocation, place, optarg == word ? argv[optind - 2] : word);
        if (code >= 0)
            return code;
    }
    invocation->count = argc - optind;
    invocation->arguments = argv + optind;
    return -1;
}

static int run(struct invocation *invocation, int argc, char **argv)
{
    const struct command *command = invocation->command;
    int code = parse(invocation, argc, argv);
    if (code >= 0)
        return code;
    if (invocation->count < command->min_arguments)
        return usage(invocation, "%s needs %s", command->name, command->arguments);
    if (command->max_arguments >= 0 && invocation->count > command->max_arguments)
        return usage(invocation, "%s takes no \"%s\"", command->name, invocation->arguments[command->max_arguments]);
    return command->run(invocation);
}

int main(int argc, char **argv)
{
    struct invocation invocation = {.open = {.size = sizeof invocation.open,
                                             .flags = PXT_OPEN_NO_JANITOR,
                                             .log = print_log,
                                             .log_level = PXT_MESSAGE_NOTICE}};
    harden();
    int code = parse(&invocation, argc, argv);
    if (code >= 0)
        return code;
    if (!invocation.count) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    const char *name = invocation.arguments[0];
    invocation.command = find_command(name);
    if (!invocation.command)
        return unknown_command(name);
    return run(&invocation, invocation.count, invocation.arguments);
}
