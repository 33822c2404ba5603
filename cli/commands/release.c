/* SPDX-License-Identifier: MIT
 *
 * release.c: proxtier release LEASE [ok|fail]
 */
#include "command.h"

int run_release(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    struct pxt_report report;
    enum pxt_health health;
    bool evicted, with_report = invocation->count > 1;
    int code;
    if (with_report && !read_report(invocation, invocation->arguments[1], &report, &code))
        return code;
    if (!with_report && (option(invocation, "latency") || option(invocation, "reason") || option(invocation, "url")))
        return usage(invocation, "--latency, --reason and --url need ok or fail");
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    pxt_status status =
        pxt_cache_release(cache, invocation->arguments[0], with_report ? &report : NULL, &health, &evicted, &error);
    pxt_cache_close(cache);
    if (status && status != PXT_NOT_FOUND)
        return fail(&error);
    if (option(invocation, "json"))
        print_result("release", (struct result_value[]){{.text = invocation->arguments[0]},
                                                        {.number = status != PXT_OK},
                                                        {.text = with_report ? pxt_health_name(health) : NULL},
                                                        {.number = with_report && evicted}});
    else if (with_report)
        printf("%s%s\n", pxt_health_name(health), evicted ? ", evicted" : "");
    return finish_output(status ? lease_lost(invocation->arguments[0]) : 0);
}
