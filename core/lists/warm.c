/* SPDX-License-Identifier: MIT
 *
 * warm.c: loads a list: takes records from the list's reader, and stores them in batches.
 */
#include "base/fail.h"
#include "base/key.h"
#include "cache/keys.h"
#include "entry/entry.h"
#include "lists/digest_set.h"
#include "lists/list.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { BATCH = 1000, ARENA = 1 << 20 };

/* Collects records until a batch is full; their texts lie in an arena of fixed size. */
struct warming {
    pxt_cache *cache;
    struct pxt_list *list;
    uint64_t total; /* size of the list; 0: unknown */
    struct pxt_warm_options options;
    struct pxt_warm_counts counts;
    struct pxt_digest_set seen; /* the keys of this list */
    struct pxt_draft *draft;
    uint64_t *line;
    pxt_status *result;
    bool *replaced, *repeated;
    size_t count;
    char *arena;
    size_t used;
    struct pxt_proxy proxy;
};

static void tell_progress(const struct warming *warming)
{
    const struct pxt_warm_options *options = &warming->options;
    if (options->progress)
        options->progress(options->progress_arg, warming->list->read, warming->total, &warming->counts);
}

static void refuse(void *arg, uint64_t line, uint64_t column, const char *reason)
{
    struct warming *warming = arg;
    warming->counts.refused++;
    if (warming->options.refused)
        warming->options.refused(warming->options.refused_arg, line, column, reason);
}

static void count_result(struct warming *warming, size_t i)
{
    if (warming->result[i] == PXT_EINVAL)
        refuse(warming, warming->line[i], 1, "a value is out of bounds");
    else if (warming->repeated[i])
        warming->counts.duplicate++;
    else if (warming->replaced[i])
        warming->counts.updated++;
    else
        warming->counts.loaded++;
}

static pxt_status flush(struct warming *warming)
{
    pxt_status status = PXT_OK;
    if (!warming->count)
        return PXT_OK;
    if (warming->options.dry_run) {
        memset(warming->result, 0, warming->count * sizeof *warming->result);
        memset(warming->replaced, 0, warming->count * sizeof *warming->replaced);
    } else {
        status = pxt_cache_put_many(warming->cache, warming->draft, warming->count, warming->result, warming->replaced,
                                    warming->list->error);
    }
    for (size_t i = 0; i < warming->count && !status; i++)
        count_result(warming, i);
    explicit_bzero(warming->arena, warming->used);
    warming->count = warming->used = 0;
    tell_progress(warming);
    return status;
}

static const char *keep(struct warming *warming, const char *text, size_t length)
{
    char *kept = warming->arena + warming->used;
    memcpy(kept, text, length);
    kept[length] = '\0';
    warming->used += length + 1;
    return kept;
}

/* Copies what the draft borrows into the arena. */
static void keep_texts(struct warming *warming, struct pxt_draft *draft)
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

/* ---- masked credentials ----------------------------------------------------------------------------------------- */

static const enum pxt_field_id credentials[] = {PXT_FIELD_USERNAME, PXT_FIELD_PASSWORD};
enum { CREDENTIALS = sizeof credentials / sizeof *credentials };

/* Programs that hide credentials write asterisks in their place. */
static bool is_mask(const char *text, size_t length)
{
    size_t stars = 0;
    while (stars < length && text[stars] == '*')
        stars++;
    return length && stars == length;
}

/* Takes masked credentials off the draft and off the address; `masked` says which. */
static void drop_masks(struct pxt_draft *draft, struct pxt_proxy *proxy, bool masked[CREDENTIALS])
{
    for (size_t i = 0; i < CREDENTIALS; i++) {
        const struct pxt_value *value = &draft->value[credentials[i]];
        masked[i] = value->set && !value->sealed && is_mask(value->as.text, value->length);
        if (masked[i])
            pxt_draft_unset(draft, credentials[i]);
    }
    if (proxy->has_username && is_mask(proxy->username, proxy->username_length))
        masked[0] = !(proxy->has_username = false);
    if (proxy->has_password && is_mask(proxy->password, proxy->password_length))
        masked[1] = !(proxy->has_password = false);
}

/* Gives the draft the credentials that are stored under its key, where it had masks. They are borrowed from `*stored`,
 * which the caller releases. */
