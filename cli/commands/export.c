/* SPDX-License-Identifier: MIT
 *
 * export.c: proxtier export [FILE]
 */
#include "command.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A file that is there whole, or not at all. */
static int export_to_file(const struct invocation *invocation, pxt_cache *cache, const char *path)
{
    struct pxt_error error;
    char temporary[PATH_MAX];
    uint64_t count;
    if (snprintf(temporary, sizeof temporary, "%s.new-XXXXXX", path) >= (int)sizeof temporary)
        return usage(invocation, "the path is too long");
    int fd = mkstemp(temporary); /* mode 0600 */
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file) {
        fprintf(stderr, "proxtier: cannot write %s: %s\n", temporary, strerror(errno));
        return 73;
    }
    pxt_status status = pxt_cache_export(cache, file, option(invocation, "reveal") != NULL, &count, &error);
    bool written = !fsync(fd);
    written = !fclose(file) && written;
    if (!status && written && !rename(temporary, path)) {
        fprintf(stderr, "exported %llu\n", (unsigned long long)count);
        return 0;
    }
    int code = errno;
    unlink(temporary);
    if (status)
        return fail(&error);
    fprintf(stderr, "proxtier: cannot write %s: %s\n", path, strerror(code));
    return EXIT_OUTPUT;
}

int run_export(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    int code;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    if (invocation->count && strcmp(invocation->arguments[0], "-"))
        code = export_to_file(invocation, cache, invocation->arguments[0]);
    else
        code = pxt_cache_export(cache, stdout, option(invocation, "reveal") != NULL, NULL, &error) ? fail(&error) : 0;
    pxt_cache_close(cache);
    return finish_output(code);
}
