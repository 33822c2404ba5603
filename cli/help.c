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

static void print_choices(FILE *out, const struct command *command, const struct option_row *row)
{
    const char *name, *help;
    for (size_t i = 0; (name = option_choice(command, row, i, &help)); i++)
        fprintf(out, "        %-26s %s\n", name, help);
}

/* `command` may be NULL. */
static void print_options(FILE *out, const struct command *command, const struct option_row *rows)
{
    for (; rows && rows->name; rows++) {
        char text[64];
        snprintf(text, sizeof text, "--%s%s%s", rows->name, rows->argument ? " " : "",
                 rows->argument ? rows->argument : "");
        if (rows->letter)
            fprintf(out, "  -%c, %-22s %s\n", rows->letter, text, rows->help);
        else
            fprintf(out, "      %-22s %s\n", text, rows->help);
        if (command)
            print_choices(out, command, rows);
    }
}

void print_command_help(FILE *out, const struct command *command)
{
    fprintf(out, "usage: proxtier [GLOBAL OPTION...] %s%s%s%s\n\n%s\n", command->name,
            command->options ? " [OPTION...]" : "", *command->arguments ? " " : "", command->arguments,
            command->summary);
    if (command->options) {
        fputs("\noptions:\n", out);
        print_options(out, command, command->options);
    }
    fputs("\nglobal options:\n", out);
    print_options(out, NULL, global_options);
}

void print_help(FILE *out)
{
    fputs("usage: proxtier [GLOBAL OPTION...] COMMAND [OPTION...] [ARGUMENT...]\n\n"
          "Keeps a pool of network proxies in a chain of tiers: memory, files, database.\n\ncommands:\n",
          out);
    for (const struct command *command = commands; command->name; command++)
        fprintf(out, "  %-12s %s\n", command->name, command->summary);
    fputs("\nglobal options:\n", out);
    print_options(out, NULL, global_options);
    fputs("\nexit codes: 0 done; 1 no match; 64 usage; 65 bad data; 66 no input; 69 unavailable; 70 internal;\n"
          "73 cannot make a file; 74 input or output; 75 locked, try again; 77 permission or key; 78 configuration\n",
          out);
}

static void sentence(FILE *out, const char *text)
{
    size_t length = strlen(text);
    fprintf(out, "%s%s\n", text, length && text[length - 1] == '.' ? "" : ".");
}

static void manual_choices(FILE *out, const struct command *command, const struct option_row *row)
{
    const char *name, *help;
    for (size_t i = 0; (name = option_choice(command, row, i, &help)); i++) {
        fprintf(out, "%s.It Cm %s\n", i ? "" : ".Bl -tag -width Ds -compact\n", name);
        sentence(out, help);
    }
    if (option_choice(command, row, 0, &help))
        fputs(".El\n", out);
}

/* `command` may be NULL. */
static void manual_options(FILE *out, const struct command *command, const struct option_row *rows)
{
    fputs(".Bl -tag -width Ds\n", out);
    for (; rows->name; rows++) {
        fputs(".It ", out);
        if (rows->letter)
            fprintf(out, "Fl %c , ", rows->letter);
        fprintf(out, "Fl -%s", rows->name);
        if (rows->argument)
            fprintf(out, " Ar %s", rows->argument);
        fputc('\n', out);
        sentence(out, rows->help);
        if (command)
            manual_choices(out, command, rows);
    }
    fputs(".El\n", out);
}

static void manual_commands(FILE *out)
{
    fputs(".Sh COMMANDS\nOptions of a command stand behind its name, global ones anywhere.\n", out);
    for (const struct command *command = commands; command->name; command++) {
        /* \& keeps a bracket or dot at the end from being punctuation. */
        fprintf(out, ".Ss %s%s%s%s\n", command->name, *command->arguments ? " " : "", command->arguments,
                *command->arguments ? "\\&" : "");
        sentence(out, command->summary);
        if (command->options)
            manual_options(out, command, command->options);
    }
}

static void manual_exit_codes(FILE *out)
{
    static const struct {
        int code;
        const char *text;
    } codes[] = {
        {0, "done"},
        {1, "nothing matches: no such proxy, or none that may be used; or a lease was lost"},
        {64, "the command line is wrong"},
        {65, "a value or a list is malformed, or stored data is damaged"},
        {66, "an input file cannot be opened"},
        {69,
         "no tier could serve the call, a list or an export lacks a tier, something is due by status, or a plugin is "
         "missing or refused"},
        {70, "out of memory, or a bug"},
        {73, "an output file cannot be made"},
        {74, "reading or writing failed, or no space is left"},
        {75, "locked by another process, or all proxies that match are leased: try again"},
        {77, "permission denied, permissions too wide, or a credential cannot be opened"},
        {78, "the configuration is wrong"}};
    fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", out);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        fprintf(out, ".It %d\n", codes[i].code);
        sentence(out, codes[i].text);
    }
    fputs(".El\n.Pp\nThese are the numbers of\n.Pa sysexits.h ;\n1 is that of\n.Ql grep .\n", out);
}

