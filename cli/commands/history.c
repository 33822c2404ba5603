/* SPDX-License-Identifier: MIT
 *
 * history.c: proxtier history KEY|URL
 */
#include "command.h"

static bool print_item(void *arg, const struct pxt_history_item *item)
{
    (void)arg;
    print_time(stdout, item->time);
    printf("\t%s\t", pxt_health_name(item->health));
    if (item->latency_ms >= 0)
        printf("%.0f ms", item->latency_ms);
    else
        putchar('-');
    printf("\t%s\t%s\n", item->error_message ? item->error_message : "-", *item->check_url ? item->check_url : "-");
    return true;
}

int run_history(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    char key[PXT_KEY_MAX + 1];
    int code;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    if (!key_of(invocation, cache, invocation->arguments[0], key, &code)) {
        pxt_cache_close(cache);
        return code;
    }
    pxt_status status = pxt_cache_history(cache, key, print_item, NULL, &error);
    pxt_cache_close(cache);
    return status ? fail(&error) : finish_output(0);
}
