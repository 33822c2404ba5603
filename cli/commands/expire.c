/* SPDX-License-Identifier: MIT
 *
 * expire.c: proxtier expire
 */
#include "command.h"

int run_expire(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    uint64_t expired;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    pxt_status status = pxt_cache_tick(cache, &expired, &error);
    pxt_cache_close(cache);
    if (status)
        return fail(&error);
    if (option(invocation, "json"))
        print_result("expire", (struct result_value[]){{.number = expired}});
    else
        printf("expired %llu\n", (unsigned long long)expired);
    return finish_output(0);
}
