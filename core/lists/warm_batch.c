/* SPDX-License-Identifier: MIT
 *
 * warm_batch.c: collects the drafts of a list, and stores them many at a time.
 */
#include "base/fail.h"
#include "cache/cache_private.h"
#include "entry/entry.h"
#include "lists/warm.h"
#include <string.h>

bool pxt_warm_tell_progress(struct pxt_warming *warming)
{
    const struct pxt_warm_options *options = &warming->options;
    if (options->progress && !warming->stopped)
        warming->stopped =
            !options->progress(options->progress_arg, warming->list->read, warming->total, &warming->counts);
    return !warming->stopped;
}

void pxt_warm_refuse(void *arg, uint64_t line, uint64_t column, const char *reason)
{
    struct pxt_warming *warming = arg;
    const struct pxt_warm_options *options = &warming->options;
    warming->counts.refused++;
    warming->result.line = line > warming->result.line ? line : warming->result.line;
    if (options->refused)
        options->refused(options->refused_arg, warming->list->path, line, column, reason);
}

/* Makes the entry once more, to learn which field is out of bounds. */
static void refuse_draft(struct pxt_warming *warming, size_t i)
{
    struct pxt_error error = {.message = "a value is out of bounds"};
    pxt_entry *entry = NULL;
    pxt_entry_from_draft(warming->cache, &warming->draft[i], &entry, &error);
    pxt_entry_release(entry);
    pxt_warm_refuse(warming, warming->line[i], 1, error.message);
}

static void tell_dead(struct pxt_warming *warming, size_t i)
{
    const struct pxt_warm_options *options = &warming->options;
    char reason[PXT_KEY_MAX + 40];
    warming->counts.dead++;
    if (!options->dead)
        return;
    snprintf(reason, sizeof reason, "known as dead: %s", warming->draft[i].value[PXT_FIELD_KEY].as.text);
    options->dead(options->dead_arg, warming->list->path, warming->line[i], 1, reason);
}

static void count_result(struct pxt_warming *warming, size_t i)
{
    if (warming->put[i] == PXT_EINVAL)
        refuse_draft(warming, i);
    else if (warming->dead[i] && !warming->repeated[i])
        tell_dead(warming, i);
    else if (warming->repeated[i])
        warming->counts.duplicate++;
    else if (warming->replaced[i])
        warming->counts.updated++;
    else
        warming->counts.loaded++;
}

/* Deletes the entries of the batch, so that nothing learnt of them is kept. */
static pxt_status forget(struct pxt_warming *warming)
{
    pxt_status *result = warming->put, first = PXT_OK;
    struct pxt_error error;
    const char **key = pxt_alloc_array(warming->count, sizeof *key);
    if (!key)
        return pxt_fail_memory(warming->list->error, "the keys of a list");
    for (size_t i = 0; i < warming->count; i++)
        key[i] = warming->draft[i].value[PXT_FIELD_KEY].as.text; /* keep() has ended it */
    pxt_cache_delete_many(warming->cache, key, warming->count, result, &error);
    pxt_free(key);
    for (size_t i = 0; i < warming->count; i++) {
        warming->existed[i] = result[i] == PXT_OK;
        if (!first && result[i] != PXT_NOT_FOUND &&
            result[i] != PXT_EINVAL) /* a malformed key is refused when it is stored */
            first = result[i];
    }
    if (first && warming->list->error)
        *warming->list->error = error;
    return first;
}

static pxt_status put(struct pxt_warming *warming)
{
    memset(warming->existed, 0, warming->count * sizeof *warming->existed);
    pxt_status status = warming->options.reset ? forget(warming) : PXT_OK;
    if (!status)
        status = pxt_cache_put_list(warming->cache, warming->draft, warming->count, warming->put, warming->replaced,
                                    warming->dead, warming->list->error);
    for (size_t i = 0; i < warming->count; i++)
        warming->replaced[i] |= warming->existed[i];
    return status;
}

