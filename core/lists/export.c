/* SPDX-License-Identifier: MIT
 *
 * export.c: goes over all entries and has each written in a format. Nothing is promoted and no access is counted.
 */
#include "lists/export.h"
#include "base/didyoumean.h"
#include "base/fail.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- one entry --------------------------------------------------------------------------------------------------- */

static enum pxt_host_kind kind_of(struct pxt_span host, bool in_brackets)
{
    char text[INET_ADDRSTRLEN];
    struct in_addr address;
    if (in_brackets)
        return PXT_HOST_V6;
    if (host.length >= sizeof text)
        return PXT_HOST_NAME;
    memcpy(text, host.text, host.length);
    text[host.length] = '\0';
    return inet_pton(AF_INET, text, &address) == 1 ? PXT_HOST_V4 : PXT_HOST_NAME;
}

/* Takes the canonical URL of an entry apart. False: it is of a shape that no URL of ours has. */
static bool take_apart(struct pxt_exported *exported)
{
    const char *mark = strstr(exported->url, "://"), *colon = strrchr(exported->url, ':');
    if (!mark || colon <= mark + 3 || (size_t)(mark - exported->url) >= sizeof exported->scheme)
        return false;
    memcpy(exported->scheme, exported->url, (size_t)(mark - exported->url));
    exported->hostport = pxt_span_of(mark + 3);
    exported->port = pxt_span_of(colon + 1);
    exported->host = (struct pxt_span){mark + 3, (size_t)(colon - mark - 3)};
    bool in_brackets = exported->host.text[0] == '[' && exported->host.length > 2;
    if (in_brackets)
        exported->host = (struct pxt_span){mark + 4, exported->host.length - 2};
    exported->host_kind = kind_of(exported->host, in_brackets);
    return true;
}

