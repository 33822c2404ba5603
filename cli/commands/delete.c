/* SPDX-License-Identifier: MIT
 *
 * delete.c: proxtier delete KEY|URL...
 */
#include "command.h"
#include <stdlib.h>
#include <string.h>

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

int run_delete(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    struct keys keys = {NULL};
    int missing = 0;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    int code = find_keys(invocation, cache, &keys);
    if (keys.count && pxt_cache_delete_many(cache, (const char *const *)keys.key, keys.count, keys.result, &error))
        code = fail(&error);
    for (size_t i = 0; i < keys.count; i++) {
        if (keys.result[i] == PXT_NOT_FOUND)
            missing = not_found(invocation, invocation->arguments[i]);
        if (option(invocation, "json") && keys.result[i] <= PXT_NOT_FOUND)
            print_result("delete", (struct result_value[]){{.text = keys.key[i]}, {.number = !keys.result[i]}});
    }
    free_keys(&keys);
    pxt_cache_close(cache);
    return finish_output(code ? code : missing);
}
