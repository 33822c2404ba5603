/* SPDX-License-Identifier: MIT
 *
 * Time to live: where it comes from, when it ends, and clocks that jump.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#define HOUR (3600 * PXT_SECOND)
#define T0 INT64_C(1767225600000000) /* 2026-01-01 */
static char folder[] = "/tmp/proxtier-ttl-XXXXXX";
static _Atomic pxt_time now = T0;
static pxt_cache *cache;
static struct pxt_error error;

static pxt_time test_clock(void *arg)
{
    (void)arg;
    return now;
}

static void open_chain(const char *head)
{
    char yaml[1000];
    snprintf(yaml, sizeof yaml,
             "%s\nencryptor: {plugin: plain}\ntiers: [{plugin: l1_memory, max_entries: 10}, {plugin: l2_jsonl, dir: "
             "%s/l2}, {plugin: l3_sqlite, path: %s/l3.db}]",
             head, folder, folder);
    struct pxt_cache_options options = {
        .size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml, .clock = test_clock};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
}

static void close_chain(void)
{
    char command[100];
    pxt_cache_close(cache);
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        diag("cannot clean up");
}

/* ttl < 0: none is given. */
static pxt_status put(const char *key, const char *source, int64_t ttl)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    if (source)
        pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, source, strlen(source));
    if (ttl >= 0)
        pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, ttl);
    return pxt_cache_put(cache, &draft, NULL, &error);
}

static bool there(const char *key)
{
    pxt_entry *entry = NULL;
    pxt_status status = pxt_cache_get(cache, key, &entry, &error);
    pxt_entry_release(entry);
    return status == PXT_OK;
}

static int64_t field_of(const char *key, enum pxt_field_id field)
{
    pxt_entry *entry = NULL;
    if (pxt_cache_peek(cache, key, &entry, &error))
        return -1;
    int64_t number = pxt_entry_number(entry, field);
    pxt_entry_release(entry);
    return number;
}

static struct pxt_stats stats(void)
{
    struct pxt_stats all;
    pxt_stats_init(&all);
    pxt_cache_stats(cache, &all, &error);
    return all;
}

static void it_comes_from_the_entry_the_source_or_the_default(void)
{
    open_chain("default_ttl: 10m\nsource_ttl: {premium: 2h, free: 5m}");
    put("default", NULL, -1);
    put("premium", "premium", -1);
    put("free", "free", -1);
    put("own", "premium", 7);
    is_int(field_of("default", PXT_FIELD_TTL_SECONDS), 600, "the default");
    is_int(field_of("premium", PXT_FIELD_TTL_SECONDS), 7200, "its source's");
    is_int(field_of("free", PXT_FIELD_TTL_SECONDS), 300, "another source's");
    is_int(field_of("own", PXT_FIELD_TTL_SECONDS), 7, "its own comes first");
    close_chain();
}

static void warm_can_override_it(void)
{
    char path[100];
    struct pxt_warm_options options = PXT_WARM_OPTIONS_INIT;
    open_chain("default_ttl: 10m");
    snprintf(path, sizeof path, "%s/list.jsonl", folder);
    FILE *list = fopen(path, "w");
    fputs("{\"proxy_url\": \"http://192.0.2.5:80\", \"key\": \"w\", \"ttl_seconds\": 5, \"fetch_time\": "
          "\"2020-01-01T00:00:00+00:00\", \"expires_at\": \"2020-01-01T00:00:05+00:00\"}\n",
          list);
    fclose(list);
    options.ttl_override = 900;
    is_int(pxt_cache_warm(cache, path, &options, NULL, &error), PXT_OK, "a list with a time to live of its own");
    is_int(field_of("w", PXT_FIELD_EXPIRES_AT), now + 900 * PXT_SECOND, "ttl_override counts from now");
    close_chain();
}

static void it_ends_to_the_microsecond(void)
{
    open_chain("");
    put("k", NULL, 60);
    now += 60 * PXT_SECOND - 1;
    ok(there("k"), "a microsecond before it is there");
    now += 1;
    ok(!there("k"), "and then it is not");
    pxt_cache_tick(cache, NULL, &error);
    is_int(stats().total_size, 0, "after the next sweep it is gone from all tiers");
    uint64_t ttl = 0;
    for (unsigned i = 0; i < 3; i++)
        ttl += stats().tier[i].evictions_ttl;
    is_int(ttl, 1, "and counted once");
    put("zero", NULL, 0);
    ok(!there("zero"), "a time to live of 0 ends at once");
    put("k", NULL, 60);
    put("k", NULL, 120);
    now += 90 * PXT_SECOND;
    ok(there("k"), "putting anew starts anew");
    close_chain();
}