static unsigned scheme_bit(const char *scheme)
{
    static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"};
    for (unsigned i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (!strcmp(schemes[i], scheme))
            return 1u << i;
    return 0;
}

/* Why the program that reads the format cannot use the credentials; NULL: it can, or there are none. */
static const char *unfit_credentials(const struct pxt_exported *exported, unsigned carries)
{
    struct pxt_span user = exported->username, password = exported->password;
    if (!user.text && !password.text)
        return NULL;
    if (!(carries & PXT_CARRY_CREDENTIALS))
        return "the format has no place for credentials";
    if (!(carries & PXT_CARRY_PASSWORD) && !user.text)
        return "a password without a user name";
    if (!(carries & PXT_CARRY_CONTROL) && (pxt_span_has_control(user) || pxt_span_has_control(password)))
        return "a control character in the credentials";
    if (!(carries & PXT_CARRY_BLANKS) && (pxt_span_has(user, " ") || pxt_span_has(password, " ")))
        return "white space in the credentials";
    if (!(carries & PXT_CARRY_LONG_SOCKS) && !strncmp(exported->scheme, "socks", 5) &&
        (user.length > 255 || password.length > 255))
        return "a credential of more than 255 bytes, for a SOCKS proxy";
    return NULL;
}

/* Why the format cannot carry an entry; NULL: it can. */
static const char *unfit(const struct pxt_export *export, const struct pxt_exported *exported)
{
    const struct pxt_export_row *row = export->row;
    if (!(row->carries & scheme_bit(exported->scheme)))
        return "the format does not have its scheme";
    if (!(row->carries & PXT_CARRY_NAMES) && exported->host_kind == PXT_HOST_NAME)
        return "the format takes addresses, and no host names";
    if (row->most && export->counts.written >= row->most)
        return "the format has no more places";
    return unfit_credentials(exported, row->carries);
}

/* ---- writing ----------------------------------------------------------------------------------------------------- */

/* Writes what is in `out`, and empties that. */
static pxt_status pour(struct pxt_export *export)
{
    struct pxt_out *out = &export->out;
    if (!export->status && out->no_memory)
        export->status = pxt_fail_memory(export->error, "an entry");
    if (!export->status && out->length && fwrite(out->text, 1, out->length, export->stream) != out->length)
        export->status = pxt_fail(export->error, pxt_status_of_errno(errno), errno, "cannot write the export");
    pxt_out_clear(out);
    return export->status;
}

static void skip(struct pxt_export *export, const struct pxt_exported *exported, const char *reason)
{
    pxt_out_clear(&export->out);
    export->counts.skipped++;
    if (export->options.skipped)
        export->options.skipped(export->options.skipped_arg, exported->key, reason);
}

static pxt_status open_credential(struct pxt_export *export, pxt_entry *entry, enum pxt_field_id field,
                                  pxt_secret **secret, struct pxt_span *span)
{
    *secret = NULL;
    pxt_status status = pxt_cache_open_secret(export->cache, entry, field, secret, export->error);
    if (!status)
        span->text = pxt_secret_text(*secret, &span->length);
    return status == PXT_NOT_FOUND ? PXT_OK : status;
}

static void write_entry(struct pxt_export *export, const struct pxt_exported *exported)
{
    const char *problem = unfit(export, exported);
    if (!problem)
        problem = export->row->write(export, exported, &export->out);
    if (problem && !export->status) {
        skip(export, exported, problem);
        return;
    }
    if (pour(export))
        return;
    export->counts.written++;
    if (!exported->reveal && !(export->row->carries & PXT_CARRY_SEALED) &&
        (pxt_entry_has(exported->entry, PXT_FIELD_USERNAME) || pxt_entry_has(exported->entry, PXT_FIELD_PASSWORD)))
        export->counts.bare++;
}

/* Takes an entry; false ends the export. */
static bool take(void *arg, pxt_entry *entry)
{
    struct pxt_export *export = arg;
    pxt_secret *user = NULL, *password = NULL;
    struct pxt_exported exported = {
        .entry = entry, .key = pxt_entry_key(entry), .url = pxt_entry_url(entry), .reveal = export->options.reveal};
    if (!take_apart(&exported)) {
        skip(export, &exported, "its URL is malformed");
        return true;
    }
    if (exported.reveal)
        export->status = open_credential(export, entry, PXT_FIELD_USERNAME, &user, &exported.username);
    if (exported.reveal && !export->status)
        export->status = open_credential(export, entry, PXT_FIELD_PASSWORD, &password, &exported.password);
    if (!export->status)
        write_entry(export, &exported);
    pxt_secret_free(user);
    pxt_secret_free(password);
    return !export->status;
}

/* The one place where entries come from. */
static pxt_status walk(struct pxt_export *export)
{
    if (export->options.entries) {
        for (size_t i = 0; i < export->options.entry_count && take(export, export->options.entries[i]);)
            i++;
        return export->status;
    }
    return pxt_cache_each_selected(export->cache, export->options.selection, take, export, export->error);
}

static pxt_status frame(struct pxt_export *export, pxt_export_frame *write)
{
    if (write)
        write(export, &export->out);
    return pour(export);
}

static pxt_status write_all(struct pxt_export *export)
{
    pxt_status status = frame(export, export->row->begin), ended;
    if (status)
        return status;
    status = walk(export);
    if (export->status)
        return export->status;
    if (status && status != PXT_EUNAVAILABLE)
        return status;
    struct pxt_error incomplete = {.status = status}, *error = export->error;
    if (status && error)
        incomplete = *error;
    ended = frame(export, export->row->end);
    if (!ended && fflush(export->stream))
        ended = pxt_fail(error, pxt_status_of_errno(errno), errno, "cannot write the export");
    if (!ended && status && error)
        *error = incomplete;
    return ended ? ended : status;
}

/* ---- the call ---------------------------------------------------------------------------------------------------- */

static pxt_status unknown_format(const char *name, struct pxt_error *error)
{
    unsigned distance, nearest = ~0u;
    const char *best = NULL;
    char known[400];
    size_t at = 0;
    const struct pxt_export_format *format;
    for (size_t i = 0; (format = pxt_export_format(i)); i++) {
        if (pxt_word_near(name, format->name, &distance) && distance < nearest) {
            nearest = distance;
            best = format->name;
        }
        if (at < sizeof known)
            at += (size_t)snprintf(known + at, sizeof known - at, "%s%s", i ? ", " : "", format->name);
    }
    return best ? pxt_fail(error, PXT_EINVAL, 0, "unknown format \"%.100s\" (did you mean \"%s\"?)", name, best)
                : pxt_fail(error, PXT_EINVAL, 0, "unknown format \"%.100s\": there are %s", name, known);
}

/* Finds the row, and reads the templates. */
static pxt_status begin(struct pxt_export *export)
{
    const struct pxt_export_options *options = &export->options;
    const char *name = options->format ? options->format : "jsonl";
    if (options->pattern && options->format)
        return pxt_fail(export->error, PXT_EINVAL, 0, "a template takes the place of a format: give one of the two");
    export->row = options->pattern ? &pxt_export_template_row : pxt_export_row(name);
    if (!export->row)
        return unknown_format(name, export->error);
    pxt_status status = PXT_OK;
    if (export->row->bare)
        status = pxt_template_new(export->row->bare, &export->bare, export->error);
    const char *full = options->pattern ? options->pattern : export->row->full;
    if (full && !status)
        status = pxt_template_new(full, &export->full, export->error);
    return status;
}

static void end(struct pxt_export *export)
{
    pxt_template_free(export->bare);
    pxt_template_free(export->full);
    pxt_out_free(&export->out);
    pxt_out_free(&export->held);
}

static void read_options(struct pxt_export *export, const struct pxt_export_options *given)
{
    export->options = (struct pxt_export_options)PXT_EXPORT_OPTIONS_INIT;
    if (given)
        memcpy(&export->options, given, given->size < sizeof export->options ? given->size : sizeof export->options);
}

pxt_status pxt_export_check(const struct pxt_export_options *options, struct pxt_error *error)
{
    struct pxt_export export = {.error = error};
    if (!options || options->size < sizeof(uint32_t))
        return pxt_fail(error, PXT_EINVAL, 0, "options must not be NULL, and need their size");
    read_options(&export, options);
    pxt_status status = begin(&export);
    end(&export);
    return status;
}

static void copy_counts(const struct pxt_export_counts *from, struct pxt_export_counts *to)
{
    uint32_t size = to->size < sizeof *from ? to->size : (uint32_t)sizeof *from;
    memcpy(to, from, size);
    to->size = size;
}

pxt_status pxt_cache_export_as(pxt_cache *cache, void *stream, const struct pxt_export_options *given,
                               struct pxt_export_counts *counts, struct pxt_error *error)
{
    struct pxt_export export = {
        .cache = cache, .stream = stream, .counts = {.size = sizeof export.counts}, .error = error};
    if (!cache || !stream || (given && given->size < sizeof(uint32_t)) || (counts && counts->size < sizeof(uint32_t)))
        return pxt_fail(error, PXT_EINVAL, 0,
                        "cache and stream must not be NULL, and options and counts need their size");
    read_options(&export, given);
    pxt_status status = begin(&export);
    if (!status)
        status = write_all(&export);
    if (counts)
        copy_counts(&export.counts, counts);
    end(&export);
    return status;
}

pxt_status pxt_cache_export(pxt_cache *cache, void *stream, bool reveal, uint64_t *count, struct pxt_error *error)
{
    struct pxt_export_options options = PXT_EXPORT_OPTIONS_INIT;
    struct pxt_export_counts counts = {.size = sizeof counts};
    options.reveal = reveal;
    pxt_status status = pxt_cache_export_as(cache, stream, &options, &counts, error);
    if (count)
        *count = counts.written;
    return status;
}
