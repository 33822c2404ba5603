/* SPDX-License-Identifier: MIT
 *
 * command.h: what the files of the command share. There is one table of commands, with their options (commands.c): from
 * it come dispatch, option parsing, help, manual and completions.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <proxtier/admin.h>
#include <proxtier/proxtier.h>
#include <stdio.h>

enum { EXIT_NO_MATCH = 1, EXIT_USAGE = 64, EXIT_DATA = 65, EXIT_LACKING = 69, EXIT_INTERNAL = 70, EXIT_OUTPUT = 74 };

/* An option. Its value lands in invocation->value[index in the command's table]. */
struct option_row {
    const char *name;     /* long, without dashes; NULL ends the table */
    char letter;          /* short, or 0 */
    const char *argument; /* what --help calls its value; NULL: a switch */
    const char *help;
};
struct invocation;
struct command {
    const char *name;
    const char *arguments; /* "KEY|URL..." */
    const char *summary;
    const struct option_row *options; /* NULL: none */
    int min_arguments, max_arguments; /* < 0: any number */
    int (*run)(struct invocation *invocation);
};
enum { OPTIONS_MAX = 24 };
struct invocation {
    const struct command *command;
    int count;
    char **arguments;
    const char *value[OPTIONS_MAX]; /* of the command's options; "" for a switch that is given */
    struct pxt_cache_options open;
    bool quiet, verbose;
};

extern const struct command commands[];          /* ends with a NULL name */
extern const struct option_row global_options[]; /* ends with a NULL name */

/* The value of the command's option by name; NULL where not given. */
const char *option(const struct invocation *invocation, const char *name);

/* messages.c: prints the message of an error, or of a wrong command line, and returns the exit code. */
int fail(const struct pxt_error *error);
int usage(const struct invocation *invocation, const char *format, ...) PXT_PRINTF(2, 3);
/* The same for a lease that its holder no longer has, and where no proxy is to be had. */
int lease_lost(const char *id);
int nothing_matches(const struct invocation *invocation);
/* Says that nothing is stored under a KEY or URL as given, unless --quiet. Credentials in it are not printed. EXIT_NO_MATCH. */
int not_found(const struct invocation *invocation, const char *text);
/* Flushes standard output. Returns `status`; EXIT_OUTPUT with a message if that is 0 and the output was not written. */
int finish_output(int status);
/* A pxt_log_fn. */
void print_log(void *arg, enum pxt_message_level level, const char *component, const char *message);

/* harden.c: at the start; gives back mask and limits for a program that is about to be started, until harden() is called
 * again. */
void harden(void);
void soften(void);
/* words.c: messages for words that are not known, with the one that was meant; they return the exit code. */
int unknown_command(const char *name);
int unknown_option(const struct invocation *invocation, const char *given);
/* Of --show. */
int unknown_field(const struct invocation *invocation, const char *given);
/* Whether `given` is one of the words in "check|show NAME": -1, else an exit code with a message. */
int check_word(const struct invocation *invocation, const char *what, const char *given, const char *words);
/* The same for the value of an option; -1 also for options that take any. */
int check_value(const struct invocation *invocation, const char *name, const char *value);

/* results.c: what --json prints of a command, by its table of members. */
struct result_value {
    bool null;
    const char *text; /* NULL: null */
    uint64_t number;  /* also true and false */
    double real;
    pxt_time time;
};
/* Prints a line with the members of the command; `values` are in their order. */
void print_result(const char *command, const struct result_value *values);
void print_results_manual(FILE *out);

/* common.c */
pxt_status open_cache(const struct invocation *invocation, pxt_cache **out, struct pxt_error *error);
/* A KEY or URL as given to a key. False with a message where it is neither. */
bool key_of(const struct invocation *invocation, pxt_cache *cache, const char *text, char key[PXT_KEY_MAX + 1],
            int *exit_code);
/* The same for one that is stored: a URL without a user name also names the only proxy at its address. If there are several,
 * they are listed. */
