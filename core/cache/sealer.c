/* SPDX-License-Identifier: MIT
 *
 * sealer.c: the cache's encryptor. It is opened, and its keys are read, for the first credential. If that fails, the
 * next credential tries again, so that a corrected key is found without a restart.
 */
#include "cache/sealer.h"
#include "base/fail.h"
#include "base/secret.h"
#include "entry/entry.h"
#include "settings/settings.h"
#include <pthread.h>
#include <string.h>

struct pxt_sealer {
    const struct pxt_encryptor_ops *ops;
    const char *name;
    struct pxt_settings *settings;
    struct pxt_host_instance host;
    pthread_mutex_t lock; /* around opening; a leaf */
    void *_Atomic self;
};

pxt_status pxt_sealer_open(const struct pxt_chosen *chosen, enum pxt_sharing sharing, const struct pxt_logger *logger,
                           const struct pxt_clock *clock, struct pxt_sealer **out, struct pxt_error *error)
{
    struct pxt_sealer *sealer = pxt_alloc(sizeof *sealer);
    if (!sealer)
        return pxt_fail_memory(error, "the encryptor");
    sealer->ops = chosen->module->ops;
    sealer->name = chosen->module->plugin.name;
    sealer->settings = chosen->settings;
    pxt_host_init(&sealer->host, chosen->module->plugin.name, logger, clock);
    pxt_host_share(&sealer->host, sharing);
    pthread_mutex_init(&sealer->lock, NULL);
    *out = sealer;
    return PXT_OK;
}

void pxt_sealer_close(struct pxt_sealer *sealer)
{
    if (!sealer)
        return;
    if (sealer->self)
        sealer->ops->close(sealer->self);
    pthread_mutex_destroy(&sealer->lock);
    pxt_free(sealer);
}

static pxt_status ready(struct pxt_sealer *sealer, struct pxt_error *error)
{
    if (sealer->self)
        return PXT_OK;
    pxt_status status = PXT_OK;
    pthread_mutex_lock(&sealer->lock);
    if (!sealer->self) {
        void *self = NULL;
        status = pxt_settings_read_secrets(sealer->settings, "the encryptor", error);
        if (!status)
            status = sealer->ops->open(&sealer->host.host, sealer->settings, &self, error);
        if (!status)
            sealer->self = self;
    }
    pthread_mutex_unlock(&sealer->lock);
    return status;
}

static struct pxt_seal_context context_of(const char *key, enum pxt_field_id field)
{
    size_t count;
    return (struct pxt_seal_context){
        .size = sizeof(struct pxt_seal_context), .entry_key = key, .field = pxt_field_table(&count)[field].name};
}

static bool is_plain(const struct pxt_draft *draft, size_t i, const struct pxt_field *fields)
{
    return fields[i].type == PXT_TYPE_SECRET && draft->value[i].set && !draft->value[i].sealed;
}

static size_t room_for(struct pxt_sealer *sealer, const struct pxt_draft *draft, const struct pxt_field *fields)
{
    size_t room = 0;
    for (size_t i = 0; i < PXT_FIELD_COUNT; i++)
        if (is_plain(draft, i, fields))
            room += sealer->ops->token_size(sealer->self, draft->value[i].length);
    return room;
}

static pxt_status seal_field(struct pxt_sealer *sealer, const char *key, struct pxt_draft *draft, size_t id, char **at,
                             struct pxt_error *error)
{
    struct pxt_value *value = &draft->value[id];
    struct pxt_seal_context context = context_of(key, (enum pxt_field_id)id);
    size_t length = 0;
    pxt_status status = sealer->ops->seal(sealer->self, &context, value->as.text, value->length, *at, &length, error);
    if (!status) {
        pxt_draft_set_token(draft, (enum pxt_field_id)id, *at, length);
        *at += length;
    }
    return status;
}

pxt_status pxt_sealer_seal_draft(struct pxt_sealer *sealer, const char *key, struct pxt_draft *draft, char **tokens,
                                 struct pxt_error *error)
{
    size_t count;
    const struct pxt_field *fields = pxt_field_table(&count);
    bool any = false;
    *tokens = NULL;
    for (size_t i = 0; i < PXT_FIELD_COUNT; i++) {
        if (!is_plain(draft, i, fields))
            continue;
        if (draft->value[i].length > PXT_SECRET_MAX || !draft->value[i].as.text)
            return pxt_fail(error, PXT_EINVAL, 0, "%s must have at most %d bytes", fields[i].name, PXT_SECRET_MAX);
        any = true;
    }
    if (!any)
        return PXT_OK;
    pxt_status status = ready(sealer, error);
    if (status)
        return status;
    char *at = *tokens = pxt_alloc(room_for(sealer, draft, fields));
    if (!at)
        return pxt_fail_memory(error, "tokens");
    for (size_t i = 0; i < PXT_FIELD_COUNT && !status; i++)
        if (is_plain(draft, i, fields))
            status = seal_field(sealer, key, draft, i, &at, error);
    return status;
}

pxt_status pxt_sealer_open_field(struct pxt_sealer *sealer, const pxt_entry *entry, enum pxt_field_id field,
                                 pxt_secret **out, struct pxt_error *error)
{
    size_t token_length, length = 0;
    const char *token = pxt_entry_token(entry, field, &token_length);
    struct pxt_key key;
    if (!token)
        return PXT_NOT_FOUND;
    pxt_status status = ready(sealer, error);
    if (status)
        return status;
    pxt_secret *secret = pxt_secret_room(token_length);
    if (!secret)
        return pxt_fail_memory(error, "a credential");
    pxt_entry_key_of(entry, &key);
    struct pxt_seal_context context = context_of(key.text, field);
    status =
        sealer->ops->open_token(sealer->self, &context, token, token_length, pxt_secret_bytes(secret), &length, error);
    if (status) {
        pxt_secret_free(secret);
        return status;
    }
    pxt_secret_set_length(secret, length);
    *out = secret;
    return PXT_OK;
}

const char *pxt_sealer_name(const struct pxt_sealer *sealer)
{
    return sealer->name;
}

pxt_status pxt_sealer_key_ids(struct pxt_sealer *sealer, char ids[PXT_SEALER_IDS], struct pxt_error *error)
{
    ids[0] = '\0';
    pxt_status status = ready(sealer, error);
    if (!status && sealer->ops->key_ids)
        status = sealer->ops->key_ids(sealer->self, ids, PXT_SEALER_IDS, error);
    return status;
}
