/* SPDX-License-Identifier: MIT
 *
 * What the server has said is copied to the files of the host before a reader is told. Where the files refuse the copy, the reader does
 * not go back in version when the server is gone.
 */
#include "hosts.h"

/* Files that fail stay on. Nobody is told of changes, so that only a read finds them. */
static const char core[] = "degrade: {threshold: 1000, backoff: 10ms, backoff_max: 20ms}\n",
                  untold[] = ", lose: 1, max_staleness: 1ms";
static const struct host host_a = {"a", true, false, untold, core}, host_b = {"b", true, false, untold, core};

/* Opens host a: calls of its files from the second on fail. */
static pxt_cache *open_with_files(const char *failing, const char *refusal, bool limited)
{
    char files[400];
    snprintf(files, sizeof files,
             "plugin: fault, tier: l2_jsonl, tier_options: 'dir=${state}/l2', faults: '%s fail %s'%s", failing, refusal,
             limited ? ", max_entries: 10" : "");
    files_tier = files;
    pxt_cache *cache = open_host(&host_a);
    files_tier = NULL;
    return cache;
}

/* What a answers without its memory. */
static int64_t get_anew(pxt_cache *a)
{
    sleep_ms(5);
    return get(a, "k");
}

/* The server is back: waits until a has heard of it, and has repaired its files. */
static void repair(pxt_cache *a)
{
    set_down(false);
    for (int i = 0; i < 5; i++) {
        sleep_ms(30);
        pxt_cache_tick(a, NULL, NULL);
    }
}

static void a_refused_copy_lets_nobody_go_back(const char *refusal, bool limited)
{
    const char *what = limited ? "with a capacity" : "without a capacity";
    empty_folder();
    pxt_cache *a = open_with_files("put 2-3", refusal, limited), *b = open_host(&host_b);
    put(a, "k", 1);
    pxt_cache_tick(a, NULL, NULL);
    put(b, "k", 2);
    is_int(get_anew(a), 2, "%s, %s: a was told what b put", refusal, what);
    set_down(true);
    is_int(get_anew(a), -PXT_EUNAVAILABLE, "when the server is gone, a does not go back to what its files have");
    repair(a);
    is_int(get_anew(a), 2, "when it is back, a answers");
    for (int i = 0; i < 3; i++)
        pxt_cache_tick(a, NULL, NULL);
    set_down(true);
    int64_t found = get_anew(a);
    ok(found == 2 || (limited && found == -PXT_EUNAVAILABLE), "and its files do not go back later: %lld",
       (long long)found);
    set_down(false);
    close_hosts(a, b);
}

/* Files with a capacity let go of the key, others are given the tombstone. */
static void a_refused_tombstone_brings_nothing_back(const char *refusal, bool limited)
{
    const char *what = limited ? "with a capacity" : "without a capacity";
    empty_folder();
    pxt_cache *a = open_with_files(limited ? "del 1-2" : "put 2-3", refusal, limited), *b = open_host(&host_b);
    put(a, "k", 1);
    pxt_cache_tick(a, NULL, NULL);
    get_anew(b);
    is_int(pxt_cache_delete(b, "k", &error), PXT_OK, "%s, %s: b deletes what a had put", refusal, what);
    is_int(get_anew(a), -PXT_NOT_FOUND, "a was told of that");
    set_down(true);
    is_int(get_anew(a), -PXT_EUNAVAILABLE, "when the server is gone, the key is not back");
    repair(a);
    set_down(true);
    int64_t found = get_anew(a);
    ok(found == -PXT_NOT_FOUND || (limited && found == -PXT_EUNAVAILABLE), "nor is it after a repair: %lld",
       (long long)found);
    set_down(false);
    close_hosts(a, b);
}

/* Files that keep the key out by their policy, and have nothing of it, are in no doubt. */
static uint64_t doubted(pxt_cache *a)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(a, &stats, &error);
    return stats.tier[1].doubted;
}

static void files_that_have_nothing_are_in_no_doubt(void)
{
    empty_folder();
    pxt_cache *a = open_with_files("put 2-3", "ENOSPC", true), *b = open_host(&host_b);
    put(a, "other", 1);
    for (int i = 0; i < 3; i++)
        pxt_cache_tick(a, NULL, NULL);
    put(b, "k", 2);
    is_int(get_anew(a), 2, "a full disk: a was told what b put");
    is_int((int64_t)doubted(a), 0, "its files, which have a capacity and nothing of the key, are in no doubt");
    close_hosts(a, b);
}

/* Host b's clock is ahead of a's. */
static void what_b_deleted_a_puts_while_the_server_is_gone(void)
{
    empty_folder();
    pxt_cache *a = open_host(&host_a), *b = open_host(&host_b);
    ahead = 180 * PXT_SECOND;
    put(b, "k", 1);
    pxt_cache_delete(b, "k", &error);
    ahead = 0;
    is_int(get_anew(a), -PXT_NOT_FOUND, "a was told that b has deleted a key");
    set_down(true);
    is_int(put(a, "k", 2), PXT_OK, "the server is gone, and a puts it");
    repair(a);
    is_int(get_anew(a), 2, "when the server is back, the put counts for a");
    is_int(get(b, "k"), 2, "and for b");
    close_hosts(a, b);
}

/* The files of b are in doubt since a notice of c came, and a is one whose notices are lost. What one process of the host reads from the server
 * leaves the memory of the others. */
static void what_one_process_was_told_the_others_follow(bool deletes)
{
    static const char far[] = ", max_staleness: 1h";
    const struct host host = {"b", true, false, far, core}, told_of = {"c", false, false, far, core};
    const int64_t told = deletes ? -PXT_NOT_FOUND : 2;
    empty_folder();
    pxt_cache *a = open_host(&host_a), *c = open_host(&told_of), *first = open_host(&host), *second = open_host(&host);
    put(c, "k", 0);
    ok(answers_soon(second, "k", 0), "a process of b knows what c has put");
    put(c, "k", 1);
    ok(answers_soon(second, "k", 1), "and hears that c has put it again");
    sleep_ms(50); /* for notices that other processes of b heed later */
    is_int(get(second, "k"), 1, "and has it in memory");
    if (deletes)
        pxt_cache_delete(a, "k", &error);
    else
        put(a, "k", 2);
    sleep_ms(50);
    is_int(get(second, "k"), 1, "also when a has changed it, for no notice comes");
    is_int(get(first, "k"), told, "another process reads it from the server");
    is_int(get(second, "k"), told, "and the first one does not answer with what was before that");
    close_hosts(c, second);
    close_hosts(a, first);
}

int main(void)
{
    static const char *const refusals[] = {"ENOSPC", "EBUSY", "EACCES"};
    begin_tests();
    for (int i = 0; i < 3; i++)
        for (int limited = 0; limited < 2; limited++) {
            a_refused_copy_lets_nobody_go_back(refusals[i], limited);
            a_refused_tombstone_brings_nothing_back(refusals[i], limited);
        }
    files_that_have_nothing_are_in_no_doubt();
    what_b_deleted_a_puts_while_the_server_is_gone();
    what_one_process_was_told_the_others_follow(false);
    what_one_process_was_told_the_others_follow(true);
    return end_tests();
}
