/* SPDX-License-Identifier: MIT
 *
 * With `fail_safe: true` a get that no tier can decide serves the newest copy that is there, marked as stale: an old one in
 * memory, one in doubt in the files, one that has expired while the server is gone. What was deleted on this host is never
 * served again.
 */
#include "hosts.h"

static const char safe[] =
    "fail_safe: true\nfail_safe_max: 1h\ndegrade: {threshold: 1, backoff: 10ms, backoff_max: 20ms}\n";
static const char unsafe[] = "degrade: {threshold: 1, backoff: 10ms, backoff_max: 20ms}\n";
static const char quickly_old[] = ", max_staleness: 1ms";
static const char never_old[] = ", max_staleness: 1h";

enum { FRESH, STALE, NOTHING };

/* Whether a get serves that value so. */
static bool serves(pxt_cache *cache, const char *key, int64_t value, int how)
{
    pxt_entry *entry = NULL;
    pxt_status status = pxt_cache_get(cache, key, &entry, &error);
    int got = status ? NOTHING : pxt_entry_is_stale(entry) ? STALE : FRESH;
    int64_t has = entry ? pxt_entry_number(entry, PXT_FIELD_TTL_SECONDS) - TTL : 0;
    bool right = got == how && (how == NOTHING || has == value);
    if (!right)
        diag("%s: status %d (%s), %s, %lld", key, (int)status, status ? error.message : "",
             got == STALE ? "stale" : "fresh", (long long)has);
    pxt_entry_release(entry);
    return right;
}

static uint64_t count_stale(pxt_cache *cache)
{
    uint64_t stale = 0;
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    if (pxt_cache_stats(cache, &stats, NULL))
        return UINT64_MAX;
    for (unsigned i = 0; i < stats.tier_count; i++)
        stale += stats.tier[i].stale;
    return stale;
}

/* Ticks until a get of the key is fresh. */
static bool recovers(pxt_cache *cache, const char *key, int64_t value)
{
    for (int64_t end = now_ms() + 10000; now_ms() < end; sleep_ms(5)) {
        pxt_entry *entry = NULL;
        pxt_cache_tick(cache, NULL, NULL);
        bool fresh = pxt_cache_get(cache, key, &entry, &error) == PXT_OK && !pxt_entry_is_stale(entry) &&
                     pxt_entry_number(entry, PXT_FIELD_TTL_SECONDS) - TTL == value;
        pxt_entry_release(entry);
        if (fresh)
            return true;
    }
    return false;
}

static void memory_is_served_while_the_server_is_gone(void)
{
    empty_folder();
    pxt_cache *a = open_host(&(struct host){"a", false, false, quickly_old, safe});
    put(a, "k", 1);
    ok(serves(a, "k", 1, FRESH), "memory: the server answers: nothing is marked");
    set_down(true);
    sleep_ms(5);
    ok(serves(a, "k", 1, STALE), "it is gone: the old copy is served, and marked");
    ok(serves(a, "k", 1, STALE), "again: the copy has stayed");
    ok(serves(a, "other", 0, NOTHING), "what is nowhere is not found: %s", error.message);
    is_int(error.status, PXT_EUNAVAILABLE, "and that is no answer, but a failure");
    is_int((int64_t)count_stale(a), 2, "both are counted");
    pxt_entry *many[2];
    pxt_status status[2];
    const char *keys[] = {"k", "other"};
    is_int(pxt_cache_get_many(a, keys, 2, many, status, NULL, &error), PXT_EUNAVAILABLE, "a batch is served so too");
    ok(many[0] && pxt_entry_is_stale(many[0]) && !many[1], "where there is a copy");
    pxt_entry_release(many[0]);
    is_int(put(a, "k", 2), PXT_EUNAVAILABLE, "a put is acknowledged by nobody");
    set_down(false);
    ok(recovers(a, "k", 1), "the server is back: answers are fresh");
    pxt_cache_close(a);
}

