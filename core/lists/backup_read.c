/* SPDX-License-Identifier: MIT
 *
 * backup_read.c: reads the lines of a backup, and refuses what is none.
 */
#include "base/fail.h"
#include "base/isotime.h"
#include "entry/json.h"
#include "lists/backup.h"
#include <errno.h>
#include <json-c/json.h>
#include <string.h>

pxt_status pxt_backup_wrong(const struct pxt_backup_reader *reader, pxt_status status, struct pxt_error *error,
                            const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pxt_vfail(error, status, 0, format, args);
    va_end(args);
    pxt_error_prefix(error, "%s:%llu", reader->name, (unsigned long long)reader->number);
    return status;
}

pxt_status pxt_backup_reader_open(struct pxt_backup_reader *reader, FILE *stream, const char *name,
                                  struct pxt_error *error)
{
    *reader = (struct pxt_backup_reader){.stream = stream, .name = name};
    reader->line = pxt_alloc(PXT_BACKUP_LINE_MAX + 1);
    reader->check = pxt_alloc(sizeof *reader->check);
    if (!reader->line || !reader->check || gcry_md_open(&reader->digest, GCRY_MD_SHA256, 0)) {
        pxt_backup_reader_close(reader);
        return pxt_fail_memory(error, "a line of the backup");
    }
    return PXT_OK;
}

void pxt_backup_reader_close(struct pxt_backup_reader *reader)
{
    pxt_entry_release(reader->entry);
    if (reader->digest)
        gcry_md_close(reader->digest);
    pxt_free(reader->line);
    pxt_free(reader->check);
    *reader = (struct pxt_backup_reader){0};
}

/* ---- members ----------------------------------------------------------------------------------------------------- */

static struct json_object *member(struct json_object *object, const char *name, enum json_type type)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(object, name, &value) && json_object_is_type(value, type) ? value : NULL;
}

/* Copies a text; false if there is none or it is too long. */
static bool get_text(struct json_object *object, const char *name, char *out, size_t size)
{
    struct json_object *value = member(object, name, json_type_string);
    size_t length = value ? (size_t)json_object_get_string_len(value) : size;
    if (length >= size || memchr(json_object_get_string(value), '\0', length))
        return false;
    memcpy(out, json_object_get_string(value), length + 1);
    return true;
}

static bool get_count(struct json_object *object, const char *name, uint64_t *out)
{
    struct json_object *value = member(object, name, json_type_int);
    int64_t number = value ? json_object_get_int64(value) : -1;
    *out = number < 0 ? 0 : (uint64_t)number;
    return number >= 0;
}

/* ---- lines ------------------------------------------------------------------------------------------------------- */

static pxt_status read_head(struct pxt_backup_reader *reader, struct json_object *object, struct pxt_error *error)
{
    char format[32] = "";
    uint64_t version;
    if (!get_text(object, "format", format, sizeof format) || strcmp(format, PXT_BACKUP_NAME) ||
        !get_count(object, "version", &version))
        return pxt_backup_wrong(reader, PXT_ECORRUPT, error, "this is no backup of proxtier");
    if (version != PXT_BACKUP_VERSION)
        return pxt_backup_wrong(reader, PXT_ECORRUPT, error,
                                "the backup is of version %llu, and this proxtier reads version %d: use a newer one",
                                (unsigned long long)version, PXT_BACKUP_VERSION);
    return PXT_OK;
}

static bool read_health(const char *name, enum pxt_health *health)
{
    for (int i = 0; i < PXT_HEALTH_COUNT; i++)
        if (!strcmp(name, pxt_health_name((enum pxt_health)i))) {
            *health = (enum pxt_health)i;
            return true;
        }
    return false;
}

static pxt_status read_check(struct pxt_backup_reader *reader, struct json_object *object, struct pxt_error *error)
{
    char *key = reader->check->key, time[PXT_ISOTIME_SIZE + 1], health[16];
    uint64_t latency;
    struct pxt_check *check = &reader->check->check;
    *check = (struct pxt_check){.size = sizeof *check, .check_url = reader->check->url};
    if (!get_text(object, "check", key, sizeof reader->check->key) || !get_text(object, "time", time, sizeof time) ||
        !get_text(object, "health", health, sizeof health) || !read_health(health, &check->status) ||
        !pxt_isotime_read(time, strlen(time), &check->time))
        return pxt_backup_wrong(reader, PXT_ECORRUPT, error, "this is no check of an entry");
    pxt_key_init(&check->key, key, strlen(key));
    check->response_time_ms = get_count(object, "latency_ns", &latency) ? (double)latency / 1e6 : -1;
    if (get_text(object, "error", reader->check->error_message, sizeof reader->check->error_message))
        check->error_message = reader->check->error_message;
    if (!get_text(object, "url", reader->check->url, sizeof reader->check->url))
        reader->check->url[0] = '\0';
    return PXT_OK;
}

