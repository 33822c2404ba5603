/* SPDX-License-Identifier: MIT
 *
 * restore.c: brings a backup into a pool. The whole of it is checked before anything is stored.
 */
#include "base/fail.h"
#include "entry/entry.h"
#include "lists/backup.h"
#include "lists/digest_set.h"
#include <errno.h>
#include <string.h>

enum { BATCH = 1000 };
struct restoring {
    pxt_cache *cache;
    FILE *stream;
    off_t start; /* where the backup begins in it */
    struct pxt_restore_options options;
    struct pxt_backup_counts counts;
    pxt_entry *sealed; /* the first entry with a credential; NULL: there is none */
    uint64_t sealed_line;
    pxt_entry *batch[BATCH];
    size_t waiting; /* in it */
    struct pxt_error *error;
};

/* ---- the check --------------------------------------------------------------------------------------------------- */

/* Whether the first of the ids `keys`, with which new credentials were sealed, is one of the ids `known`. */
static bool knows_key(const char *known, const char *keys)
{
    size_t length = strcspn(keys, ",");
    for (; *known; known += strcspn(known, ","), known += *known == ',')
        if (strcspn(known, ",") == length && !memcmp(known, keys, length))
            return true;
    return false;
}

static pxt_status wrong_key(const struct restoring *restoring, const struct pxt_backup_end *end, const char *ids)
{
    bool known = *end->keys && *ids;
    return pxt_fail(
        restoring->error, PXT_EDECRYPT, 0,
        "%s:%llu: credentials are sealed with another key%s%.100s%s%.100s: give this pool the key of the pool "
        "that was backed up; nothing was stored",
        restoring->options.name, (unsigned long long)restoring->sealed_line, known ? ", " : "", known ? end->keys : "",
        known ? ", than this pool has, " : "", known ? ids : "");
}

/* Whether the pool can open the credentials of the backup: by the ids of keys, else by opening the first one. */
static pxt_status check_key(struct restoring *restoring, const struct pxt_backup_end *end)
{
    struct pxt_sealer *sealer = restoring->cache->sealer;
    char ids[PXT_SEALER_IDS];
    pxt_secret *secret = NULL;
    if (!restoring->sealed)
        return PXT_OK;
    if (strcmp(end->encryptor, pxt_sealer_name(sealer)))
        return pxt_fail(
            restoring->error, PXT_EDECRYPT, 0,
            "%s:%llu: credentials are sealed by the encryptor \"%s\", and this pool has \"%s\"; nothing was stored",
            restoring->options.name, (unsigned long long)restoring->sealed_line, end->encryptor,
            pxt_sealer_name(sealer));
    pxt_status status = pxt_sealer_key_ids(sealer, ids, restoring->error);
    if (status)
        return status;
    if (*ids && *end->keys)
        return knows_key(ids, end->keys) ? PXT_OK : wrong_key(restoring, end, ids);
    enum pxt_field_id field =
        pxt_entry_has(restoring->sealed, PXT_FIELD_USERNAME) ? PXT_FIELD_USERNAME : PXT_FIELD_PASSWORD;
    status = pxt_sealer_open_field(sealer, restoring->sealed, field, &secret, restoring->error);
    pxt_secret_free(secret);
    return status == PXT_EDECRYPT ? wrong_key(restoring, end, ids) : status;
}

/* Counts an entry, whose key must be a new one, and keeps the first with a credential. */
static pxt_status take_entry(struct restoring *restoring, const struct pxt_backup_reader *reader,
                             struct pxt_digest_set *keys)
{
    pxt_entry *entry = reader->entry;
    struct pxt_key key;
    bool repeated = false;
    pxt_entry_key_of(entry, &key);
    if (!pxt_digest_set_add(keys, &key, &repeated))
        return pxt_fail_memory(restoring->error, "the keys of the backup");
    if (repeated || pxt_entry_is_tombstone(entry))
        return pxt_backup_wrong(reader, PXT_ECORRUPT, restoring->error, "this line is not one of a backup");
    restoring->counts.entries++;
    if (!restoring->sealed && (pxt_entry_has(entry, PXT_FIELD_USERNAME) || pxt_entry_has(entry, PXT_FIELD_PASSWORD))) {
        restoring->sealed = pxt_entry_hold(entry);
        restoring->sealed_line = reader->number;
    }
    return PXT_OK;
}

