/* SPDX-License-Identifier: MIT
 *
 * restore.c: proxtier restore FILE|-
 */
#include "command.h"
#include <errno.h>
#include <string.h>

enum { EXIT_NO_INPUT = 66 };

static int restore(struct invocation *invocation, FILE *file, const struct pxt_restore_options *options)
{
    struct pxt_backup_counts counts = {.size = sizeof counts};
    struct pxt_error error;
    pxt_cache *cache;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    pxt_status status = pxt_cache_restore(cache, file, options, &counts, &error);
    pxt_cache_close(cache);
    if (status) {
        int code = fail(&error);
        if (counts.entries)
            fprintf(stderr, "proxtier: restored %llu before that\n", (unsigned long long)counts.entries);
        return code;
    }
    if (option(invocation, "json"))
        print_result("restore", (struct result_value[]){{.number = options->dry_run},
                                                        {.number = counts.entries},
                                                        {.number = counts.checks},
                                                        {.number = counts.expired},
                                                        {.number = counts.kept}});
    else
        printf("%s %llu, expired %llu, kept newer %llu, checks %llu\n", options->dry_run ? "good: has" : "restored",
               (unsigned long long)counts.entries, (unsigned long long)counts.expired, (unsigned long long)counts.kept,
               (unsigned long long)counts.checks);
    return finish_output(0);
}

int run_restore(struct invocation *invocation)
{
    const char *path = invocation->arguments[0];
    bool is_stdin = !strcmp(path, "-");
    struct pxt_restore_options options = {.size = sizeof options, .name = path};
    bool merge = option(invocation, "merge"), replace = option(invocation, "replace");
    if (merge && replace)
        return usage(invocation, "--merge and --replace exclude each other");
    options.mode = merge ? PXT_RESTORE_MERGE : replace ? PXT_RESTORE_REPLACE : PXT_RESTORE_EMPTY;
    options.dry_run = option(invocation, "dry-run");
    FILE *file = is_stdin ? stdin : fopen(path, "re");
    if (!file) {
        fprintf(stderr, "proxtier: cannot open %s: %s\n", path, strerror(errno));
        return EXIT_NO_INPUT;
    }
    int code = restore(invocation, file, &options);
    if (!is_stdin)
        fclose(file);
    return code;
}
