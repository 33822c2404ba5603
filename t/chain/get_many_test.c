/* SPDX-License-Identifier: MIT
 *
 * Many keys at once: they are found as single gets find them, and a tier that offers get_many is called once for all. The
 * tier `fault` delays its calls; the nanosleep() of this program, which it calls, counts them.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <stdatomic.h>
#include <time.h>

enum { KEYS = 300, COUNTED_SECONDS = 900 };
static char folder[] = "/tmp/proxtier-many-XXXXXX";
static struct pxt_error error;
static pxt_cache *cache;
static _Atomic unsigned gets, gets_of_many;

/* A delay of COUNTED_SECONDS is a get, one second more a get_many; any other is a sleep. */
__attribute__((visibility("default"))) int nanosleep(const struct timespec *time, struct timespec *left)
{
    if (time->tv_sec < COUNTED_SECONDS)
        return clock_nanosleep(CLOCK_MONOTONIC, 0, time, left) ? -1 : 0;
    atomic_fetch_add(time->tv_sec == COUNTED_SECONDS ? &gets : &gets_of_many, 1);
    return 0;
}

static void open_chain(const char *faults)
{
    char yaml[1000];
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: plain}\n"
             "tiers:\n"
             "  - {plugin: l1_memory, max_entries: 1000}\n"
             "  - {plugin: fault, tier: l3_sqlite, tier_options: 'path=%s/l3.db',\n"
             "     faults: 'get all delay 900s; get_many all delay 901s; %s'}\n",
             folder, faults);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    gets = gets_of_many = 0;
}

static pxt_status put_all(void)
{
    static struct pxt_draft drafts[KEYS];
    static char keys[KEYS][20];
    for (int i = 0; i < KEYS; i++) {
        snprintf(keys[i], sizeof keys[i], "k%d", i);
        pxt_draft_init(&drafts[i]);
        pxt_draft_set_text(&drafts[i], PXT_FIELD_KEY, keys[i], strlen(keys[i]));
        pxt_draft_set_text(&drafts[i], PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    }
    return pxt_cache_put_many(cache, drafts, KEYS, NULL, NULL, &error);
}

/* How many of the keys k0, k1, ..., of which `missing` more are asked for than there are, have the entry of that key. */
static int get_all(int missing, pxt_status *status, unsigned *tier)
{
    enum { ROOM = 2 * KEYS };
    static char text[ROOM][20];
    static const char *keys[ROOM];
    static pxt_entry *out[ROOM];
    static pxt_status results[ROOM];
    static unsigned tiers[ROOM];
    int good = 0;
    for (int i = 0; i < KEYS + missing; i++) {
        snprintf(text[i], sizeof text[i], "k%d", i);
        keys[i] = text[i];
    }
    *status = pxt_cache_get_many(cache, keys, (size_t)(KEYS + missing), out, results, tiers, &error);
    *tier = tiers[0];
    for (int i = 0; i < KEYS + missing; i++) {
        if (i < KEYS)
            good += !results[i] && !strcmp(pxt_entry_key(out[i]), keys[i]);
        else
            good -= results[i] != PXT_NOT_FOUND || out[i];
        pxt_entry_release(out[i]);
    }
    return good;
}

static void a_slow_tier_is_called_once(void)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_status status;
    unsigned tier;
    open_chain("");
    is_int(put_all(), PXT_OK, "a batch is stored");
    is_int(gets, 0, "no entry was asked for singly");
    ok(gets_of_many && gets_of_many <= 1 + KEYS / 256, "but all together: %u calls", gets_of_many);
    pxt_cache_close(cache);
    open_chain("");
    is_int(get_all(10, &status, &tier), KEYS, "each key has its entry, and those that are not there have none");
    is_int(status, PXT_OK, "that is no failure");
    is_int(tier, 1, "the slower tier had them");
    ok(!gets && gets_of_many <= 1 + (KEYS + 10) / 256, "it was called %u times", gets_of_many);
    pxt_cache_stats(cache, &stats, &error);
    is_int(stats.gets, KEYS + 10, "each is counted as a get");
    is_int(stats.tier[1].hits, KEYS, "and as a hit, if it was one");
    is_int(get_all(0, &status, &tier), KEYS, "again they are found");
    is_int(tier, 0, "in memory");
    pxt_cache_close(cache);
}

static void a_failure_is_told(void)
{
    pxt_status status;
    unsigned tier;
    open_chain("get_many all fail EIO");
    is_int(get_all(0, &status, &tier), 0, "a tier that fails gives nothing");
    ok(status != PXT_OK && *error.message, "and the reason is told: %s", error.message);
    pxt_cache_close(cache);
}

int main(void)
{
    pxt_status result;
    pxt_entry *out;
    const char *bad = "";
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    a_slow_tier_is_called_once();
    a_failure_is_told();
    open_chain("");
    is_int(pxt_cache_get_many(cache, &bad, 1, &out, &result, NULL, &error), PXT_EINVAL, "an empty key is refused");
    ok(result == PXT_EINVAL && !out, "its result says so too");
    is_int(pxt_cache_get_many(cache, NULL, 0, NULL, NULL, NULL, &error), PXT_OK, "no key at all is no mistake");
    pxt_cache_close(cache);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command))
        diag("cannot clean up");
    return tap_done();
}
