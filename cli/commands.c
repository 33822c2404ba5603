/* SPDX-License-Identifier: MIT
 *
 * commands.c: the table of commands and their options.
 */
#include "command.h"

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
#define SELECT                                                                                                         \
    {"source", 0, "NAME", "only entries of this source"}, {"scheme", 0, "SCHEME", "only http, https, socks5 ..."},     \
    {                                                                                                                  \
        "healthy", 0, NULL, "only entries whose last check was good"                                                   \
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
static const struct option_row get[] = {REVEAL, {"tier", 0, NULL, "add the name of the tier that answered"},
                                        JSON,   {"count", 'n', "N", "without a key: so many, each once"},
                                        SELECT, END};
static const struct option_row put[] = {
    {"source", 0, "NAME", "where the proxy came from; default: user"},
    {"ttl", 0, "TIME", "time to live: 90s, 15m, 1h, 7d"},
    {"key", 0, "KEY", "a key of your own"},
    {"username", 0, "NAME", "user name at the proxy"},
    {"password-file", 0, "FILE", "password: first line of the file; - is standard input"},
    JSON,
    END};
static const struct option_row list[] = {REVEAL,
                                         JSON,
                                         {"keys", 0, NULL, "keys instead of URLs"},
                                         SELECT,
                                         {"health", 0, "STATE", "only unknown, healthy, degraded, unhealthy or dead"},
                                         END};
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
static const struct option_row export_options[] = {{"reveal", 0, NULL, "write credentials in the clear"}, END};
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
    {"origin", 0, NULL, "show: where each value comes from"}, {"json", 0, NULL, "check: as JSON"}, END};
static const struct option_row help[] = {{"man", 0, NULL, "the manual page, as mdoc(7)"}, END};

const struct command commands[] = {
    {"warm", "FILE|-...", "load lists of proxies: text lines, JSON, JSONL, CSV, YAML of Clash, proxychains.conf", warm,
     1, -1, run_warm},
    {"get", "[KEY|URL...]",
     "print the URLs of proxies; without a key, of a random one that is neither unhealthy nor dead", get, 0, -1,
     run_get},
    {"put", "URL", "store a proxy and print its key", put, 1, 1, run_put},
    {"delete", "KEY|URL...", "remove proxies from all tiers", only_json, 1, -1, run_delete},
    {"list", "", "print all proxies, one URL a line", list, 0, 0, run_list},
    {"show", "KEY|URL", "print all fields of a proxy", only_json, 1, 1, run_show},
    {"clear", "", "remove all proxies from all tiers", clear, 0, 0, run_clear},
    {"stats", "", "print sizes of all tiers, and what all processes have counted", stats, 0, 0, run_stats},
    {"status", "", "print whether all tiers are on and agree, and what to do if not; exits 69 then", only_json, 0, 0,
     run_status},
    {"tier", "forget NAME",
     "no longer wait for a tier that was taken out of the configuration; entries that it alone has are given up",
     only_json, 2, 2, run_tier},
    {"report", "KEY|URL ok|fail", "record how a proxy worked", report, 2, 2, run_report},
    {"history", "KEY|URL", "print how a proxy worked, newest first: time, health, latency, reason, URL", only_json, 1,
     1, run_history},
    {"export", "[FILE]", "write all proxies as JSONL; credentials stay sealed", export_options, 0, 1, run_export},
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