/* Compares the last line with what came before. */
static pxt_status check_end(const struct restoring *restoring, const struct pxt_backup_reader *reader)
{
    char digest[PXT_BACKUP_DIGEST + 1];
    const struct pxt_backup_end *end = &reader->end;
    if (!pxt_backup_digest(reader->digest, digest))
        return pxt_fail_memory(restoring->error, "a digest");
    if (end->entries == restoring->counts.entries && end->checks == restoring->counts.checks &&
        !strcmp(end->sha256, digest))
        return PXT_OK;
    return pxt_backup_wrong(reader, PXT_ECORRUPT, restoring->error,
                            "the backup was changed or is damaged: its lines are not those that were written");
}

static pxt_status check_backup(struct restoring *restoring)
{
    struct pxt_backup_reader reader;
    struct pxt_digest_set keys = {0};
    bool more;
    pxt_status status = pxt_backup_reader_open(&reader, restoring->stream, restoring->options.name, restoring->error);
    if (status)
        return status;
    while (!status && !(status = pxt_backup_next(&reader, &more, restoring->error)) && more) {
        restoring->counts.checks += reader.kind == PXT_BACKUP_CHECK;
        if (reader.kind == PXT_BACKUP_ENTRY)
            status = take_entry(restoring, &reader, &keys);
        else if (reader.kind == PXT_BACKUP_END)
            status = check_end(restoring, &reader);
    }
    if (!status)
        status = check_key(restoring, &reader.end);
    pxt_digest_set_free(&keys);
    pxt_backup_reader_close(&reader);
    return status;
}

/* ---- storing ----------------------------------------------------------------------------------------------------- */

static bool is_any(void *arg, pxt_entry *entry)
{
    (void)entry;
    *(bool *)arg = true;
    return false;
}

/* Brings the pool into the state from which it is filled. */
static pxt_status prepare(const struct restoring *restoring)
{
    bool any = false;
    if (restoring->options.mode == PXT_RESTORE_MERGE)
        return PXT_OK;
    if (restoring->options.mode == PXT_RESTORE_REPLACE)
        return pxt_cache_clear(restoring->cache, NULL, restoring->error);
    pxt_status status = pxt_cache_each(restoring->cache, is_any, &any, restoring->error);
    return any ? pxt_fail(restoring->error, PXT_EINVAL, 0,
                          "the pool has entries: merge the backup with them (--merge), or replace them by it "
                          "(--replace); nothing was stored")
               : status;
}

/* Stores what waits. The pool is taken for empty: what came in meanwhile is replaced as a put replaces it. */
static pxt_status flush(struct restoring *restoring)
{
    size_t n = restoring->waiting;
    pxt_status status =
        n ? pxt_chain_put_many(&restoring->cache->chain, restoring->batch, n, NULL, NULL, restoring->error) : PXT_OK;
    for (size_t i = 0; i < n; i++)
        pxt_entry_release(restoring->batch[i]);
    restoring->waiting = 0;
    restoring->counts.entries += status ? 0 : n;
    return status;
}

static pxt_status bring_entry(struct restoring *restoring, pxt_entry *entry)
{
    bool brought = false;
    if (pxt_entry_expired(entry, pxt_clock_now(&restoring->cache->clock))) {
        restoring->counts.expired++;
        return PXT_OK;
    }
    if (restoring->options.mode != PXT_RESTORE_MERGE) {
        restoring->batch[restoring->waiting++] = pxt_entry_hold(entry);
        return restoring->waiting == BATCH ? flush(restoring) : PXT_OK;
    }
    pxt_status status = pxt_chain_bring(&restoring->cache->chain, entry, &brought, restoring->error);
    restoring->counts.entries += brought;
    restoring->counts.kept += !status && !brought;
    return status;
}

static bool is_any_check(void *arg, const struct pxt_history_item *item)
{
    (void)item;
    *(bool *)arg = true;
    return false;
}

/* Whether the checks of a key are to be added: not where the entry is gone, nor to others, which they might repeat. */
static bool wants_history(const struct restoring *restoring, const char *key)
{
    bool any = false;
    pxt_entry *entry = NULL;
    if (pxt_cache_peek(restoring->cache, key, &entry, NULL))
        return false;
    pxt_entry_release(entry);
    return !pxt_cache_history(restoring->cache, key, is_any_check, &any, NULL) && !any;
}

