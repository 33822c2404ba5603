/* SPDX-License-Identifier: MIT
 *
 * report.c: proxtier report KEY|URL ok|fail
 */
#include "command.h"

int run_report(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    char key[PXT_KEY_MAX + 1];
    enum pxt_health health;
    bool evicted;
    int code;
    struct pxt_report report;
    if (!read_report(invocation, invocation->arguments[1], &report, &code))
        return code;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    if (!stored_key_of(invocation, cache, invocation->arguments[0], key, &code)) {
        pxt_cache_close(cache);
        return code;
    }
    pxt_status status = pxt_cache_report(cache, key, &report, &health, &evicted, &error);
    pxt_cache_close(cache);
    if (status == PXT_NOT_FOUND)
        return not_found(invocation, invocation->arguments[0]);
    if (status)
        return fail(&error);
    if (option(invocation, "json"))
        print_result("report",
                     (struct result_value[]){{.text = key}, {.text = pxt_health_name(health)}, {.number = evicted}});
    else
        printf("%s%s\n", pxt_health_name(health), evicted ? ", evicted" : "");
    return finish_output(0);
}
