/* SPDX-License-Identifier: MIT
 *
 * warm.c: proxtier warm FILE
 */
#include "command.h"
#include "progress.h"
#include <errno.h>
#include <string.h>

enum { SHOWN = 10 };
struct tally {
    const char *path;
    FILE *file;
    uint64_t count, masked;
    struct progress *progress;
};

static void refused(void *arg, uint64_t line, uint64_t column, const char *reason)
{
    struct tally *tally = arg;
    tally->count++;
    if (tally->file)
        fprintf(tally->file, "%s:%llu:%llu: %s\n", tally->path, (unsigned long long)line, (unsigned long long)column,
                reason);
    if (tally->count > SHOWN)
        return;
    progress_end(tally->progress);
    fprintf(stderr, "%s:%llu:%llu: %s\n", tally->path, (unsigned long long)line, (unsigned long long)column, reason);
}

static void masked(void *arg, uint64_t line, uint64_t column, const char *reason)
{
    struct tally *tally = arg;
    (void)line, (void)column, (void)reason;
    tally->masked++;
}

static bool read_format(const char *name, enum pxt_list_format *out)
{
    static const char *const names[] = {"auto", "text", "json", "jsonl", "csv"};
    for (int i = 0; name && i < 5; i++)
        if (!strcmp(names[i], name)) {
            *out = (enum pxt_list_format)i;
            return true;
        }
    return !name;
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
    printf("loaded %llu, updated %llu, duplicate %llu, refused %llu in %.2f s\n", (unsigned long long)counts->loaded,
           (unsigned long long)counts->updated, (unsigned long long)counts->duplicate,
           (unsigned long long)counts->refused, seconds);
    bool any = counts->loaded || counts->updated || counts->duplicate;
    bool bad = counts->refused && (option(invocation, "strict") || !any);
    return finish_output(bad ? EXIT_DATA : 0);
}

static int warm(const struct invocation *invocation, struct pxt_warm_options *options, struct tally *tally)
{
    struct pxt_error error;
    struct pxt_warm_counts counts;
    struct progress progress;
    pxt_cache *cache;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    progress_start(&progress, !invocation->quiet);
    tally->progress = &progress;
    options->progress = progress_step;
    options->progress_arg = &progress;
    pxt_status status = pxt_cache_warm(cache, invocation->arguments[0], options, &counts, &error);
    progress_end(&progress);
    double seconds = progress_seconds() - progress.started;
    pxt_cache_close(cache);
    int code = tell(invocation, tally, &counts, seconds);
    return status ? fail(&error) : code;
}

int run_warm(struct invocation *invocation)
{
    struct pxt_warm_options options = PXT_WARM_OPTIONS_INIT;
    struct tally tally = {.path = invocation->arguments[0]};
    const char *ttl = option(invocation, "ttl"), *reject = option(invocation, "reject");
    if (!read_format(option(invocation, "format"), &options.format))
        return usage(invocation, "--format must be auto, text, json, jsonl or csv");
    if (ttl && !read_seconds(ttl, &options.ttl_override))
        return usage(invocation, "--ttl %s is no time such as 90s, 15m, 1h or 7d", ttl);
    options.default_scheme = option(invocation, "default-scheme");
    options.source = option(invocation, "source");
    options.dry_run = option(invocation, "dry-run") != NULL;
    options.refused = refused;
    options.refused_arg = &tally;
    options.masked = masked;
    options.masked_arg = &tally;
    if (reject && !(tally.file = fopen(reject, "we"))) {
        fprintf(stderr, "proxtier: cannot write %s: %s\n", reject, strerror(errno));
        return 73;
    }
    int code = warm(invocation, &options, &tally);
    if (tally.file && fclose(tally.file)) {
        fprintf(stderr, "proxtier: cannot write %s: %s\n", reject, strerror(errno));
        code = code ? code : EXIT_OUTPUT;
    }
    return code;
}