pxt_status pxt_warm_flush(struct pxt_warming *warming)
{
    pxt_status status = PXT_OK;
    if (!warming->count)
        return PXT_OK;
    if (warming->options.dry_run) {
        memset(warming->put, 0, warming->count * sizeof *warming->put);
        memset(warming->replaced, 0, warming->count * sizeof *warming->replaced);
        memset(warming->dead, 0, warming->count * sizeof *warming->dead);
    } else {
        status = put(warming);
    }
    for (size_t i = 0; i < warming->count && !status; i++)
        count_result(warming, i);
    explicit_bzero(warming->arena, warming->used);
    warming->count = warming->used = 0;
    return status;
}

static const char *keep(struct pxt_warming *warming, const char *text, size_t length)
{
    char *kept = warming->arena + warming->used;
    memcpy(kept, text, length);
    kept[length] = '\0';
    warming->used += length + 1;
    return kept;
}

/* Copies what the draft borrows into the arena. */
static void keep_texts(struct pxt_warming *warming, struct pxt_draft *draft)
{
    size_t count;
    const struct pxt_field *fields = pxt_field_table(&count);
    for (size_t i = 0; i < PXT_FIELD_COUNT; i++)
        if (draft->value[i].set && (fields[i].type == PXT_TYPE_TEXT || fields[i].type == PXT_TYPE_SECRET))
            draft->value[i].as.text = keep(warming, draft->value[i].as.text, draft->value[i].length);
}

static size_t text_bytes(const struct pxt_draft *draft)
{
    size_t count, bytes = 0;
    const struct pxt_field *fields = pxt_field_table(&count);
    for (size_t i = 0; i < PXT_FIELD_COUNT; i++)
        if (draft->value[i].set && (fields[i].type == PXT_TYPE_TEXT || fields[i].type == PXT_TYPE_SECRET))
            bytes += draft->value[i].length + 1;
    return bytes;
}

pxt_status pxt_warm_enqueue(struct pxt_warming *warming, struct pxt_list_record *record, bool repeated)
{
    size_t bytes = text_bytes(&record->draft);
    if (bytes > PXT_WARM_ARENA) {
        pxt_warm_refuse(warming, record->line, record->column, "the record is too long");
        return PXT_OK;
    }
    if (warming->count == warming->batch || warming->used + bytes > PXT_WARM_ARENA) {
        pxt_status status = pxt_warm_flush(warming);
        if (status)
            return status;
    }
    warming->repeated[warming->count] = repeated;
    warming->line[warming->count] = record->line;
    keep_texts(warming, &record->draft);
    warming->draft[warming->count++] = record->draft;
    return PXT_OK;
}

bool pxt_warm_make_room(struct pxt_warming *warming)
{
    const struct pxt_chain *chain = &warming->cache->chain;
    warming->batch = chain->authority || chain->exchanges ? PXT_WARM_BATCH_FAR : PXT_WARM_BATCH;
    warming->draft = pxt_alloc_array(warming->batch, sizeof *warming->draft);
    warming->line = pxt_alloc_array(warming->batch, sizeof *warming->line);
    warming->put = pxt_alloc_array(warming->batch, sizeof *warming->put);
    warming->replaced = pxt_alloc_array(warming->batch, sizeof *warming->replaced);
    warming->repeated = pxt_alloc_array(warming->batch, sizeof *warming->repeated);
    warming->dead = pxt_alloc_array(warming->batch, sizeof *warming->dead);
    warming->existed = pxt_alloc_array(warming->batch, sizeof *warming->existed);
    warming->arena = pxt_alloc(PXT_WARM_ARENA);
    return warming->draft && warming->line && warming->put && warming->replaced && warming->repeated && warming->dead &&
           warming->existed && warming->arena;
}

void pxt_warm_free(struct pxt_warming *warming)
{
    if (warming->arena)
        explicit_bzero(warming->arena, PXT_WARM_ARENA);
    pxt_free(warming->draft);
    pxt_free(warming->line);
    pxt_free(warming->put);
    pxt_free(warming->replaced);
    pxt_free(warming->repeated);
    pxt_free(warming->dead);
    pxt_free(warming->existed);
    pxt_free(warming->arena);
    pxt_digest_set_free(&warming->seen);
    pxt_free(warming);
}