static pxt_status keep_stored(struct warming *warming, struct pxt_draft *draft, const struct pxt_key *key,
                              const bool masked[CREDENTIALS], pxt_entry **stored)
{
    char text[PXT_KEY_MAX + 1];
    memcpy(text, key->text, key->length);
    text[key->length] = '\0';
    pxt_status status = pxt_cache_peek(warming->cache, text, stored, warming->list->error);
    if (status) /* a malformed key is refused when it is stored */
        return status == PXT_NOT_FOUND || status == PXT_EINVAL ? PXT_OK : status;
    for (size_t i = 0; i < CREDENTIALS; i++) {
        size_t length;
        const char *token = pxt_entry_token(*stored, credentials[i], &length);
        if (masked[i] && token && !draft->value[credentials[i]].set)
            pxt_draft_set_token(draft, credentials[i], token, length);
    }
    return PXT_OK;
}

static void tell_masked(struct warming *warming, const struct pxt_record *record)
{
    const struct pxt_warm_options *options = &warming->options;
    if (options->masked)
        options->masked(options->masked_arg, record->line, record->column, "a credential of only * is taken as absent");
}

/* ---- one record ------------------------------------------------------------------------------------------------- */

/* Fills in the draft from the parsed address. Makes the key too: records of one key are counted as duplicates. */
static void complete(struct warming *warming, struct pxt_record *record, char key[17])
{
    struct pxt_draft *draft = &record->draft;
    const struct pxt_warm_options *options = &warming->options;
    struct pxt_proxy *proxy = &warming->proxy;
    const struct pxt_value *user = &draft->value[PXT_FIELD_USERNAME];
    const char *source = options->source ? options->source : "warmed";
    pxt_draft_set_text(draft, PXT_FIELD_PROXY_URL, proxy->url, strlen(proxy->url));
    if (user->set && !user->sealed && user->as.text != proxy->username) {
        pxt_proxy_set_username(proxy, user->as.text, user->length);
        pxt_draft_set_text(draft, PXT_FIELD_USERNAME, proxy->username, proxy->username_length);
    }
    if (!draft->value[PXT_FIELD_SOURCE].set || !draft->value[PXT_FIELD_SOURCE].length)
        pxt_draft_set_text(draft, PXT_FIELD_SOURCE, source, strlen(source));
    if (options->ttl_override >= 0) {
        pxt_draft_set_number(draft, PXT_FIELD_TTL_SECONDS, options->ttl_override);
        pxt_draft_unset(draft, PXT_FIELD_EXPIRES_AT);
        pxt_draft_unset(draft, PXT_FIELD_FETCH_TIME);
    }
    if (!draft->value[PXT_FIELD_KEY].set || !draft->value[PXT_FIELD_KEY].length) {
        pxt_cache_make_key(warming->cache, record->url, record->url_length, proxy, key);
        pxt_draft_set_text(draft, PXT_FIELD_KEY, key, 16);
    }
}

static pxt_status refuse_record(struct warming *warming, const struct pxt_record *record, const char *reason)
{
    refuse(warming, record->line, record->column, reason);
    return PXT_OK;
}

/* Copies the record into the batch; a full batch is stored first. */
static pxt_status enqueue(struct warming *warming, struct pxt_record *record, bool repeated)
{
    size_t bytes = text_bytes(&record->draft);
    if (bytes > ARENA)
        return refuse_record(warming, record, "the record is too long");
    if (warming->count == BATCH || warming->used + bytes > ARENA) {
        pxt_status status = flush(warming);
        if (status)
            return status;
    }
    warming->repeated[warming->count] = repeated;
    warming->line[warming->count] = record->line;
    keep_texts(warming, &record->draft);
    warming->draft[warming->count++] = record->draft;
    return PXT_OK;
}

static pxt_status add(struct warming *warming, struct pxt_record *record, const bool masked[CREDENTIALS])
{
    char key_text[17];
    struct pxt_key key;
    pxt_entry *stored = NULL;
    pxt_status status = PXT_OK;
    struct pxt_error problem;
    if (pxt_draft_take_credentials(&record->draft, &warming->proxy, &problem))
        return refuse_record(warming, record, problem.message);
    complete(warming, record, key_text);
    const struct pxt_value *value = &record->draft.value[PXT_FIELD_KEY];
    if (value->length > PXT_KEY_MAX || memchr(value->as.text, '\0', value->length))
        return refuse_record(warming, record, "the key has a NUL or more than 255 bytes");
    pxt_key_init(&key, value->as.text, value->length);
    bool repeated;
    if (!pxt_digest_set_add(&warming->seen, &key, &repeated))
        return pxt_fail_memory(warming->list->error, "the keys of the list");
    if (masked[0] || masked[1]) {
        tell_masked(warming, record);
        if (repeated)
            status = flush(warming); /* an earlier record of the key may wait there */
        if (!status && !warming->options.dry_run)
            status = keep_stored(warming, &record->draft, &key, masked, &stored);
    }
    if (!status)
        status = enqueue(warming, record, repeated);
    pxt_entry_release(stored);
    return status;
}

