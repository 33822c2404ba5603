/* SPDX-License-Identifier: MIT
 *
 * export.c: writes all entries as JSONL, so that warming from an export restores every field. Nothing is promoted and
 * no access is counted.
 */
#include "base/fail.h"
#include "base/secret.h"
#include "cache/cache_private.h"
#include "entry/entry.h"
#include "entry/json.h"
#include "lists/base64.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { LINE_MAX_BYTES = 128 * 1024 };

struct export
{
    pxt_cache *cache;
    FILE *stream;
    bool reveal;
    uint64_t count;
    char *line;
    pxt_status status;
    struct pxt_error *error;
};

static bool is_utf8(const char *text, size_t length)
{
    for (size_t i = 0, step; i < length; i += step)
        if (!(step = pxt_utf8_step((const unsigned char *)text + i, length - i)))
            return false;
    return true;
}

/* Writes `, "password": "..."` in the clear; JSON has no other bytes than UTF-8, so others are `"password_base64"`. */
static size_t reveal_field(struct export *export, pxt_entry *entry, enum pxt_field_id field, size_t at)
{
    pxt_secret *secret = NULL;
    size_t count, length;
    export->status = pxt_cache_open_secret(export->cache, entry, field, &secret, export->error);
    if (export->status)
        return at;
    const char *text = pxt_secret_text(secret, &length), *name = pxt_field_table(&count)[field].name;
    bool plain = is_utf8(text, length);
    at += (size_t)snprintf(export->line + at, LINE_MAX_BYTES - at, plain ? ", \"%s\": " : ", \"%s_base64\": \"", name);
    if (plain) {
        at = pxt_json_string(export->line, LINE_MAX_BYTES, at, text, length);
    } else {
        pxt_base64_encode(text, length, export->line + at);
        at += PXT_BASE64_SIZE(length);
        export->line[at++] = '"';
    }
    pxt_secret_free(secret);
    return at;
}

/* The entry without its tokens, then its credentials. */
static size_t write_revealed(struct export *export, pxt_entry *entry)
{
    struct pxt_draft draft;
    pxt_entry *bare = NULL;
    pxt_draft_init(&draft);
    pxt_entry_read(entry, &draft);
    pxt_draft_unset(&draft, PXT_FIELD_USERNAME);
    pxt_draft_unset(&draft, PXT_FIELD_PASSWORD);
    export->status = pxt_entry_new(&draft, &bare, export->error);
    if (export->status)
        return 0;
    size_t length = pxt_json_write_plain(bare, export->line, LINE_MAX_BYTES) - 1; /* without its brace */
    pxt_entry_release(bare);
    if (pxt_entry_has(entry, PXT_FIELD_USERNAME))
        length = reveal_field(export, entry, PXT_FIELD_USERNAME, length);
    if (!export->status && pxt_entry_has(entry, PXT_FIELD_PASSWORD))
        length = reveal_field(export, entry, PXT_FIELD_PASSWORD, length);
    export->line[length++] = '}';
    return length;
}

static bool write_entry(void *arg, pxt_entry *entry)
{
    struct export *export = arg;
    size_t length =
        export->reveal ? write_revealed(export, entry) : pxt_json_write_plain(entry, export->line, LINE_MAX_BYTES);
    if (export->status)
        return false;
    export->line[length++] = '\n';
    if (fwrite(export->line, 1, length, export->stream) != length) {
        export->status = pxt_fail(export->error, pxt_status_of_errno(errno), errno, "cannot write the export");
        return false;
    }
    export->count++;
    return true;
}

pxt_status pxt_cache_export(pxt_cache *cache, void *stream, bool reveal, uint64_t *count, struct pxt_error *error)
{
    if (!cache || !stream)
        return pxt_fail(error, PXT_EINVAL, 0, "cache and stream must not be NULL");
    struct export export = {.cache = cache, .stream = stream, .reveal = reveal, .error = error};
    export.line = pxt_alloc(LINE_MAX_BYTES + 2);
    if (!export.line)
        return pxt_fail_memory(error, "a line");
    pxt_status status = pxt_cache_each(cache, write_entry, &export, error);
    status = export.status ? export.status : status;
    if ((!status || status == PXT_EUNAVAILABLE) && fflush(stream))
        status = pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot write the export");
    if (count)
        *count = export.count;
    explicit_bzero(export.line, LINE_MAX_BYTES);
    pxt_free(export.line);
    return status;
}
