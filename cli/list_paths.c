/* SPDX-License-Identifier: MIT
 *
 * list_paths.c: the files that the arguments of `warm` stand for.
 */
#include "list_paths.h"
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static pxt_status fail_with(struct pxt_error *error, pxt_status status, const char *path, const char *problem)
{
    error->status = status;
    error->system_errno = 0;
    snprintf(error->message, sizeof error->message, "%s: %s", path, problem);
    return status;
}

static pxt_status add(struct list_paths *paths, const char *path, bool is_part, struct pxt_error *error)
{
    if (paths->count == paths->capacity) {
        size_t capacity = paths->capacity ? 2 * paths->capacity : 32;
        char **wide = realloc(paths->path, capacity * sizeof *wide);
        paths->path = wide ? wide : paths->path;
        bool *parts = wide ? realloc(paths->is_part, capacity * sizeof *parts) : NULL;
        paths->is_part = parts ? parts : paths->is_part;
        if (!parts)
            return fail_with(error, PXT_ENOMEM, path, "out of memory");
        paths->capacity = capacity;
    }
    paths->is_part[paths->count] = is_part;
    paths->path[paths->count] = strdup(path);
    return paths->path[paths->count++] ? PXT_OK : fail_with(error, PXT_ENOMEM, path, "out of memory");
}

/* Quotes what glob() would take for a pattern. */
static void quote(const char *path, char *out)
{
    for (; *path; path++) {
        if (strchr("*?[]\\", *path))
            *out++ = '\\';
        *out++ = *path;
    }
    *out = '\0';
}

static bool exists_in(const char *folder, const char *name)
{
    char *path = NULL;
    struct stat file;
    bool is = asprintf(&path, "%s/%s", folder, name) >= 0 && !stat(path, &file);
    free(path);
    return is;
}

static pxt_status add_matches(struct list_paths *paths, const char *quoted, const char *name, struct pxt_error *error)
{
    char *pattern = NULL;
    glob_t found = {0};
    pxt_status status = PXT_OK;
    if (asprintf(&pattern, "%s/%s", quoted, name) < 0)
        return fail_with(error, PXT_ENOMEM, name, "out of memory");
    int rc = glob(pattern, 0, NULL, &found);
    for (size_t i = 0; !rc && i < found.gl_pathc && !status; i++)
        status = add(paths, found.gl_pathv[i], true, error);
    if (rc == GLOB_NOSPACE)
        status = fail_with(error, PXT_ENOMEM, name, "out of memory");
    globfree(&found);
    free(pattern);
    return status;
}

static pxt_status add_folder(struct list_paths *paths, const char *folder, struct pxt_error *error)
{
    size_t before = paths->count;
    if (exists_in(folder, "proxtier.format"))
        return fail_with(error, PXT_ENOINPUT, folder,
                         "this is a cache folder of proxtier: use `proxtier migrate` with its configuration");
    char *quoted = malloc(2 * strlen(folder) + 1);
    if (!quoted)
        return fail_with(error, PXT_ENOMEM, folder, "out of memory");
    quote(folder, quoted);
    pxt_status status = add_matches(paths, quoted, "shard_[0-9]*.jsonl", error);
    if (!status)
        status = add_matches(paths, quoted, "l2_cache.db", error);
    free(quoted);
    if (!status && paths->count == before)
        status = fail_with(error, PXT_ENOINPUT, folder,
                           "this is a folder, but no cache folder of ProxyWhirl: no shard_*.jsonl and no l2_cache.db");
    return status;
}

pxt_status list_paths_make(struct list_paths *paths, char *const *arguments, int count, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    *paths = (struct list_paths){.count = 0};
    for (int i = 0; i < count && !status; i++) {
        struct stat file;
        bool is_folder = strcmp(arguments[i], "-") && !stat(arguments[i], &file) && S_ISDIR(file.st_mode);
        status = is_folder ? add_folder(paths, arguments[i], error) : add(paths, arguments[i], false, error);
    }
    return status;
}

void list_paths_free(struct list_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->path[i]);
    free(paths->path);
    free(paths->is_part);
}