static pxt_status take(void *arg, struct pxt_record *record)
{
    struct warming *warming = arg;
    struct pxt_error local;
    size_t column = 1;
    const char *scheme = record->scheme ? record->scheme : "http";
    if (warming->options.default_scheme && !record->scheme_is_own)
        scheme = warming->options.default_scheme;
    if (pxt_proxy_parse_line(record->url, record->url_length, scheme, &warming->proxy, &column, &local)) {
        refuse(warming, record->line, record->column + column - 1, local.message);
        return PXT_OK;
    }
    bool masked[CREDENTIALS];
    drop_masks(&record->draft, &warming->proxy, masked);
    pxt_status status = add(warming, record, masked);
    explicit_bzero(&warming->proxy, sizeof warming->proxy);
    return status;
}

/* ---- the whole -------------------------------------------------------------------------------------------------- */

static pxt_status warm_stream(struct warming *warming)
{
    struct pxt_list *list = warming->list;
    struct stat file;
    warming->total = !fstat(fileno(list->stream), &file) && S_ISREG(file.st_mode) ? (uint64_t)file.st_size : 0;
    pxt_status status = pxt_list_read(list, warming->options.format);
    pxt_status flushed = status && status != PXT_EINVAL ? PXT_OK : flush(warming);
    if (!status && ferror(list->stream))
        status = pxt_fail(list->error, PXT_EIO, errno, "cannot read %s to its end", list->path);
    tell_progress(warming);
    return status ? status : flushed;
}

static bool make_room(struct warming *warming)
{
    warming->draft = pxt_alloc_array(BATCH, sizeof *warming->draft);
    warming->line = pxt_alloc_array(BATCH, sizeof *warming->line);
    warming->result = pxt_alloc_array(BATCH, sizeof *warming->result);
    warming->replaced = pxt_alloc_array(BATCH, sizeof *warming->replaced);
    warming->repeated = pxt_alloc_array(BATCH, sizeof *warming->repeated);
    warming->arena = pxt_alloc(ARENA);
    return warming->draft && warming->line && warming->result && warming->replaced && warming->repeated &&
           warming->arena;
}

static void free_room(struct warming *warming)
{
    if (warming->arena)
        explicit_bzero(warming->arena, ARENA);
    pxt_free(warming->draft);
    pxt_free(warming->line);
    pxt_free(warming->result);
    pxt_free(warming->replaced);
    pxt_free(warming->repeated);
    pxt_free(warming->arena);
    pxt_digest_set_free(&warming->seen);
    pxt_free(warming);
}

static FILE *open_list(const char *path, struct pxt_error *error)
{
    struct stat file;
    FILE *stream = strcmp(path, "-") ? fopen(path, "re") : stdin;
    if (!stream) {
        pxt_fail(error, PXT_ENOINPUT, errno, "cannot open list %s", path);
        return NULL;
    }
    if (!fstat(fileno(stream), &file) && S_ISDIR(file.st_mode)) {
        fclose(stream);
        pxt_fail(error, PXT_ENOINPUT, EISDIR, "cannot read list %s", path);
        return NULL;
    }
    return stream;
}

pxt_status pxt_cache_warm(pxt_cache *cache, const char *path, const struct pxt_warm_options *given,
                          struct pxt_warm_counts *counts, struct pxt_error *error)
{
    struct pxt_warm_options options = PXT_WARM_OPTIONS_INIT;
    if (counts)
        memset(counts, 0, sizeof *counts);
    if (!cache || !path || (given && given->size < sizeof(uint32_t)))
        return pxt_fail(error, PXT_EINVAL, 0, "cache and path must not be NULL, and options need their size");
    if (given)
        memcpy(&options, given, given->size < sizeof options ? given->size : sizeof options);
    FILE *stream = open_list(path, error);
    if (!stream)
        return PXT_ENOINPUT;
    struct warming *warming = pxt_alloc(sizeof *warming);
    pxt_status status = warming && make_room(warming) ? PXT_OK : pxt_fail_memory(error, "a list");
    if (!status) {
        struct pxt_list list = {
            .stream = stream, .path = path, .error = error, .take = take, .refuse = refuse, .arg = warming};
        warming->cache = cache;
        warming->list = &list;
        warming->options = options;
        status = warm_stream(warming);
        if (counts)
            *counts = warming->counts;
    }
    if (warming)
        free_room(warming);
    if (stream != stdin)
        fclose(stream);
    return status;
}
