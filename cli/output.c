/* SPDX-License-Identifier: MIT
 *
 * output.c: prints entries: their URL, their fields, and as JSON.
 */
#include "command.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void print_encoded(FILE *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
        fprintf(out, plain ? "%c" : "%%%02X", c);
    }
}

/* `*out` is NULL if the entry has no such credential. */
static pxt_status open_secret(pxt_cache *cache, pxt_entry *entry, enum pxt_field_id field, pxt_secret **out,
                              struct pxt_error *error)
{
    *out = NULL;
    pxt_status status = pxt_cache_open_secret(cache, entry, field, out, error);
    return status == PXT_NOT_FOUND ? PXT_OK : status;
}

static void print_secret(FILE *out, const char *before, const pxt_secret *secret)
{
    size_t length;
    const char *text = pxt_secret_text(secret, &length);
    fputs(before, out);
    print_encoded(out, text, length);
}

pxt_status print_url(FILE *out, pxt_cache *cache, pxt_entry *entry, bool reveal, struct pxt_error *error)
{
    const char *url = pxt_entry_url(entry), *host = strstr(url, "://");
    pxt_secret *user = NULL, *password = NULL;
    pxt_status status = PXT_OK;
    if (reveal && host)
        status = open_secret(cache, entry, PXT_FIELD_USERNAME, &user, error);
    if (reveal && host && !status)
        status = open_secret(cache, entry, PXT_FIELD_PASSWORD, &password, error);
    if (!status && (user || password)) {
        fprintf(out, "%.*s", (int)(host + 3 - url), url);
        if (user)
            print_secret(out, "", user);
        if (password)
            print_secret(out, ":", password);
        fprintf(out, "@%s", host + 3);
    } else if (!status) {
        fputs(url, out);
    }
    pxt_secret_free(user);
    pxt_secret_free(password);
    return status;
}

pxt_status print_credential(FILE *out, pxt_cache *cache, pxt_entry *entry, enum pxt_field_id field,
                            struct pxt_error *error)
{
    pxt_secret *secret;
    pxt_status status = open_secret(cache, entry, field, &secret, error);
    if (!status && secret)
        print_secret(out, "", secret);
    pxt_secret_free(secret);
    return status;
}

pxt_status out_of_memory(struct pxt_error *error)
{
    if (error)
        *error = (struct pxt_error){.status = PXT_ENOMEM, .message = "out of memory for a line of output"};
    return PXT_ENOMEM;
}

pxt_status make_url(pxt_cache *cache, pxt_entry *entry, bool reveal, char **url, size_t *length,
                    struct pxt_error *error)
{
    *url = NULL;
    *length = 0;
    pxt_status status = PXT_ENOMEM;
    FILE *out = open_memstream(url, length);
    if (out) {
        status = print_url(out, cache, entry, reveal, error);
        if (fclose(out))
            status = PXT_ENOMEM;
    }
    if (status == PXT_ENOMEM)
        out_of_memory(error);
    if (status) {
        free_secret_text(*url, *length);
        *url = NULL;
    }
    return status;
}

void free_secret_text(char *text, size_t length)
{
    if (text)
        explicit_bzero(text, length);
    free(text);
}

/* gmtime_r() ends in 2038 where time_t has 32 bits. The date is counted as H. Hinnant does it ("chrono-Compatible Low-Level
 * Date Algorithms"): years begin in March. */
void print_time(FILE *out, int64_t time)
{
    int64_t seconds = time / PXT_SECOND - (time % PXT_SECOND < 0);
    int64_t days = seconds / 86400 - (seconds % 86400 < 0) + 719468;
    int of_day = (int)(seconds - (days - 719468) * 86400);
    int64_t era = days / 146097 - (days % 146097 < 0);
    int of_era = (int)(days - era * 146097);
    int years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int of_year = of_era - (365 * years + years / 4 - years / 100);
    int month = (5 * of_year + 2) / 153;
    int64_t year = era * 400 + years + (month >= 10);
    fprintf(out, "%04lld-%02d-%02dT%02d:%02d:%02d.%06dZ", (long long)year, month < 10 ? month + 3 : month - 9,
            of_year - (153 * month + 2) / 5 + 1, of_day / 3600, of_day / 60 % 60, of_day % 60,
            (int)(time - seconds * PXT_SECOND));
}

void print_field(FILE *out, const pxt_entry *entry, enum pxt_field_id field)
{
    size_t count;
    int64_t number = pxt_entry_number(entry, field);
    switch (pxt_fields(&count)[field]->type) {
    case PXT_TYPE_TEXT:
        fputs(pxt_entry_has(entry, field) ? pxt_entry_text(entry, field, NULL) : "", out);
        break;
    case PXT_TYPE_SECRET:
        fputs(pxt_entry_has(entry, field) ? "(sealed)" : "", out);
        break;
    case PXT_TYPE_TIME:
        if (number != PXT_TIME_NONE)
            print_time(out, number);
        break;
    case PXT_TYPE_HEALTH:
        fputs(pxt_health_name((enum pxt_health)number), out);
        break;
    case PXT_TYPE_BOOL:
        fputs(number ? "true" : "false", out);
        break;
    default:
        if (pxt_entry_has(entry, field))
            fprintf(out, "%" PRId64, number);
    }
}

void print_json_text(FILE *out, const char *text)
{
    fputc('"', out);
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

/* Without the brace at the end. */
static void print_members(FILE *out, const pxt_entry *entry)
{
    size_t count;
    const struct pxt_field *const *fields = pxt_fields(&count);
    bool first = true;
    fputc('{', out);
    for (size_t i = 0; i < count; i++) {
        enum pxt_field_id id = (enum pxt_field_id)i;
        if (fields[i]->type == PXT_TYPE_SECRET || (fields[i]->flags & PXT_FIELD_INTERNAL))
            continue;
        fprintf(out, "%s\"%s\": ", first ? "" : ", ", fields[i]->name);
        first = false;
        if (!pxt_entry_has(entry, id)) {
            fputs("null", out);
        } else if (fields[i]->type == PXT_TYPE_TEXT) {
            print_json_text(out, pxt_entry_text(entry, id, NULL));
        } else {
            bool quoted = fields[i]->type == PXT_TYPE_TIME || fields[i]->type == PXT_TYPE_HEALTH;
            fputs(quoted ? "\"" : "", out);
            print_field(out, entry, id);
            fputs(quoted ? "\"" : "", out);
        }
    }
    fprintf(out, ", \"has_credentials\": %s",
            pxt_entry_has(entry, PXT_FIELD_USERNAME) || pxt_entry_has(entry, PXT_FIELD_PASSWORD) ? "true" : "false");
    if (pxt_entry_is_stale(entry))
        fputs(", \"stale\": true", out);
}

void print_json(FILE *out, const pxt_entry *entry)
{
    print_members(out, entry);
    fputc('}', out);
}

/* The URL is opened first: after an error nothing is printed. */
pxt_status print_json_with(FILE *out, pxt_cache *cache, pxt_entry *entry, bool reveal, struct pxt_error *error)
{
    char *url = NULL;
    size_t length = 0;
    pxt_status status = reveal ? make_url(cache, entry, true, &url, &length, error) : PXT_OK;
    if (status)
        return status;
    print_members(out, entry);
    if (url)
        fprintf(out, ", \"url\": \"%s\"", url); /* percent-encoded: it has nothing that JSON would escape */
    fputc('}', out);
    free_secret_text(url, length);
    return PXT_OK;
}
