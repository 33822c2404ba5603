/* SPDX-License-Identifier: MIT
 *
 * history.c: proxtier history KEY|URL
 */
#include "command.h"

struct telling {
    const struct invocation *invocation;
    uint64_t items;
};

static void print_text(const struct pxt_history_item *item)
{
    print_time(stdout, item->time);
    printf("\t%s\t", pxt_health_name(item->health));
    if (item->latency_ms >= 0)
        printf("%.0f ms", item->latency_ms);
    else
        putchar('-');
    printf("\t%s\t%s\n", item->error_message ? item->error_message : "-", *item->check_url ? item->check_url : "-");
}

static bool print_item(void *arg, const struct pxt_history_item *item)
{
    struct telling *telling = arg;
    telling->items++;
    if (option(telling->invocation, "json"))
        print_result("history", (struct result_value[]){{.time = item->time},
                                                        {.text = pxt_health_name(item->health)},
                                                        {.null = item->latency_ms < 0, .real = item->latency_ms},
                                                        {.text = item->error_message},
                                                        {.text = *item->check_url ? item->check_url : NULL}});
    else
        print_text(item);
    return true;
}

/* Prints the history. PXT_NOT_FOUND if it is empty, for nothing is stored under the key. */
static pxt_status tell(const struct invocation *invocation, pxt_cache *cache, const char *key, struct pxt_error *error)
{
    struct telling telling = {.invocation = invocation};
    pxt_entry *entry = NULL;
    pxt_status status = pxt_cache_history(cache, key, print_item, &telling, error);
    if (!status && !telling.items)
        status = pxt_cache_peek(cache, key, &entry, error);
    pxt_entry_release(entry);
    return status;
}

int run_history(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    char key[PXT_KEY_MAX + 1];
    int code;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    if (!stored_key_of(invocation, cache, invocation->arguments[0], key, &code)) {
        pxt_cache_close(cache);
        return code;
    }
    pxt_status status = tell(invocation, cache, key, &error);
    pxt_cache_close(cache);
    if (status == PXT_NOT_FOUND)
        return not_found(invocation, invocation->arguments[0]);
    return status ? fail(&error) : finish_output(0);
}
