/* SPDX-License-Identifier: MIT
 *
 * show.c: proxtier show KEY|URL
 */
#include "command.h"

int run_show(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    pxt_entry *entry;
    char key[PXT_KEY_MAX + 1];
    int code;
    size_t count;
    const struct pxt_field *const *fields = pxt_fields(&count);
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    if (!stored_key_of(invocation, cache, invocation->arguments[0], key, &code)) {
        pxt_cache_close(cache);
        return code;
    }
    pxt_status status = pxt_cache_peek(cache, key, &entry, &error);
    if (!status && option(invocation, "json")) {
        print_json(stdout, entry);
        putchar('\n');
    }
    for (size_t i = 0; !status && !option(invocation, "json") && i < count; i++) {
        if (fields[i]->flags & PXT_FIELD_INTERNAL)
            continue;
        printf("%-29s ", fields[i]->name);
        print_field(stdout, entry, (enum pxt_field_id)i);
        putchar('\n');
    }
    if (!status)
        pxt_entry_release(entry);
    pxt_cache_close(cache);
    if (status == PXT_NOT_FOUND)
        return not_found(invocation, invocation->arguments[0]);
    return status ? fail(&error) : finish_output(0);
}
