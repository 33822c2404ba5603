/* SPDX-License-Identifier: MIT
 *
 * backup.c: proxtier backup FILE|-
 */
#include "command.h"
#include "output_file.h"
#include <string.h>

struct backing_up {
    pxt_cache *cache;
    struct pxt_backup_counts counts;
};

static int write_backup(void *arg, FILE *file)
{
    struct backing_up *backing_up = arg;
    struct pxt_error error;
    return pxt_cache_backup(backing_up->cache, file, &backing_up->counts, &error) ? fail(&error) : 0;
}

int run_backup(struct invocation *invocation)
{
    const char *path = invocation->arguments[0];
    struct backing_up backing_up = {.counts = {.size = sizeof backing_up.counts}};
    struct pxt_error error;
    if (option(invocation, "json") && !strcmp(path, "-"))
        return usage(invocation, "--json needs a FILE: the backup itself is written to standard output");
    if (open_cache(invocation, &backing_up.cache, &error))
        return fail(&error);
    int code = output_file(path, write_backup, &backing_up);
    uint64_t known_dead = count_known_dead(backing_up.cache);
    pxt_cache_close(backing_up.cache);
    if (!code && option(invocation, "json"))
        print_result("backup", (struct result_value[]){{.text = path},
                                                       {.number = backing_up.counts.entries},
                                                       {.number = backing_up.counts.checks},
                                                       {.number = known_dead}});
    else if (!code && !invocation->quiet)
        fprintf(stderr, "backed up %llu, with %llu checks\n", (unsigned long long)backing_up.counts.entries,
                (unsigned long long)backing_up.counts.checks);
    return finish_output(code);
}
