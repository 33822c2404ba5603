/* SPDX-License-Identifier: MIT
 *
 * migrate.c: brings the entries of one cache into another.
 */
#include "base/fail.h"
#include "cache/cache_private.h"
#include "entry/entry.h"
#include <proxtier/admin.h>

struct migration {
    pxt_cache *to, *from;
    uint64_t brought;
    pxt_status status;
    struct pxt_error *error;
};

/* Opens a credential by the encryptor of the cache that has the entry. `*secret` is NULL if there is none. */
static pxt_status open_one(struct migration *migration, const pxt_entry *entry, enum pxt_field_id field,
                           struct pxt_draft *draft, pxt_secret **secret)
{
    size_t length;
    *secret = NULL;
    pxt_status status = pxt_sealer_open_field(migration->from->sealer, entry, field, secret, migration->error);
    if (!status) {
        const char *text = pxt_secret_text(*secret, &length);
        pxt_draft_set_text(draft, field, text, length);
    }
    return status == PXT_NOT_FOUND ? PXT_OK : status;
}

/* The same entry, with its credentials sealed by the encryptor of the other cache: that may have another key. */
static pxt_status copy_for(struct migration *migration, const pxt_entry *entry, pxt_entry **out)
{
    struct pxt_draft draft;
    pxt_secret *user = NULL, *password = NULL;
    char *tokens = NULL;
    pxt_draft_init(&draft);
    pxt_entry_read(entry, &draft);
    pxt_status status = open_one(migration, entry, PXT_FIELD_USERNAME, &draft, &user);
    if (!status)
        status = open_one(migration, entry, PXT_FIELD_PASSWORD, &draft, &password);
    if (!status)
        status = pxt_sealer_seal_draft(migration->to->sealer, pxt_entry_key(entry), &draft, &tokens, migration->error);
    if (!status)
        status = pxt_entry_new(&draft, out, migration->error);
    pxt_free(tokens);
    pxt_secret_free(user);
    pxt_secret_free(password);
    return status;
}

static bool bring(void *arg, pxt_entry *entry)
{
    struct migration *migration = arg;
    pxt_entry *copy = NULL;
    bool brought = false;
    migration->status = copy_for(migration, entry, &copy);
    if (!migration->status)
        migration->status = pxt_chain_bring(&migration->to->chain, copy, &brought, migration->error);
    migration->brought += brought;
    pxt_entry_release(copy);
    return !migration->status;
}

pxt_status pxt_cache_migrate(pxt_cache *to, pxt_cache *from, uint64_t *brought, struct pxt_error *error)
{
    if (!to || !from || to == from)
        return pxt_fail(error, PXT_EINVAL, 0, "two caches are needed");
    struct migration migration = {.to = to, .from = from, .error = error};
    pxt_status status = pxt_chain_each(&from->chain, bring, &migration, error);
    if (brought)
        *brought = migration.brought;
    return migration.status ? migration.status : status;
}