static void without_the_option_a_get_fails(void)
{
    empty_folder();
    pxt_cache *a = open_host(&(struct host){"a", false, false, quickly_old, unsafe});
    put(a, "k", 1);
    set_down(true);
    sleep_ms(5);
    ok(serves(a, "k", 1, NOTHING), "without the option: a get fails");
    set_down(false);
    pxt_cache_close(a);
}

/* Two processes of one host have one page: here two caches of one process. */
static void what_was_deleted_here_is_not_served(bool many)
{
    const char *what = many ? "a batch" : "a delete";
    empty_folder();
    struct host host = {"a", false, false, never_old, safe};
    pxt_cache *a = open_host(&host), *also_a = open_host(&host);
    put(a, "k", 1);
    put(a, "stays", 2);
    ok(serves(also_a, "k", 1, FRESH) && serves(also_a, "stays", 2, FRESH), "%s: another process has it in memory",
       what);
    const char *keys[] = {"k", "none"};
    is_int(many ? pxt_cache_delete_many(a, keys, 2, NULL, &error) : pxt_cache_delete(a, "k", &error), PXT_OK,
           "it is deleted");
    set_down(true);
    ok(serves(also_a, "k", 1, NOTHING), "the server is gone: the copy of the other process is not served");
    ok(serves(a, "k", 1, NOTHING), "nor anything here");
    set_down(false);
    pxt_cache_tick(a, NULL, NULL);
    sleep_ms(30);
    pxt_cache_tick(a, NULL, NULL);
    pxt_cache_tick(also_a, NULL, NULL);
    ok(recovers(a, "stays", 2), "the server is back");
    is_int(put(a, "k", 3), PXT_OK, "the key is put again");
    ok(recovers(also_a, "k", 3), "and seen");
    set_down(true);
    ok(serves(also_a, "k", 3, FRESH) || serves(also_a, "k", 3, STALE), "that copy may be served: it is newer");
    set_down(false);
    pxt_cache_close(also_a);
    pxt_cache_close(a);
}

static void a_clear_is_not_undone(void)
{
    empty_folder();
    struct host host = {"a", false, false, never_old, safe};
    pxt_cache *a = open_host(&host), *also_a = open_host(&host);
    put(a, "k", 1);
    ok(serves(also_a, "k", 1, FRESH), "a clear: another process has an entry in memory");
    is_int(pxt_cache_clear(a, NULL, &error), PXT_OK, "the pool is cleared");
    set_down(true);
    ok(serves(also_a, "k", 1, NOTHING), "the server is gone: the entry is not served");
    set_down(false);
    pxt_cache_close(also_a);
    pxt_cache_close(a);
}

/* A notice puts the files in doubt. */
static bool hears_of(pxt_cache *cache, const char *key)
{
    for (int64_t end = now_ms() + 5000; now_ms() < end; sleep_ms(2)) {
        unsigned tier = 9;
        if (get_from(cache, key, &tier) >= 0 && tier == 2)
            return true;
    }
    return false;
}

static void a_copy_in_doubt_is_served(void)
{
    empty_folder();
    pxt_cache *a = open_host(&(struct host){"a", true, false, never_old, safe});
    pxt_cache *b = open_host(&(struct host){"b", true, false, never_old, safe});
    put(a, "k", 1);
    put(b, "k", 2);
    ok(hears_of(a, "k"), "files: another host has changed an entry, and that is heard");
    put(b, "k", 3);
    sleep_ms(100); /* the notice comes */
    set_down(true);
    pxt_entry *entry = NULL;
    pxt_status status = pxt_cache_get(a, "k", &entry, &error);
    ok(status == PXT_OK && pxt_entry_is_stale(entry), "the server is gone: the copy in doubt is served, and marked: %s",
       status ? error.message : "");
    pxt_entry_release(entry);
    is_int(pxt_cache_delete(a, "k", &error), PXT_OK, "it is deleted here meanwhile");
    ok(serves(a, "k", 0, NOTHING), "and is not served any more");
    is_int(put(a, "k", 4), PXT_OK, "it is put again");
    pxt_entry_release(NULL);
    ok(serves(a, "k", 4, STALE) || serves(a, "k", 4, FRESH), "and that is served");
    set_down(false);
    pxt_cache_close(a);
    pxt_cache_close(b);
}

