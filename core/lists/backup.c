/* SPDX-License-Identifier: MIT
 *
 * backup.c: writes a backup.
 */
#include "lists/backup.h"
#include "base/fail.h"
#include "base/isotime.h"
#include "entry/entry.h"
#include "entry/json.h"
#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct backup {
    pxt_cache *cache;
    FILE *stream;
    struct pxt_backup_counts counts;
    gcry_md_hd_t digest;
    struct pxt_out out;
    struct pxt_out checks; /* of one entry, the newest first */
    bool sealed;           /* an entry had a credential */
    char keys[PXT_SEALER_IDS];
    const char *key; /* whose checks are read */
    pxt_status status;
    struct pxt_error *error;
};

bool pxt_backup_digest(gcry_md_hd_t digest, char out[PXT_BACKUP_DIGEST + 1])
{
    gcry_md_hd_t copy;
    if (gcry_md_copy(&copy, digest))
        return false;
    const unsigned char *bytes = gcry_md_read(copy, GCRY_MD_SHA256);
    for (int i = 0; bytes && i < PXT_BACKUP_DIGEST / 2; i++)
        snprintf(out + (size_t)i * 2, 3, "%02x", bytes[i]);
    gcry_md_close(copy);
    return bytes != NULL;
}

void pxt_backup_counts_copy(const struct pxt_backup_counts *from, struct pxt_backup_counts *to)
{
    if (!to)
        return;
    uint32_t size = to->size < sizeof *from ? to->size : (uint32_t)sizeof *from;
    memcpy(to, from, size);
    to->size = size;
}

/* Writes the lines that wait, and adds them to the digest. */
static pxt_status pour(struct backup *backup)
{
    struct pxt_out *out = &backup->out;
    if (!backup->status && (out->no_memory || backup->checks.no_memory))
        backup->status = pxt_fail_memory(backup->error, "an entry");
    if (!backup->status) {
        gcry_md_write(backup->digest, out->text, out->length);
        if (fwrite(out->text, 1, out->length, backup->stream) != out->length)
            backup->status = pxt_fail(backup->error, pxt_status_of_errno(errno), errno, "cannot write the backup");
    }
    pxt_out_clear(out);
    return backup->status;
}

static void write_time(struct pxt_out *out, pxt_time time)
{
    char text[PXT_ISOTIME_SIZE];
    size_t length = pxt_isotime_write(time, text);
    pxt_out_format(out, "\"%.*s\"", (int)length, text);
}

/* ---- history ----------------------------------------------------------------------------------------------------- */

static bool take_check(void *arg, const struct pxt_history_item *item)
{
    struct backup *backup = arg;
    struct pxt_out *out = &backup->checks;
    pxt_out_text(out, "{\"check\": ");
    pxt_out_json(out, pxt_span_of(backup->key));
    pxt_out_text(out, ", \"time\": ");
    write_time(out, item->time);
    pxt_out_format(out, ", \"health\": \"%s\"", pxt_health_name(item->health));
    if (item->latency_ms >= 0 && item->latency_ms < 1e12) /* whole nanoseconds: no locale, no rounding that adds up */
        pxt_out_format(out, ", \"latency_ns\": %" PRId64, (int64_t)(item->latency_ms * 1e6 + 0.5));
    if (item->error_message) {
        pxt_out_text(out, ", \"error\": ");
        pxt_out_json(out, pxt_span_of(item->error_message));
    }
    if (item->check_url && *item->check_url) {
        pxt_out_text(out, ", \"url\": ");
        pxt_out_json(out, pxt_span_of(item->check_url));
    }
    pxt_out_text(out, "}\n");
    backup->counts.checks++;
    return !out->no_memory;
}

/* The history comes with the newest check first, and is kept by adding the oldest first. */
static void append_reversed(struct pxt_out *out, const struct pxt_out *lines)
{
    for (size_t end = lines->length; end;) {
        size_t start = end - 1;
        while (start && lines->text[start - 1] != '\n')
            start--;
        pxt_out_bytes(out, lines->text + start, end - start);
        end = start;
    }
}

