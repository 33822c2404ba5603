/* SPDX-License-Identifier: MIT
 *
 * Two hosts with memory and files in front of one Redis server, which falters in each way that it can. Whatever happens to it,
 * nothing that a host acknowledged is lost, nothing old is served without a mark, a write that arrives late loses, and a get
 * waits for a server that hangs no longer than its deadline, and for one that the breaker has turned off not at all.
 */
#include "../lib/cutting_proxy.h"
#include "server.h"

enum { KEYS = 8, CHANGES = 40, DEADLINE_MS = 200, GONE = -1, PAUSE_MS = 2500 };

static pxt_cache *a, *b;
static int64_t acknowledged[KEYS]; /* the last value of each key, or GONE */
static const pxt_cache *changed_by[KEYS];
static int64_t next_value = 1;

/* ---- the server ------------------------------------------------------------------------------------------------- */

static int control = -1; /* a connection that is there before anything happens */

static void tell_server(const char *command)
{
    char reply[4096];
    if (write(control, command, strlen(command)) < 0 || write(control, "\r\n", 2) < 0 ||
        read(control, reply, sizeof reply) <= 0 || *reply == '-')
        diag("the server did not do: %s", command);
}

static void connect_control(void)
{
    char path[200];
    name_socket(path);
    if (control >= 0)
        close(control);
    control = connect_to(path);
}

/* ---- what may happen -------------------------------------------------------------------------------------------- */

static void kill_it(void)
{
    kill_server();
}
static void start_it(void)
{
    start_server(true);
    connect_control();
}
static void start_it_empty(void)
{
    forget_server_data();
    start_it();
}

static void run_in_folder(const char *what)
{
    char command[400];
    snprintf(command, sizeof command, "cd %s/server && %s", folder, what);
    if (system(command))
        diag("failed: %s", command);
}
static void keep_old_data(void)
{
    run_in_folder("rm -rf old && cp -a appendonlydir old");
}
static void start_it_with_old_data(void)
{
    kill_server();
    run_in_folder("rm -rf appendonlydir && mv old appendonlydir");
    start_it();
}

static void stop_it(void)
{
    kill(server, SIGSTOP);
}
static void continue_it(void)
{
    kill(server, SIGCONT);
}
static void pause_it(void)
{
    char command[100];
    snprintf(command, sizeof command, "client pause %d all", PAUSE_MS);
    tell_server(command);
}
static void wait_for_pause(void)
{
    sleep_ms(PAUSE_MS);
}
static void fill_it(void)
{
    tell_server("config set maxmemory 1");
}
static void give_it_room(void)
{
    tell_server("config set maxmemory 0");
}
static void make_it_a_replica(void)
{
    tell_server("replicaof 127.0.0.1 1");
}
static void make_it_primary(void)
{
    tell_server("replicaof no one");
}
static void refuse_connections(void)
{
    tell_server("config set maxclients 1");
    tell_server("client kill type normal");
    tell_server("client kill type pubsub");
}
static void accept_connections(void)
{
    tell_server("config set maxclients 1000");
}
static void cut_replies(void)
{
    atomic_store(&cut_after, 3);
}
static void cut_no_more(void)
{
    atomic_store(&cut_after, -1);
}

static const struct trouble {
    const char *name;
    void (*begin)(void), (*end)(void);
    bool hangs;    /* calls are not answered */
    bool by_proxy; /* the server is reached through the proxy */
    bool old_data; /* the server is on meanwhile, and goes back at the end */
} troubles[] = {
    {"killed", kill_it, start_it, false, false, false},
    {"restarted empty", kill_it, start_it_empty, false, false, false},
    {"restarted with old data", keep_old_data, start_it_with_old_data, false, false, true},
    {"stopped", stop_it, continue_it, true, false, false},
    {"slow (CLIENT PAUSE)", pause_it, wait_for_pause, true, false, false},
    {"full", fill_it, give_it_room, false, false, false},
    {"read-only (replica)", make_it_a_replica, make_it_primary, false, false, false},
    {"out of connections", refuse_connections, accept_connections, false, false, false},
    {"cut in the middle of a reply", cut_replies, cut_no_more, false, true, false},
};

/* ---- what the hosts do ------------------------------------------------------------------------------------------ */

static void key_name(char out[10], int key)
{
    snprintf(out, 10, "k%d", key);
}

/* Puts or deletes; returns whether it was acknowledged. */
static bool change(pxt_cache *cache, int key, bool removes)
{
    char name[10];
    key_name(name, key);
    pxt_status status = removes ? pxt_cache_delete(cache, name, &error) : put(cache, name, next_value);
    if (status && !(removes && status == PXT_NOT_FOUND)) {
        diag("%s: %s", name, error.message);
        return false;
    }
    acknowledged[key] = removes ? GONE : next_value;
    changed_by[key] = cache;
    next_value++;
    return true;
}

static bool is_right(pxt_cache *cache, int key)
{
    char name[10];
    key_name(name, key);
    return get(cache, name) == (acknowledged[key] == GONE ? -PXT_NOT_FOUND : acknowledged[key]);
}

/* While the server falters: what is not marked as stale is what was acknowledged. What this host has changed last is served, or
 * is gone; what the other one has may not be there. */