/* What the tables do not say. */
static const char manual_start[] =
    ".\\\" made by `proxtier help --man`: change cli/commands.c or cli/help.c instead\n"
    ".Dd November 25, 2026\n.Dt PROXTIER 1\n.Os\n.Sh NAME\n.Nm proxtier\n"
    ".Nd a pool of network proxies in a chain of tiers\n.Sh SYNOPSIS\n.Nm\n"
    ".Op Ar global option ...\n.Ar command\n.Op Ar option ...\n.Op Ar argument ...\n.Sh DESCRIPTION\n.Nm\n"
    "keeps network proxies (URL, credentials, source, time to live, health) in memory, in files and in a\n"
    "database, as\n.Xr proxtier.yaml 5\nsays.\nIt works without any configuration.\n.Pp\n"
    "A proxy is stored under a key.\nWhere none is given that is the first 16 hexadecimal digits of SHA-256 of its "
    "URL,\n"
    "or of\n.Ql scheme://user@host:port\nwhere it has a user name.\nCommands that take\n.Ar KEY|URL\n"
    "take either; a URL needs its user name, but not its password.\n"
    ".Cm report , show\nand\n.Cm history\ndo without the user name if only one proxy has that address.\n"
    "An entry that ProxyWhirl stored under a key of its own is found by its URL, too.\n.Pp\n"
    "A URL is\n.Ql scheme://[user[:password]@]host:port\nwith the scheme http, https, socks4, socks4a, socks5 or "
    "socks5h.\n"
    "A password on the command line can be seen by other users while the program starts; better use\n"
    ".Fl -password-file ,\nor\n.Cm warm\nfrom a file.\n"
    "Credentials are sealed where they are stored, and are shown only with\n.Fl -reveal .\n.Pp\n"
    "Proxies expire when their time to live is over, and leave after several failures in a row that were told with\n"
    ".Cm report .\n.Nm\ndoes not check proxies itself.\n.Pp\n"
    "What\n.Cm stats\ncounts is what all processes on the pool have counted since the file\n.Pa PATH.stats\nbeside its "
    "store was made.\nA process adds its counters at its end, and a long one every\n.Ic cleanup.interval :\n"
    "one that is killed loses those of its last interval.\n.Pp\n"
    "Results go to standard output, messages to standard error.\n.Sh GLOBAL OPTIONS\n";

static const char manual_check[] =
    ".Sh CHECKS\n.Cm check\nasks for one page through each proxy that is selected and due: it was never checked, or "
    "its\n"
    ".Ql next_check_time\nhas come.\n"
    "The outcome is recorded as\n.Cm report\ndoes, with the page, the reason of a failure, or the time that the whole "
    "request took.\n"
    "A proxy that fails too often is evicted, as after any report; so is each one if the page is down.\n"
    "Redirections are not followed: a proxy that sends to a page of its own has failed.\n.Pp\n"
    "Where this machine is at fault, nothing is recorded: there is no route, a name of the page is not found, or "
    "memory is short.\n"
    "Such proxies are counted as not checked, and the exit status is 69.\n"
    "Else the exit status is 0, whatever the proxies answered; 1, if none is selected.\n.Pp\n"
    "The requests are made by another program,\n.Nm proxtier-check ,\nwhich is a package of its own.\n"
    "It gets credentials by a socket of the two processes, and no variable of\n.Nm .\n"
    "The number of requests at the same time is at most a quarter of the hard limit of open files.\n"
    "Variables such as\n.Ev http_proxy\nand\n.Ev NO_PROXY\nhave no effect.\n.Pp\n"
    "With\n.Fl -watch\nit sleeps until the next check is due, and looks for new proxies each minute.\n"
    "With\n.Fl -json\nthe counts go to standard error.\n";

