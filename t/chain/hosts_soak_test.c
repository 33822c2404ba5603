/* SPDX-License-Identifier: MIT
 *
 * Two hosts of two processes put, delete and read, while the server goes away and comes back at random: nothing acknowledged is
 * lost, no value goes back for any reader, and at the end both hosts agree.
 */
#include "hosts.h"
#include <signal.h>
#include <sys/wait.h>

enum { HOSTS = 2, PROCESSES = 2, KEYS = 5, DELETED = -1, SOME = 7 };
static const char *const names[HOSTS] = {"a", "b"};

/* What the owner of some keys knows of them. */
struct owned {
    int64_t acknowledged[KEYS]; /* what was put last, or DELETED */
    int64_t tried[KEYS];        /* the last change that was not acknowledged: may have taken effect */
    int back, wrong, refused, done;
    char what[200];
};

static void name_key(int host, int process, int n, char text[30])
{
    snprintf(text, 30, "%s-%d-%d", names[host], process, n);
}

/* A reader of another host's keys. */
static void read_keys(pxt_cache *cache, int host, int process, int64_t *last, struct owned *owned)
{
    char key[30];
    for (int n = 0; n < KEYS; n++) {
        name_key(host, process, n, key);
        int64_t seen = get(cache, key);
        if (seen >= 0 && seen < last[n]) {
            snprintf(owned->what, sizeof owned->what, "%s: %lld after %lld", key, (long long)seen, (long long)last[n]);
            owned->back++;
        }
        last[n] = seen > last[n] ? seen : last[n];
    }
}

/* Changes one of its own keys, and reads it. */
static void change_key(pxt_cache *cache, int host, int process, int64_t i, struct owned *owned)
{
    char key[30];
    int n = (int)(i % KEYS);
    bool deletes = i % SOME == SOME - 1;
    name_key(host, process, n, key);
    pxt_status status = deletes ? pxt_cache_delete(cache, key, &error) : put(cache, key, i);
    if (status != PXT_OK && !(deletes && status == PXT_NOT_FOUND)) {
        owned->tried[n] = deletes ? DELETED : i;
        owned->refused++;
        return;
    }
    owned->done++;
    owned->acknowledged[n] = owned->tried[n] = deletes ? DELETED : i;
    int64_t seen = get(cache, key);
    int64_t wanted = deletes ? -(int64_t)PXT_NOT_FOUND : i;
    if (seen != wanted && seen != -(int64_t)PXT_EUNAVAILABLE) {
        snprintf(owned->what, sizeof owned->what, "%s: %lld instead of %lld", key, (long long)seen, (long long)wanted);
        owned->wrong++;
    }
}

static void work(int host, int process, int64_t until_ms, int to)
{
    struct owned owned = {.done = 0};
    int64_t last[KEYS] = {0}, i = 0;
    pxt_cache *cache = open_host(&(struct host){names[host], true, true, ", fail: 200, lose: 5, required: false",
                                                "degrade: {threshold: 2, backoff: 5ms, backoff_max: 20ms}\n"});
    while (now_ms() < until_ms) {
        change_key(cache, host, process, ++i, &owned);
        read_keys(cache, (host + 1) % HOSTS, process, last, &owned);
        read_keys(cache, (host + 1) % HOSTS, process, last, &owned);
        if (i % 50 == 0)
            pxt_cache_tick(cache, NULL, NULL);
    }
    pxt_cache_close(cache);
    _exit(write(to, &owned, sizeof owned) != (ssize_t)sizeof owned);
}

static void settle(void)
{
    for (int round = 0; round < 3; round++)
        for (int h = 0; h < HOSTS; h++) {
            pxt_cache *cache = open_host(&(struct host){names[h], true, false, NULL, NULL});
            pxt_cache_tick(cache, NULL, NULL);
            pxt_cache_close(cache);
        }
}

/* Compares what a host has of the keys of one process with what that was told. */
static int count_lost(pxt_cache *cache, int host, int process, const struct owned *owned)
{
    char key[30];
    int lost = 0;
    for (int n = 0; n < KEYS; n++) {
        name_key(host, process, n, key);
        int64_t seen = get(cache, key);
        seen = seen == -(int64_t)PXT_NOT_FOUND ? DELETED : seen;
        bool right = seen == owned->acknowledged[n] || seen == owned->tried[n] ||
                     (seen == DELETED && owned->acknowledged[n] == 0);
        if (!right)
            diag("%s: %lld, acknowledged %lld, tried %lld", key, (long long)seen, (long long)owned->acknowledged[n],
                 (long long)owned->tried[n]);
        lost += !right;
    }
    return lost;
}

int main(void)
{
    struct owned owned[HOSTS][PROCESSES];
    int ends[HOSTS][PROCESSES][2], back = 0, wrong = 0, refused = 0, done = 0, lost = 0, told = 0;
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    empty_folder();
    int64_t until_ms = now_ms() + tap_amount(4000);
    for (int h = 0; h < HOSTS; h++)
        for (int p = 0; p < PROCESSES; p++) {
            if (pipe(ends[h][p]))
                return 1;
            if (!fork())
                work(h, p, until_ms, ends[h][p][1]);
        }
    unsigned seed = 1;
    while (now_ms() < until_ms - 100) {
        sleep_ms(20 + rand_r(&seed) % 150);
        set_down(true);
        sleep_ms(rand_r(&seed) % 60);
        set_down(false);
    }
    for (int h = 0; h < HOSTS; h++)
        for (int p = 0; p < PROCESSES; p++) {
            close(ends[h][p][1]);
            told += read(ends[h][p][0], &owned[h][p], sizeof owned[h][p]) == (ssize_t)sizeof owned[h][p];
        }
    while (wait(NULL) > 0) {
    }
    is_int(told, HOSTS * PROCESSES, "all processes end");
    settle();
    for (int reader = 0; reader < HOSTS; reader++) {
        pxt_cache *cache = open_host(&(struct host){names[reader], true, false, NULL, NULL});
        for (int h = 0; h < HOSTS; h++)
            for (int p = 0; p < PROCESSES; p++)
                lost += count_lost(cache, h, p, &owned[h][p]);
        pxt_cache_close(cache);
    }
    for (int h = 0; h < HOSTS; h++)
        for (int p = 0; p < PROCESSES; p++) {
            back += owned[h][p].back;
            wrong += owned[h][p].wrong;
            refused += owned[h][p].refused;
            done += owned[h][p].done;
            if (*owned[h][p].what)
                diag("%s", owned[h][p].what);
        }
    diag("%d changes, %d refused", done, refused);
    ok(done > 0, "the hosts make changes");
    is_int(back, 0, "no reader sees a value go back");
    is_int(wrong, 0, "each process reads what it wrote");
    is_int(lost, 0, "at the end both hosts have what was acknowledged last");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) | tap_done();
}
