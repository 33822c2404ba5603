/* SPDX-License-Identifier: MIT
 *
 * report.c: proxtier report KEY|URL ok|fail
 */
#include "command.h"
#include <stdlib.h>
#include <string.h>

int run_report(struct invocation *invocation)
{
    struct pxt_error error;
    pxt_cache *cache;
    char key[PXT_KEY_MAX + 1], *end = NULL;
    enum pxt_health health;
    bool evicted;
    int code;
    const char *outcome = invocation->arguments[1], *latency = option(invocation, "latency");
    struct pxt_report report = {.size = sizeof report,
                                .ok = !strcmp(outcome, "ok"),
                                .latency_ms = latency ? strtod(latency, &end) : -1,
                                .reason = option(invocation, "reason"),
                                .url = option(invocation, "url")};
    if (!report.ok && strcmp(outcome, "fail"))
        return usage(invocation, "\"%s\" is neither ok nor fail", outcome);
    if (latency && (end == latency || *end || !(report.latency_ms >= 0 && report.latency_ms < 1e12)))
        return usage(invocation, "--latency %s is no number of milliseconds", latency);
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
