/* SPDX-License-Identifier: MIT
 *
 * commands.c: the table of commands and their options.
 */
#include "columns.h"
#include "selection.h"

#define END                                                                                                            \
    {                                                                                                                  \
        NULL, 0, NULL, NULL                                                                                            \
    }
#define REVEAL                                                                                                         \
    {                                                                                                                  \
        "reveal", 0, NULL, "show credentials in the clear, percent-encoded"                                            \
    }
#define JSON                                                                                                           \
    {                                                                                                                  \
        "json", 0, NULL, "as JSON"                                                                                     \
    }
#define LEASE                                                                                                          \
    {"for", 0, "NAME", "what `proxtier leases` calls the worker"},                                                     \
        {"ttl", 0, "TIME", "the lease ends by itself after that: 90s, 15m, 1h; default: 60s"},                         \
    {                                                                                                                  \
        "max-concurrent", 0, "N",                                                                                      \
            "leases of one proxy at the same time; default: 1. Of several workers with different numbers the least "   \
            "counts"                                                                                                   \
    }

const struct option_row global_options[] = {
    {"config", 'c', "FILE", "configuration; else $PROXTIER_CONFIG, the user's, the system's, the built-in one"},
    {"state-dir", 0, "DIR", "keep keys, databases and files in DIR instead of the user's folders"},
    {"cache-dir", 0, "DIR",
     "keep files that can be filled again in DIR; else in DIR/cache of --state-dir, or the user's folder"},
    {"config-dir", 0, "DIR", "look for proxtier.yaml and conf.d in DIR, and nowhere else"},
    {"log-level", 0, "LEVEL", "error, warning, notice (default), info or debug"},
    {"verbose", 'v', NULL, "the same as --log-level info"},
    {"quiet", 'q', NULL, "no progress, no notices"},
    {"help", 'h', NULL, "help, also of a command"},
    {"version", 'V', NULL, "versions of the program and of the plugin ABI"},
    END};

static const struct option_row warm[] = {
    {"format", 0, "FORMAT", "auto, text, json, jsonl, csv, yaml or proxychains"},
    {"default-scheme", 0, "SCHEME",
     "scheme of records that name none; default: that of the comment above them, of the file's name, else http"},
    {"source", 0, "NAME", "source of records that name none; default: warmed"},
    {"ttl", 0, "TIME", "time to live of all records: 90s, 15m, 1h, 7d"},
    {"dry-run", 0, NULL, "read and count, store nothing"},
    {"reject", 0, "FILE", "write places and reasons of refused records there"},
    {"strict", 0, NULL, "exit 65 when a record was refused"},
    {"allow-empty", 0, NULL, "a list without any record is no error"},
    {"reset", 0, NULL, "forget health, checks and hits of the proxies in the list"},
    JSON,
    END};
static const struct option_row get[] = {REVEAL,
                                        {"tier", 0, NULL, "add the name of the tier that answered"},
                                        JSON,
                                        SHOW_ROW,
                                        {"format", 0, "FORMAT", "as export writes it: one of these; default: url"},
                                        {"template", 0, "TEXT", "instead of a format: a text for each proxy"},
                                        {"count", 'n', "N", "without a key: so many, each once"},
                                        CHOOSE_ROWS,
                                        SELECT_ROWS,
                                        END};
static const struct option_row put[] = {
    {"source", 0, "NAME", "where the proxy came from; default: user"},
    {"ttl", 0, "TIME", "time to live: 90s, 15m, 1h, 7d"},
    {"key", 0, "KEY", "a key of your own"},
    {"username", 0, "NAME", "user name at the proxy"},
    {"password-file", 0, "FILE", "password: first line of the file; - is standard input"},
    JSON,
    END};
static const struct option_row list[] = {REVEAL,   JSON,        {"keys", 0, NULL, "keys instead of URLs"},
                                         SHOW_ROW, SELECT_ROWS, END};
static const struct option_row delete_options[] = {SELECT_ROWS, JSON, END};
static const struct option_row only_json[] = {JSON, END};
static const struct option_row clear[] = {{"yes", 'y', NULL, "do not ask"}, JSON, END};
static const struct option_row stats[] = {JSON,
                                          {"flat", 0, NULL, "one metric a line, ProxyWhirl's names"},
                                          {"openmetrics", 0, NULL, "OpenMetrics text, for Prometheus"},
                                          END};
