/* SPDX-License-Identifier: MIT
 *
 * leases.c: proxtier leases
 */
#include "command.h"

static bool print_line(void *arg, const struct pxt_held *held)
{
    (void)arg;
    printf("%s\t", held->id);
    print_time(stdout, held->until);
    printf("\t%s\n", held->holder);
    return !ferror(stdout);
}

static bool print_object(void *arg, const struct pxt_held *held)
{
    (void)arg;
    print_result("leases", (struct result_value[]){{.text = held->id},
                                                   {.text = held->key},
                                                   {.text = held->holder},
                                                   {.number = held->max_concurrent},
                                                   {.time = held->until}});
    return !ferror(stdout);
}

int run_leases(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    pxt_status status =
        pxt_cache_leases(cache, NULL, option(invocation, "json") ? print_object : print_line, NULL, &error);
    pxt_cache_close(cache);
    return status ? fail(&error) : finish_output(0);
}
