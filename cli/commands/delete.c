/* SPDX-License-Identifier: MIT
 *
 * delete.c: proxtier delete [KEY|URL...]
 */
#include "selection.h"
#include <stdlib.h>
#include <string.h>

enum { BATCH = 1000 };
struct deletion {
    pxt_cache *cache;
    size_t count;
    char *keys[BATCH];
    uint64_t deleted;
    pxt_status status;
    struct pxt_error error;
};

static void delete_batch(const struct invocation *invocation, struct deletion *deletion)
{
    pxt_status results[BATCH];
    if (!deletion->status && deletion->count)
        deletion->status = pxt_cache_delete_many(deletion->cache, (const char *const *)deletion->keys, deletion->count,
                                                 results, &deletion->error);
    for (size_t i = 0; i < deletion->count; i++) {
        bool deleted = !deletion->status && !results[i];
        deletion->deleted += deleted;
        if (deleted && option(invocation, "json"))
            print_result("delete", (struct result_value[]){{.text = deletion->keys[i]}, {.number = 1}});
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
    struct deletion deletion = {.cache = cache};
    struct pxt_error error;
    pxt_status listed = PXT_OK;
    bool more = true;
    while (more && !listed && !deletion.status) {
        uint64_t before = deletion.deleted;
        listed = pxt_cache_each_selected(cache, selection, gather, &deletion, &error);
        more = deletion.count == BATCH;
        delete_batch(invocation, &deletion);
        more &= deletion.deleted > before; /* otherwise others delete the same, and it might not end */
    }
    if (!invocation->quiet)
        fprintf(stderr, "deleted %llu\n", (unsigned long long)deletion.deleted);
    int code = deletion.status    ? fail(&deletion.error)
               : listed           ? fail(&error)
               : deletion.deleted ? 0
                                  : nothing_matches(invocation);
    return finish_output(code);
}

/* Keys to be deleted, each of its own memory. */
struct keys {
    char **key;
    pxt_status *result;
    size_t count;
};

static void free_keys(struct keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        free(keys->key[i]);
    free(keys->key);
    free(keys->result);
}

/* Finds the key of each argument, up to the first that is no key of a proxy. Returns the exit code. */
static int find_keys(const struct invocation *invocation, pxt_cache *cache, struct keys *keys)
{
    size_t n = (size_t)invocation->count;
    int code = 0;
    keys->key = calloc(n + 1, sizeof *keys->key);
    keys->result = calloc(n + 1, sizeof *keys->result);
    bool memory = keys->key && keys->result;
    for (size_t i = 0; memory && i < n; i++) {
        char key[PXT_KEY_MAX + 1];
        if (!key_of(invocation, cache, invocation->arguments[i], key, &code))
            return code;
        memory = (keys->key[i] = strdup(key)) != NULL;
        keys->count += memory;
    }
    return memory ? 0 : fail(&(struct pxt_error){.status = PXT_ENOMEM, .message = "out of memory for keys"});
}

static int delete_named(const struct invocation *invocation, pxt_cache *cache)
{
    struct pxt_error error;
    struct keys keys = {NULL};
    int missing = 0, code = find_keys(invocation, cache, &keys);
    if (keys.count && pxt_cache_delete_many(cache, (const char *const *)keys.key, keys.count, keys.result, &error))
        code = fail(&error);
    for (size_t i = 0; i < keys.count; i++) {
        if (keys.result[i] == PXT_NOT_FOUND)
            missing = not_found(invocation, invocation->arguments[i]);
        if (option(invocation, "json") && keys.result[i] <= PXT_NOT_FOUND)
            print_result("delete", (struct result_value[]){{.text = keys.key[i]}, {.number = !keys.result[i]}});
    }
    free_keys(&keys);
    return finish_output(code ? code : missing);
}

int run_delete(struct invocation *invocation)
{
    struct pxt_selection selection;
    struct pxt_error error;
    pxt_cache *cache;
    int code;
    if (!read_filter(invocation, &selection, &code))
        return code;
    if (invocation->count && filter_is_given(invocation))
        return usage(invocation, "delete takes KEY|URL... or options that select, not both");
    if (!invocation->count && !filter_is_given(invocation))
        return usage(invocation, "delete needs KEY|URL... or an option that selects; `proxtier clear` removes all");
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    code = invocation->count ? delete_named(invocation, cache) : delete_selected(invocation, cache, &selection);
    pxt_cache_close(cache);
    return code;
}