static const struct option_row report[] = {{"latency", 0, "MS", "how long it took"},
                                           {"reason", 0, "TEXT", "why it failed"},
                                           {"url", 0, "URL", "what was asked for"},
                                           JSON,
                                           END};
static const struct option_row check[] = {
    {"url", 0, "URL", "what to ask for; if that is down, all proxies fail; default: http://example.com/"},
    {"expect", 0, "STATUS|REGEX",
     "the status that is good, or an extended regular expression for the first 64 KiB of the body; default: any status "
     "from 200 to 299"},
    {"jobs", 'j', "N", "requests at the same time, as far as the limit of open files allows; default: 500"},
    {"timeout", 0, "TIME", "a request that takes longer has failed; default: 10s"},
    {"tunnel", 0, NULL, "use CONNECT for http too"},
    {"all", 0, NULL, "also proxies whose next check is not due yet"},
    {"watch", 0, NULL, "go on until a signal: check each proxy when it is due"},
    SELECT_ROWS,
    JSON,
    END};
static const struct option_row lease[] = {LEASE, CHOOSE_ROWS, SELECT_ROWS, REVEAL, JSON, END};
static const struct option_row renew[] = {
    {"ttl", 0, "TIME", "from now until the lease ends by itself; default: 60s"}, JSON, END};
static const struct option_row release[] = {{"latency", 0, "MS", "how long it took"},
                                            {"reason", 0, "TEXT", "why it failed"},
                                            {"url", 0, "URL", "what was asked for"},
                                            JSON,
                                            END};
static const struct option_row exec_options[] = {
    LEASE,
    CHOOSE_ROWS,
    SELECT_ROWS,
    {"report", 0, NULL, "record how the proxy worked by the exit status of the program: 0 is good"},
    {"fail-on", 0, "STATUS,...",
     "with --report: exit statuses that are failures of the proxy; others than these and 0 are not recorded; `curl`: "
     "5,7,28,35,52,55,56,97; default: all but 0"},
    {"no-lease", 0, NULL, "only choose a proxy: for a chain that keeps no leases"},
    END};
static const struct option_row export_options[] = {
    {"format", 0, "FORMAT", "one of these; default: jsonl"},
    {"template", 0, "TEXT", "instead of a format: a text for each proxy, such as '{scheme} {host} {password|shell}'"},
    {"reveal", 0, NULL,
     "write credentials in the clear; else jsonl, json and csv have them sealed, and others not at all"},
    {"strict", 0, NULL, "exit 65 when the format could not carry a proxy"},
    {"reject", 0, "FILE", "write keys and reasons of proxies that the format cannot carry there"},
    SELECT_ROWS,
    {"json", 0, NULL, "with FILE: counts and what was not carried, as JSON"},
    END};
static const struct option_row backup[] = {{"json", 0, NULL, "with FILE: counts as JSON"}, END};
static const struct option_row restore[] = {
    {"merge", 0, NULL, "into a pool that has entries: the newer put, report or delete of a key counts"},
    {"replace", 0, NULL, "remove all entries of the pool first"},
    {"dry-run", 0, NULL, "check the backup, and change nothing"},
    JSON,
    END};
static const struct option_row keygen[] = {{"out", 'o', "FILE", "write it to a new file, mode 0600"}, END};
static const struct option_row migrate[] = {
    {"from", 0, "FILE", "the configuration that has the entries; it is read, and not changed"}, JSON, END};
static const struct option_row plugin[] = {
    JSON,
    {"options", 0, "NAME=VALUE,...", "test: options of the plugin"},
    {"check", 0, "TEXT", "test: only the checks whose names have this text"},
    {"second", 0, "NAME=VALUE,...", "test: options that make another store"},
    {"reset", 0, "COMMAND", "test: a shell command that empties the stores of the plugin, called before each check"},
    {"timeout", 0, "TIME", "test: the longest time that one call of the plugin may take; default: 20s"},
    END};
static const struct option_row config[] = {
    {"origin", 0, NULL, "show: where each value comes from"}, {"json", 0, NULL, "check, show: as JSON"}, END};
