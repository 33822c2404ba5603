/* SPDX-License-Identifier: MIT
 *
 * hosts.h: two hosts on one machine: each has its own memory, files and page, and both have the server `far`, which the
 * plugin faraway stands in for.
 */
#ifndef HOSTS_H
#define HOSTS_H

#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-hosts-XXXXXX";
static struct pxt_error error;

/* The server in YAML, if it is another one than faraway's; see t/redis. */
static const char *far_tier;
/* The files of a host in YAML, if they are not an l2_jsonl in l2 of its folder, ${state}. */
static const char *files_tier;

static pxt_time ahead; /* of the clock of all hosts */

static __attribute__((unused)) pxt_time clock_ahead(void *arg)
{
    (void)arg;
    return pxt_cache_now(NULL) + ahead;
}

/* The configuration of a host. `l2`: it has files of its own. */
struct host {
    const char *name;
    bool l2, janitor;
    const char *far;  /* more options of the server, such as ", fail: 20" */
    const char *core; /* more options of the core, each on its line */
};

static __attribute__((unused)) pxt_status try_open(const struct host *host, pxt_cache **cache)
{
    char text[3000], l2[600] = "", far[600], state[300];
    snprintf(state, sizeof state, "%s/%s", folder, host->name);
    mkdir(state, 0700);
    setenv("PROXTIER_STATE_DIR", state, 1);
    if (host->l2 && files_tier)
        snprintf(l2, sizeof l2, "{name: l2, %s}, ", files_tier);
    else if (host->l2)
        snprintf(l2, sizeof l2, "{name: l2, plugin: l2_jsonl, dir: %s/l2, lock_timeout: 60s}, ", state);
    if (far_tier)
        snprintf(far, sizeof far, "%s", far_tier);
    else
        snprintf(far, sizeof far, "plugin: faraway, path: %s/far, host: %s", folder, host->name);
    snprintf(text, sizeof text,
             "plugin_dirs: [%s]\nlock_timeout: 60s\nhealth: {invalidate: false}\n%s"
             "tiers: [{name: l1, plugin: l1_memory, max_entries: 100}, %s{name: far, %s%s}]",
             getenv("PROXTIER_REFUSED_PLUGINS"), host->core ? host->core : "", l2, far, host->far ? host->far : "");
    struct pxt_cache_options options = {.size = sizeof options,
                                        .flags = host->janitor ? 0 : PXT_OPEN_NO_JANITOR,
                                        .config_text = text,
                                        .clock = clock_ahead};
    *cache = NULL;
    return pxt_cache_open(&options, cache, &error);
}

static __attribute__((unused)) pxt_cache *open_host(const struct host *host)
{
    pxt_cache *cache;
    if (try_open(host, &cache)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

/* The server goes away, and comes back. */
static __attribute__((unused)) void set_down(bool down)
{
    char path[400];
    snprintf(path, sizeof path, "%s/far/down", folder);
    FILE *file = down ? fopen(path, "w") : NULL;
    if (file)
        fclose(file);
    else
        unlink(path);
}

static __attribute__((unused)) void empty_folder(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s/* && mkdir %s/far", folder, folder);
    if (system(command))
        exit(1);
}

static __attribute__((unused)) void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static __attribute__((unused)) int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum { TTL = 100000 };

/* The time to live tells what was put. */
static __attribute__((unused)) pxt_status put(pxt_cache *cache, const char *key, int64_t value)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, TTL + value);
    return pxt_cache_put(cache, &draft, NULL, &error);
}

/* What was put, or the negative status. */
static __attribute__((unused)) int64_t get_from(pxt_cache *cache, const char *key, unsigned *tier)
{
    pxt_entry *entry = NULL;
    unsigned ignored;
    pxt_status status = pxt_cache_get_from(cache, key, &entry, tier ? tier : &ignored, &error);
    if (status)
        return -(int64_t)status;
    int64_t value = pxt_entry_number(entry, PXT_FIELD_TTL_SECONDS) - TTL;
    pxt_entry_release(entry);
    return value;
}

static __attribute__((unused)) int64_t get(pxt_cache *cache, const char *key)
{
    return get_from(cache, key, NULL);
}

/* Whether a host answers so within two seconds, which is plenty for a notice. */
static __attribute__((unused)) bool answers_soon(pxt_cache *cache, const char *key, int64_t value)
{
    for (int64_t end = now_ms() + 2000; now_ms() < end; sleep_ms(1))
        if (get(cache, key) == value)
            return true;
    return false;
}

static __attribute__((unused)) pxt_status report(pxt_cache *cache, const char *key, bool good)
{
    struct pxt_report outcome = {.size = sizeof outcome, .ok = good, .latency_ms = 10};
    return pxt_cache_report(cache, key, &outcome, NULL, NULL, &error);
}

static __attribute__((unused)) int64_t number_of(pxt_cache *cache, const char *key, enum pxt_field_id field)
{
    pxt_entry *entry = NULL;
    if (pxt_cache_get(cache, key, &entry, &error) != PXT_OK)
        return -1;
    int64_t number = pxt_entry_number(entry, field);
    pxt_entry_release(entry);
    return number;
}

static __attribute__((unused)) void close_hosts(pxt_cache *a, pxt_cache *b)
{
    pxt_cache_close(a);
    pxt_cache_close(b);
}

/* Counts the listed entries; -1 after an error. */
static __attribute__((unused)) bool count_entry(void *arg, pxt_entry *entry)
{
    (void)entry;
    ++*(int *)arg;
    return true;
}

/* Around all tests of a program, which ends after 200 seconds in any case. */
static __attribute__((unused)) void begin_tests(void)
{
    if (!mkdtemp(folder))
        exit(1);
    alarm(200);
}

static __attribute__((unused)) int end_tests(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) | tap_done();
}

#endif
