/* SPDX-License-Identifier: MIT
 *
 * foreign.c: makes entries of values that another program wrote.
 */
#include "entry/foreign.h"
#include "base/fail.h"
#include "base/key.h"
#include "entry/entry.h"
#include "proxy/proxyurl.h"
#include "proxy/proxyurl_parts.h"
#include <string.h>

/* What a draft borrows while it is mended. */
struct mending {
    struct pxt_draft draft;
    struct pxt_foreign *foreign;
    char *room, *at; /* for mended texts: never more than there were */
    size_t size;
    char *tokens;
    struct pxt_proxy proxy; /* the credentials of a URL */
};

static void note_change(struct mending *mending, const struct pxt_field *field)
{
    if (!mending->foreign->changed)
        mending->foreign->changed = field->name;
}

/* Returns the length of the leading part of a text that a field may have. */
static size_t good_length(const char *text, size_t length)
{
    size_t good = 0, step;
    while (good < length && (step = pxt_utf8_step((const unsigned char *)text + good, length - good)))
        good += step;
    return good;
}

/* Blanks out control characters and malformed bytes, and clips the text after a whole character. */
static void mend_text(struct mending *mending, const struct pxt_field *field, struct pxt_value *value)
{
    const char *text = value->as.text;
    size_t length = value->length, used = 0;
    if (length <= PXT_TEXT_MAX && good_length(text, length) == length &&
        (length || (field->flags & PXT_FIELD_OPTIONAL)))
        return;
    note_change(mending, field);
    if (!length) {
        value->as.text = "unknown";
        value->length = 7;
        return;
    }
    value->as.text = mending->at;
    for (size_t i = 0; i < length;) {
        size_t step = pxt_utf8_step((const unsigned char *)text + i, length - i);
        if (used + (step ? step : 1) > PXT_TEXT_MAX)
            break;
        if (step)
            memcpy(mending->at + used, text + i, step);
        else
            mending->at[used] = (unsigned char)text[i] < 0x80 ? ' ' : '?';
        used += step ? step : 1;
        i += step ? step : 1;
    }
    value->length = (uint32_t)used;
    mending->at += used;
}

static void mend_number(struct mending *mending, size_t id, const struct pxt_field *field, struct pxt_value *value)
{
    int64_t max = field->type == PXT_TYPE_BOOL ? 1 : PXT_COUNT_MAX;
    bool negative = value->as.number < 0;
    if (!negative && value->as.number <= max)
        return;
    if (negative && id != PXT_FIELD_ACCESS_COUNT)
        return; /* ProxyWhirl holds no other negative count valid */
    note_change(mending, field);
    value->as.number = negative ? 0 : max;
}

static void mend_values(struct mending *mending)
{
    size_t count;
    const struct pxt_field *field = pxt_field_table(&count);
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++) {
        struct pxt_value *value = &mending->draft.value[id];
        if (!value->set || id == PXT_FIELD_KEY || id == PXT_FIELD_PROXY_URL)
            continue;
        if (field[id].type == PXT_TYPE_SECRET && !value->length) /* ProxyWhirl's "" is no credential */
            pxt_draft_unset(&mending->draft, (enum pxt_field_id)id);
        else if (field[id].type == PXT_TYPE_TEXT)
            mend_text(mending, &field[id], value);
        else if (field[id].type == PXT_TYPE_COUNT || field[id].type == PXT_TYPE_BOOL)
            mend_number(mending, id, &field[id], value);
    }
}

/* Splits the credentials off the URL; the rest of it is taken as it stands, for it may be no URL of proxtier's. False: no
 * entry can have these credentials. */
static bool split_url(struct mending *mending)
{
    struct pxt_draft *draft = &mending->draft;
    struct pxt_value *url = &draft->value[PXT_FIELD_PROXY_URL];
    const char *text = url->as.text, *end = text + url->length;
    const char *host = memrchr(text, '@', url->length), *mark = memmem(text, url->length, "://", 3);
    if (!host)
        return true;
    const char *start = mark && mark < host ? mark + 3 : text;
    const char *colon = memchr(start, ':', (size_t)(host - start)), *user_end = colon ? colon : host;
    if (pxt_userinfo_set(&mending->proxy, start, (size_t)(user_end - start), colon ? colon + 1 : NULL,
                         colon ? (size_t)(host - colon) - 1 : 0, true))
        return false;
    if (mending->proxy.has_username && !draft->value[PXT_FIELD_USERNAME].set)
        pxt_draft_set_text(draft, PXT_FIELD_USERNAME, mending->proxy.username, mending->proxy.username_length);
    if (mending->proxy.has_password && !draft->value[PXT_FIELD_PASSWORD].set)
        pxt_draft_set_text(draft, PXT_FIELD_PASSWORD, mending->proxy.password, mending->proxy.password_length);
    char *rest = mending->at, *out = mempcpy(rest, text, (size_t)(start - text));
    out = mempcpy(out, host + 1, (size_t)(end - host) - 1);
    mending->at = out;
    pxt_draft_set_text(draft, PXT_FIELD_PROXY_URL, rest, (size_t)(out - rest));
    return true;
}