static const char manual_leases[] =
    ".Sh LEASES\n"
    "Workers that are not to use one proxy at the same time take a lease each, with\n.Cm lease\nor\n.Cm exec .\n"
    "Only they respect leases:\n.Cm get\nprints a leased proxy as any other.\n"
    "A lease stands in the slowest tier that can keep it,\n.Ic l3_sqlite , l2_sqlite , redis\nor\n.Ic postgresql ,\n"
    "so that all processes of the pool see it.\nWhile that tier is off no lease is given.\n.Pp\n"
    "A worker gives its lease back with\n.Cm release ,\nin the same breath as its report.\n"
    "If the worker dies, the lease ends by itself after\n.Fl -ttl .\n"
    "One that takes longer calls\n.Cm renew\nbefore.\n"
    "If it does not, the lease is lost: another worker may have the proxy, and\n.Cm renew\nand\n.Cm release\n"
    "exit with 1; the report counts all the same.\n"
    "If workers give different numbers to\n.Fl -max-concurrent ,\nthe least counts, so that one that gives 1 has the "
    "proxy alone.\n.Pp\n"
    "Time is that of the clock of the machine.\nIf somebody sets it forward, leases end early by as much, and two "
    "workers "
    "may have one proxy.\nIf somebody sets it back, the leases of dead workers last longer.\n"
    "A lease may be lost when the machine loses power, and is lost if the database is damaged and replaced.\n.Pp\n"
    ".Cm exec\nsets\n.Ev http_proxy , https_proxy , ftp_proxy\nand\n.Ev all_proxy ,\nin small letters and in "
    "capitals, to the URL of the proxy with its credentials.\n"
    ".Ev NO_PROXY\nand\n.Ev no_proxy\nstay as they are.\n"
    "Variables that the configuration takes secrets from, such as\n.Ev PROXYWHIRL_CACHE_ENCRYPTION_KEY ,\nare taken "
    "out: "
    "the program has no need of the keys of the pool.\n"
    "Options of\n.Nm\nstand before the name of the program; what follows is its own.\n"
    "The lease is renewed as long as the program runs, after each third of\n.Fl -ttl ,\nand ends with the program.\n"
    "If it is lost all the same, because the machine was asleep, say, a message says so and the program goes on.\n"
    "If\n.Cm exec\nitself is killed with SIGKILL, the program goes on without a lease.\n.Pp\n"
    "SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2 that a process sends to\n.Cm exec\ngo to the program; "
    "what a terminal sends reaches it anyway.\n"
    "The exit status is that of the program; 128 and its number, if a signal ended it; 126 if it cannot be run; 127 if "
    "there is none.\nIf no proxy is to be had, the program is not run, and the exit status is one of those below.\n"
    "With\n.Fl -report ,\nstatuses from 126 on are not recorded: they say nothing of the proxy.\n";

static const char manual_environment[] =
    ".Sh ENVIRONMENT\n.Bl -tag -width Ds\n"
    ".It Ev PROXTIER_CONFIG\nConfiguration file, where\n.Fl -config\nis not given.\n"
    ".It Ev PROXTIER_STATE_DIR\nAbsolute path of a folder for keys, databases and files; the same as\n.Fl -state-dir "
    ".\n"
    ".It Ev PROXTIER_CACHE_DIR , PROXTIER_CONFIG_DIR\nThe same for\n.Fl -cache-dir\nand\n.Fl -config-dir .\n"
    ".It Ev PROXTIER_SYSCONFDIR\nFolder in which\n.Pa proxtier/proxtier.yaml\nis the system's configuration, in place "
    "of\n"
    ".Pa /etc .\n"
    ".It Ev PROXTIER_PLUGIN_PATH\nFurther folders with plugins, absolute, separated by colons.\n"
    ".It Ev PROXTIER_LIBEXEC_DIR\nFolder with\n.Pa proxtier-check ,\nin place of the one where it is installed.\n"
    ".It Ev PROXTIER_DEFAULT_TTL , PROXTIER_HEALTH_FAILURE_THRESHOLD , No ...\n"
    "Override the options\n.Ic default_ttl , health.failure_threshold ,\nand so on; see\n.Xr proxtier.yaml 5 .\n"
    ".It Ev PROXYWHIRL_CACHE_ENCRYPTION_KEY , PROXYWHIRL_CACHE_KEY_PREVIOUS\n"
    "Current and previous key of the\n.Ql fernet\nencryptor, where the configuration names no other source.\n"
    ".It Ev CREDENTIALS_DIRECTORY\nFolder with the keys\n.Pa fernet.key\nand\n.Pa fernet-previous.key .\n"
    ".It Ev HOME , XDG_CACHE_HOME , XDG_STATE_HOME , XDG_CONFIG_HOME\nWhere the files below are.\n.El\n"
    ".Sh FILES\n.Bl -tag -width Ds\n"
    ".It Pa ~/.config/proxtier/proxtier.yaml , /etc/proxtier/proxtier.yaml\nThe configuration: the first one that is "
    "there.\n"
    ".It Pa ~/.cache/proxtier/shard_*.jsonl\nThe second tier, where the configuration says nothing else; see\n"
    ".Xr proxtier-jsonl 5 .\n"
    ".It Pa ~/.local/state/proxtier/proxtier.db\nThe third tier: a SQLite database.\n"
    ".It Pa ~/.local/state/proxtier/fernet.key\n"
    "The key of credentials, made once where none was given.\nKeep a copy: without it stored credentials are "
    "lost.\n.El\n";

