/* SPDX-License-Identifier: MIT
 *
 * A proxy that failed too often stays known as dead for health.dead_for: a list does not bring it back, a put does. In each
 * kind of pool, and for other processes that use the pool.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-dead-XXXXXX";
static struct pxt_error error;
static pxt_time now = INT64_C(1767225600000000);
static const char *chain_name;
static const pxt_time hour = 3600 * PXT_SECOND;

static const struct chain {
    const char *name, *tiers;
} chains[] = {
    {"JSONL alone", "{plugin: l2_jsonl, dir: %1$s/l2}"},
    {"SQLite alone", "{plugin: l3_sqlite, path: %1$s/l3.db}"},
    {"memory and JSONL", "{plugin: l1_memory}, {plugin: l2_jsonl, dir: %1$s/l2}"},
    {"memory and l2_sqlite", "{plugin: l1_memory}, {plugin: l2_sqlite, dir: %1$s/l2s}"},
    {"memory, JSONL and SQLite",
     "{plugin: l1_memory}, {plugin: l2_jsonl, dir: %1$s/l2, max_entries: 5}, {plugin: l3_sqlite, path: %1$s/l3.db}"},
    {"fault over SQLite", "{plugin: fault, tier: l3_sqlite, tier_options: 'path=%1$s/l3.db'}"},
};

static pxt_time test_clock(void *arg)
{
    (void)arg;
    return now;
}

static pxt_cache *open_with(const struct chain *chain, const char *health)
{
    char yaml[1000], tiers[600];
    pxt_cache *cache = NULL;
    chain_name = chain->name;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(tiers, sizeof tiers, chain->tiers, folder);
#pragma GCC diagnostic pop
    snprintf(yaml, sizeof yaml, "encryptor: {plugin: plain}\nhealth: {failure_threshold: 2%s}\ntiers: [%s]", health,
             tiers);
    struct pxt_cache_options options = {
        .size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml, .clock = test_clock};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

static void empty_folder(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        diag("cannot clean up");
}

static void make_draft(struct pxt_draft *draft, const char *key)
{
    pxt_draft_init(draft);
    pxt_draft_set_text(draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_text(draft, PXT_FIELD_SOURCE, "list", 4);
    pxt_draft_set_number(draft, PXT_FIELD_TTL_SECONDS, 1000 * 24 * 3600);
}

/* Stores keys as a list does. Returns how many were known as dead. */
static unsigned put_list(pxt_cache *cache, const char *const *keys, size_t n)
{
    struct pxt_draft drafts[8];
    pxt_status results[8];
    bool dead[8], replaced[8];
    unsigned count = 0;
    for (size_t i = 0; i < n; i++)
        make_draft(&drafts[i], keys[i]);
    if (pxt_cache_put_list(cache, drafts, n, results, replaced, dead, &error))
        diag("put_list: %s", error.message);
    for (size_t i = 0; i < n; i++)
        count += dead[i];
    return count;
}

static bool has(pxt_cache *cache, const char *key)
{
    pxt_entry *entry = NULL;
    pxt_status status = pxt_cache_get(cache, key, &entry, &error);
    pxt_entry_release(entry);
    if (status && status != PXT_NOT_FOUND)
        diag("get %s: %s", key, error.message);
    return status == PXT_OK;
}

/* Reports failures until the key is evicted. */
static void kill_key(pxt_cache *cache, const char *key)
{
    struct pxt_report outcome = {.size = sizeof outcome, .ok = false, .latency_ms = -1};
    bool evicted = false;
    now += PXT_SECOND;
    for (int i = 0; i < 2; i++)
        if (pxt_cache_report(cache, key, &outcome, NULL, &evicted, &error))
            diag("report: %s", error.message);
    if (!evicted)
        diag("%s is not evicted", key);
}

static uint64_t known_dead(pxt_cache *cache)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, &error);
    return stats.known_dead;
}

static const char *const abc[] = {"a", "b", "c"};

static void a_list_does_not_bring_it_back(const struct chain *chain)
{
    empty_folder();
    pxt_cache *cache = open_with(chain, "");
    put_list(cache, abc, 3);
    kill_key(cache, "b");
    ok(!has(cache, "b"), "%s: what failed too often is gone", chain_name);
    is_int(known_dead(cache), 1, "%s: and known as dead", chain_name);
    is_int(put_list(cache, abc, 3), 1, "%s: the next list is told so", chain_name);
    ok(has(cache, "a") && !has(cache, "b") && has(cache, "c"), "%s: and stores the others only", chain_name);
    pxt_cache_tick(cache, NULL, &error);
    pxt_cache_tick(cache, NULL, &error);
    is_int(put_list(cache, abc + 1, 1), 1, "%s: a tick forgets nothing", chain_name);
    pxt_cache_close(cache);
    now += 23 * hour;
    cache = open_with(chain, "");
    pxt_cache_tick(cache, NULL, &error);
    is_int(put_list(cache, abc, 3), 1, "%s: another process knows it, 23 hours later", chain_name);
    now += 2 * hour;
    is_int(known_dead(cache), 0, "%s: after a day it is forgotten", chain_name);
    is_int(put_list(cache, abc, 3), 0, "%s: so that a list brings it back", chain_name);
    ok(has(cache, "b"), "%s: it is there", chain_name);
    pxt_cache_close(cache);
}

