/* SPDX-License-Identifier: MIT
 *
 * Two hosts with one Redis server: each hears of what the other changes; and the server is killed, emptied, or hangs.
 */
#include "server.h"

static const char quick[] = "degrade: {threshold: 1, backoff: 10ms, backoff_max: 20ms}\n";

/* The hosts, which have no janitor. */
static pxt_cache *a, *b;

static void open_both(bool l2, const char *far, const char *core)
{
    a = open_host(&(struct host){"a", l2, false, far, core});
    b = open_host(&(struct host){"b", l2, false, far, core});
}

static void close_both(void)
{
    pxt_cache_close(a);
    pxt_cache_close(b);
    a = b = NULL;
}

/* Whether a host answers so within some seconds. */
static bool soon(pxt_cache *cache, const char *key, int64_t value)
{
    for (int64_t end = now_ms() + 5000; now_ms() < end; sleep_ms(2)) {
        if (get(cache, key) == value)
            return true;
        pxt_cache_tick(a, NULL, NULL);
        pxt_cache_tick(b, NULL, NULL);
    }
    diag("%s: %lld, %s", key, (long long)get(cache, key), error.message);
    return false;
}

/* What a host finds. One that cannot reach the server, or gets no answer in time, says so, and is asked again for some seconds;
 * that there is no such entry is an answer. */
static int64_t found_by(pxt_cache *cache, const char *key)
{
    int64_t found = get(cache, key);
    for (int64_t end = now_ms() + 20000; found < 0 && found != -PXT_NOT_FOUND && now_ms() < end; sleep_ms(2)) {
        pxt_cache_tick(cache, NULL, NULL);
        found = get(cache, key);
    }
    return found;
}

static void begin(void)
{
    kill_server();
    empty_folder();
    start_server(true);
    far_tier = redis_tier();
}

static void memory_follows_the_other_host(bool l2)
{
    const char *what = l2 ? "with files" : "without files";
    unsigned tier = 99;
    begin();
    open_both(l2, NULL, NULL);
    is_int(put(a, "k", 1), PXT_OK, "%s: a puts", what);
    is_int(get(b, "k"), 1, "b sees it");
    /* The notice of the put may come after the first get. */
    for (int64_t end = now_ms() + 5000; tier && now_ms() < end; sleep_ms(2))
        get_from(b, "k", &tier);
    is_int(tier, 0, "and then from its memory");
    put(a, "k", 2);
    ok(soon(b, "k", 2), "a puts anew: b's memory hears of it");
    put(b, "k", 3);
    ok(soon(a, "k", 3), "and the other way round");
    is_int(pxt_cache_delete(a, "k", &error), PXT_OK, "a deletes");
    ok(soon(b, "k", -PXT_NOT_FOUND), "b's memory forgets");
    put(b, "k", 5);
    ok(soon(a, "k", 5), "a key that was deleted can be put again");
    is_int(pxt_cache_clear(b, NULL, &error), PXT_OK, "b clears");
    ok(soon(a, "k", -PXT_NOT_FOUND), "a sees that too");
    close_both();
}

static void what_was_acknowledged_survives_a_kill(void)
{
    int lost = 0, refused = 0;
    char key[20];
    begin();
    open_both(false, ", timeout: 2s", quick);
    int64_t told[100];
    for (int i = 0; i < 100; i++) {
        if (i % 25 == 13)
            kill_server();
        snprintf(key, sizeof key, "k%d", i % 10);
        told[i] = put(a, key, i);
        refused += told[i] != PXT_OK;
        if (i % 25 == 20) {
            start_server(true);
            while (put(a, "again", i))
                pxt_cache_tick(a, NULL, NULL);
        }
    }
    ok(refused > 0, "while the server is gone a chain without another durable tier refuses: %d puts", refused);
    for (int k = 0; k < 10; k++) {
        int last = -1;
        for (int i = k; i < 100; i += 10)
            last = told[i] == PXT_OK ? i : last;
        snprintf(key, sizeof key, "k%d", k);
        int64_t found = found_by(b, key);
        if (found < last) {
            diag("%s: %lld, not %d: %s", key, (long long)found, last, error.message);
            lost++;
        }
    }
    is_int(lost, 0, "the other host sees each put that was acknowledged, or a later one");
    close_both();
}

static void a_server_that_comes_back_empty_is_filled(void)
{
    begin();
    open_both(true, NULL, quick);
    put(a, "k", 1);
    put(b, "other", 2);
    put(a, "gone", 3);
    pxt_cache_delete(b, "gone", NULL);
    kill_server();
    is_int(put(a, "k", 4), PXT_OK, "a host with files takes a put while the server is gone");
    is_int(get(a, "k"), 4, "and answers with it");
    forget_server_data();
    start_server(true);
    ok(soon(a, "k", 4), "the server is back without data: a goes on");
    ok(soon(b, "k", 4), "b sees what a had put");
    ok(soon(a, "other", 2), "what b had is there for a");
    ok(soon(a, "gone", -PXT_NOT_FOUND) && soon(b, "gone", -PXT_NOT_FOUND), "what was deleted is not");
    close_both();
}

static void a_server_that_hangs_costs_a_deadline(void)
{
    begin();
    open_both(true, ", timeout: 200ms, patience: 500ms", quick);
    put(a, "k", 1);
    put(a, "late", 1);
    get(b, "k");
    kill(server, SIGSTOP);
    int64_t start = now_ms();
    is_int(put(a, "late", 2), PXT_OK, "a put while the server hangs is taken by the files");
    int64_t took = now_ms() - start;
    ok(took < 5000, "it waits for the deadline, and not for ever: %lld ms", (long long)took);
    is_int(get(a, "late"), 2, "and is answered with");
    kill(server, SIGCONT);
    ok(soon(b, "late", 2), "when the server goes on, the other host sees it");
    is_int(put(b, "late", 3), PXT_OK, "a newer put");
    sleep_ms(50);
    ok(soon(a, "late", 3) && soon(b, "late", 3), "is not replaced by a write that arrived late");
    close_both();
}

static void a_replica_refuses_writes(void)
{
    begin();
    open_both(false, NULL, NULL);
    char command[400], path[200];
    name_socket(path);
    put(a, "k", 1);
    snprintf(command, sizeof command, "redis-cli -s %s replicaof 127.0.0.1 1 >/dev/null", path);
    ok(!system(command), "the server becomes a replica");
    is_int(put(a, "k", 2), PXT_EACCES, "a put is refused");
    ok(strstr(error.message, "replica") != NULL, "the message says why: %s", error.message);
    close_both();
}

int main(void)
{
    begin_with_server(300);
    memory_follows_the_other_host(true);
    memory_follows_the_other_host(false);
    what_was_acknowledged_survives_a_kill();
    a_server_that_comes_back_empty_is_filled();
    a_server_that_hangs_costs_a_deadline();
    a_replica_refuses_writes();
    return end_with_server(tap_done());
}
