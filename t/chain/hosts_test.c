/* SPDX-License-Identifier: MIT
 *
 * Two hosts with one server: each sees what the other puts and deletes, at once where notices arrive, and after
 * max_staleness where they do not; nothing goes back; a host goes on while the server is gone.
 */
#include "hosts.h"

static const char quick[] = "degrade: {threshold: 1, backoff: 10ms, backoff_max: 20ms}\n";

/* Whether memory answers within two seconds: a notice of what was put before may still come. */
static bool memory_answers_soon(pxt_cache *cache, const char *key, int64_t value)
{
    for (int64_t end = now_ms() + 2000; now_ms() < end; sleep_ms(1)) {
        unsigned tier = 99;
        if (get_from(cache, key, &tier) == value && !tier)
            return true;
    }
    return false;
}

static void memory_follows_the_other_host(bool l2)
{
    const char *what = l2 ? "with files" : "without files";
    empty_folder();
    pxt_cache *a = open_host(&(struct host){"a", l2, false, ", max_staleness: 1h", NULL});
    pxt_cache *b = open_host(&(struct host){"b", l2, false, ", max_staleness: 1h", NULL});
    is_int(put(a, "k", 1), PXT_OK, "%s: a puts", what);
    is_int(get(b, "k"), 1, "b sees it");
    ok(memory_answers_soon(b, "k", 1), "again, from its memory");
    put(a, "k", 2);
    ok(answers_soon(b, "k", 2), "a puts anew: b's memory hears of it");
    put(b, "k", 3);
    ok(answers_soon(a, "k", 3), "and the other way round");
    is_int(pxt_cache_delete(a, "k", &error), PXT_OK, "a deletes");
    ok(answers_soon(b, "k", -PXT_NOT_FOUND), "b's memory forgets");
    put(b, "other", 4);
    put(b, "k", 5);
    ok(answers_soon(a, "k", 5), "a key that was deleted can be put again");
    is_int(pxt_cache_clear(b, NULL, &error), PXT_OK, "b clears");
    ok(answers_soon(a, "k", -PXT_NOT_FOUND) && answers_soon(a, "other", -PXT_NOT_FOUND), "a sees that too");
    pxt_cache_close(a);
    pxt_cache_close(b);
}

static void lost_notices_delay_by_max_staleness(void)
{
    empty_folder();
    struct host host_a = {"a", true, false, ", lose: 1, max_staleness: 300ms", NULL}, host_b = host_a;
    host_b.name = "b";
    pxt_cache *a = open_host(&host_a), *b = open_host(&host_b);
    int64_t last = 0, oldest = 0, back = 0, seen;
    int64_t put_at[40];
    put_at[0] = now_ms();
    put(a, "k", 0);
    for (int i = 1; i < 40; i++) {
        put_at[i] = now_ms();
        put(a, "k", i);
        int64_t until = now_ms() + 20;
        while (now_ms() < until) {
            int64_t asked_at = now_ms();
            seen = get(b, "k");
            back += seen < last;
            last = seen;
            /* `seen` was replaced at put_at[seen + 1]. */
            int64_t old = seen >= 0 && seen < i ? asked_at - put_at[seen + 1] : 0;
            oldest = old > oldest ? old : oldest;
        }
    }
    is_int(back, 0, "without notices b never goes back");
    ok(oldest > 0, "it may be behind");
    ok(oldest <= 300 + 50, "but not for longer than max_staleness: %lld ms", (long long)oldest);
    pxt_cache_delete(a, "k", NULL);
    sleep_ms(310);
    is_int(get(b, "k"), -PXT_NOT_FOUND, "a delete is seen after max_staleness");
    pxt_cache_close(a);
    pxt_cache_close(b);
}

