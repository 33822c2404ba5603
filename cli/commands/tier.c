/* SPDX-License-Identifier: MIT
 *
 * tier.c: proxtier tier forget NAME
 */
#include "command.h"
#include <string.h>

int run_tier(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    if (strcmp(invocation->arguments[0], "forget"))
        return usage(invocation, "tier needs `forget NAME`");
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    pxt_status status = pxt_cache_forget_tier(cache, invocation->arguments[1], &error);
    pxt_cache_close(cache);
    return status ? fail(&error) : finish_output(0);
}
