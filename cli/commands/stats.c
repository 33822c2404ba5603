/* SPDX-License-Identifier: MIT
 *
 * stats.c: proxtier stats
 */
#include "command.h"
#include <stdlib.h>

int run_stats(struct invocation *invocation)
{
    struct pxt_error error;
    struct pxt_stats stats;
    if (!!option(invocation, "json") + !!option(invocation, "flat") + !!option(invocation, "openmetrics") > 1)
        return usage(invocation, "--json, --flat and --openmetrics are different formats: give one");
    pxt_stats_init(&stats);
    pxt_cache *cache;
    char *text = NULL;
    enum pxt_stats_format format = option(invocation, "json")          ? PXT_STATS_JSON
                                   : option(invocation, "flat")        ? PXT_STATS_FLAT
                                   : option(invocation, "openmetrics") ? PXT_STATS_OPENMETRICS
                                                                       : PXT_STATS_TEXT;
    if (open_cache(invocation, &cache, &error))
        return fail(&error);
    pxt_status status = pxt_cache_stats_total(cache, &stats, &error);
    if (!status)
        status = pxt_stats_format(&stats, format, &text, &error);
    if (!status)
        fputs(text, stdout);
    free(text);
    pxt_cache_close(cache);
    return status ? fail(&error) : finish_output(0);
}
