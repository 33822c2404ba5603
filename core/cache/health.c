/* SPDX-License-Identifier: MIT
 *
 * health.c: applies a report (the outcome of using a proxy) to its entry.
 *
 * States: a success makes an entry healthy, the first one after being unhealthy or dead only degraded; failures in a
 * row make it degraded, then, at the threshold, unhealthy, and at twice the threshold dead. After a success
 * the next check is due after check_interval; each failure in a row doubles that time, up to check_interval_max. A
 * jitter of a quarter either way spreads the checks of proxies that failed together.
 */
#include "base/fail.h"
#include "base/key.h"
#include "cache/cache_private.h"
#include "entry/entry.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct outcome {
    pxt_cache *cache;
    const struct pxt_report *report;
    const char *reason; /* cleaned, or NULL */
    char reason_text[PXT_TEXT_MAX + 1];
    char tallies[PXT_TALLIES_ROOM];
    pxt_time now;
    enum pxt_health health;
    bool evict;
};

static int64_t number(const struct pxt_draft *draft, enum pxt_field_id field)
{
    return draft->value[field].set ? draft->value[field].as.number : 0;
}

static void add(struct pxt_draft *draft, enum pxt_field_id field, int64_t n)
{
    int64_t old = number(draft, field);
    pxt_draft_set_number(draft, field, old >= PXT_COUNT_MAX ? PXT_COUNT_MAX : old + n);
}

static pxt_time with_jitter(pxt_time interval)
{
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = UINT32_MAX / 2; /* no jitter rather than no check */
    return interval - interval / 4 + (pxt_time)((double)random / UINT32_MAX * (double)(interval / 2));
}

static pxt_time next_check(const struct outcome *outcome, int64_t failures)
{
    pxt_time interval = outcome->cache->check_interval, max = outcome->cache->check_interval_max;
    for (; failures > 0 && interval < max; failures--)
        interval *= 2;
    return outcome->now + with_jitter(interval < max ? interval : max);
}

static void succeed(struct outcome *outcome, struct pxt_draft *draft)
{
    enum pxt_health before = (enum pxt_health)number(draft, PXT_FIELD_HEALTH_STATUS);
    bool recovering = before == PXT_HEALTH_UNHEALTHY || before == PXT_HEALTH_DEAD;
    pxt_draft_set_number(draft, PXT_FIELD_FAILURE_COUNT, 0);
    pxt_draft_set_number(draft, PXT_FIELD_CONSECUTIVE_HEALTH_FAILURES, 0);
    add(draft, PXT_FIELD_CONSECUTIVE_HEALTH_SUCCESSES, 1);
    outcome->health = recovering ? PXT_HEALTH_DEGRADED : PXT_HEALTH_HEALTHY;
    if (!recovering)
        pxt_draft_set_number(draft, PXT_FIELD_RECOVERY_ATTEMPT, 0);
    pxt_draft_unset(draft, PXT_FIELD_LAST_HEALTH_ERROR);
}

static void fail(struct outcome *outcome, struct pxt_draft *draft)
{
    int64_t threshold = outcome->cache->failure_threshold;
    add(draft, PXT_FIELD_FAILURE_COUNT, 1);
    add(draft, PXT_FIELD_CONSECUTIVE_HEALTH_FAILURES, 1);
    pxt_draft_set_number(draft, PXT_FIELD_CONSECUTIVE_HEALTH_SUCCESSES, 0);
    enum pxt_health before = (enum pxt_health)number(draft, PXT_FIELD_HEALTH_STATUS);
    if (before == PXT_HEALTH_UNHEALTHY || before == PXT_HEALTH_DEAD)
        add(draft, PXT_FIELD_RECOVERY_ATTEMPT, 1);
    int64_t failures = number(draft, PXT_FIELD_FAILURE_COUNT);
    outcome->health = failures >= 2 * threshold ? PXT_HEALTH_DEAD
                      : failures >= threshold   ? PXT_HEALTH_UNHEALTHY
                                                : PXT_HEALTH_DEGRADED;
    outcome->evict = outcome->cache->invalidate && failures >= threshold;
    if (outcome->reason)
        pxt_draft_set_text(draft, PXT_FIELD_LAST_HEALTH_ERROR, outcome->reason, strlen(outcome->reason));
    else
        pxt_draft_unset(draft, PXT_FIELD_LAST_HEALTH_ERROR);
}

/* An exponential moving average: a new latency counts for a fifth, and the first one is taken as it is. A known latency is at
 * least a microsecond, for 0 is "unknown". */
static void average_latency(const struct outcome *outcome, struct pxt_draft *draft)
{
    const double weight = 0.2, max_us = 1e12;
    double latest = outcome->report->latency_ms * 1000;
    int64_t old = number(draft, PXT_FIELD_LATENCY);
    if (!outcome->report->ok || !(latest >= 0)) /* also if it is no number */
        return;
    latest = latest < max_us ? latest : max_us;
    double average = old ? (double)old + ((latest - (double)old) * weight) : latest;
    pxt_draft_set_number(draft, PXT_FIELD_LATENCY, average < 1 ? 1 : (int64_t)(average + 0.5));
}

