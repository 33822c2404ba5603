/* SPDX-License-Identifier: MIT
 *
 * Two hosts with one PostgreSQL server: each hears of what the other changes; and the server is killed, hangs, is slow, cuts
 * connections, has none left, or takes no writes.
 */
#include "server.h"
#include <pthread.h>
#include <stdint.h>

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
    for (int64_t end = now_ms() + 20000; now_ms() < end; sleep_ms(2)) {
        if (get(cache, key) == value)
            return true;
        pxt_cache_tick(a, NULL, NULL);
        pxt_cache_tick(b, NULL, NULL);
    }
    diag("%s: %lld, %s", key, (long long)get(cache, key), error.message);
    return false;
}

static bool put_soon(pxt_cache *cache, const char *key, int64_t value)
{
    for (int64_t end = now_ms() + 20000; now_ms() < end; sleep_ms(2)) {
        if (put(cache, key, value) == PXT_OK)
            return true;
        pxt_cache_tick(cache, NULL, NULL);
    }
    diag("put of %s: %s", key, error.message);
    return false;
}

static void begin(void)
{
    empty_folder();
    if (server < 0)
        start_server(NULL);
    sql("DROP SCHEMA IF EXISTS proxtier CASCADE");
    far_tier = postgresql_tier();
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
    for (int64_t end = now_ms() + 20000; tier && now_ms() < end; sleep_ms(2))
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
    int64_t told[100];
    begin();
    open_both(false, ", timeout: 5s", quick);
    for (int i = 0; i < 100; i++) {
        if (i == 33 || i == 66)
            kill_server(i == 33 ? SIGKILL : SIGQUIT);
        snprintf(key, sizeof key, "k%d", i % 10);
        told[i] = put(a, key, i);
        refused += told[i] != PXT_OK;
        if (i == 40 || i == 73) {
            start_server(NULL);
            ok(put_soon(a, "again", i), "the server is back: puts go on");
        }
    }
    ok(refused > 0, "while the server is gone a chain without another durable tier refuses: %d puts", refused);
    for (int k = 0; k < 10; k++) {
        int last = -1;
        for (int i = k; i < 100; i += 10)
            last = told[i] == PXT_OK ? i : last;
        snprintf(key, sizeof key, "k%d", k);
        soon(b, "again", 73);
        int64_t found = get(b, key);
        if (found < last) {
            diag("%s: %lld, not %d: %s", key, (long long)found, last, error.message);
            lost++;
        }
    }
    is_int(lost, 0, "the other host sees each put that was acknowledged, or a later one");
    close_both();
}

static void files_bridge_the_time_without_a_server(void)
{
    begin();
    open_both(true, NULL, quick);
    put(a, "k", 1);
    put(a, "gone", 3);
    pxt_cache_delete(b, "gone", NULL);
    kill_server(SIGQUIT);
    is_int(put(a, "k", 4), PXT_OK, "a host with files takes a put while the server is gone");
    is_int(get(a, "k"), 4, "and answers with it");
    start_server(NULL);
    ok(soon(b, "k", 4), "the server is back: the other host sees what was put");
    ok(soon(a, "gone", -PXT_NOT_FOUND) && soon(b, "gone", -PXT_NOT_FOUND), "what was deleted is not there");
    close_both();
}

static void a_server_that_hangs_costs_a_deadline(void)
{
    begin();
    open_both(true, ", timeout: 200ms, patience: 2s", quick);
    put(a, "k", 1);
    put(a, "late", 1);
    get(b, "k");
    /* A lock of another session: the statement waits for it. */
    fflush(stdout);
    pid_t locker = fork();
    if (!locker) {
        char command[600];
        snprintf(command, sizeof command,
                 "exec psql -h %s/s -U proxtier -d postgres -qAtc \"BEGIN;LOCK proxtier.cache_entries;SELECT "
                 "pg_sleep(8)\" >/dev/null 2>&1",
                 cluster);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    sleep_ms(1000);
    int64_t start = now_ms();
    is_int(put(a, "late", 2), PXT_OK, "a put while the server does not answer is taken by the files");
    int64_t took = now_ms() - start;
    ok(took < 6000, "it waits for the deadline, and not for the lock: %lld ms", (long long)took);
    is_int(get(a, "late"), 2, "and is answered with");
    waitpid(locker, NULL, 0);
    ok(soon(b, "late", 2), "when the server goes on, the other host sees it");
    ok(put_soon(b, "late", 3), "a newer put");
    sleep_ms(50);
    ok(soon(a, "late", 3) && soon(b, "late", 3), "is not replaced by a write that arrived late");
    close_both();
}

static void cut_connections_are_made_anew(void)
{
    begin();
    open_both(false, ", timeout: 5s", quick);
    put(a, "k", 1);
    get(b, "k");
    ok(sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name='proxtier'"),
       "the server cuts all connections");
    ok(put_soon(a, "k", 2), "a puts again");
    ok(soon(b, "k", 2), "b, whose memory may have missed a notice, asks again");
    close_both();
}

/* Gets of keys that no tier has: each asks the server. */
static void *get_many_keys(void *arg)
{
    intptr_t wrong = 0;
    char key[40];
    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "missing-%p-%d", arg, i);
        wrong += get(a, key) != -PXT_NOT_FOUND;
    }
    return (void *)wrong;
}