static void what_ended_leaves_no_trace(const struct chain *chain)
{
    empty_folder();
    pxt_cache *cache = open_with(chain, "");
    put_list(cache, abc, 3);
    kill_key(cache, "b");
    now += 25 * hour;
    pxt_cache_tick(cache, NULL, &error);
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, &error);
    int64_t left = 0;
    for (uint32_t i = 0; i < stats.tier_count; i++)
        left += stats.tier[i].tombstones > 0 ? stats.tier[i].tombstones : 0;
    is_int(left, 0, "%s: its record goes with the next tick", chain_name);
    pxt_cache_close(cache);
}

static void what_brings_it_back(const struct chain *chain)
{
    struct pxt_draft draft;
    struct pxt_report outcome = {.size = sizeof outcome, .ok = true, .latency_ms = -1};
    empty_folder();
    pxt_cache *cache = open_with(chain, "");
    put_list(cache, abc, 3);
    kill_key(cache, "b");
    is_int(pxt_cache_report(cache, "b", &outcome, NULL, NULL, &error), PXT_NOT_FOUND, "%s: a report does not",
           chain_name);
    is_int(known_dead(cache), 1, "%s: it stays known", chain_name);
    make_draft(&draft, "b");
    is_int(pxt_cache_put(cache, &draft, NULL, &error), PXT_OK, "%s: a put does", chain_name);
    ok(has(cache, "b") && !known_dead(cache), "%s: it is there", chain_name);
    kill_key(cache, "b");
    is_int(pxt_cache_put_many(cache, &draft, 1, NULL, NULL, &error), PXT_OK, "%s: so does a put of many", chain_name);
    ok(has(cache, "b") && !known_dead(cache), "%s: it is there", chain_name);
    kill_key(cache, "b");
    is_int(pxt_cache_delete(cache, "b", &error), PXT_NOT_FOUND, "%s: nothing is there to be deleted", chain_name);
    ok(!has(cache, "b") && !known_dead(cache), "%s: but a delete forgets", chain_name);
    is_int(put_list(cache, abc, 3), 0, "%s: then a list brings it back", chain_name);
    kill_key(cache, "b");
    static const char *const keys[] = {"b", "none"};
    pxt_status results[2];
    is_int(pxt_cache_delete_many(cache, keys, 2, results, &error), PXT_OK, "%s: a delete of many", chain_name);
    ok(results[0] == PXT_NOT_FOUND && results[1] == PXT_NOT_FOUND, "%s: finds nothing to be deleted", chain_name);
    is_int(known_dead(cache), 0, "%s: and forgets, too", chain_name);
    is_int(put_list(cache, abc, 3), 0, "%s: a list brings it back", chain_name);
    kill_key(cache, "b");
    is_int(pxt_cache_clear(cache, NULL, &error), PXT_OK, "%s: a clear", chain_name);
    is_int(known_dead(cache), 0, "%s: forgets all", chain_name);
    pxt_cache_close(cache);
}

static void no_more_than_asked_for(const struct chain *chain)
{
    const char *const keys[] = {"a", "b", "c", "d", "e"};
    empty_folder();
    pxt_cache *cache = open_with(chain, ", dead_max: 2");
    put_list(cache, keys, 5);
    for (int i = 0; i < 4; i++)
        kill_key(cache, keys[i]);
    is_int(known_dead(cache), 2, "%s: dead_max: no more are known", chain_name);
    is_int(put_list(cache, keys, 5), 2, "%s: the others come back", chain_name);
    pxt_cache_close(cache);
    empty_folder();
    cache = open_with(chain, ", dead_for: 0");
    put_list(cache, keys, 5);
    kill_key(cache, "a");
    is_int(known_dead(cache), 0, "%s: dead_for: 0: none is known", chain_name);
    is_int(put_list(cache, keys, 5), 0, "%s: and all come back", chain_name);
    pxt_cache_close(cache);
    empty_folder();
    cache = open_with(chain, ", dead_for: 30d");
    put_list(cache, keys, 5);
    kill_key(cache, "a");
    now += 29 * 24 * hour;
    pxt_cache_tick(cache, NULL, &error);
    is_int(put_list(cache, keys, 5), 1, "%s: dead_for: a month", chain_name);
    pxt_cache_close(cache);
}

/* Another process has the entry in memory while it dies. */
static void processes_that_have_it_in_memory(const struct chain *chain)
{
    int there[2], dead[2];
    char byte = 0;
    empty_folder();
    if (pipe(there) || pipe(dead))
        exit(1);
    pid_t child = fork();
    if (!child) {
        pxt_cache *cache = open_with(chain, "");
        put_list(cache, abc, 3);
        bool right = has(cache, "b") && write(there[1], &byte, 1) == 1 && read(dead[0], &byte, 1) == 1;
        now += 10 * PXT_SECOND;
        right = right && !has(cache, "b") && put_list(cache, abc, 3) == 1 && !has(cache, "b");
        pxt_cache_close(cache);
        _exit(!right);
    }
    if (read(there[0], &byte, 1) != 1)
        diag("the child is gone");
    pxt_cache *cache = open_with(chain, "");
    kill_key(cache, "b");
    int how = -1;
    if (write(dead[1], &byte, 1) != 1 || waitpid(child, &how, 0) != child)
        diag("the child is gone");
    is_int(how, 0, "%s: a process that has it in memory knows, too", chain_name);
    is_int(put_list(cache, abc, 3), 1, "%s: and its close forgets nothing", chain_name);
    pxt_cache_close(cache);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        processes_that_have_it_in_memory(&chains[i]);
        a_list_does_not_bring_it_back(&chains[i]);
        what_ended_leaves_no_trace(&chains[i]);
        what_brings_it_back(&chains[i]);
        no_more_than_asked_for(&chains[i]);
    }
    empty_folder();
    rmdir(folder);
    return tap_done();
}