static void the_sweep_removes_in_batches(void)
{
    uint64_t expired = 0;
    char key[20];
    open_chain("cleanup: {batch: 7}");
    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "s%d", i);
        put(key, NULL, i % 2 ? 30 : 3000);
    }
    now += 60 * PXT_SECOND;
    is_int(pxt_cache_tick(cache, &expired, &error), PXT_OK, "a sweep");
    is_int(expired, 25, "finds each that expired, once");
    is_int(stats().tier[2].size, 25, "and leaves the others");
    is_int(stats().tier[1].size, 25, "... in every tier");
    now -= 60 * PXT_SECOND;
    close_chain();
}

static void clocks_that_jump(void)
{
    open_chain("");
    put("k", NULL, 3600);
    now -= 24 * HOUR;
    ok(there("k"), "a clock set back a day: it lives a day longer");
    is_int(put("early", NULL, 60), PXT_OK, "what is put then counts from then");
    now += 24 * HOUR;
    ok(!there("early"), "and is over when the clock is set right");
    ok(there("k"), "as the other is not");
    now += 24 * HOUR;
    ok(!there("k"), "a clock set forward ends it");
    now = T0;
    close_chain();
}

static void far_away_times(void)
{
    const pxt_time end_of_32_bits = INT64_C(2147483647) * PXT_SECOND;
    open_chain("");
    now = end_of_32_bits - 10 * PXT_SECOND;
    put("y2038", NULL, 60);
    now = end_of_32_bits + 10 * PXT_SECOND;
    ok(there("y2038"), "19 January 2038 passes");
    is_int(field_of("y2038", PXT_FIELD_EXPIRES_AT), end_of_32_bits + 50 * PXT_SECOND, "with the right time");
    now = end_of_32_bits + 51 * PXT_SECOND;
    ok(!there("y2038"), "and it ends as it should");
    is_int(put("for ever", NULL, PXT_COUNT_MAX), PXT_OK, "the longest time to live");
    is_int(field_of("for ever", PXT_FIELD_EXPIRES_AT), PXT_TIME_MAX, "ends with the year 9999");
    now = PXT_TIME_MAX - PXT_SECOND;
    ok(there("for ever"), "and not before");
    put("last", NULL, 3600);
    is_int(field_of("last", PXT_FIELD_EXPIRES_AT), PXT_TIME_MAX, "a sum beyond it is cut");
    is_int(put("more", NULL, PXT_COUNT_MAX + 1), PXT_EINVAL, "a number beyond 2^53 is refused");
    ok(strstr(error.message, "ttl_seconds"), "... by name");
    now = T0;
    close_chain();
}

static _Atomic bool stop;
static _Atomic unsigned wrong;

/* "long" is always there, "short" never after its time. */
static void *read_on(void *arg)
{
    (void)arg;
    while (!stop) {
        pxt_entry *entry = NULL;
        if (pxt_cache_get(cache, "long", &entry, NULL))
            wrong++;
        pxt_entry_release(entry);
        entry = NULL;
        pxt_time before = now; /* the clock that get reads is this one or later */
        if (pxt_cache_get(cache, "short", &entry, NULL) == PXT_OK &&
            pxt_entry_number(entry, PXT_FIELD_EXPIRES_AT) <= before)
            wrong++;
        pxt_entry_release(entry);
    }
    return NULL;
}

static void expiry_while_others_read_and_put(void)
{
    pthread_t thread[16];
    open_chain("cleanup: {batch: 5}");
    put("long", NULL, 1000000);
    for (int i = 0; i < 16; i++)
        pthread_create(&thread[i], NULL, read_on, NULL);
    for (int i = 0; i < tap_amount(100); i++) {
        put("short", NULL, 1);
        now += PXT_SECOND / 2;
        if (i % 3 == 0)
            pxt_cache_tick(cache, NULL, NULL);
    }
    stop = true;
    for (int i = 0; i < 16; i++)
        pthread_join(thread[i], NULL);
    is_int(wrong, 0, "sixteen readers never see an expired entry, nor miss one that is not");
    now = T0;
    close_chain();
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    it_comes_from_the_entry_the_source_or_the_default();
    warm_can_override_it();
    it_ends_to_the_microsecond();
    the_sweep_removes_in_batches();
    clocks_that_jump();
    far_away_times();
    expiry_while_others_read_and_put();
    rmdir(folder);
    return tap_done();
}
