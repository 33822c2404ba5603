/* SPDX-License-Identifier: MIT
 *
 * warm_masks.c: programs that hide credentials write asterisks in their place. Such a list must take no credential away.
 */
#include "entry/entry.h"
#include "lists/warm.h"
#include <string.h>

static const enum pxt_field_id credentials[PXT_LIST_CREDENTIALS] = {PXT_FIELD_USERNAME, PXT_FIELD_PASSWORD};

/* Programs that hide credentials write asterisks in their place. */
static bool is_mask(const char *text, size_t length)
{
    size_t stars = 0;
    while (stars < length && text[stars] == '*')
        stars++;
    return length && stars == length;
}

void pxt_warm_drop_masks(struct pxt_list_record *record, struct pxt_proxy *proxy, bool masked[PXT_LIST_CREDENTIALS])
{
    struct pxt_draft *draft = &record->draft;
    for (size_t i = 0; i < PXT_LIST_CREDENTIALS; i++) {
        const struct pxt_value *value = &draft->value[credentials[i]];
        masked[i] = value->set && !value->sealed && !record->is_literal[i] && is_mask(value->as.text, value->length);
        if (masked[i])
            pxt_draft_unset(draft, credentials[i]);
    }
    if (proxy->has_username && is_mask(proxy->username, proxy->username_length))
        masked[0] = !(proxy->has_username = false);
    if (proxy->has_password && is_mask(proxy->password, proxy->password_length))
        masked[1] = !(proxy->has_password = false);
}

pxt_status pxt_warm_keep_stored(struct pxt_warming *warming, struct pxt_draft *draft, const struct pxt_key *key,
                                const bool masked[PXT_LIST_CREDENTIALS], pxt_entry **stored)
{
    char text[PXT_KEY_MAX + 1];
    memcpy(text, key->text, key->length);
    text[key->length] = '\0';
    pxt_status status = pxt_cache_peek(warming->cache, text, stored, warming->list->error);
    if (status) /* a malformed key is refused when it is stored */
        return status == PXT_NOT_FOUND || status == PXT_EINVAL ? PXT_OK : status;
    for (size_t i = 0; i < PXT_LIST_CREDENTIALS; i++) {
        size_t length;
        const char *token = pxt_entry_token(*stored, credentials[i], &length);
        if (masked[i] && token && !draft->value[credentials[i]].set)
            pxt_draft_set_token(draft, credentials[i], token, length);
    }
    return PXT_OK;
}