static void files_of_a_host_do_not_answer_for_the_server(void)
{
    int listed = 0;
    empty_folder();
    struct host host_a = {"a", true, false, ", lose: 1, max_staleness: 1ms", NULL}, host_b = host_a;
    host_b.name = "b";
    pxt_cache *a = open_host(&host_a), *b = open_host(&host_b);
    put(a, "k", 1);
    put(a, "gone", 1);
    sleep_ms(2);
    is_int(get(b, "k") + get(b, "gone"), 2, "both hosts have files with two entries");
    put(a, "k", 2);
    pxt_cache_delete(a, "gone", NULL);
    sleep_ms(2);
    pxt_cache_each(b, count_entry, &listed, &error);
    is_int(listed, 1, "a list has what the server has");
    is_int(get(b, "k"), 2, "and so has a get");
    is_int(get(b, "gone"), -PXT_NOT_FOUND, "also of what was deleted");
    pxt_cache_tick(b, NULL, NULL);
    set_down(true);
    is_int(get(b, "k"), 2, "when the server is gone, b's files do not go back");
    is_int(get(b, "gone"), -PXT_NOT_FOUND, "nor does what was deleted come back");
    set_down(false);
    pxt_cache_close(a);
    pxt_cache_close(b);
}

static int64_t doubts_of(pxt_cache *cache)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, &error);
    return (int64_t)(stats.tier[1].doubted + stats.tier[2].doubted);
}

static void a_host_goes_on_without_the_server(void)
{
    empty_folder();
    struct host host_a = {"a", true, false, NULL, quick}, host_b = {"b", true, false, NULL, quick};
    pxt_cache *a = open_host(&host_a), *b = open_host(&host_b);
    put(a, "k", 1);
    put(a, "d", 1);
    get(b, "k");
    get(b, "d");
    is_int(report(a, "k", true) + report(b, "k", true), PXT_OK, "both report");
    pxt_cache_tick(a, NULL, NULL); /* each has heard of the other */
    pxt_cache_tick(b, NULL, NULL);
    sleep_ms(50);
    pxt_cache_tick(a, NULL, NULL);
    pxt_cache_tick(b, NULL, NULL);
    set_down(true);
    is_int(report(a, "k", true), PXT_OK, "without the server a's report is taken by its files");
    is_int(report(b, "k", false), PXT_OK, "and b's by b's");
    is_int(put(a, "new", 7), PXT_OK, "so is a put");
    is_int(pxt_cache_delete(b, "d", &error), PXT_OK, "and a delete");
    is_int(get(b, "new"), -PXT_NOT_FOUND, "the other host does not see it yet");
    set_down(false);
    sleep_ms(30);
    for (int i = 0; i < 3; i++) {
        pxt_cache_tick(a, NULL, NULL);
        pxt_cache_tick(b, NULL, NULL);
    }
    ok(answers_soon(b, "new", 7), "when the server is back, it does");
    ok(answers_soon(a, "d", -PXT_NOT_FOUND), "the delete counts everywhere");
    is_int(number_of(a, "k", PXT_FIELD_TOTAL_HEALTH_CHECKS), 4, "all reports add up for a");
    is_int(number_of(b, "k", PXT_FIELD_TOTAL_HEALTH_CHECKS), 4, "and for b");
    is_int(number_of(b, "k", PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES), 1, "and failures");
    /* On a busy machine a server that is back is slow at first, and is let alone once more. */
    int64_t doubts = doubts_of(a);
    for (int64_t end = now_ms() + 20000; doubts && now_ms() < end; doubts = doubts_of(a)) {
        sleep_ms(10);
        pxt_cache_tick(a, NULL, NULL);
    }
    is_int(doubts, 0, "nothing is in doubt at a");
    pxt_cache_close(a);
    pxt_cache_close(b);
}

/* How many tombstones the server has, `after` a delete. */
static int64_t tombstones_left(const char *core, pxt_time after)
{
    struct pxt_stats stats;
    empty_folder();
    ahead = 0;
    pxt_cache *a = open_host(&(struct host){"a", true, false, NULL, core});
    put(a, "k", 1);
    pxt_cache_delete(a, "k", &error);
    for (int i = 0; i < 2; i++) {
        pxt_cache_tick(a, NULL, NULL); /* all tiers agree */
        ahead = after;
    }
    pxt_stats_init(&stats);
    pxt_cache_stats(a, &stats, &error);
    pxt_cache_close(a);
    ahead = 0;
    return (int64_t)stats.tier[2].tombstones;
}

