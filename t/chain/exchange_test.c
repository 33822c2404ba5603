/* SPDX-License-Identifier: MIT
 *
 * A server that hosts share and that keeps nothing for certain: beside files of a host it brings what other hosts have changed, and no
 * put counts on it. It is emptied, and goes back to older data, and no reader goes back with it.
 */
#include "hosts.h"
#include <proxtier/admin.h>

static const char cache[] = ", durable: false",
                  counts_once[] = "degrade: {threshold: 1, backoff: 10ms, backoff_max: 20ms}\n";
static const struct host host_a = {"a", true, false, cache, counts_once};
static const struct host host_b = {"b", true, false, cache, counts_once};

/* Keeps what the server has, or gives it back; the server is started anew meanwhile. */
static void server(const char *what)
{
    char command[400];
    set_down(true);
    snprintf(command, sizeof command,
             "cd %s && mkdir -p old && case %s in keep) cp far/store.db* old;; "
             "restore) rm -f far/store.db*; cp old/store.db* far;; empty) rm -f far/store.db*;; esac",
             folder, what);
    if (system(command))
        exit(1);
    set_down(false);
}

static void hosts_see_what_others_change(void)
{
    empty_folder();
    pxt_cache *a = open_host(&host_a), *b = open_host(&host_b);
    is_int(put(a, "k", 1), PXT_OK, "a puts");
    is_int(get(b, "k"), 1, "b gets it");
    put(a, "k", 2);
    ok(answers_soon(b, "k", 2), "b's memory hears of a change");
    put(b, "k", 3);
    ok(answers_soon(a, "k", 3), "and a's");
    is_int(pxt_cache_delete(a, "k", &error), PXT_OK, "a deletes");
    ok(answers_soon(b, "k", -PXT_NOT_FOUND), "b has it no longer");
    put(b, "k", 4);
    ok(answers_soon(a, "k", 4), "a key that was deleted can be put again");
    is_int(report(b, "k", true), PXT_OK, "b reports");
    is_int(report(a, "k", true), PXT_OK, "so does a");
    is_int(number_of(a, "k", PXT_FIELD_TOTAL_HEALTH_CHECKS), 2, "both reports count");
    static const char *const keys[] = {"k", "m"};
    pxt_status results[2];
    put(a, "m", 1);
    is_int(pxt_cache_delete_many(b, keys, 2, results, &error), PXT_OK, "b deletes several at once");
    ok(results[0] == PXT_OK && results[1] == PXT_OK, "one of which only a had put");
    ok(answers_soon(a, "k", -PXT_NOT_FOUND) && answers_soon(a, "m", -PXT_NOT_FOUND), "a has none of them");
    close_hosts(a, b);
}

static void it_counts_for_nothing(void)
{
    int listed = 0;
    empty_folder();
    pxt_cache *a = open_host(&host_a);
    put(a, "k", 1);
    set_down(true);
    is_int(put(a, "k", 2), PXT_OK, "without the server a put is taken by the files");
    is_int(get(a, "k"), 2, "and got");
    is_int(put(a, "new", 1), PXT_OK, "also a new one");
    is_int(pxt_cache_each(a, count_entry, &listed, &error), PXT_OK, "a list is complete");
    is_int(listed, 2, "and has both");
    is_int(pxt_cache_clear(a, NULL, &error), PXT_EUNAVAILABLE,
           "a clear waits for the server: it would give entries back");
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(a, &stats, &error);
    is_int((int64_t)stats.tier[1].doubted, 0, "nothing is in doubt");
    set_down(false);
    pxt_cache_close(a);
    char command[200];
    snprintf(command, sizeof command, "rm -rf %s/a/l2", folder);
    ok(system(command) == 0, "the files are lost");
    server("empty");
    a = open_host(&host_a);
    is_int(get(a, "k"), -PXT_NOT_FOUND, "so is what only they had");
    pxt_cache_close(a);
}

static void it_may_be_emptied(void)
{
    empty_folder();
    pxt_cache *a = open_host(&host_a), *b = open_host(&host_b);
    put(a, "k", 1);
    put(a, "gone", 1);
    is_int(get(b, "k") + get(b, "gone"), 2, "b has what a put");
    pxt_cache_delete(a, "gone", &error);
    ok(answers_soon(b, "gone", -PXT_NOT_FOUND), "and loses what a deletes");
    close_hosts(a, b);
    server("empty");
    a = open_host(&host_a);
    b = open_host(&host_b);
    is_int(get(a, "k"), 1, "the server is empty: a has what it had");
    is_int(get(b, "k"), 1, "b has what it was told");
    is_int(get(b, "gone"), -PXT_NOT_FOUND, "and what was deleted does not come back");
    put(b, "k", 2);
    ok(answers_soon(a, "k", 2), "changes are exchanged again");
    close_hosts(a, b);
}

