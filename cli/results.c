/* SPDX-License-Identifier: MIT
 *
 * results.c: what commands print with --json: one table of members, from which output and manual are made.
 */
#include "command.h"
#include <inttypes.h>
#include <string.h>

enum result_type { TEXT, COUNT, BOOL, TIME, NUMBER };

/* The members of a command in the order in which they are printed. After a release, new ones come at the end. */
static const struct {
    const char *command, *member;
    enum result_type type;
    const char *help;
} rows[] = {
    {"warm", "loaded", COUNT, "stored, new"},
    {"warm", "updated", COUNT, "stored, replacing one that was there before"},
    {"warm", "duplicate", COUNT, "the same key again"},
    {"warm", "refused", COUNT, "not stored: no valid proxy"},
    {"warm", "masked", COUNT, "records whose credentials are only *"},
    {"warm", "known_dead", COUNT, "not stored: they failed too often, see health.dead_for"},
    {"warm", "seconds", NUMBER, "how long it took"},
    {"put", "key", TEXT, "under which the proxy is stored"},
    {"delete", "key", TEXT, "of the argument"},
    {"delete", "deleted", BOOL, "false: nothing was stored under it"},
    {"clear", "removed", COUNT, "proxies that there were"},
    {"tier", "name", TEXT, "of the tier that is forgotten"},
    {"tier", "doubted", COUNT, "groups of keys, of 32768, for which it was in doubt"},
    {"tier", "alone", COUNT, "groups for which it alone may have had the newest version"},
    {"report", "key", TEXT, "of the proxy"},
    {"report", "health", TEXT, "after the report"},
    {"report", "evicted", BOOL, "whether it failed too often, and was removed"},
    {"check", "key", TEXT, "of the proxy"},
    {"check", "ok", BOOL, "whether it answered as expected"},
    {"check", "latency_ms", NUMBER, "of the whole request; null: it failed"},
    {"check", "reason", TEXT, "of a failure; null: none"},
    {"check", "health", TEXT, "after the check"},
    {"check", "evicted", BOOL, "whether it failed too often, and was removed"},
    {"history", "time", TIME, "of the report"},
    {"history", "health", TEXT, "after it"},
    {"history", "latency_ms", NUMBER, "null: unknown"},
    {"history", "reason", TEXT, "of a failure; null: none"},
    {"history", "url", TEXT, "what was asked for; null: unknown"},
    {"renew", "lease", TEXT, "its name"},
    {"renew", "lost", BOOL, "it had ended, and another worker may have the proxy"},
    {"release", "lease", TEXT, "its name"},
    {"release", "lost", BOOL, "it had ended before"},
    {"release", "health", TEXT, "after the report; null: without ok or fail"},
    {"release", "evicted", BOOL, "whether the proxy failed too often, and was removed"},
    {"leases", "lease", TEXT, "its name"},
    {"leases", "key", TEXT, "of the proxy"},
    {"leases", "for", TEXT, "the worker, as --for named it"},
    {"leases", "max_concurrent", COUNT, "that the worker asked for"},
    {"leases", "until", TIME, "when it ends by itself"},
    {"expire", "expired", COUNT, "proxies whose time to live was over"},
    {"migrate", "copied", COUNT, "proxies that were newer there"},
    {"config", "path", TEXT, "check: of the configuration"},
    {"config", "valid", BOOL, "check: whether it can be used"},
    {"config", "problem", TEXT, "check: why not; null: it can"},
    {"config show", "section", TEXT, "health, encryptor, tiers, tiers.eviction ...; null: none"},
    {"config show", "tier", TEXT, "of tiers: its name"},
    {"config show", "name", TEXT, "of the option"},
    {"config show", "value", TEXT, "as it would stand in YAML, without quotes"},
    {"config show", "origin", TEXT, "a file, a variable or an option; null: the default"},
    {"config show", "line", COUNT, "of the file; null: it is of no file"},
    {"export", "path", TEXT, "of the file"},
    {"export", "written", COUNT, "proxies in the file"},
    {"export", "skipped", COUNT, "proxies that the format cannot carry"},
    {"export", "without_credentials", COUNT, "of those written: they have credentials, and --reveal was not given"},
    {"export skipped", "key", TEXT, "of a proxy that is not in the file; such lines come first"},
    {"export skipped", "reason", TEXT, "why the format cannot carry it"},
    {"backup", "path", TEXT, "of the file"},
    {"backup", "entries", COUNT, "proxies in the backup"},
    {"backup", "checks", COUNT, "of their history"},
    {"backup", "known_dead", COUNT, "not carried: proxies that are known as dead, and so not in the pool"},
    {"restore", "dry_run", BOOL, "the backup was only checked"},
    {"restore", "entries", COUNT, "proxies that were restored, or that the backup has"},
    {"restore", "checks", COUNT, "of their history"},
    {"restore", "expired", COUNT, "not restored: their time to live is over"},
    {"restore", "kept", COUNT, "not restored: the pool has what is newer"},
};
enum { ROWS = sizeof rows / sizeof *rows };

static void print_value(enum result_type type, const struct result_value *value)
{
    if (value->null || (type == TEXT && !value->text))
        fputs("null", stdout);
    else if (type == TEXT)
        print_json_text(stdout, value->text);
    else if (type == BOOL)
        fputs(value->number ? "true" : "false", stdout);
    else if (type == COUNT)
        printf("%" PRIu64, value->number);
    else if (type == NUMBER)
        printf("%.3f", value->real);
    else {
        putchar('"');
        print_time(stdout, value->time);
        putchar('"');
    }
}

void print_result(const char *command, const struct result_value *values)
{
    fputs("{\"schema\": 1", stdout);
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].command, command))
            continue;
        printf(", \"%s\": ", rows[i].member);
        print_value(rows[i].type, values++);
    }
    puts("}");
}

void print_results_manual(FILE *out)
{
    static const char *const names[] = {"text", "count", "true or false", "time", "number"};
    const char *command = "";
    fputs(".Sh JSON\nWith\n.Fl -json\na command prints an object in one line, or one line for each proxy or report.\n"
          "Each has the member\n.Ql schema ,\na number that is raised when a member goes or changes its meaning;\n"
          "further members may come at any time.\nA time is ISO 8601 in UTC; what is not known is null.\n.Pp\n"
          "The objects of\n.Cm get , list\nand\n.Cm show\nhave no\n.Ql schema :\n"
          "they are the fields of a proxy, see\n.Xr libproxtier 3 ,\nand\n.Ql has_credentials .\n"
          "Those of\n.Cm stats\nand\n.Cm status\nhave the statistics that are told there, those of\n.Cm plugin\n"
          "what the text has.\nThe others:\n.Bl -tag -width Ds\n",
          out);
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(command, rows[i].command))
            fprintf(out, ".It Cm %s\n", rows[i].command);
        else
            fputs(".br\n", out);
        command = rows[i].command;
        fprintf(out, ".Ql %s\n.Pq %s :\n%s\n", rows[i].member, names[rows[i].type], rows[i].help);
    }
    fputs(".El\n", out);
}