static pxt_status seal(struct mending *mending, struct pxt_error *error)
{
    struct pxt_draft *draft = &mending->draft;
    const struct pxt_value *key = &draft->value[PXT_FIELD_KEY];
    const struct pxt_value *user = &draft->value[PXT_FIELD_USERNAME], *password = &draft->value[PXT_FIELD_PASSWORD];
    char text[PXT_KEY_MAX + 1];
    if ((!user->set || user->sealed) && (!password->set || password->sealed))
        return PXT_OK;
    memcpy(text, key->as.text, key->length);
    text[key->length] = '\0';
    if (!mending->foreign->seal)
        return pxt_fail(error, PXT_ENOTSUP, 0, "its URL has credentials, and there is no encryptor to seal them");
    pxt_status status = mending->foreign->seal(mending->foreign->seal_arg, text, draft, &mending->tokens, error);
    if (!status || status == PXT_ENOMEM)
        return status;
    pxt_error_prefix(error, "its URL has credentials, which cannot be sealed");
    return PXT_ENOTSUP;
}

/* Whether a value is a text that identifies a proxy: such a text cannot be mended. */
static bool names_a_proxy(const struct pxt_value *value, size_t max)
{
    return value->length && value->length <= max && good_length(value->as.text, value->length) == value->length;
}

static pxt_status mend(struct mending *mending, struct pxt_error *error)
{
    const struct pxt_value *key = &mending->draft.value[PXT_FIELD_KEY];
    const struct pxt_value *url = &mending->draft.value[PXT_FIELD_PROXY_URL];
    if (!key->set || !url->set)
        return PXT_OK; /* told when the entry is made */
    if (!names_a_proxy(key, PXT_KEY_MAX))
        return pxt_fail(error, PXT_ENOTSUP, 0, "its key has not 1 to %d bytes of text", PXT_KEY_MAX);
    if (!names_a_proxy(url, PXT_TEXT_MAX))
        return pxt_fail(error, PXT_ENOTSUP, 0, "its URL has not 1 to %d bytes of text", PXT_TEXT_MAX);
    if (!split_url(mending))
        return pxt_fail(error, PXT_ENOTSUP, 0, "its URL has credentials that no entry can have");
    mend_values(mending);
    return seal(mending, error);
}

/* A token longer than an entry's is another program's, too. */
static bool has_long_token(const struct pxt_draft *draft)
{
    const struct pxt_value *user = &draft->value[PXT_FIELD_USERNAME], *password = &draft->value[PXT_FIELD_PASSWORD];
    return (user->set && user->length > 4 * PXT_SECRET_MAX) || (password->set && password->length > 4 * PXT_SECRET_MAX);
}

static size_t text_bytes(const struct pxt_draft *draft)
{
    size_t count, bytes = 0;
    const struct pxt_field *field = pxt_field_table(&count);
    for (size_t id = 0; id < PXT_FIELD_COUNT; id++)
        bytes += draft->value[id].set && field[id].type == PXT_TYPE_TEXT ? draft->value[id].length : 0;
    return bytes;
}

/* Whether an entry can be made of the draft as it stands: nearly always, so that it costs no copy. */
static bool needs_mending(const struct pxt_draft *draft)
{
    const struct pxt_value *url = &draft->value[PXT_FIELD_PROXY_URL];
    return url->set && memchr(url->as.text, '@', url->length);
}

pxt_status pxt_entry_new_foreign(const struct pxt_draft *draft, struct pxt_foreign *foreign, pxt_entry **out,
                                 struct pxt_error *error)
{
    if (!needs_mending(draft) && pxt_entry_new(draft, out, NULL) == PXT_OK)
        return PXT_OK;
    struct mending *mending = pxt_alloc(sizeof *mending);
    if (!mending)
        return pxt_fail_memory(error, "an entry");
    mending->draft = *draft;
    mending->foreign = foreign;
    mending->size = text_bytes(draft);
    mending->room = mending->at = pxt_alloc(mending->size + 1);
    pxt_status status = mending->room ? PXT_OK : pxt_fail_memory(error, "an entry");
    if (!status && has_long_token(draft))
        status = pxt_fail(error, PXT_ENOTSUP, 0, "a token of its credentials is longer than an entry's");
    if (!status)
        status = mend(mending, error);
    if (!status)
        status = pxt_entry_new(&mending->draft, out, error);
    if (mending->room)
        explicit_bzero(mending->room, mending->size);
    pxt_free(mending->room);
    pxt_free(mending->tokens);
    explicit_bzero(mending, sizeof *mending);
    pxt_free(mending);
    return status;
}
