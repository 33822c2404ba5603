/* SPDX-License-Identifier: MIT
 *
 * warm.c: loads lists: opens each, has it read, and tells what became of it.
 */
#include "lists/warm.h"
#include "base/fail.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static bool was_stopped(void *arg)
{
    return !pxt_warm_tell_progress(arg);
}

static uint64_t size_of(FILE *stream)
{
    struct stat file;
    int fd = fileno(stream);
    return fd >= 0 && !fstat(fd, &file) && S_ISREG(file.st_mode) ? (uint64_t)file.st_size : 0;
}

static pxt_status read_list(struct pxt_warming *warming, FILE *stream, const char *path, struct pxt_error *error)
{
    struct pxt_list list = {.stream = stream,
                            .path = path,
                            .error = error,
                            .take = pxt_warm_take,
                            .refuse = pxt_warm_refuse,
                            .stop = was_stopped,
                            .arg = warming};
    warming->list = &list;
    warming->total = size_of(stream);
    pxt_status status = pxt_list_read(&list, warming->options.format);
    warming->result.format = list.format;
    if (warming->stopped) /* that is what the caller wanted */
        status = PXT_OK;
    struct pxt_error local;
    list.error = status ? &local : error;
    pxt_status flushed = status && status != PXT_EINVAL ? PXT_OK : pxt_warm_flush(warming);
    pxt_warm_tell_progress(warming);
    warming->list = NULL;
    if (status == PXT_EINVAL && flushed) { /* the store's failure is the graver one */
        status = flushed;
        *error = local;
    }
    return status ? status : flushed;
}

static void begin_result(struct pxt_warming *warming, const char *path)
{
    const char *scheme = pxt_list_scheme_of_path(path);
    warming->before = warming->counts;
    warming->result = (struct pxt_list_result){.size = sizeof warming->result,
                                               .path = path,
                                               .scheme_from_name = scheme != NULL,
                                               .guessed_scheme = scheme ? scheme : "http"};
}

static void tell_result(struct pxt_warming *warming, pxt_status status, const struct pxt_error *error)
{
    struct pxt_list_result *result = &warming->result;
    const struct pxt_warm_counts *now = &warming->counts, *before = &warming->before;
    result->status = status;
    result->problem = status ? error->message : NULL;
    result->stopped = warming->stopped;
    warming->of_list = (struct pxt_warm_counts){.size = sizeof warming->of_list,
                                                .loaded = now->loaded - before->loaded,
                                                .updated = now->updated - before->updated,
                                                .duplicate = now->duplicate - before->duplicate,
                                                .refused = now->refused - before->refused,
                                                .dead = now->dead - before->dead};
    result->counts = &warming->of_list;
    if (warming->options.finished)
        warming->options.finished(warming->options.finished_arg, result);
}

static pxt_status open_path(const char *path, FILE **stream, struct pxt_error *error)
{
    struct stat file;
    *stream = strcmp(path, "-") ? fopen(path, "re") : stdin;
    if (!*stream)
        return pxt_fail(error, PXT_ENOINPUT, errno, "cannot open list %s", path);
    if (!fstat(fileno(*stream), &file) && S_ISDIR(file.st_mode)) {
        if (*stream != stdin)
            fclose(*stream);
        return pxt_fail(error, PXT_ENOINPUT, EISDIR, "cannot read list %s", path);
    }
    return PXT_OK;
}

static pxt_status open_list(const struct pxt_warming *warming, const char *path, FILE **stream, struct pxt_error *error)
{
    const struct pxt_warm_options *options = &warming->options;
    void *opened = NULL;
    pxt_status status = options->open ? options->open(options->open_arg, path, &opened, error) : PXT_OK;
    *stream = opened;
    return status || opened ? status : open_path(path, stream, error);
}

static pxt_status warm_path(struct pxt_warming *warming, const char *path, struct pxt_error *error)
{
    FILE *stream;
    begin_result(warming, path);
    pxt_status status = open_list(warming, path, &stream, error);
    if (!status) {
        status = read_list(warming, stream, path, error);
        if (stream != stdin)
            fclose(stream);
    }
    tell_result(warming, status, error);
    return status;
}

/* Fills as much as the caller has room for. */
static void give_counts(const struct pxt_warm_counts *counts, struct pxt_warm_counts *out)
{
    uint32_t size = out ? out->size : 0;
    if (!out)
        return;
    memset(out, 0, size);
    memcpy(out, counts, size < sizeof *counts ? size : sizeof *counts);
    out->size = size;
}

/* PXT_EINVAL; PXT_ENOMEM. */
static pxt_status begin(pxt_cache *cache, const struct pxt_warm_options *given, struct pxt_warm_counts *counts,
                        struct pxt_warming **out, struct pxt_error *error)
{
    struct pxt_warm_options options = PXT_WARM_OPTIONS_INIT;
    if (!cache || (given && given->size < sizeof(uint32_t)) || (counts && counts->size < sizeof(uint32_t)))
        return pxt_fail(error, PXT_EINVAL, 0,
                        "cache and path must not be NULL, and options and counts need their size");
    give_counts(&(struct pxt_warm_counts){.size = sizeof *counts}, counts);
    if (given)
        memcpy(&options, given, given->size < sizeof options ? given->size : sizeof options);
    struct pxt_warming *warming = pxt_alloc(sizeof *warming);
    if (!warming)
        return pxt_fail_memory(error, "a list");
    warming->cache = cache;
    if (!pxt_warm_make_room(warming)) {
        pxt_warm_free(warming);
        return pxt_fail_memory(error, "a list");
    }
    warming->options = options;
    warming->counts.size = warming->before.size = sizeof warming->counts;
    *out = warming;
    return PXT_OK;
}

static void end(struct pxt_warming *warming, struct pxt_warm_counts *counts)
{
    give_counts(&warming->counts, counts);
    pxt_warm_free(warming);
}

pxt_status pxt_cache_warm_many(pxt_cache *cache, const char *const *paths, size_t n,
                               const struct pxt_warm_options *options, struct pxt_warm_counts *counts,
                               struct pxt_error *error)
{
    struct pxt_warming *warming = NULL;
    struct pxt_error local;
    pxt_status first = PXT_OK, status = PXT_OK;
    for (size_t i = 0; i < n && paths; i++)
        if (!paths[i])
            paths = NULL;
    if (!paths)
        return pxt_fail(error, PXT_EINVAL, 0, "cache and path must not be NULL");
    status = begin(cache, options, counts, &warming, error);
    if (status)
        return status;
    for (size_t i = 0; i < n && !warming->stopped; i++) {
        status = warm_path(warming, paths[i], &local);
        if (status && !first) {
            first = status;
            if (error)
                *error = local;
        }
        if (status && status != PXT_ENOINPUT && status != PXT_EINVAL)
            break;
    }
    end(warming, counts);
    return first;
}

pxt_status pxt_cache_warm(pxt_cache *cache, const char *path, const struct pxt_warm_options *options,
                          struct pxt_warm_counts *counts, struct pxt_error *error)
{
    return pxt_cache_warm_many(cache, &path, 1, options, counts, error);
}
