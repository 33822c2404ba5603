/* SPDX-License-Identifier: MIT */
#include "session.h"
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEYS = 24, TTL = 100000000, KNOWN_MAX = 4000 };
static char key[KEYS][8];

/* A clock of its own: each session is the same to the microsecond. */
static _Atomic pxt_time now = INT64_C(1767225600) * PXT_SECOND + 123457;
static pxt_time counting_clock(void *arg)
{
    (void)arg;
    return atomic_fetch_add(&now, 1003);
}

bool session_call(const char *name)
{
    void *found = dlsym(RTLD_DEFAULT, name);
    void (*function)(void);
    memcpy(&function, &found, sizeof function);
    if (found)
        function();
    return found != NULL;
}

/* ---- the session ---- */

static void put_range(struct operations *operations, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        operations_put(operations, key[i], TTL);
}

static void put_many(struct operations *operations, unsigned from, unsigned to)
{
    const char *keys[KEYS];
    for (unsigned i = from; i < to; i++)
        keys[i - from] = key[i];
    operations_put_many(operations, keys, to - from);
}

static void get_all(struct operations *operations)
{
    for (unsigned i = 0; i < KEYS; i++)
        operations_get(operations, key[i]);
}

static void maintain(struct operations *operations)
{
    pxt_cache_settle(operations->cache, NULL);
    pxt_cache_tick(operations->cache, NULL, NULL);
}

/* More keys than the tiers with a capacity take. */
static void first_part(struct operations *operations)
{
    put_range(operations, 0, 8);
    for (unsigned i = 0; i < 4; i++)
        operations_get(operations, key[i]);
    operations_report(operations, key[0], true);
    operations_report(operations, key[1], false);
    operations_report(operations, key[2], true);
    operations_delete(operations, key[3]);
    operations_delete(operations, key[4]);
    put_many(operations, 5, 20);
    operations_list(operations);
    operations_put(operations, key[3], TTL);
    operations_put(operations, key[0], TTL);
    operations_delete(operations, key[10]);
    operations_delete(operations, key[11]);
    operations_put(operations, "e0", 1);
    maintain(operations);
    operations_report(operations, key[12], true);
    operations_report(operations, key[0], false);
    operations_export(operations);
    atomic_fetch_add(&now, 2 * PXT_SECOND);
    put_many(operations, 0, 20);
    operations_delete(operations, key[1]);
    operations_get(operations, "e0");
    get_all(operations);
    maintain(operations);
}

static void second_part(struct operations *operations)
{
    get_all(operations);
    operations_put(operations, key[20], TTL);
    operations_delete(operations, key[2]);
    operations_report(operations, key[0], true);
    operations_list(operations);
    maintain(operations);
    put_range(operations, 18, 22);
    put_many(operations, 6, 24);
    operations_delete(operations, key[12]);
    operations_put(operations, key[1], TTL);
    operations_report(operations, key[1], true);
    operations_delete(operations, key[23]);
    pxt_cache_sync(operations->cache, NULL);
    get_all(operations);
    operations_export(operations);
}

int session_script(struct operations *operations, const char *yaml)
{
    static void (*const part[])(struct operations *) = {first_part, second_part};
    /* From the first call on, a fault that lasts would only show that nothing can be opened. */
    const char *repeat = getenv("FAULT_REPEAT");
    bool late = repeat && !strcmp(repeat, "on");
    for (unsigned i = 0; i < KEYS; i++)
        snprintf(key[i], sizeof key[i], "k%02u", i);
    if (!late)
        session_call("faults_begin");
    for (int i = 0; i < 2; i++) {
        operations->cache = NULL;
        if (operations_open(operations, yaml, counting_clock))
            continue;
        if (late && !i)
            session_call("faults_begin");
        part[i](operations);
        pxt_cache_close(operations->cache);
    }
    session_call("faults_end");
    return 0;
}

/* ---- the clean process ---- */

/* Finds the keys that the log has puts of. */
static unsigned known_keys(const char *log, char (*known)[40])
{
    char line[OPERATIONS_LINE], found[40];
    unsigned n = 0, i;
    FILE *in = fopen(log, "r");
    while (in && fgets(line, sizeof line, in)) {
        if (sscanf(line, "B %*s put %39s", found) != 1)
            continue;
        for (i = 0; i < n && strcmp(known[i], found); i++)
            ;
        if (i == n && n < KNOWN_MAX)
            strcpy(known[n++], found);
    }
    if (in)
        fclose(in);
    return n;
}

static bool at_rest(struct operations *operations, char *why, size_t size)
{
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    if (pxt_cache_stats(operations->cache, &stats, &operations->error)) {
        snprintf(why, size, "no statistics");
        return false;
    }
    for (unsigned i = 0; i < stats.tier_count; i++) {
        if (stats.tier[i].state == PXT_TIER_ON && !stats.tier[i].reason[0])
            continue;
        snprintf(why, size, "%s: %s", stats.tier[i].name, stats.tier[i].reason);
        return false;
    }
    return true;
}

static int come_to_rest(struct operations *operations)
{
    char why[1100] = "";
    for (int i = 0; i < 200; i++) {
        atomic_fetch_add(&now, PXT_SECOND);
        if (pxt_cache_tick(operations->cache, NULL, &operations->error))
            snprintf(why, sizeof why, "tick: %s", operations->error.message);
        else if (at_rest(operations, why, sizeof why))
            return 0;
        usleep(i < 20 ? 1000 : 10000);
    }
    printf("rest: does not come to rest: %s\n", why);
    return 1;
}

static int told(struct operations *operations, const char *what, pxt_status status)
{
    if (status <= PXT_NOT_FOUND)
        return 0;
    printf("rest: %s: %s: %s\n", what, pxt_status_name(status), operations->error.message);
    return 1;
}

int session_rest(struct operations *operations, const char *yaml, const char *log, bool by_machine)
{
    static char known[KNOWN_MAX][40];
    unsigned n = known_keys(log, known);
    atomic_fetch_add(&now, 3600 * PXT_SECOND);
    if (told(operations, "open", operations_open(operations, yaml, by_machine ? NULL : counting_clock)))
        return 1;
    int failed = come_to_rest(operations);
    failed += told(operations, "list", operations_list(operations));
    for (unsigned i = 0; i < n; i++)
        failed += told(operations, known[i], operations_get(operations, known[i]));
    failed += come_to_rest(operations);
    pxt_cache_close(operations->cache);
    return failed != 0;
}

bool session_log(struct operations *operations, const char *log, char caller)
{
    operations->log = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (operations->log < 0) {
        perror(log);
        return false;
    }
    snprintf(operations->caller, sizeof operations->caller, "%c%ld", caller, (long)lseek(operations->log, 0, SEEK_END));
    return true;
}
