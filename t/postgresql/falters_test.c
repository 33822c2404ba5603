/* SPDX-License-Identifier: MIT
 *
 * Two hosts with one PostgreSQL server that cuts connections in the middle of a reply, or whose rows are locked for long. What was
 * acknowledged is not lost, what was not may be tried again, and a call waits no longer than its deadline.
 */
#include "server.h"
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

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

/* ---- a proxy before the server, which cuts connections in the middle of replies --------------------------------- */

static atomic_int cut_after = -1; /* bytes of replies that are still let through; -1: all */
static int proxy_socket = -1;

static struct sockaddr_un address_of(const char *folder_name)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.40s/%s/.s.PGSQL.5432", cluster, folder_name);
    return address;
}

/* Passes on what came. False: the connection is at its end. */
static bool pass(int from, int to, bool is_reply)
{
    char bytes[16384];
    ssize_t length = read(from, bytes, sizeof bytes);
    int left = atomic_load(&cut_after);
    bool cuts = is_reply && left >= 0 && length > left;
    if (length > 0 && is_reply && left >= 0)
        atomic_store(&cut_after, cuts ? 0 : left - (int)length);
    size_t some = cuts ? (size_t)left : (size_t)(length > 0 ? length : 0);
    return length > 0 && write(to, bytes, some) == (ssize_t)some && !cuts;
}

static void *pass_on(void *arg)
{
    struct sockaddr_un address = address_of("s");
    int client = (int)(intptr_t)arg, there = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pollfd wait[] = {{.fd = client, .events = POLLIN}, {.fd = there, .events = POLLIN}};
    bool goes_on = there >= 0 && !connect(there, (const struct sockaddr *)&address, sizeof address);
    while (goes_on && poll(wait, 2, -1) > 0)
        goes_on = (!wait[0].revents || pass(client, there, false)) && (!wait[1].revents || pass(there, client, true));
    if (there >= 0)
        close(there);
    close(client);
    return NULL;
}

static void *accept_all(void *arg)
{
    int client;
    while ((client = accept(proxy_socket, NULL, NULL)) >= 0) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, pass_on, (void *)(intptr_t)client))
            close(client);
        else
            pthread_detach(thread);
    }
    return arg;
}

static void start_proxy(void)
{
    static pthread_t thread;
    char path[100];
    struct sockaddr_un address = address_of("p");
    snprintf(path, sizeof path, "%.40s/p", cluster);
    proxy_socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (mkdir(path, 0755) || proxy_socket < 0 || bind(proxy_socket, (void *)&address, sizeof address) ||
        listen(proxy_socket, 100) || pthread_create(&thread, NULL, accept_all, NULL)) {
        printf("Bail out! no proxy\n");
        exit(1);
    }
    pthread_detach(thread);
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
    /* The first reply, of the read before a put, has some 1500 bytes; that of the write is short. */
    enum { SMALL = 10, FROM = 1000, STEP = 17, ALL = 80 };
    int refused = 0, written = 0, lost = 0, back = 0;
    open_both("");
    ok(put_soon(a, "k", 1) && soon(b, "k", 1), "a puts, b gets");
    for (int i = 0; i < ALL; i++) {
        const int64_t before = 10 * (i + 1) - 9, value = 10 * (i + 1);
        atomic_store(&cut_after, i < SMALL ? 9 * i : FROM + STEP * (i - SMALL));
        bool taken = put(a, "k", value) == PXT_OK;
        atomic_store(&cut_after, -1);
        refused += !taken;
        lost += taken && !soon(b, "k", value);
        int64_t seen = get(b, "k");
        back += seen != value && seen != before;
        written += !taken && seen == value;
        lost += !put_soon(a, "k", value + 1) || !soon(b, "k", value + 1);
    }
    ok(refused > 0 && refused < ALL, "%d puts whose reply was cut are not acknowledged", refused);
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

int main(void)
{
    if (!control("sh %s check%s", "")) {
        skip("the server of PostgreSQL is not installed");
        return tap_done();
    }
    if (!mkdtemp(folder) || !mkdtemp(cluster) || chmod(cluster, 0755) || !control("sh %s make %s/s", cluster))
        return 1;
    start_server(NULL);
    start_proxy();
    a_reply_that_is_cut_loses_nothing();
    a_row_that_is_locked_costs_a_deadline();
    remove_all();
    return tap_done();
}
