/* SPDX-License-Identifier: MIT
 *
 * warm.c: proxtier warm FILE...
 */
#include "command.h"
#include "interrupts.h"
#include "list_paths.h"
#include "progress.h"
#include "sqlite_list.h"
#include <errno.h>
#include <string.h>

enum { SHOWN = 10 };
struct tally {
    const struct invocation *invocation;
    FILE *file; /* of --reject; NULL: none */
    const struct list_paths *paths;
    size_t at; /* in them */
    uint64_t count, masked, dead;
    bool empty;    /* a list had no record */
    bool failed;   /* a list was not read to its end */
    char last[64]; /* "line 17", of the list that was interrupted */
    const char *last_path;
    struct progress *progress;
};

/* ---- what is told while lists are read --------------------------------------------------------------------------- */

static bool on_progress(void *arg, uint64_t done, uint64_t total, const struct pxt_warm_counts *counts)
{
    struct tally *tally = arg;
    progress_step(tally->progress, done, total, counts);
    return !interrupts_caught();
}

static void refused(void *arg, const char *path, uint64_t line, uint64_t column, const char *reason)
{
    struct tally *tally = arg;
    tally->count++;
    if (tally->file)
        fprintf(tally->file, "%s:%llu:%llu: %s\n", path, (unsigned long long)line, (unsigned long long)column, reason);
    if (tally->count > SHOWN)
        return;
    progress_end(tally->progress);
    fprintf(stderr, "%s:%llu:%llu: %s\n", path, (unsigned long long)line, (unsigned long long)column, reason);
}

static void masked(void *arg, const char *path, uint64_t line, uint64_t column, const char *reason)
{
    struct tally *tally = arg;
    (void)path, (void)line, (void)column, (void)reason;
    tally->masked++;
}

/* Names the first proxies that are known as dead, and all of them in the file of --reject. */
static void known_dead(void *arg, const char *path, uint64_t line, uint64_t column, const char *reason)
{
    struct tally *tally = arg;
    if (tally->file)
        fprintf(tally->file, "%s:%llu:%llu: %s\n", path, (unsigned long long)line, (unsigned long long)column, reason);
    if (++tally->dead > SHOWN || tally->invocation->quiet)
        return;
    progress_end(tally->progress);
    fprintf(stderr, "%s:%llu:%llu: %s\n", path, (unsigned long long)line, (unsigned long long)column, reason);
}

static void tell_guesses(const struct pxt_list_result *result)
{
    unsigned long long guessed = result->guessed, ambiguous = result->ambiguous;
    if (guessed)
        fprintf(stderr, "proxtier: notice: %s: %llu record%s no scheme: taken for %s%s (see --default-scheme)\n",
                result->path, guessed, guessed == 1 ? " names" : "s name", result->guessed_scheme,
                result->scheme_from_name ? ", which is in the file's name" : "");
    if (ambiguous)
        fprintf(stderr,
                "proxtier: warning: %s: %llu record%s two ports: read as host:port:user:password, not as "
                "user:password:host:port\n",
                result->path, ambiguous, ambiguous == 1 ? " has" : "s have");
}