/* A report makes a newer version of what another host has deleted meanwhile. */
static void a_report_does_not_bring_back_what_was_deleted(void)
{
    empty_folder();
    pxt_cache *a = open_host(&(struct host){"a", true, false, NULL, quick});
    pxt_cache *b = open_host(&(struct host){"b", true, false, NULL, quick});
    put(a, "k", 1);
    put(a, "put again", 1);
    is_int(get(b, "k") + get(b, "put again"), 2, "both hosts have an entry");
    set_down(true);
    is_int(pxt_cache_delete(b, "k", &error), PXT_OK, "without the server b deletes it");
    is_int(report(a, "k", true), PXT_OK, "and a reports");
    is_int(pxt_cache_delete(b, "put again", &error), PXT_OK, "b deletes another one");
    is_int(put(a, "put again", 2), PXT_OK, "which a puts again");
    set_down(false);
    sleep_ms(60);
    for (int i = 0; i < 2; i++) {
        pxt_cache_tick(a, NULL, NULL);
        pxt_cache_tick(b, NULL, NULL);
    }
    is_int(get(a, "k"), -PXT_NOT_FOUND, "the entry is deleted on the host that reported");
    is_int(get(b, "k"), -PXT_NOT_FOUND, "and on the other one");
    is_int(get(a, "put again"), 2, "what was put later is there");
    is_int(get(b, "put again"), 2, "on both hosts");
    close_hosts(a, b);
}

static void the_server_keeps_tombstones_as_long_as_asked(void)
{
    const pxt_time day = 86400 * PXT_SECOND;
    is_int(tombstones_left(NULL, 6 * day), 1, "a tombstone stays for a week");
    is_int(tombstones_left(NULL, 8 * day), 0, "and then goes");
    is_int(tombstones_left("tombstone_keep: 240h\n", 8 * day), 1, "tombstone_keep lets it stay longer");
    is_int(tombstones_left("tombstone_keep: 24h\n", 2 * day), 0, "or go earlier");
}

static void a_write_that_arrives_late_loses(void)
{
    empty_folder();
    pxt_cache *b = open_host(&(struct host){"b", true, false, NULL, NULL});
    put(b, "k", 1);
    pxt_cache *a = open_host(&(struct host){"a", true, false, ", late: true", NULL});
    is_int(put(a, "k", 2), PXT_OK, "the server's answer is lost: the files of a take the put");
    is_int(put(b, "k", 3), PXT_OK, "before it arrives, b puts");
    sleep_ms(300);
    is_int(get(b, "k"), 3, "when it arrives, b's put stays");
    pxt_cache_tick(a, NULL, NULL);
    pxt_cache_tick(a, NULL, NULL);
    is_int(get(a, "k"), 3, "a gets it too, which is later");
    ok(answers_soon(b, "k", 3), "and so it stays");
    is_int(doubts_of(a), 0, "nothing is left in doubt");
    pxt_cache_close(a);
    pxt_cache_close(b);

    empty_folder();
    b = open_host(&(struct host){"b", true, false, NULL, NULL});
    put(b, "k", 1);
    a = open_host(&(struct host){"a", false, false, ", late: true", NULL});
    is_int(put(a, "k", 2), PXT_EIO, "without files a says that it does not know");
    is_int(pxt_cache_delete(b, "k", &error), PXT_OK, "b deletes");
    sleep_ms(300);
    is_int(get(b, "k"), -PXT_NOT_FOUND, "a late put does not bring a deleted entry back");
    is_int(get(a, "k"), -PXT_NOT_FOUND, "on no host");
    pxt_cache_close(a);
    pxt_cache_close(b);
}

static void an_emptied_server_is_filled_again(void)
{
    char command[200];
    empty_folder();
    struct host host = {"a", true, false, NULL, quick};
    pxt_cache *a = open_host(&host);
    put(a, "k", 1);
    pxt_cache_delete(a, "none", NULL);
    pxt_cache_tick(a, NULL, NULL);
    pxt_cache_close(a);
    snprintf(command, sizeof command, "rm -f %s/far/store.db*", folder);
    is_int(system(command), 0, "the server loses all it had");
    a = open_host(&host);
    is_int(get(a, "k"), 1, "the host still has the entry");
    pxt_cache_tick(a, NULL, NULL);
    pxt_cache *b = open_host(&(struct host){"b", false, false, NULL, NULL});
    is_int(get(b, "k"), 1, "and gives it to the server again");
    pxt_cache_close(a);
    pxt_cache_close(b);
}

