/* SPDX-License-Identifier: MIT
 *
 * clear.c: proxtier clear
 */
#include "command.h"
#include <unistd.h>

static bool agreed(void)
{
    char answer[8] = "";
    fputs("remove all proxies from all tiers? [y/N] ", stderr);
    return fgets(answer, sizeof answer, stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

int run_clear(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    uint64_t removed;
    if (!option(invocation, "yes")) {
        if (!isatty(STDIN_FILENO))
            return usage(invocation, "clear removes everything: say --yes");
        if (!agreed())
            return EXIT_NO_MATCH;
    }
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    pxt_status status = pxt_cache_clear(cache, &removed, &error);
    pxt_cache_close(cache);
    if (status)
        return fail(&error);
    if (option(invocation, "json"))
        print_result("clear", (struct result_value[]){{.number = removed}});
    else
        printf("removed %llu\n", (unsigned long long)removed);
    return finish_output(0);
}