static void calls_share_what_the_server_has_left(void)
{
    enum { THREADS = 6 };
    static char few[400];
    pthread_t thread[THREADS];
    intptr_t wrong = 0;
    begin();
    ok(sql("CREATE ROLE few LOGIN CONNECTION LIMIT 2") && sql("GRANT CREATE ON DATABASE postgres TO few"),
       "a role may have two connections");
    snprintf(few, sizeof few, "plugin: postgresql, conninfo: 'host=%s/s user=few dbname=postgres'", cluster);
    far_tier = few;
    a = open_host(&(struct host){"a", false, false, ", timeout: 20s, connections: 8", NULL});
    is_int(put(a, "k", 1), PXT_OK, "one is for notices, and one for calls");
    for (intptr_t i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, get_many_keys, (void *)i))
            exit(1);
    for (int i = 0; i < THREADS; i++) {
        void *its;
        pthread_join(thread[i], &its);
        wrong += (intptr_t)its;
    }
    is_int(wrong, 0, "gets of %d threads take their turns", THREADS);
    ok(try_open(&(struct host){"b", false, false, ", patience: 500ms", NULL}, &b) != PXT_OK,
       "another process is refused: %s", error.message);
    is_int(put(a, "k", 2), PXT_OK, "the first goes on");
    pxt_cache_close(b);
    pxt_cache_close(a);
    a = b = NULL;
    sql("DROP OWNED BY few CASCADE");
    sql("DROP ROLE few");
}

static void *lease_often(void *arg)
{
    char id[PXT_LEASE_ID_MAX + 1];
    intptr_t taken = 0;
    for (int i = 0; i < 5; i++) {
        pxt_entry *entry = NULL;
        struct pxt_error own;
        if (pxt_cache_lease(arg, NULL, NULL, NULL, &entry, id, &own))
            continue;
        taken++;
        pxt_entry_release(entry);
    }
    return (void *)taken;
}

static void a_lease_is_held_by_one_host(void)
{
    enum { THREADS = 6 };
    const struct pxt_lease_options long_one = {.size = sizeof long_one, .ttl = 3600};
    pthread_t thread[THREADS];
    char id[PXT_LEASE_ID_MAX + 1];
    pxt_entry *entry = NULL;
    intptr_t taken = 0;
    begin();
    open_both(false, ", timeout: 20s", NULL);
    put(a, "k", 1);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&thread[i], NULL, lease_often, i % 2 ? a : b))
            exit(1);
    for (int i = 0; i < THREADS; i++) {
        void *its;
        pthread_join(thread[i], &its);
        taken += (intptr_t)its;
    }
    is_int(taken, 1, "of many calls of two hosts one gets the lease");
    put(a, "other", 2);
    is_int(pxt_cache_lease(a, NULL, NULL, &long_one, &entry, id, &error), PXT_OK, "another entry is leased");
    pxt_entry_release(entry);
    kill_server(SIGKILL);
    start_server(NULL);
    struct pxt_error own;
    pxt_status status = PXT_EUNAVAILABLE;
    for (int64_t end = now_ms() + 20000; status && status != PXT_NOT_FOUND && now_ms() < end; sleep_ms(5)) {
        pxt_cache_tick(b, NULL, NULL);
        status = pxt_cache_renew(b, id, 60, &own);
    }
    is_int(status, PXT_OK, "when the server was killed and started again it is held, and the other host can renew it");
    close_both();
}

static void a_server_that_takes_no_writes_is_a_lost_one(void)
{
    begin();
    open_both(false, ", timeout: 5s", quick);
    put(a, "k", 1);
    ok(sql("ALTER SYSTEM SET default_transaction_read_only=on") && sql("SELECT pg_reload_conf()"),
       "the server becomes read-only");
    pxt_status status = PXT_OK;
    for (int64_t end = now_ms() + 20000; status == PXT_OK && now_ms() < end; sleep_ms(5))
        status = put(a, "k", 2);
    is_int(status, PXT_EUNAVAILABLE, "a put says that it is not there: %s", error.message);
    kill_server(SIGQUIT);
    char command[300];
    snprintf(command, sizeof command, ": >%s/s/data/postgresql.auto.conf", cluster);
    ok(!system(command), "it starts anew with writes allowed");
    start_server(NULL);
    ok(put_soon(a, "k", 3), "a puts again");
    ok(soon(b, "k", 3), "b gets");
    close_both();
}

/* A plugin prints nothing, whatever the server remarks. */
static void nothing_was_printed(FILE *printed)
{
    char line[300];
    unsigned lines = 0;
    rewind(printed);
    for (; fgets(line, sizeof line, printed); lines++)
        diag("%s", line);
    is_int(lines, 0, "the plugin prints nothing");
}

int main(void)
{
    FILE *printed = tmpfile();
    begin_with_server();
    if (!printed || dup2(fileno(printed), 2) != 2)
        return 1;
    memory_follows_the_other_host(true);
    memory_follows_the_other_host(false);
    what_was_acknowledged_survives_a_kill();
    files_bridge_the_time_without_a_server();
    a_server_that_hangs_costs_a_deadline();
    cut_connections_are_made_anew();
    calls_share_what_the_server_has_left();
    a_lease_is_held_by_one_host();
    a_server_that_takes_no_writes_is_a_lost_one();
    nothing_was_printed(printed);
    return end_with_server(tap_done());
}
