/* SPDX-License-Identifier: MIT
 *
 * warm_record.c: makes a draft of each record: parses its address, fills in what the call says, makes its key.
 */
#include "base/fail.h"
#include "cache/keys.h"
#include "entry/entry.h"
#include "lists/warm.h"
#include <string.h>

static void tell_masked(struct pxt_warming *warming, const struct pxt_list_record *record)
{
    const struct pxt_warm_options *options = &warming->options;
    if (options->masked)
        options->masked(options->masked_arg, warming->list->path, record->line, record->column,
                        "a credential of only * is taken as absent");
}

/* Fills in the draft from the parsed address. Makes the key too: records of one key are counted as duplicates. */
static void complete(struct pxt_warming *warming, struct pxt_list_record *record, char key[17])
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

static pxt_status refuse_record(struct pxt_warming *warming, const struct pxt_list_record *record, const char *reason)
{
    pxt_warm_refuse(warming, record->line, record->column, reason);
    return PXT_OK;
}

static pxt_status add(struct pxt_warming *warming, struct pxt_list_record *record,
                      const bool masked[PXT_LIST_CREDENTIALS])
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
            status = pxt_warm_flush(warming); /* an earlier record of the key may wait there */
        if (!status && !warming->options.dry_run)
            status = pxt_warm_keep_stored(warming, &record->draft, &key, masked, &stored);
    }
    if (!status)
        status = pxt_warm_enqueue(warming, record, repeated);
    pxt_entry_release(stored);
    return status;
}

/* What the record says, else --default-scheme, else the list around it, else the list's name. */
static const char *scheme_of(struct pxt_warming *warming, const struct pxt_list_record *record)
{
    const char *given = warming->options.default_scheme;
    if (record->scheme && (record->scheme_is_own || !given))
        return record->scheme;
    return given ? given : warming->result.guessed_scheme;
}

/* Whether the scheme that the proxy got stands nowhere in the list. */
static bool is_guessed(const struct pxt_warming *warming, const struct pxt_list_record *record)
{
    if (record->scheme || warming->options.default_scheme)
        return false;
    const char *colon = memchr(record->url, ':', record->url_length);
    size_t word = colon ? (size_t)(colon - record->url) : 0, length = strlen(warming->proxy.scheme);
    bool named = memmem(record->url, record->url_length, "://", 3) || memchr(record->url, ' ', record->url_length) ||
                 memchr(record->url, '\t', record->url_length);
    return !named && !(word == length && !strncasecmp(record->url, warming->proxy.scheme, word));
}

pxt_status pxt_warm_take(void *arg, struct pxt_list_record *record)
{
    struct pxt_warming *warming = arg;
    struct pxt_error local;
    size_t column = 1;
    warming->result.line = record->line;
    if (pxt_proxy_parse_line(record->url, record->url_length, scheme_of(warming, record), &warming->proxy, &column,
                             &local)) {
        pxt_warm_refuse(warming, record->line, record->column + column - 1, local.message);
        return PXT_OK;
    }
    warming->result.guessed += is_guessed(warming, record);
    warming->result.ambiguous += warming->proxy.ambiguous;
    bool masked[PXT_LIST_CREDENTIALS];
    pxt_warm_drop_masks(record, &warming->proxy, masked);
    size_t waiting = warming->count;
    pxt_status status = add(warming, record, masked);
    explicit_bzero(&warming->proxy, sizeof warming->proxy);
    /* A batch was stored: what the caller learns of it ends the list, if it wants that. */
    if (!status && warming->count <= waiting && waiting && !pxt_warm_tell_progress(warming))
        status = PXT_EBUSY;
    return status;
}