static pxt_status change(void *arg, pxt_entry *entry, pxt_entry **out, struct pxt_error *error)
{
    struct outcome *outcome = arg;
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_entry_read(entry, &draft);
    pxt_tallies_add(&draft, outcome->cache->chain.writer, !outcome->report->ok, outcome->tallies);
    pxt_draft_set_number(&draft, PXT_FIELD_LAST_HEALTH_CHECK, outcome->now);
    if (outcome->report->ok)
        succeed(outcome, &draft);
    else
        fail(outcome, &draft);
    average_latency(outcome, &draft);
    pxt_draft_set_number(&draft, PXT_FIELD_HEALTH_STATUS, outcome->health);
    pxt_draft_set_number(&draft, PXT_FIELD_NEXT_CHECK_TIME,
                         next_check(outcome, number(&draft, PXT_FIELD_CONSECUTIVE_HEALTH_FAILURES)));
    return outcome->evict ? PXT_OK : pxt_entry_new(&draft, out, error);
}

/* Control characters would be refused in a field; a reason comes from anywhere. */
static void clean_reason(struct outcome *outcome)
{
    const char *reason = outcome->report->reason;
    if (!reason)
        return;
    size_t length = strnlen(reason, 1000);
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)reason[i];
        outcome->reason_text[i] = byte < 0x20 || byte >= 0x7f ? '?' : (char)byte;
    }
    outcome->reason_text[length] = '\0';
    outcome->reason = outcome->reason_text;
}

static void record(struct outcome *outcome, const struct pxt_key *key)
{
    struct pxt_check check = {.size = sizeof check,
                              .key = *key,
                              .time = outcome->now,
                              .status = outcome->health,
                              .response_time_ms = outcome->report->latency_ms,
                              .error_message = outcome->report->ok ? NULL : outcome->reason,
                              .check_url = outcome->report->url ? outcome->report->url : ""};
    struct pxt_chain *chain = &outcome->cache->chain;
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_tier_on(&chain->tier[i]))
            pxt_tier_check_add(&chain->tier[i], &check, (uint64_t)outcome->cache->history, NULL);
}

pxt_status pxt_cache_report(pxt_cache *cache, const char *text, const struct pxt_report *given, enum pxt_health *health,
                            bool *evicted, struct pxt_error *error)
{
    struct pxt_key key;
    if (!cache || !given)
        return pxt_fail(error, PXT_EINVAL, 0, "cache and report must not be NULL");
    if (given->size < offsetof(struct pxt_report, url) + sizeof given->url) /* what it was in 1.0 */
        return pxt_fail(error, PXT_EINVAL, 0, "report->size must be sizeof(struct pxt_report)");
    struct pxt_report report = {.size = 0};
    memcpy(&report, given, given->size < sizeof report ? given->size : sizeof report);
    pxt_status status = pxt_key_check(text, &key, error);
    if (status)
        return status;
    struct outcome *outcome = pxt_alloc(sizeof *outcome);
    if (!outcome)
        return pxt_fail_memory(error, "a report");
    outcome->cache = cache;
    outcome->report = &report;
    outcome->now = pxt_clock_now(&cache->clock);
    clean_reason(outcome);
    status = pxt_chain_change(&cache->chain, &key, change, outcome, PXT_REMOVE_HEALTH, error);
    if (!status && !outcome->evict)
        record(outcome, &key);
    if (!status && health)
        *health = outcome->health;
    if (!status && evicted)
        *evicted = outcome->evict;
    pxt_free(outcome);
    return status;
}

pxt_status pxt_cache_invalidate(pxt_cache *cache, const char *key, struct pxt_error *error)
{
    struct pxt_report report = {.size = sizeof report, .ok = false, .latency_ms = -1};
    return pxt_cache_report(cache, key, &report, NULL, NULL, error);
}

struct telling {
    pxt_history_fn *fn;
    void *arg;
};

static bool tell(void *arg, const struct pxt_check *check)
{
    struct telling *telling = arg;
    struct pxt_history_item item = {.size = sizeof item,
                                    .time = check->time,
                                    .health = check->status,
                                    .latency_ms = check->response_time_ms,
                                    .error_message = check->error_message,
                                    .check_url = check->check_url ? check->check_url : ""};
    return telling->fn(telling->arg, &item);
}

pxt_status pxt_cache_history(pxt_cache *cache, const char *text, pxt_history_fn *fn, void *arg, struct pxt_error *error)
{
    struct pxt_key key;
    struct telling telling = {fn, arg};
    if (!cache || !fn)
        return pxt_fail(error, PXT_EINVAL, 0, "cache and fn must not be NULL");
    pxt_status status = pxt_key_check(text, &key, error);
    for (unsigned i = cache->chain.count; !status && i-- > 0;) {
        status = pxt_tier_check_each(&cache->chain.tier[i], &key, tell, &telling, error);
        if (status != PXT_ENOTSUP)
            return status == PXT_NOT_FOUND ? PXT_OK : status;
        status = PXT_OK;
    }
    return status ? status : pxt_fail(error, PXT_ENOTSUP, 0, "no tier of this chain keeps a history: l3_sqlite does");
}
