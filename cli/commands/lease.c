/* SPDX-License-Identifier: MIT
 *
 * lease.c: proxtier lease
 */
#include "selection.h"

/* The proxy is not printed at all if its credentials cannot be opened. */
static pxt_status print_lease(const struct invocation *invocation, pxt_cache *cache, const char *id, pxt_entry *entry,
                              struct pxt_error *error)
{
    bool reveal = option(invocation, "reveal") != NULL;
    char *url = NULL;
    size_t length;
    pxt_status status = make_url(cache, entry, reveal, &url, &length, error);
    if (!status && option(invocation, "json")) {
        printf("{\"schema\": 1, \"lease\": ");
        print_json_text(stdout, id);
        printf(", \"proxy\": ");
        status = print_json_with(stdout, cache, entry, reveal, error);
        puts("}");
    } else if (!status) {
        printf("%s\t%s\n", id, url);
    }
    free_secret_text(url, length);
    return status;
}

int run_lease(struct invocation *invocation)
{
    struct pxt_error error;
    struct pxt_selection selection;
    struct pxt_select_options choice;
    struct pxt_lease_options options;
    pxt_cache *cache;
    pxt_entry *entry;
    char id[PXT_LEASE_ID_MAX + 1];
    int code;
    if (!read_lease_options(invocation, &options, &code) || !read_selection(invocation, &selection, &choice, &code))
        return code;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    pxt_status status = pxt_cache_lease(cache, &selection, &choice, &options, &entry, id, &error);
    if (!status) {
        status = print_lease(invocation, cache, id, entry, &error);
        if (status || finish_output(0)) { /* nobody has the name of the lease */
            pxt_cache_release(cache, id, NULL, NULL, NULL, NULL);
            code = status ? fail(&error) : EXIT_OUTPUT;
        } else {
            code = 0;
        }
        pxt_entry_release(entry);
    } else {
        code = status == PXT_NOT_FOUND ? nothing_matches(invocation) : fail(&error);
    }
    pxt_cache_close(cache);
    return code;
}