/* Goes through the states of a key while the server goes back to an old one. `open`: the caches stay open meanwhile. */
static void it_may_go_back(bool open)
{
    const char *what = open ? "while it is used" : "while no host is there";
    empty_folder();
    pxt_cache *a = open_host(&host_a), *b = open_host(&host_b);
    put(a, "k", 1);
    put(a, "gone", 1);
    put(b, "other", 1);
    get(b, "k");
    get(b, "gone");
    if (!open)
        close_hosts(a, b);
    server("keep");
    if (!open) {
        a = open_host(&host_a);
        b = open_host(&host_b);
    }
    sleep_ms(30);
    pxt_cache_tick(a, NULL, NULL);
    pxt_cache_tick(b, NULL, NULL);
    put(a, "k", 2);
    pxt_cache_delete(a, "gone", &error);
    ok(answers_soon(b, "k", 2) && answers_soon(b, "gone", -PXT_NOT_FOUND), "%s: b follows a", what);
    if (!open)
        close_hosts(a, b);
    server("restore");
    if (!open) {
        a = open_host(&host_a);
        b = open_host(&host_b);
    }
    int back = 0;
    for (int i = 0; i < 5; i++) {
        pxt_cache_tick(i % 2 ? a : b, NULL, NULL);
        back += get(a, "k") != 2 || get(b, "k") != 2;
        back += get(a, "gone") != -PXT_NOT_FOUND || get(b, "gone") != -PXT_NOT_FOUND;
        sleep_ms(10);
    }
    is_int(back, 0, "%s: the server has old data again, and no reader goes back", what);
    put(b, "k", 3);
    ok(answers_soon(a, "k", 3), "%s: changes are exchanged again", what);
    is_int(get(b, "gone"), -PXT_NOT_FOUND, "%s: what was deleted stays deleted", what);
    close_hosts(a, b);
}

static void alone_it_is_the_store(void)
{
    empty_folder();
    struct host alone_a = {"a", false, false, cache, counts_once}, alone_b = {"b", false, false, cache, counts_once};
    pxt_cache *a = open_host(&alone_a), *b = open_host(&alone_b);
    is_int(put(a, "k", 1), PXT_OK, "memory over the server: a puts");
    is_int(get(b, "k"), 1, "b gets it");
    pxt_cache_delete(b, "k", &error);
    ok(answers_soon(a, "k", -PXT_NOT_FOUND), "a hears of a delete");
    set_down(true);
    ok(put(a, "k", 2) != PXT_OK, "without the server memory alone acknowledges nothing");
    set_down(false);
    sleep_ms(30);
    pxt_cache_tick(a, NULL, NULL);
    is_int(put(a, "k", 3), PXT_OK, "with it a put is taken again");
    close_hosts(a, b);
}

