/* SPDX-License-Identifier: MIT
 *
 * list.c: proxtier list
 */
#include "columns.h"
#include "selection.h"

struct listing {
    struct columns columns;
    bool keys;
    pxt_cache *cache;
    struct pxt_error error;
    pxt_status status;
};

static bool print_entry(void *arg, pxt_entry *entry)
{
    struct listing *listing = arg;
    if (listing->keys)
        fputs(pxt_entry_key(entry), stdout);
    else
        listing->status = print_columns(stdout, &listing->columns, listing->cache, entry, &listing->error);
    return !listing->status && putchar('\n') != EOF;
}

/* Proxies that failed too often are no entries: people would look for them in vain. */
static void tell_known_dead(pxt_cache *cache)
{
    unsigned long long count = count_known_dead(cache);
    if (count)
        fprintf(stderr, "proxtier: notice: not listed, as they are known as dead: %llu\n", count);
}

int run_list(struct invocation *invocation)
{
    struct pxt_selection selection;
    struct listing listing = {.status = PXT_OK};
    int code;
    if (!read_columns(invocation, &listing.columns, &code) || !read_filter(invocation, &selection, &code))
        return code;
    listing.keys = option(invocation, "keys") && !listing.columns.json;
    if (open_cache(invocation, &listing.cache, &listing.error))
        return fail(&listing.error);
    pxt_status status = pxt_cache_each_selected(listing.cache, &selection, print_entry, &listing, &listing.error);
    if (!status && !listing.status && !invocation->quiet)
        tell_known_dead(listing.cache);
    pxt_cache_close(listing.cache);
    return finish_output(status || listing.status ? fail(&listing.error) : 0);
}