static const char manual_examples[] =
    ".Sh EXAMPLES\nLoad a list and see what became of it:\n.Bd -literal -offset indent\n"
    "$ proxtier warm --source vendor --ttl 1d list.txt\n$ proxtier stats\n$ proxtier list --source vendor\n.Ed\n.Pp\n"
    "Use a random proxy, and tell how it worked:\n.Bd -literal -offset indent\n"
    "proxy=$(proxtier get --reveal --scheme http) || exit\n"
    "if curl -fsS -x \"$proxy\" -o page.html https://example.org/; then\n    proxtier report \"$proxy\" ok\nelse\n"
    "    proxtier report \"$proxy\" fail --reason \"curl exit $?\"\nfi\n.Ed\n.Pp\n"
    "Store one with a password that no one sees, and print it:\n.Bd -literal -offset indent\n"
    "$ proxtier put --username alice --password-file secret.txt http://192.0.2.7:8080\n"
    "$ proxtier show http://alice@192.0.2.7:8080\n.Ed\n.Pp\n"
    "Run a program, with a proxy that no other worker has, and record how the proxy worked:\n"
    ".Bd -literal -offset indent\n"
    "$ proxtier exec --report --fail-on curl -- curl -fsS -o page.html https://example.org/\n.Ed\n.Pp\n"
    "The same by hand, in a script:\n.Bd -literal -offset indent\n"
    "set -- $(proxtier lease --for \"worker $$\" --ttl 5m --reveal)\n"
    "[ $# -eq 2 ] || exit\nif curl -fsS -x \"$2\" -o page.html https://example.org/; then\n"
    "    proxtier release \"$1\" ok\nelse\n    proxtier release \"$1\" fail\nfi\n.Ed\n.Pp\n"
    "Ten different proxies that were found to work:\n.Bd -literal -offset indent\n"
    "$ proxtier get --healthy -n 10\n.Ed\n.Pp\n"
    "Save all proxies, and bring them back:\n.Bd -literal -offset indent\n"
    "$ proxtier backup pool.backup\n$ proxtier restore pool.backup\n.Ed\n.Pp\n"
    "Let Squid and a shell use them:\n.Bd -literal -offset indent\n"
    "$ proxtier export --reveal --format squid /etc/squid/conf.d/proxies.conf\n"
    "$ proxtier export --reveal --format env | tail -n 6\n.Ed\n.Pp\n"
    "Metrics for the textfile collector of Prometheus, and upkeep, from time to time:\n.Bd -literal -offset indent\n"
    "$ proxtier expire && proxtier stats --openmetrics >proxtier.prom\n.Ed\n.Pp\n"
    "Whether all tiers are on and agree, and what to do if not; here a tier was taken out of the configuration:\n"
    ".Bd -literal -offset indent\n$ proxtier status\n$ proxtier tier forget l2\n.Ed\n.Pp\n"
    "Move to another chain of tiers:\n.Bd -literal -offset indent\n"
    "$ proxtier --config new.yaml migrate --from old.yaml\n.Ed\n.Pp\n"
    "What is in effect, and where each value comes from:\n.Bd -literal -offset indent\n"
    "$ proxtier config check && proxtier config show --origin\n.Ed\n";

static const char manual_end[] = ".Sh SEE ALSO\n.Xr libproxtier 3 ,\n.Xr proxtier-plugin 3 ,\n.Xr proxtier-export 5 "
                                 ",\n.Xr proxtier-import 5 ,\n.Xr proxtier-jsonl 5 ,\n"
                                 ".Xr proxtier.yaml 5 ,\n.Xr proxtier-glossary 7 ,\n.Xr proxtier-troubleshooting 7\n";

void print_manual(FILE *out)
{
    fputs(manual_start, out);
    manual_options(out, NULL, global_options);
    manual_commands(out);
    fputs(manual_check, out);
    fputs(manual_leases, out);
    fputs(manual_environment, out);
    manual_exit_codes(out);
    print_results_manual(out);
    fputs(manual_examples, out);
    fputs(manual_end, out);
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
        return unknown_command(invocation->arguments[0]);
    print_command_help(stdout, command);
    return finish_output(0);
}
