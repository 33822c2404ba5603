/* SPDX-License-Identifier: MIT
 *
 * help.c: help and manual, made from the tables.
 */
#include "command.h"
#include <string.h>

const struct command *find_command(const char *name)
{
    for (const struct command *command = commands; command->name; command++)
        if (!strcmp(command->name, name))
            return command;
    return NULL;
}

/* Good enough for a hint: the longest common beginning, of at least two letters, or one letter of difference. */
const char *nearest_command(const char *name)
{
    const char *best = NULL;
    size_t longest = 1;
    for (const struct command *command = commands; command->name; command++) {
        size_t same = 0;
        while (name[same] && name[same] == command->name[same])
            same++;
        if (same > longest) {
            longest = same;
            best = command->name;
        }
    }
    return best;
}

static void print_options(FILE *out, const struct option_row *rows)
{
    for (; rows && rows->name; rows++) {
        char text[64];
        snprintf(text, sizeof text, "--%s%s%s", rows->name, rows->argument ? " " : "",
                 rows->argument ? rows->argument : "");
        if (rows->letter)
            fprintf(out, "  -%c, %-22s %s\n", rows->letter, text, rows->help);
        else
            fprintf(out, "      %-22s %s\n", text, rows->help);
    }
}

void print_command_help(FILE *out, const struct command *command)
{
    fprintf(out, "usage: proxtier [GLOBAL OPTION...] %s%s%s%s\n\n%s\n", command->name,
            command->options ? " [OPTION...]" : "", *command->arguments ? " " : "", command->arguments,
            command->summary);
    if (command->options) {
        fputs("\noptions:\n", out);
        print_options(out, command->options);
    }
    fputs("\nglobal options:\n", out);
    print_options(out, global_options);
}

void print_help(FILE *out)
{
    fputs("usage: proxtier [GLOBAL OPTION...] COMMAND [OPTION...] [ARGUMENT...]\n\n"
          "Keeps a pool of network proxies in a chain of tiers: memory, files, database.\n\ncommands:\n",
          out);
    for (const struct command *command = commands; command->name; command++)
        fprintf(out, "  %-12s %s\n", command->name, command->summary);
    fputs("\nglobal options:\n", out);
    print_options(out, global_options);
    fputs("\nexit codes: 0 done; 1 no match; 64 usage; 65 bad data; 66 no input; 69 unavailable; 70 internal;\n"
          "74 input or output; 75 locked, try again; 77 permission or key; 78 configuration\n",
          out);
}

static void manual_options(FILE *out, const struct option_row *rows)
{
    fputs(".Bl -tag -width Ds\n", out);
    for (; rows->name; rows++) {
        fputs(".It ", out);
        if (rows->letter)
            fprintf(out, "Fl %c , ", rows->letter);
        fprintf(out, "Fl -%s", rows->name);
        if (rows->argument)
            fprintf(out, " Ar %s", rows->argument);
        fprintf(out, "\n%s.\n", rows->help);
    }
    fputs(".El\n", out);
}

static void manual_exit_codes(FILE *out)
{
    static const struct {
        int code;
        const char *text;
    } codes[] = {{0, "done"},
                 {1, "nothing matches"},
                 {64, "the command line is wrong"},
                 {65, "a value or a list is malformed, or stored data is damaged"},
                 {66, "an input file cannot be opened"},
                 {69, "no tier could serve the call, or a plugin is missing or refused"},
                 {70, "out of memory, or a bug"},
                 {74, "reading or writing failed, or no space is left"},
                 {75, "locked by another process: try again"},
                 {77, "permission denied, permissions too wide, or a credential cannot be opened"},
                 {78, "the configuration is wrong"}};
    fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", out);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        fprintf(out, ".It %d\n%s.\n", codes[i].code, codes[i].text);
    fputs(".El\n", out);
}

void print_manual(FILE *out)
{
    fputs(".\\\" made by `proxtier help --man`: change cli/commands.c instead\n.Dd November 21, 2026\n.Dt PROXTIER 1\n"
          ".Os\n.Sh NAME\n.Nm proxtier\n.Nd a pool of network proxies in a chain of tiers\n.Sh SYNOPSIS\n.Nm\n"
          ".Op Ar global option ...\n.Ar command\n.Op Ar option ...\n.Op Ar argument ...\n.Sh DESCRIPTION\n.Nm\n"
          "keeps network proxies (URL, credentials, source, time to live, health) in memory, in files and in a\n"
          "database, as\n.Xr proxtier.yaml 5\nsays.\nIt works without any configuration.\n.Sh GLOBAL OPTIONS\n",
          out);
    manual_options(out, global_options);
    fputs(".Sh COMMANDS\n", out);
    for (const struct command *command = commands; command->name; command++) {
        fprintf(out, ".Ss %s %s\n%s.\n", command->name, command->arguments, command->summary);
        if (command->options)
            manual_options(out, command->options);
    }
    manual_exit_codes(out);
    fputs(".Sh SEE ALSO\n.Xr libproxtier 3 ,\n.Xr proxtier-plugin 3 ,\n.Xr proxtier-import 5 ,\n"
          ".Xr proxtier.yaml 5\n",
          out);
}

int run_help(struct invocation *invocation)
{
    if (option(invocation, "man")) {
        print_manual(stdout);
        return finish_output(0);
    }
    if (!invocation->count) {
        print_help(stdout);
        return finish_output(0);
    }
    const struct command *command = find_command(invocation->arguments[0]);
    if (!command)
        return usage(NULL, "unknown command \"%s\"", invocation->arguments[0]);
    print_command_help(stdout, command);
    return finish_output(0);
}