static void finished(void *arg, const struct pxt_list_result *result)
{
    struct tally *tally = arg;
    const struct pxt_warm_counts *counts = result->counts;
    bool part = tally->paths->is_part[tally->at++];
    progress_end(tally->progress);
    tally->failed |= result->status != PXT_OK;
    if (result->problem)
        fprintf(stderr, "proxtier: %s\n", result->problem);
    if (!tally->invocation->quiet)
        tell_guesses(result);
    if (result->stopped) {
        tally->last_path = result->path;
        snprintf(tally->last, sizeof tally->last, "line %llu", (unsigned long long)result->line);
    } else if (!part && !result->status && !counts->loaded && !counts->updated && !counts->duplicate &&
               !counts->refused && !counts->dead && !option(tally->invocation, "allow-empty")) {
        fprintf(stderr, "proxtier: list %s is empty: --allow-empty accepts that\n", result->path);
        tally->empty = true;
    }
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static bool read_format(const char *name, enum pxt_list_format *out)
{
    static const char *const names[] = {"auto", "text", "json", "jsonl", "csv", "yaml", "proxychains"};
    for (size_t i = 0; name && i < sizeof names / sizeof *names; i++)
        if (!strcmp(names[i], name)) {
            *out = (enum pxt_list_format)i;
            return true;
        }
    return !name;
}

static void print_counts(const struct pxt_warm_counts *counts, double seconds)
{
    printf("loaded %llu, updated %llu, duplicate %llu, refused %llu", (unsigned long long)counts->loaded,
           (unsigned long long)counts->updated, (unsigned long long)counts->duplicate,
           (unsigned long long)counts->refused);
    if (counts->dead)
        printf(", known as dead %llu", (unsigned long long)counts->dead);
    printf(" in %.2f s\n", seconds);
}

static int tell(const struct invocation *invocation, const struct tally *tally, const struct pxt_warm_counts *counts,
                double seconds)
{
    if (tally->count > SHOWN && !tally->file)
        fprintf(stderr, "... and %llu more (see --reject FILE)\n", (unsigned long long)tally->count - SHOWN);
    if (tally->masked && !invocation->quiet)
        fprintf(stderr,
                "proxtier: warning: %llu record%s masked credentials (only *): taken as absent, stored credentials "
                "are kept\n",
                (unsigned long long)tally->masked, tally->masked == 1 ? " has" : "s have");
    if (tally->dead && !invocation->quiet)
        fprintf(stderr,
                "proxtier: notice: known as dead: %llu; they failed too often (--reset or put brings them back)\n",
                (unsigned long long)tally->dead);
    if (tally->last_path)
        fprintf(stderr, "proxtier: interrupted in list %s after %s\n", tally->last_path, tally->last);
    if (option(invocation, "json"))
        print_result("warm", (struct result_value[]){{.number = counts->loaded},
                                                     {.number = counts->updated},
                                                     {.number = counts->duplicate},
                                                     {.number = counts->refused},
                                                     {.number = tally->masked},
                                                     {.number = counts->dead},
                                                     {.real = seconds}});
    else
        print_counts(counts, seconds);
    bool any = counts->loaded || counts->updated || counts->duplicate || counts->dead;
    if (!any && !counts->refused && !tally->empty && !tally->failed && !tally->last_path &&
        !option(invocation, "allow-empty")) {
        fprintf(stderr, "proxtier: all files of the folder are empty: --allow-empty accepts that\n");
        return finish_output(EXIT_DATA);
    }
    bool bad = tally->empty || (counts->refused && (option(invocation, "strict") || !any));
    return finish_output(bad ? EXIT_DATA : 0);
}

static int warm(const struct invocation *invocation, const struct list_paths *paths, struct pxt_warm_options *options,
                struct tally *tally)
{
    struct pxt_error error;
    struct pxt_warm_counts counts = {.size = sizeof counts};
    struct progress progress;
    pxt_cache *cache;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    interrupts_catch();
    progress_start(&progress, !invocation->quiet);
    tally->progress = &progress;
    tally->paths = paths;
    pxt_status status =
        pxt_cache_warm_many(cache, (const char *const *)paths->path, paths->count, options, &counts, &error);
    progress_end(&progress);
    double seconds = progress_seconds() - progress.started;
    pxt_cache_close(cache);
    int code = tell(invocation, tally, &counts, seconds);
    return status ? pxt_status_exit_code(status) : code;
}

static bool read_options(const struct invocation *invocation, struct pxt_warm_options *options, int *code)
{
    const char *ttl = option(invocation, "ttl");
    *code = 0;
    if (!read_format(option(invocation, "format"), &options->format))
        *code = usage(invocation, "--format must be auto, text, json, jsonl, csv, yaml or proxychains");
    else if (ttl && !read_seconds(ttl, &options->ttl_override))
        *code = usage(invocation, "--ttl %s is no time such as 90s, 15m, 1h or 7d", ttl);
    options->default_scheme = option(invocation, "default-scheme");
    options->source = option(invocation, "source");
    options->dry_run = option(invocation, "dry-run") != NULL;
    options->reset = option(invocation, "reset") != NULL;
    return !*code;
}

int run_warm(struct invocation *invocation)
{
    struct pxt_warm_options options = PXT_WARM_OPTIONS_INIT;
    struct tally tally = {.invocation = invocation};
    const char *reject = option(invocation, "reject");
    int code;
    if (!read_options(invocation, &options, &code))
        return code;
    options.refused = refused;
    options.masked = masked;
    options.dead = known_dead;
    options.progress = on_progress;
    options.open = sqlite_list_open;
    options.finished = finished;
    options.refused_arg = options.masked_arg = options.progress_arg = options.finished_arg = options.dead_arg = &tally;
    if (reject && !(tally.file = fopen(reject, "we"))) {
        fprintf(stderr, "proxtier: cannot write %s: %s\n", reject, strerror(errno));
        return 73;
    }
    struct list_paths paths;
    struct pxt_error error;
    pxt_status status = list_paths_make(&paths, invocation->arguments, invocation->count, &error);
    code = status ? fail(&error) : warm(invocation, &paths, &options, &tally);
    list_paths_free(&paths);
    if (tally.file && fclose(tally.file)) {
        fprintf(stderr, "proxtier: cannot write %s: %s\n", reject, strerror(errno));
        code = code ? code : EXIT_OUTPUT;
    }
    return interrupts_caught() ? interrupts_end() : code;
}
