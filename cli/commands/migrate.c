/* SPDX-License-Identifier: MIT
 *
 * migrate.c: proxtier migrate --from FILE
 */
#include "command.h"
#include <inttypes.h>

int run_migrate(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *to = NULL, *from = NULL;
    uint64_t brought = 0;
    struct pxt_cache_options old = invocation->open;
    old.config_file = option(invocation, "from");
    if (!old.config_file)
        return usage(invocation, "migrate needs --from FILE, the configuration of the entries to be copied");
    pxt_status status = open_cache(invocation, &to, &error);
    if (!status)
        status = pxt_cache_open(&old, &from, &error);
    if (!status) {
        status = pxt_cache_migrate(to, from, &brought, &error);
        if (option(invocation, "json"))
            print_result("migrate", (struct result_value[]){{.number = brought}});
        else
            printf("copied %" PRIu64 "\n", brought);
    }
    pxt_cache_close(from);
    pxt_cache_close(to);
    return status ? fail(&error) : finish_output(0);
}