static void a_server_that_is_not_there_at_open(void)
{
    pxt_cache *a, *b;
    empty_folder();
    set_down(true);
    is_int(try_open(&(struct host){"a", true, false, NULL, quick}, &a), PXT_EUNAVAILABLE,
           "a required server that is gone: the cache does not open");
    a = open_host(&(struct host){"a", true, false, ", required: false", quick});
    b = open_host(&(struct host){"b", false, false, ", required: false", quick});
    is_int(put(a, "k", 1), PXT_OK, "with required: false it does, and its files take a put");
    is_int(put(b, "k", 2), PXT_EUNAVAILABLE, "a host without files has no durable tier to take one");
    is_int(get(b, "k"), -PXT_EUNAVAILABLE, "and does not know what there is");
    is_int(report(b, "k", true), PXT_EUNAVAILABLE, "to be reported");
    is_int(pxt_cache_delete(b, "k", &error), PXT_EUNAVAILABLE, "or deleted");
    set_down(false);
    sleep_ms(60);
    pxt_cache_tick(a, NULL, NULL);
    ok(answers_soon(b, "k", 1), "when the server is there, both open it, and it gets what it missed: %s",
       error.message);
    is_int(put(b, "k", 3), PXT_OK, "and takes puts");
    ok(answers_soon(a, "k", 3), "which the other host sees");
    pxt_cache_close(a);
    pxt_cache_close(b);
}

/* The tier `fault` passes on what a remote tier offers and tells. */
static void faults_can_be_rehearsed_on_a_server(void)
{
    char text[1500];
    pxt_cache *a = NULL;
    empty_folder();
    pxt_cache *b = open_host(&(struct host){"b", true, false, NULL, NULL});
    snprintf(
        text, sizeof text,
        "plugin_dirs: [%s]\nhealth: {invalidate: false}\ntiers: [{plugin: l1_memory, max_entries: 100}, {plugin: "
        "l2_jsonl, dir: %s/a/l2}, {plugin: fault, tier: faraway, tier_options: 'path=%s/far,host=a', max_staleness: "
        "1h, faults: 'put_if 2 tear; put_if 4 fail EIO'}]",
        getenv("PROXTIER_REFUSED_PLUGINS"), folder, folder);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = text};
    is_int(pxt_cache_open(&options, &a, &error), PXT_OK, "a server with faults is opened");
    put(b, "k", 1);
    is_int(a ? get(a, "k") : -1, 1, "it answers");
    for (int i = 0; i < 6 && a; i++)
        is_int(report(a, "k", true) + report(b, "k", true), PXT_OK, "reports of both hosts are taken");
    if (a)
        pxt_cache_tick(a, NULL, NULL);
    pxt_cache_tick(b, NULL, NULL);
    int64_t checks = 0;
    for (int64_t end = now_ms() + 2000; checks != 12 && now_ms() < end; sleep_ms(1)) /* the last notice comes */
        checks = number_of(b, "k", PXT_FIELD_TOTAL_HEALTH_CHECKS);
    is_int(checks, 12, "and add up");
    put(b, "k", 2);
    ok(a && answers_soon(a, "k", 2), "its notices are heard");
    pxt_cache_close(a);
    pxt_cache_close(b);
}

int main(void)
{
    begin_tests();
    memory_follows_the_other_host(true);
    memory_follows_the_other_host(false);
    lost_notices_delay_by_max_staleness();
    files_of_a_host_do_not_answer_for_the_server();
    a_host_goes_on_without_the_server();
    a_report_does_not_bring_back_what_was_deleted();
    the_server_keeps_tombstones_as_long_as_asked();
    a_write_that_arrives_late_loses();
    an_emptied_server_is_filled_again();
    a_server_that_is_not_there_at_open();
    faults_can_be_rehearsed_on_a_server();
    return end_tests();
}
