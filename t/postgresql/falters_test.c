/* SPDX-License-Identifier: MIT
 *
 * Two hosts with one PostgreSQL server that cuts connections in the middle of a reply, or whose rows are locked for long. What was
 * acknowledged is not lost, what was not may be tried again, and a call waits no longer than its deadline.
 */
#include "../lib/cutting_proxy.h"
#include "server.h"
#include <sys/stat.h>

static pxt_cache *a, *b;

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

/* What a host has after a put that was not acknowledged: one of two. It asks the server, when the server may be asked again. */
static int64_t after_a_refusal(pxt_cache *cache, const char *key, int64_t before, int64_t value)
{
    int64_t seen = -1;
    for (int64_t end = now_ms() + 20000; seen != before && seen != value && now_ms() < end; sleep_ms(2)) {
        pxt_cache_tick(cache, NULL, NULL);
        seen = get(cache, key);
    }
    return seen;
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

/* ---- tests ---- */

static const char core[] = "degrade: {threshold: 1, backoff: 10ms, backoff_max: 20ms}\n";

/* `a` is behind the proxy, `b` is not. */
static void open_both(const char *more)
{
    static char behind[400];
    snprintf(behind, sizeof behind,
             "plugin: postgresql, conninfo: 'host=%s/p user=proxtier dbname=postgres', max_staleness: 1h", cluster);
    empty_folder();
    far_tier = behind;
    a = open_host(&(struct host){"a", false, false, more, core});
    far_tier = postgresql_tier();
    b = open_host(&(struct host){"b", false, false, more, core});
}

static void a_reply_that_is_cut_loses_nothing(void)
{
    /* The long reply is that to the read before a put. The last bytes are of the reply to the write. */
    enum { ALL = 80, LAST = 40, STEP = 5 };
    int refused = 0, written = 0, lost = 0, back = 0;
    open_both("");
    ok(put_soon(a, "k", 1) && soon(b, "k", 1), "a puts, b gets");
    atomic_store(&replied, 0);
    ok(put(a, "k", 1) == PXT_OK, "a puts again");
    const int all = atomic_load(&replied);
    for (int i = 0; i < ALL; i++) {
        const int64_t before = 10 * (i + 1) - 9, value = 10 * (i + 1);
        atomic_store(&cut_after, i < ALL - LAST ? all * i / (ALL - LAST) : all - STEP * (ALL - i));
        bool taken = put(a, "k", value) == PXT_OK;
        atomic_store(&cut_after, -1);
        refused += !taken;
        lost += taken && !soon(b, "k", value);
        int64_t seen = get(b, "k");
        back += seen != value && seen != before;
        written += !taken && after_a_refusal(a, "k", before, value) == value;
        lost += !put_soon(a, "k", value + 1) || !soon(b, "k", value + 1);
    }
    ok(refused > 0, "%d puts whose reply was cut are not acknowledged", refused); /* the last ones only by chance */
    ok(written > 0, "%d of them were made: only the reply to the write was cut", written);
    is_int(lost, 0, "what was acknowledged is not lost, and puts go on");
    is_int(back, 0, "what was not acknowledged is there, or is not");
    pxt_cache_close(a);
    pxt_cache_close(b);
}

static void a_row_that_is_locked_costs_a_deadline(void)
{
    char command[700];
    open_both(", timeout: 400ms, patience: 5s");
    ok(put_soon(a, "k", 1) && put_soon(a, "other", 1) && soon(b, "k", 1), "a puts, b gets");
    snprintf(command, sizeof command,
             "psql -h %s/s -U proxtier -d postgres -qAtc \"BEGIN\" -c \"SELECT key FROM proxtier.cache_entries WHERE "
             "key='k' "
             "FOR UPDATE\" -c \"SELECT pg_sleep(6)\" -c COMMIT >/dev/null 2>&1 &",
             cluster);
    ok(!system(command), "another program locks a row, and sleeps");
    for (int64_t end = now_ms() + 10000; now_ms() < end && sql("SELECT 1/(1-count(*)) FROM pg_stat_activity WHERE "
                                                               "wait_event='PgSleep'");)
        sleep_ms(10);
    int64_t start = now_ms();
    pxt_status status = put(a, "k", 2);
    int64_t took = now_ms() - start;
    ok(status != PXT_OK, "a put of the row is refused: %s", error.message);
    ok(took < 4000, "when its deadline has passed: %lld ms", (long long)took);
    ok(put_soon(a, "other", 2), "other rows can be put");
    ok(put_soon(a, "k", 3) && soon(b, "k", 3), "the row too, when it is free");
    pxt_cache_close(a);
    pxt_cache_close(b);
}

static void start_proxy_of_server(void)
{
    char path[100], server_socket[100];
    snprintf(path, sizeof path, "%.40s/p", cluster);
    if (mkdir(path, 0755))
        exit(1);
    snprintf(path, sizeof path, "%.40s/p/.s.PGSQL.5432", cluster);
    snprintf(server_socket, sizeof server_socket, "%.40s/s/.s.PGSQL.5432", cluster);
    start_proxy(path, server_socket);
}

int main(void)
{
    begin_with_server();
    start_server(NULL);
    start_proxy_of_server();
    a_reply_that_is_cut_loses_nothing();
    a_row_that_is_locked_costs_a_deadline();
    return end_with_server(tap_done());
}
