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
    if (!key_of(invocation, cache, invocation->arguments[0], key, &code)) {
        pxt_cache_close(cache);
        return code;
    }
    pxt_status status = pxt_cache_report(cache, key, &report, &health, &evicted, &error);
    pxt_cache_close(cache);
    if (status == PXT_NOT_FOUND)
        return EXIT_NO_MATCH;
    if (status)
        return fail(&error);
    printf("%s%s\n", pxt_health_name(health), evicted ? ", evicted" : "");
    return finish_output(0);
}