/* A cache of host a whose files do not take what is deleted. */
static pxt_cache *open_with_bad_files(const char *faults)
{
    char text[1500];
    pxt_cache *cache = NULL;
    setenv("PROXTIER_STATE_DIR", folder, 1);
    snprintf(
        text, sizeof text,
        "plugin_dirs: [%s]\n%stiers: [{plugin: l1_memory, max_entries: 100}, {plugin: fault, name: l2, tier: l2_jsonl, "
        "tier_options: 'dir=%s/bad', faults: '%s'}, {plugin: faraway, path: %s/far, max_staleness: 1h}]",
        getenv("PROXTIER_REFUSED_PLUGINS"), "fail_safe: true\ndegrade: {threshold: 100}\n", folder, faults, folder);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = text};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

static void a_removal_that_the_files_missed_is_not_undone(bool new_page)
{
    char command[200];
    const char *what = new_page ? "another boot" : "files";
    empty_folder();
    pxt_cache *a = open_with_bad_files("put 3- fail EIO; del all fail EIO");
    put(a, "k", 1);
    put(a, "stays", 1);
    is_int(pxt_cache_delete(a, "k", &error), PXT_OK, "%s: a delete is taken by the server alone", what);
    if (new_page) {
        set_down(true);
        pxt_cache_close(a);
        snprintf(command, sizeof command, "rm %s/bad/*.page", folder);
        ok(!system(command), "the page is lost, as by another boot");
        set_down(false); /* a cache is not opened without it: the tier is required */
        a = open_with_bad_files("put 1- fail EIO; del all fail EIO; each all fail EIO; count all fail EIO");
    }
    set_down(true);
    ok(serves(a, "k", 1, NOTHING), "the server is gone: what the files still have is not served");
    set_down(false);
    pxt_cache_close(a);
}

static void an_expired_entry_is_served(bool l2)
{
    enum { HOUR = 3600 };
    empty_folder();
    pxt_cache *a = open_host(&(struct host){"a", l2, false, never_old, safe});
    put(a, "k", 1);
    put(a, "gone", 1);
    ahead = (TTL + 1 + HOUR / 2) * PXT_SECOND;
    ok(serves(a, "k", 1, NOTHING), "%s: the server answers: an expired entry is not found", l2 ? "files" : "memory");
    is_int(get(a, "k"), -PXT_NOT_FOUND, "for sure");
    pxt_cache_delete(a, "gone", NULL);
    set_down(true);
    pxt_cache_tick(a, NULL, NULL);
    if (l2) /* without files nothing has it: memory lets go of what the server says has expired */
        ok(serves(a, "k", 1, STALE), "it is gone: the expired entry is served, and marked");
    ok(serves(a, "gone", 1, NOTHING), "but not one that was deleted");
    ahead = (TTL + 1 + HOUR + 60) * PXT_SECOND;
    ok(serves(a, "k", 1, NOTHING), "after fail_safe_max it is not");
    ahead = 0;
    set_down(false);
    pxt_cache_close(a);
}

int main(void)
{
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    alarm(300);
    memory_is_served_while_the_server_is_gone();
    without_the_option_a_get_fails();
    what_was_deleted_here_is_not_served(false);
    what_was_deleted_here_is_not_served(true);
    a_clear_is_not_undone();
    a_copy_in_doubt_is_served();
    a_removal_that_the_files_missed_is_not_undone(false);
    a_removal_that_the_files_missed_is_not_undone(true);
    an_expired_entry_is_served(true);
    an_expired_entry_is_served(false);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) | tap_done();
}
