/* SPDX-License-Identifier: MIT */
#include "operations.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the log ---- */

static void write_log(const struct operations *operations, const char *text, size_t length)
{
    if (write(operations->log, text, length) != (ssize_t)length) {
        fprintf(stderr, "cannot write the log\n");
        _exit(3);
    }
}

__attribute__((format(printf, 2, 3))) static void note(const struct operations *operations, const char *format, ...)
{
    char line[OPERATIONS_LINE];
    va_list args;
    va_start(args, format);
    int length = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    write_log(operations, line, (size_t)length);
}

static void begin(struct operations *operations, char id[OPERATIONS_ID], const char *what, const char *key)
{
    snprintf(id, OPERATIONS_ID, "%s-%lu", operations->caller, ++operations->last);
    note(operations, "B %s %s %s\n", id, what, key);
}

static pxt_status end(const struct operations *operations, const char *id, pxt_status status, const char *value)
{
    note(operations, "E %s %d %s\n", id, (int)status, value);
    return status;
}

/* ---- changes ---- */

pxt_status operations_open(struct operations *operations, const char *yaml, pxt_clock_fn *clock)
{
    struct pxt_cache_options options = {
        .size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml, .clock = clock};
    return pxt_cache_open(&options, &operations->cache, &operations->error);
}

/* So long that logs are soon compacted. */
#define TEN_USERS "useruseruseruseruseruseruseruseruseruser"
static const char user[] = TEN_USERS TEN_USERS TEN_USERS TEN_USERS TEN_USERS TEN_USERS TEN_USERS TEN_USERS;

/* Of the entry that an operation puts; `url` has OPERATIONS_LINE bytes and lives as long as the draft. */
static void draft_of(struct pxt_draft *draft, const char *id, const char *key, int64_t ttl_seconds, char *url)
{
    snprintf(url, OPERATIONS_LINE, "http://%s.example:8080", id);
    pxt_draft_init(draft);
    pxt_draft_set_text(draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(draft, PXT_FIELD_PROXY_URL, url, strlen(url));
    pxt_draft_set_text(draft, PXT_FIELD_SOURCE, id, strlen(id));
    pxt_draft_set_number(draft, PXT_FIELD_TTL_SECONDS, ttl_seconds);
    pxt_draft_set_text(draft, PXT_FIELD_USERNAME, user, sizeof user - 1);
    pxt_draft_set_text(draft, PXT_FIELD_PASSWORD, id, strlen(id));
}

pxt_status operations_put(struct operations *operations, const char *key, int64_t ttl_seconds)
{
    char id[OPERATIONS_ID], url[OPERATIONS_LINE];
    struct pxt_draft draft;
    begin(operations, id, "put", key);
    draft_of(&draft, id, key, ttl_seconds, url);
    return end(operations, id, pxt_cache_put(operations->cache, &draft, NULL, &operations->error), "");
}

pxt_status operations_put_many(struct operations *operations, const char *const *keys, unsigned n)
{
    static _Thread_local char id[OPERATIONS_BATCH][OPERATIONS_ID], url[OPERATIONS_BATCH][OPERATIONS_LINE];
    static _Thread_local struct pxt_draft draft[OPERATIONS_BATCH];
    pxt_status result[OPERATIONS_BATCH];
    for (unsigned i = 0; i < n; i++) {
        begin(operations, id[i], "put", keys[i]);
        draft_of(&draft[i], id[i], keys[i], 100000000, url[i]);
        result[i] = PXT_EUNAVAILABLE;
    }
    pxt_status status = pxt_cache_put_many(operations->cache, draft, n, result, NULL, &operations->error);
    for (unsigned i = 0; i < n; i++)
        end(operations, id[i], result[i], "");
    return status;
}

pxt_status operations_delete(struct operations *operations, const char *key)
{
    char id[OPERATIONS_ID];
    begin(operations, id, "delete", key);
    return end(operations, id, pxt_cache_delete(operations->cache, key, &operations->error), "");
}

pxt_status operations_report(struct operations *operations, const char *key, bool ok)
{
    struct pxt_report report = {.size = sizeof report, .ok = ok, .latency_ms = 7, .reason = ok ? NULL : "timed out"};
    char id[OPERATIONS_ID];
    begin(operations, id, "report", key);
    return end(operations, id, pxt_cache_report(operations->cache, key, &report, NULL, NULL, &operations->error), "");
}

/* ---- reading ---- */

pxt_status operations_get(struct operations *operations, const char *key)
{
    char id[OPERATIONS_ID];
    pxt_entry *entry = NULL;
    begin(operations, id, "get", key);
    pxt_status status = pxt_cache_get(operations->cache, key, &entry, &operations->error);
    end(operations, id, status, status ? "" : pxt_entry_text(entry, PXT_FIELD_SOURCE, NULL));
    pxt_entry_release(entry);
    return status;
}

struct listing {
    const struct operations *operations;
    const char *id;
};

static bool note_entry(void *arg, pxt_entry *entry)
{
    const struct listing *listing = arg;
    note(listing->operations, "S %s %s %s\n", listing->id, pxt_entry_key(entry),
         pxt_entry_text(entry, PXT_FIELD_SOURCE, NULL));
    return true;
}

pxt_status operations_list(struct operations *operations)
{
    char id[OPERATIONS_ID];
    struct listing listing = {operations, id};
    begin(operations, id, "list", "-");
    return end(operations, id, pxt_cache_each(operations->cache, note_entry, &listing, &operations->error), "");
}

/* Copies the text of a member out of a line of JSON without escapes. */
static bool member(const char *line, const char *name, char out[PXT_KEY_MAX + 1])
{
    char start[40];
    snprintf(start, sizeof start, "\"%s\": \"", name);
    const char *found = strstr(line, start), *text = found ? found + strlen(start) : "";
    size_t length = strcspn(text, "\"");
    if (!found || !length || length > PXT_KEY_MAX)
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

pxt_status operations_export(struct operations *operations)
{
    char id[OPERATIONS_ID], key[PXT_KEY_MAX + 1], value[PXT_KEY_MAX + 1], *text = NULL;
    size_t length = 0;
    begin(operations, id, "list", "-");
    FILE *stream = open_memstream(&text, &length);
    if (!stream)
        return end(operations, id, PXT_ENOMEM, "");
    pxt_status status = pxt_cache_export(operations->cache, stream, false, NULL, &operations->error);
    /* Without memory for its last copy the stream leaves NULL, and tells it to nobody. */
    if ((fclose(stream) || !text) && !status)
        status = PXT_ENOMEM;
    for (char *line = text, *newline; line && (newline = strchr(line, '\n')); line = newline + 1) {
        *newline = '\0';
        if (member(line, "key", key) && member(line, "source", value))
            note(operations, "S %s %s %s\n", id, key, value);
    }
    free(text);
    return end(operations, id, status, "");
}
