/* SPDX-License-Identifier: MIT
 *
 * renew.c: proxtier renew LEASE
 */
#include "command.h"

int run_renew(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    struct pxt_lease_options options;
    int code;
    if (!read_lease_options(invocation, &options, &code))
        return code;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    pxt_status status = pxt_cache_renew(cache, invocation->arguments[0], options.ttl, &error);
    pxt_cache_close(cache);
    if (status && status != PXT_NOT_FOUND)
        return fail(&error);
    if (option(invocation, "json"))
        print_result("renew",
                     (struct result_value[]){{.text = invocation->arguments[0]}, {.number = status != PXT_OK}});
    return finish_output(status ? lease_lost(invocation->arguments[0]) : 0);
}
