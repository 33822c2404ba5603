/* SPDX-License-Identifier: MIT
 *
 * completion.c: completion scripts for shells, made from the tables.
 */
#include "command.h"
#include <string.h>

static void words_of(const struct option_row *rows)
{
    for (; rows && rows->name; rows++)
        printf(" --%s", rows->name);
}

/* All values of an option, in one line. */
static void choices_of(const struct command *command, const struct option_row *row)
{
    const char *name, *help;
    for (size_t i = 0; (name = option_choice(command, row, i, &help)); i++)
        printf("%s%s", i ? " " : "", name);
}

static bool has_choices(const struct command *command, const struct option_row *row)
{
    const char *help;
    return option_choice(command, row, 0, &help);
}

/* Where the word before is an option with a table of values, those are the words. */
static void bash_choices(void)
{
    for (const struct command *command = commands; command->name; command++)
        for (const struct option_row *row = command->options; row && row->name; row++)
            if (has_choices(command, row)) {
                printf("    if [[ $command == %s && ${COMP_WORDS[COMP_CWORD-1]} == --%s ]]; then\n        words=\"",
                       command->name, row->name);
                choices_of(command, row);
                fputs("\"\n        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n        return\n"
                      "    fi\n",
                      stdout);
            }
}

static void bash(void)
{
    fputs("# bash completion for proxtier\n_proxtier() {\n    local current=${COMP_WORDS[COMP_CWORD]} command= word\n"
          "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n        case $word in\n        ",
          stdout);
    for (const struct command *command = commands; command->name; command++)
        printf("%s%s", command == commands ? "" : "|", command->name);
    fputs(") command=$word; break ;;\n        esac\n    done\n    local words=\"", stdout);
    words_of(global_options);
    fputs("\"\n    case $command in\n    '') words=\"$words", stdout);
    for (const struct command *command = commands; command->name; command++)
        printf(" %s", command->name);
    fputs("\" ;;\n", stdout);
    for (const struct command *command = commands; command->name; command++) {
        printf("    %s) words=\"$words", command->name);
        words_of(command->options);
        if (command->arguments[0] >= 'a')
            for (const char *c = command->arguments, *end; *c && *c != ' '; c = *end == '|' ? end + 1 : end) {
                end = c + strcspn(c, "| ");
                printf(" %.*s", (int)(end - c), c);
            }
        fputs("\" ;;\n", stdout);
    }
    fputs("    esac\n", stdout);
    bash_choices();
    fputs("    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\"; compgen -f -- \"$current\")\n}\n"
          "complete -o filenames -F _proxtier proxtier\n",
          stdout);
}

static void zsh(void)
{
    fputs("#compdef proxtier\n_proxtier() {\n    local -a commands\n    commands=(\n", stdout);
    for (const struct command *command = commands; command->name; command++)
        printf("        '%s'\n", command->name);
    fputs("    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n        return\n    fi\n"
          "    case $words[2] in\n",
          stdout);
    for (const struct command *command = commands; command->name; command++) {
        printf("    %s) ", command->name);
        for (const struct option_row *row = command->options; row && row->name; row++)
            if (has_choices(command, row)) {
                printf("if [[ $words[CURRENT-1] == --%s ]]; then compadd -- ", row->name);
                choices_of(command, row);
                fputs("; return; fi; ", stdout);
            }
        fputs("compadd --", stdout);
        words_of(command->options);
        words_of(global_options);
        fputs(" ;;\n", stdout);
    }
    fputs("    esac\n    _files\n}\n_proxtier \"$@\"\n", stdout);
}

static void fish(void)
{
    for (const struct option_row *row = global_options; row->name; row++)
        printf("complete -c proxtier -l %s%s -d \"%s\"\n", row->name, row->argument ? " -r" : "", row->help);
    for (const struct command *command = commands; command->name; command++) {
        printf("complete -c proxtier -n __fish_use_subcommand -a %s -d \"%s\"\n", command->name, command->summary);
        for (const struct option_row *row = command->options; row && row->name; row++) {
            printf("complete -c proxtier -n \"__fish_seen_subcommand_from %s\" -l %s%s", command->name, row->name,
                   row->argument ? " -r" : "");
            if (has_choices(command, row)) {
                fputs(" -f -a \"", stdout);
                choices_of(command, row);
                fputs("\"", stdout);
            }
            fputc('\n', stdout);
        }
    }
}

int run_completion(struct invocation *invocation)
{
    const char *shell = invocation->arguments[0];
    if (!strcmp(shell, "bash"))
        bash();
    else if (!strcmp(shell, "zsh"))
        zsh();
    else if (!strcmp(shell, "fish"))
        fish();
    else
        return check_word(invocation, "completion:", shell, invocation->command->arguments);
    return finish_output(0);
}
