/* SPDX-License-Identifier: MIT
 *
 * delete.c: proxtier delete KEY|URL...
 */
#include "command.h"

int run_delete(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    int code = 0, missing = 0;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    for (int i = 0; i < invocation->count && !code; i++) {
        char key[PXT_KEY_MAX + 1];
        if (!key_of(invocation, cache, invocation->arguments[i], key, &code))
            break;
        pxt_status status = pxt_cache_delete(cache, key, &error);
        if (status && status != PXT_NOT_FOUND) {
            code = fail(&error);
            break;
        }
        if (status)
            missing = not_found(invocation, invocation->arguments[i]);
        if (option(invocation, "json"))
            print_result("delete", (struct result_value[]){{.text = key}, {.number = !status}});
    }
    pxt_cache_close(cache);
    return finish_output(code ? code : missing);
}