bool stored_key_of(const struct invocation *invocation, pxt_cache *cache, const char *text, char key[PXT_KEY_MAX + 1],
                   int *exit_code);
/* How many proxies are known as dead. */
uint64_t count_known_dead(pxt_cache *cache);
/* 90, 15m, 1h to seconds; false where malformed. */
bool read_seconds(const char *text, int64_t *out);
/* Reads the outcome "ok" or "fail" and the options --latency, --reason and --url. False with a message if one is wrong. */
bool read_report(const struct invocation *invocation, const char *outcome, struct pxt_report *report, int *exit_code);
/* Reads --for, --ttl and --max-concurrent, likewise. */
bool read_lease_options(const struct invocation *invocation, struct pxt_lease_options *options, int *exit_code);

/* output.c */
/* The entry's URL, if `reveal` with its credentials, percent-encoded. If they cannot be opened nothing is printed. */
pxt_status print_url(FILE *out, pxt_cache *cache, pxt_entry *entry, bool reveal, struct pxt_error *error);
/* The same as a text of `length` bytes, for free_secret_text(). `*url` is NULL after an error. */
pxt_status make_url(pxt_cache *cache, pxt_entry *entry, bool reveal, char **url, size_t *length,
                    struct pxt_error *error);
/* A credential, percent-encoded; nothing where there is none. */
pxt_status print_credential(FILE *out, pxt_cache *cache, pxt_entry *entry, enum pxt_field_id field,
                            struct pxt_error *error);
/* Fills in the error, and returns PXT_ENOMEM. */
pxt_status out_of_memory(struct pxt_error *error);
/* Wipes and frees a text of malloc(); NULL is allowed. */
void free_secret_text(char *text, size_t length);
/* The entry as one line of JSON; tokens and credentials are left out. */
void print_json(FILE *out, const pxt_entry *entry);
/* The same; if `reveal` with the member "url", which has the credentials. After an error nothing is printed. */
pxt_status print_json_with(FILE *out, pxt_cache *cache, pxt_entry *entry, bool reveal, struct pxt_error *error);
void print_json_text(FILE *out, const char *text);
/* A field's value as text. */
void print_time(FILE *out, pxt_time time); /* ISO 8601, UTC */
void print_field(FILE *out, const pxt_entry *entry, enum pxt_field_id field);

int run_warm(struct invocation *), run_get(struct invocation *), run_put(struct invocation *),
    run_delete(struct invocation *), run_list(struct invocation *), run_show(struct invocation *),
    run_clear(struct invocation *), run_stats(struct invocation *), run_report(struct invocation *),
    run_history(struct invocation *), run_export(struct invocation *), run_expire(struct invocation *),
    run_keygen(struct invocation *), run_plugin(struct invocation *), run_config(struct invocation *),
    run_migrate(struct invocation *), run_bug_report(struct invocation *), run_status(struct invocation *),
    run_tier(struct invocation *), run_backup(struct invocation *), run_restore(struct invocation *),
    run_completion(struct invocation *), run_help(struct invocation *), run_lease(struct invocation *),
    run_renew(struct invocation *), run_release(struct invocation *), run_leases(struct invocation *),
    run_exec(struct invocation *), run_check(struct invocation *);

/* config_schema.c: prints the JSON Schema of a configuration. */
pxt_status print_config_schema(const struct invocation *invocation, struct pxt_error *error);

/* config_import.c: prints YAML made from ProxyWhirl's TOML; returns the exit code. */
int config_import(const struct invocation *invocation, const char *path);

/* choices.c: the values that an option takes, by index, with their help; NULL behind the last one, and where there is no
 * table of them. */
const char *option_choice(const struct command *command, const struct option_row *row, size_t index, const char **help);

/* help.c */
void print_command_help(FILE *out, const struct command *command);
void print_help(FILE *out);
void print_manual(FILE *out);
const struct command *find_command(const char *name);

#endif