static pxt_status read_end(struct pxt_backup_reader *reader, struct json_object *object, struct pxt_error *error)
{
    struct pxt_backup_end *end = &reader->end;
    if (!get_count(object, "entries", &end->entries) || !get_count(object, "checks", &end->checks) ||
        !get_text(object, "sha256", end->sha256, sizeof end->sha256))
        return pxt_backup_wrong(reader, PXT_ECORRUPT, error, "the last line is malformed");
    if (!get_text(object, "encryptor", end->encryptor, sizeof end->encryptor))
        end->encryptor[0] = '\0';
    if (!get_text(object, "keys", end->keys, sizeof end->keys))
        end->keys[0] = '\0';
    return PXT_OK;
}

static pxt_status read_object(struct pxt_backup_reader *reader, struct pxt_error *error)
{
    struct json_object *object = json_tokener_parse(reader->line);
    pxt_status status;
    if (!object || !json_object_is_type(object, json_type_object))
        status = pxt_backup_wrong(reader, PXT_ECORRUPT, error, "%s",
                                  reader->number == 1 ? "this is no backup of proxtier" : "malformed JSON");
    else if (reader->kind == PXT_BACKUP_HEAD)
        status = read_head(reader, object, error);
    else if (reader->kind == PXT_BACKUP_CHECK)
        status = read_check(reader, object, error);
    else
        status = read_end(reader, object, error);
    json_object_put(object);
    return status;
}

/* Reads a whole line into `line`. `*end`: there is none. */
static pxt_status read_line(struct pxt_backup_reader *reader, bool *end, struct pxt_error *error)
{
    int c = EOF;
    reader->length = 0;
    while (reader->length < PXT_BACKUP_LINE_MAX && (c = getc_unlocked(reader->stream)) != EOF) {
        reader->line[reader->length++] = (char)c;
        if (c == '\n')
            break;
    }
    *end = !reader->length;
    if (ferror(reader->stream))
        return pxt_backup_wrong(reader, PXT_EIO, error, "cannot read: %s", strerror(errno));
    if (*end)
        return PXT_OK;
    reader->number++;
    if (c != '\n')
        return pxt_backup_wrong(reader, PXT_ECORRUPT, error, "%s",
                                reader->number == 1 ? "this is no backup of proxtier"
                                : c == EOF          ? "the backup is torn: this line has no end"
                                                    : "this line is too long");
    reader->line[reader->length] = '\0';
    return PXT_OK;
}

static bool begins_with(const struct pxt_backup_reader *reader, const char *text)
{
    return reader->length > strlen(text) && !memcmp(reader->line, text, strlen(text));
}

pxt_status pxt_backup_next(struct pxt_backup_reader *reader, bool *more, struct pxt_error *error)
{
    bool end, was_end = reader->kind == PXT_BACKUP_END;
    pxt_entry_release(reader->entry);
    reader->entry = NULL;
    if (reader->length) /* of the line before: the digest is that of the lines before this one */
        gcry_md_write(reader->digest, reader->line, reader->length);
    pxt_status status = read_line(reader, &end, error);
    *more = !status && !end;
    if (!status && end && !was_end)
        return pxt_backup_wrong(reader, PXT_ECORRUPT, error, "%s",
                                reader->number ? "the backup is torn: it ends behind this line" : "the file is empty");
    if (status || end)
        return status;
    if (was_end)
        return pxt_backup_wrong(reader, PXT_ECORRUPT, error, "there is something behind the end of the backup");
    reader->kind = reader->number == 1                   ? PXT_BACKUP_HEAD
                   : begins_with(reader, "{\"check\": ") ? PXT_BACKUP_CHECK
                   : begins_with(reader, "{\"end\": ")   ? PXT_BACKUP_END
                                                         : PXT_BACKUP_ENTRY;
    if (reader->kind != PXT_BACKUP_ENTRY)
        return read_object(reader, error);
    struct pxt_error reason;
    status = pxt_json_read(reader->line, reader->length - 1, &reader->entry, &reason);
    return status ? pxt_backup_wrong(reader, status == PXT_EINVAL ? PXT_ECORRUPT : status, error, "%s", reason.message)
                  : PXT_OK;
}