static void write_history(struct backup *backup, const pxt_entry *entry)
{
    pxt_out_clear(&backup->checks);
    backup->key = pxt_entry_key(entry);
    pxt_status status = pxt_cache_history(backup->cache, backup->key, take_check, backup, backup->error);
    append_reversed(&backup->out, &backup->checks);
    if (status && status != PXT_ENOTSUP)
        backup->status = status;
}

/* ---- entries ----------------------------------------------------------------------------------------------------- */

/* Notes the keys with the first credential that there is, if it can be opened with them. */
static void note_keys(struct backup *backup, pxt_entry *entry)
{
    enum pxt_field_id field = pxt_entry_has(entry, PXT_FIELD_USERNAME) ? PXT_FIELD_USERNAME : PXT_FIELD_PASSWORD;
    pxt_secret *secret = NULL;
    if (backup->sealed || !pxt_entry_has(entry, field))
        return;
    backup->sealed = true;
    if (!pxt_sealer_open_field(backup->cache->sealer, entry, field, &secret, NULL) &&
        pxt_sealer_key_ids(backup->cache->sealer, backup->keys, NULL))
        backup->keys[0] = '\0';
    pxt_secret_free(secret);
}

static bool take_entry(void *arg, pxt_entry *entry)
{
    struct backup *backup = arg;
    char *text = NULL;
    size_t length;
    note_keys(backup, entry);
    backup->status = pxt_json_new(entry, 0, &text, &length, backup->error);
    if (!backup->status) {
        pxt_out_bytes(&backup->out, text, length);
        pxt_out_text(&backup->out, "\n");
        write_history(backup, entry);
    }
    pxt_free(text);
    if (pour(backup))
        return false;
    backup->counts.entries++;
    return true;
}

static pxt_status write_head(struct backup *backup)
{
    pxt_out_format(&backup->out, "{\"format\": \"%s\", \"version\": %d, \"time\": ", PXT_BACKUP_NAME,
                   PXT_BACKUP_VERSION);
    write_time(&backup->out, pxt_cache_now(backup->cache));
    pxt_out_text(&backup->out, "}\n");
    return pour(backup);
}

static pxt_status write_end(struct backup *backup)
{
    char digest[PXT_BACKUP_DIGEST + 1];
    if (!pxt_backup_digest(backup->digest, digest))
        return backup->status = pxt_fail_memory(backup->error, "a digest");
    struct pxt_out *out = &backup->out;
    pxt_out_format(out, "{\"end\": \"%s\", \"entries\": %" PRIu64 ", \"checks\": %" PRIu64, PXT_BACKUP_NAME,
                   backup->counts.entries, backup->counts.checks);
    if (backup->sealed) {
        pxt_out_text(out, ", \"encryptor\": ");
        pxt_out_json(out, pxt_span_of(pxt_sealer_name(backup->cache->sealer)));
        pxt_out_text(out, ", \"keys\": ");
        pxt_out_json(out, pxt_span_of(backup->keys));
    }
    pxt_out_format(out, ", \"sha256\": \"%s\"}\n", digest);
    if (!pour(backup) && fflush(backup->stream))
        backup->status = pxt_fail(backup->error, pxt_status_of_errno(errno), errno, "cannot write the backup");
    return backup->status;
}

pxt_status pxt_cache_backup(pxt_cache *cache, void *stream, struct pxt_backup_counts *counts, struct pxt_error *error)
{
    struct backup backup = {.cache = cache, .stream = stream, .counts = {.size = sizeof backup.counts}, .error = error};
    if (!cache || !stream || (counts && counts->size < sizeof(uint32_t)))
        return pxt_fail(error, PXT_EINVAL, 0, "cache and stream must not be NULL, and counts need their size");
    if (gcry_md_open(&backup.digest, GCRY_MD_SHA256, 0))
        return pxt_fail_memory(error, "a digest");
    pxt_status status = write_head(&backup);
    if (!status)
        status = pxt_cache_each(cache, take_entry, &backup, error);
    status = backup.status ? backup.status : status;
    if (!status)
        status = write_end(&backup);
    gcry_md_close(backup.digest);
    pxt_out_free(&backup.out);
    pxt_out_free(&backup.checks);
    pxt_backup_counts_copy(&backup.counts, counts);
    return status;
}