static bool is_not_wrong(pxt_cache *cache, int key)
{
    char name[10];
    pxt_entry *entry = NULL;
    key_name(name, key);
    pxt_status status = pxt_cache_get(cache, name, &entry, &error);
    bool own = changed_by[key] == cache, stale = pxt_entry_is_stale(entry);
    bool right = entry && pxt_entry_number(entry, PXT_FIELD_TTL_SECONDS) - TTL == acknowledged[key];
    pxt_entry_release(entry);
    if (status == PXT_OK && (right || (stale && !own)))
        return true;
    if (status == PXT_NOT_FOUND && acknowledged[key] == GONE)
        return true;
    if (status != PXT_OK && status != PXT_NOT_FOUND && (acknowledged[key] == GONE || !own))
        return true;
    diag("%s: %s%s", name, status ? error.message : "another value", stale ? ", stale" : "");
    return false;
}

/* Changes keys, and looks at each afterwards. */
static void work(pxt_cache *cache, int *refused, int *wrong)
{
    *refused = *wrong = 0;
    for (int i = 0; i < CHANGES; i++) {
        int key = i * 3 % KEYS;
        *refused += !change(cache, key, i % 7 == 6);
        *wrong += !is_not_wrong(cache, key);
    }
}

/* Ticks until both hosts answer with what was acknowledged. */
static bool agree(void)
{
    int bad = 0;
    char name[10];
    for (int64_t end = now_ms() + 30000; now_ms() < end; sleep_ms(20)) {
        bad = 0;
        for (int key = 0; key < KEYS; key++)
            bad += !is_right(a, key) + !is_right(b, key);
        if (!bad)
            return true;
        pxt_cache_tick(a, NULL, NULL);
        pxt_cache_tick(b, NULL, NULL);
    }
    for (int key = 0; key < KEYS; key++) {
        key_name(name, key);
        diag("%s: acknowledged %lld, a %lld, b %lld (%s)", name, (long long)acknowledged[key], (long long)get(a, name),
             (long long)get(b, name), error.message);
    }
    return false;
}

static void begin(const struct trouble *trouble)
{
    static char text[300];
    char socket_path[200], server_socket[200];
    name_socket(socket_path);
    if (trouble->by_proxy)
        snprintf(socket_path, sizeof socket_path, "%s/proxy", folder);
    snprintf(text, sizeof text, "plugin: redis, socket: %s, max_staleness: 1ms, timeout: %dms, patience: 500ms",
             socket_path, DEADLINE_MS);
    far_tier = text;
    kill_server();
    empty_folder();
    start_it();
    if (trouble->by_proxy) {
        name_socket(server_socket);
        start_proxy(socket_path, server_socket);
    }
    static const char core[] = "fail_safe: true\ndegrade: {threshold: 2, backoff: 200ms, backoff_max: 200ms}\n";
    a = open_host(&(struct host){"a", true, true, NULL, core});
    b = open_host(&(struct host){"b", true, true, NULL, core});
}

static void end(void)
{
    pxt_cache_close(a);
    pxt_cache_close(b);
    stop_proxy();
}

static enum pxt_tier_state state_of_server(pxt_cache *cache)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, NULL);
    return stats.tier[stats.tier_count - 1].state;
}

/* While the server hangs: each get waits for its deadline at most, and after a few none waits. */
static void time_gets(void)
{
    enum { GETS = 60 };
    int64_t longest = 0, start = now_ms(), bad = 0;
    for (int i = 0; i < GETS; i++) {
        int64_t before = now_ms();
        bad += !is_not_wrong(a, i % KEYS);
        int64_t took = now_ms() - before;
        longest = took > longest ? took : longest;
        sleep_ms(2); /* memory is old again */
    }
    int64_t all = now_ms() - start;
    is_int(bad, 0, "no get has something else than what was acknowledged");
    ok(longest < DEADLINE_MS + 1500, "the longest waited for its deadline: %lld ms", (long long)longest);
    ok(all < GETS * DEADLINE_MS / 2, "most waited for nothing: %d took %lld ms", GETS, (long long)all);
    ok(state_of_server(a) != PXT_TIER_ON, "as the server is off");
}

static void meet(const struct trouble *trouble)
{
    int refused, wrong;
    begin(trouble);
    for (int key = 0; key < KEYS; key++)
        change(key % 2 ? a : b, key, false);
    ok(agree(), "%s: before it both hosts agree", trouble->name);
    trouble->begin();
    if (trouble->hangs)
        time_gets();
    work(a, &refused, &wrong);
    is_int(refused, 0, "host a acknowledges its changes");
    is_int(wrong, 0, "and answers with them");
    if (trouble->old_data) { /* the other host sees them; and then the server forgets */
        ok(agree(), "the other host sees them");
        work(b, &refused, &wrong);
        is_int(refused + wrong, 0, "and makes changes, too");
    }
    trouble->end();
    ok(agree(), "afterwards both hosts have what was acknowledged");
    work(b, &refused, &wrong);
    is_int(refused + wrong, 0, "and host b makes changes");
    ok(agree(), "which host a sees");
    end();
}

int main(void)
{
    begin_with_server(900);
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof troubles / sizeof *troubles; i++)
        meet(&troubles[i]);
    return end_with_server(tap_done());
}