/* Host b's clock is `by` ahead of a's, which has nothing of the key but was told that it is deleted. */
static void what_b_deleted_a_puts_again(const char *what, pxt_time by)
{
    empty_folder();
    pxt_cache *a = open_host(&host_a), *b = open_host(&host_b);
    ahead = by;
    put(b, "k", 1);
    is_int(pxt_cache_delete(b, "k", &error), PXT_OK, "%s: b deletes", what);
    ahead = 0;
    is_int(get(a, "k"), -PXT_NOT_FOUND, "a was told of that");
    is_int(put(a, "k", 2), PXT_OK, "and puts the key");
    pxt_cache_close(a);
    a = open_host(&host_a);
    is_int(get(a, "k"), 2, "the put counts for a");
    ok(answers_soon(b, "k", 2), "and for b");
    static const char *const keys[] = {"k", "m"};
    pxt_status results[2];
    ahead = by;
    pxt_cache_delete_many(b, keys, 2, results, &error);
    ahead = 0;
    ok(answers_soon(a, "k", -PXT_NOT_FOUND), "b deletes again");
    struct pxt_draft drafts[2];
    for (int i = 0; i < 2; i++) {
        pxt_draft_init(&drafts[i]);
        pxt_draft_set_text(&drafts[i], PXT_FIELD_KEY, keys[i], 1);
        pxt_draft_set_text(&drafts[i], PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
        pxt_draft_set_number(&drafts[i], PXT_FIELD_TTL_SECONDS, TTL + 3);
    }
    is_int(pxt_cache_put_many(a, drafts, 2, NULL, NULL, &error), PXT_OK, "a puts many");
    pxt_cache_close(a);
    a = open_host(&host_a);
    ok(get(a, "k") == 3 && get(a, "m") == 3, "they count for a");
    ok(answers_soon(b, "k", 3) && answers_soon(b, "m", 3), "and for b");
    close_hosts(a, b);
}

static void what_is_brought_loses_nothing(void)
{
    char other_pool[200];
    uint64_t brought = 0;
    empty_folder();
    snprintf(other_pool, sizeof other_pool, "plugin: l3_sqlite, path: %s/other.db", folder);
    far_tier = other_pool;
    pxt_cache *from = open_host(&(struct host){"c", false, false, NULL, NULL});
    far_tier = NULL;
    put(from, "k", 1);
    report(from, "k", true);
    pxt_cache *a = open_host(&host_a), *b = open_host(&host_b);
    put(b, "k", 2);
    report(b, "k", true);
    report(b, "k", false);
    is_int(pxt_cache_migrate(a, from, &brought, &error), PXT_OK, "a brings the entries of another pool");
    is_int(number_of(a, "k", PXT_FIELD_TOTAL_HEALTH_CHECKS), 3, "what b has learnt meanwhile counts too");
    pxt_cache_close(from);
    close_hosts(a, b);
}

static void a_server_that_is_not_there_at_open(void)
{
    empty_folder();
    static const char away[] = ", durable: false, required: false";
    set_down(true);
    pxt_cache *a = open_host(&(struct host){"a", false, false, away, counts_once});
    is_int(put(a, "k", 1), PXT_EUNAVAILABLE, "while the server is away memory alone acknowledges nothing");
    set_down(false);
    sleep_ms(60);
    pxt_cache_tick(a, NULL, NULL);
    is_int(put(a, "k", 2), PXT_OK, "when it is there a put is taken: %s", error.message);
    pxt_cache *b = open_host(&(struct host){"b", false, false, cache, counts_once});
    is_int(get(b, "k"), 2, "another host gets it");
    is_int(put(b, "k", 3), PXT_OK, "and puts");
    ok(answers_soon(a, "k", 3), "which the first one sees");
    close_hosts(a, b);
}

/* A host that never had an entry is told by the server that it is known as dead. */
static void what_failed_on_a_no_list_of_b_brings_back(void)
{
    struct pxt_draft draft;
    struct pxt_report outcome = {.size = sizeof outcome, .ok = false, .latency_ms = -1};
    bool evicted = false, dead = false;
    setenv("PROXTIER_HEALTH_INVALIDATE", "true", 1);
    empty_folder();
    pxt_cache *a = open_host(&host_a), *b = open_host(&host_b);
    put(a, "k", 1);
    for (int i = 0; i < 10 && !evicted; i++)
        if (pxt_cache_report(a, "k", &outcome, NULL, &evicted, &error))
            diag("report: %s", error.message);
    ok(evicted && get(a, "k") == -PXT_NOT_FOUND, "an entry fails too often on a");
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, "k", 1);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    is_int(pxt_cache_put_list(b, &draft, 1, NULL, NULL, &dead, &error), PXT_OK, "b, which never had it, reads a list");
    ok(dead, "the list does not bring it back");
    is_int(get(b, "k"), -PXT_NOT_FOUND, "b has it not");
    is_int(get(a, "k"), -PXT_NOT_FOUND, "nor has a");
    is_int(put(b, "k", 2), PXT_OK, "but b can put it");
    ok(answers_soon(a, "k", 2), "and a has it again");
    close_hosts(a, b);
    unsetenv("PROXTIER_HEALTH_INVALIDATE");
}

/* The cache was opened while the server was away; the server comes back with what it had. */
static void what_is_deleted_while_the_server_is_absent(void)
{
    static const struct host host_absent = {"a", true, false, ", durable: false, required: false", counts_once};
    empty_folder();
    pxt_cache *a = open_host(&host_a);
    is_int(put(a, "k", 1), PXT_OK, "a puts, and the server has it, too");
    pxt_cache_close(a);
    set_down(true);
    a = open_host(&host_absent);
    is_int(get(a, "k"), 1, "a is opened while the server is away");
    is_int(pxt_cache_delete(a, "k", &error), PXT_OK, "and deletes");
    pxt_cache_tick(a, NULL, NULL);
    pxt_cache_tick(a, NULL, NULL);
    pxt_cache_close(a);
    set_down(false);
    a = open_host(&host_a);
    is_int(get(a, "k"), -PXT_NOT_FOUND, "the server is back: what was deleted is not");
    is_int(put(a, "k", 1), PXT_OK, "a puts again");
    pxt_cache_close(a);
    set_down(true);
    a = open_host(&host_absent);
    is_int(pxt_cache_clear(a, NULL, &error), PXT_EUNAVAILABLE, "a clear while the server is away is refused");
    pxt_cache_close(a);
    set_down(false);
}

static void a_capacity_is_refused(void)
{
    pxt_cache *a = NULL;
    empty_folder();
    is_int(try_open(&(struct host){"a", true, false, ", durable: false, max_entries: 10", NULL}, &a), PXT_ECONFIG,
           "a capacity of such a tier is refused");
    ok(strstr(error.message, "max_entries"), "for its server evicts by itself");
    pxt_cache_close(a);
}

int main(void)
{
    begin_tests();
    hosts_see_what_others_change();
    it_counts_for_nothing();
    it_may_be_emptied();
    it_may_go_back(false);
    it_may_go_back(true);
    alone_it_is_the_store();
    what_b_deleted_a_puts_again("a clock three minutes ahead", 180 * PXT_SECOND);
    what_b_deleted_a_puts_again("a clock two days ahead", 2 * 86400 * PXT_SECOND);
    what_is_brought_loses_nothing();
    a_server_that_is_not_there_at_open();
    what_failed_on_a_no_list_of_b_brings_back();
    what_is_deleted_while_the_server_is_absent();
    a_capacity_is_refused();
    return end_tests();
}