static const struct option_row help[] = {{"man", 0, NULL, "the manual page, as mdoc(7)"}, END};

const struct command commands[] = {
    {"warm", "FILE|-...", "load lists of proxies: text lines, JSON, JSONL, CSV, YAML of Clash, proxychains.conf", warm,
     1, -1, run_warm},
    {"get", "[KEY|URL...]",
     "print the URLs of proxies; without a key, of one that is chosen and, unless the options ask for a health, is "
     "neither "
     "unhealthy nor dead",
     get, 0, -1, run_get},
    {"put", "URL", "store a proxy and print its key", put, 1, 1, run_put},
    {"delete", "[KEY|URL...]", "remove proxies from all tiers: those that are named, or all that the options select",
     delete_options, 0, -1, run_delete},
    {"list", "", "print the proxies that the options select, or all, one URL a line", list, 0, 0, run_list},
    {"show", "KEY|URL", "print all fields of a proxy", only_json, 1, 1, run_show},
    {"clear", "", "remove all proxies from all tiers", clear, 0, 0, run_clear},
    {"stats", "", "print sizes of all tiers, and what all processes have counted", stats, 0, 0, run_stats},
    {"status", "", "print whether all tiers are on and agree, and what to do if not; exits 69 then", only_json, 0, 0,
     run_status},
    {"tier", "forget NAME",
     "no longer wait for a tier that was taken out of the configuration; entries that it alone has are given up",
     only_json, 2, 2, run_tier},
    {"report", "KEY|URL ok|fail", "record how a proxy worked", report, 2, 2, run_report},
    {"check", "", "ask for a page through each proxy that is due, and record how it worked; needs proxtier-check",
     check, 0, 0, run_check},
    {"history", "KEY|URL", "print how a proxy worked, newest first: time, health, latency, reason, URL", only_json, 1,
     1, run_history},
    {"lease", "", "choose a proxy that no other worker has, for a time, and print the name of the lease and the URL",
     lease, 0, 0, run_lease},
    {"renew", "LEASE", "let a lease end later; exits 1 if it was lost: another worker may have the proxy", renew, 1, 1,
     run_renew},
    {"release", "LEASE [ok|fail]", "give a leased proxy back, and record how it worked; exits 1 if the lease was lost",
     release, 1, 2, run_release},
    {"leases", "", "print all leases that are held: name, when it ends, worker", only_json, 0, 0, run_leases},
    {"exec", "-- PROGRAM [ARGUMENT...]",
     "run a program that uses a proxy by http_proxy and similar variables, under a lease", exec_options, 1, -1,
     run_exec},
    {"export", "[FILE]", "write all proxies as a list, as a configuration of a program, or by a template",
     export_options, 0, 1, run_export},
    {"backup", "FILE|-", "write the whole pool to a file, with history; credentials stay sealed", backup, 1, 1,
     run_backup},
    {"restore", "FILE|-",
     "bring a backup into an empty pool; its credentials need the key of the pool that was backed up", restore, 1, 1,
     run_restore},
    {"expire", "", "remove expired proxies now, and compact files", only_json, 0, 0, run_expire},
    {"migrate", "",
     "copy all entries of another configuration into this one, with what was learnt of them, but not their history; "
     "newer ones stay",
     migrate, 0, 0, run_migrate},
    {"keygen", "", "make a key for the fernet encryptor", keygen, 0, 0, run_keygen},
    {"plugin", "list|info NAME|test NAME",
     "list plugins, print the options of one, or test whether it keeps the promises of the plugin interface", plugin, 1,
     2, run_plugin},
    {"config", "check|show|schema|import FILE",
     "check the configuration, print what is in effect, print a JSON Schema of it for editors, or print a "
     "configuration "
     "made from ProxyWhirl's (TOML)",
     config, 1, 2, run_config},
    {"bug-report", "",
     "print what a report of a fault needs: versions, names of variables, plugins, and the configuration without "
     "secrets",
     NULL, 0, 0, run_bug_report},
    {"completion", "bash|zsh|fish", "print a shell's completion script", NULL, 1, 1, run_completion},
    {"help", "[COMMAND]", "print help", help, 0, 1, run_help},
    {NULL, NULL, NULL, NULL, 0, 0, NULL}};