static void bring_check(struct restoring *restoring, const struct pxt_check *check)
{
    struct pxt_chain *chain = &restoring->cache->chain;
    bool added = false;
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_tier_on(&chain->tier[i]))
            added |= !pxt_tier_check_add(&chain->tier[i], check, (uint64_t)restoring->cache->history, NULL);
    restoring->counts.checks += added;
}

/* Goes over the backup once more, for its entries or for their checks: a check needs its entry. */
static pxt_status bring(struct restoring *restoring, enum pxt_backup_kind kind)
{
    struct pxt_backup_reader reader;
    bool more, wanted = false, first = true;
    if (fseeko(restoring->stream, restoring->start, SEEK_SET))
        return pxt_fail(restoring->error, PXT_EIO, errno, "%s: cannot read it again", restoring->options.name);
    pxt_status status = pxt_backup_reader_open(&reader, restoring->stream, restoring->options.name, restoring->error);
    if (status)
        return status;
    while (!status && !(status = pxt_backup_next(&reader, &more, restoring->error)) && more) {
        if (reader.kind == PXT_BACKUP_ENTRY && kind == PXT_BACKUP_ENTRY)
            status = bring_entry(restoring, reader.entry);
        first |= reader.kind == PXT_BACKUP_ENTRY;
        if (reader.kind != PXT_BACKUP_CHECK || kind != PXT_BACKUP_CHECK)
            continue;
        if (first)
            wanted = wants_history(restoring, reader.check->check.key.text);
        first = false;
        if (wanted)
            bring_check(restoring, &reader.check->check);
    }
    pxt_status flushed = flush(restoring);
    pxt_backup_reader_close(&reader);
    return status ? status : flushed;
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

/* A stream that can be read twice: the caller's, or a copy of it in a file without a name. */
static pxt_status make_seekable(FILE *given, FILE **out, struct pxt_error *error)
{
    char buffer[16384];
    size_t length;
    *out = given;
    if (ftello(given) >= 0 && !fseeko(given, ftello(given), SEEK_SET))
        return PXT_OK;
    FILE *copy = tmpfile();
    if (!copy)
        return pxt_fail(error, PXT_EIO, errno, "cannot make a temporary file for the backup");
    while ((length = fread(buffer, 1, sizeof buffer, given)) && fwrite(buffer, 1, length, copy) == length)
        continue;
    if (ferror(given) || ferror(copy) || length || fflush(copy)) {
        int reason = errno;
        fclose(copy);
        return pxt_fail(error, pxt_status_of_errno(reason), reason, "cannot copy the backup to a temporary file");
    }
    rewind(copy);
    *out = copy;
    return PXT_OK;
}

static pxt_status restore(struct restoring *restoring)
{
    restoring->start = ftello(restoring->stream);
    pxt_status status = check_backup(restoring);
    bool checks = restoring->counts.checks;
    if (!status && restoring->options.dry_run)
        return PXT_OK;
    restoring->counts = (struct pxt_backup_counts){.size = sizeof restoring->counts};
    if (!status)
        status = prepare(restoring);
    if (!status)
        status = bring(restoring, PXT_BACKUP_ENTRY);
    if (!status && checks)
        status = bring(restoring, PXT_BACKUP_CHECK);
    return status;
}

pxt_status pxt_cache_restore(pxt_cache *cache, void *stream, const struct pxt_restore_options *given,
                             struct pxt_backup_counts *counts, struct pxt_error *error)
{
    struct restoring restoring = {.cache = cache,
                                  .options = {.size = sizeof restoring.options},
                                  .counts = {.size = sizeof restoring.counts},
                                  .error = error};
    if (!cache || !stream || (given && given->size < sizeof(uint32_t)) || (counts && counts->size < sizeof(uint32_t)))
        return pxt_fail(error, PXT_EINVAL, 0,
                        "cache and stream must not be NULL, and options and counts need their size");
    if (given)
        memcpy(&restoring.options, given,
               given->size < sizeof restoring.options ? given->size : sizeof restoring.options);
    if (!restoring.options.name)
        restoring.options.name = "backup";
    pxt_status status = make_seekable(stream, &restoring.stream, error);
    if (!status)
        status = restore(&restoring);
    pxt_entry_release(restoring.sealed);
    if (restoring.stream && restoring.stream != stream)
        fclose(restoring.stream);
    pxt_backup_counts_copy(&restoring.counts, counts);
    return status;
}
