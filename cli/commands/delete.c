/* SPDX-License-Identifier: MIT
 *
 * delete.c: proxtier delete [KEY|URL...]
 */
#include "selection.h"
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1000 };
struct deletion {
    const struct invocation *invocation;
    pxt_cache *cache;
    size_t count;
    char *keys[BATCH];
    uint64_t deleted;
    pxt_status status;
    struct pxt_error error;
};

static void tell(const struct invocation *invocation, const char *key, bool deleted)
{
    if (option(invocation, "json"))
        print_result("delete", (struct result_value[]){{.text = key}, {.number = deleted}});
}

static void delete_batch(struct deletion *deletion)
{
    pxt_status results[BATCH];
    if (!deletion->status && deletion->count)
        deletion->status = pxt_cache_delete_many(deletion->cache, (const char *const *)deletion->keys, deletion->count,
                                                 results, &deletion->error);
    for (size_t i = 0; i < deletion->count; i++) {
        if (!deletion->status && results[i] <= PXT_NOT_FOUND)
            tell(deletion->invocation, deletion->keys[i], !results[i]);
        deletion->deleted += !deletion->status && !results[i];
        free(deletion->keys[i]);
    }
    deletion->count = 0;
}

static bool gather(void *arg, pxt_entry *entry)
{
    struct deletion *deletion = arg;
    char *key = strdup(pxt_entry_key(entry));
    if (!key) {
        deletion->status = out_of_memory(&deletion->error);
        return false;
    }
    deletion->keys[deletion->count++] = key;
    return deletion->count < BATCH;
}

/* A batch at a time: an entry that is removed while a list is made would not disturb the list, but keys of all that match
 * could be many. */
static int delete_selected(const struct invocation *invocation, pxt_cache *cache, const struct pxt_selection *selection)
{
    struct deletion deletion = {.invocation = invocation, .cache = cache};
    struct pxt_error error;
    pxt_status listed = PXT_OK;
    bool more = true;
    while (more && !listed && !deletion.status) {
        uint64_t before = deletion.deleted;
        listed = pxt_cache_each_selected(cache, selection, gather, &deletion, &error);
        more = deletion.count == BATCH;
        delete_batch(&deletion);
        more &= deletion.deleted > before; /* otherwise others delete the same, and it might not end */
    }
    fprintf(stderr, "deleted %llu\n", (unsigned long long)deletion.deleted);
    return deletion.status ? fail(&deletion.error) : listed ? fail(&error) : deletion.deleted ? 0 : EXIT_NO_MATCH;
}

/* Deletes what is named, if it is one of the selection. */
static int delete_named(const struct invocation *invocation, pxt_cache *cache, const struct pxt_selection *selection)
{
    struct pxt_error error;
    int code = 0, missing = 0;
    for (int i = 0; i < invocation->count && !code; i++) {
        char key[PXT_KEY_MAX + 1];
        pxt_entry *entry = NULL;
        if (!key_of(invocation, cache, invocation->arguments[i], key, &code))
            break;
        pxt_status status = filter_is_given(invocation) ? pxt_cache_peek(cache, key, &entry, &error) : PXT_OK;
        if (entry && !pxt_selection_matches(selection, entry, pxt_cache_now(cache)))
            status = PXT_NOT_FOUND;
        pxt_entry_release(entry);
        if (!status)
            status = pxt_cache_delete(cache, key, &error);
        if (status == PXT_NOT_FOUND)
            missing = not_found(invocation, invocation->arguments[i]);
        else if (status)
            code = fail(&error);
        if (status <= PXT_NOT_FOUND)
            tell(invocation, key, !status);
    }
    return code ? code : missing;
}

int run_delete(struct invocation *invocation)
{
    struct pxt_selection selection;
    struct pxt_error error;
    pxt_cache *cache;
    int code;
    if (!read_filter(invocation, &selection, &code))
        return code;
    if (!invocation->count && !filter_is_given(invocation))
        return usage(invocation, "delete needs KEY|URL... or an option that selects; `proxtier clear` removes all");
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    code = invocation->count ? delete_named(invocation, cache, &selection)
                             : delete_selected(invocation, cache, &selection);
    pxt_cache_close(cache);
    return finish_output(code);
}
