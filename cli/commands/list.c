/* SPDX-License-Identifier: MIT
 *
 * list.c: proxtier list
 */
#include "command.h"

struct listing {
    const struct invocation *invocation;
    pxt_cache *cache;
    struct pxt_error error;
    pxt_status status;
};

static bool print_entry(void *arg, pxt_entry *entry)
{
    struct listing *listing = arg;
    if (!matches(listing->invocation, entry))
        return true;
    if (option(listing->invocation, "json"))
        print_json(stdout, entry);
    else if (option(listing->invocation, "keys"))
        fputs(pxt_entry_key(entry), stdout);
    else
        listing->status =
            print_url(stdout, listing->cache, entry, option(listing->invocation, "reveal") != NULL, &listing->error);
    return !listing->status && putchar('\n') != EOF;
}

int run_list(struct invocation *invocation)
{
    struct listing listing = {.invocation = invocation};
    if (open_cache(invocation, &listing.cache, &listing.error))
        return fail(&listing.error);
    pxt_status status = pxt_cache_each(listing.cache, print_entry, &listing, &listing.error);
    pxt_cache_close(listing.cache);
    return finish_output(status || listing.status ? fail(&listing.error) : 0);
}
