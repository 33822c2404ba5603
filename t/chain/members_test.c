/* SPDX-License-Identifier: MIT
 *
 * Tiers come, go, and change under a pool: another process has fewer of them, one is forgotten and comes back, a store or
 * the page is removed, the machine starts again. No acknowledged change is lost, no deleted entry comes back, and no old
 * version is served.
 */
#include "../lib/tap.h"
#include <proxtier/admin.h>
#include <proxtier/proxtier.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TTL = 100000 };
static char folder[] = "/tmp/proxtier-members-XXXXXX";
static struct pxt_error error;

/* Opens a cache with a log, with a database, or with both. */
static pxt_cache *open_pool(bool log, bool database)
{
    char yaml[1000], second[200] = "", third[200] = "";
    pxt_cache *cache = NULL;
    if (log)
        snprintf(second, sizeof second, "{name: second, plugin: l2_jsonl, shards: 1, max_entries: 1000, dir: %s/l2},",
                 folder);
    if (database)
        snprintf(third, sizeof third, "{name: third, plugin: l3_sqlite, path: %s/l3.db}", folder);
    snprintf(yaml, sizeof yaml, "encryptor: {plugin: plain}\ntiers: [{plugin: l1_memory, max_entries: 4}, %s %s]",
             second, third);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

static void run(const char *command)
{
    char text[400];
    snprintf(text, sizeof text, "cd %s && %s", folder, command);
    if (system(text))
        diag("failed: %s", command);
}

static pxt_status put(pxt_cache *into, const char *key, int64_t version)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, TTL + version); /* a put takes it over */
    return pxt_cache_put(into, &draft, NULL, &error);
}

/* The version, or the status with its sign changed. */
static int64_t get(pxt_cache *from, const char *key)
{
    pxt_entry *entry = NULL;
    pxt_status status = pxt_cache_get(from, key, &entry, &error);
    if (status)
        return -(int64_t)status;
    int64_t version = pxt_entry_number(entry, PXT_FIELD_TTL_SECONDS) - TTL;
    pxt_entry_release(entry);
    return version;
}

/* A process that knows one tier runs, when another comes with a second. */
static void a_tier_is_added_under_a_process(void)
{
    run("rm -rf *");
    pxt_cache *both = open_pool(true, true);
    put(both, "a", 1), put(both, "b", 1), put(both, "c", 1);
    pxt_cache_close(both);
    run("rm -f *.page l3.db*"); /* a new database; the log is to be added to it */
    pxt_cache *old = open_pool(false, true);
    put(old, "a", 2), put(old, "b", 2), put(old, "c", 2);
    both = open_pool(true, true);
    is_int(get(both, "a"), 2, "a tier is added: the newest version counts");
    is_int(put(old, "a", 3), PXT_OK, "the process without it changes an entry");
    is_int(pxt_cache_delete(old, "b", &error), PXT_OK, "and deletes one");
    is_int(get(both, "a"), 3, "the other serves the change");
    is_int(get(both, "b"), -PXT_NOT_FOUND, "and not what was deleted");
    pxt_cache_tick(both, NULL, NULL);
    is_int(get(both, "a"), 3, "after a repair too");
    is_int(get(both, "b"), -PXT_NOT_FOUND, "and not what was deleted");
    pxt_cache_close(old);
    pxt_cache_close(both);
    both = open_pool(true, true);
    is_int(get(both, "a"), 3, "after a restart too");
    is_int(get(both, "b"), -PXT_NOT_FOUND, "and not what was deleted");
    pxt_cache_close(both);
}

/* A member leaves, and the next to join gets its slot, under a process that has the tier which left. */
static void a_slot_changes_hands(void)
{
    run("rm -rf *");
    pxt_cache *both = open_pool(true, true), *less = open_pool(false, true);
    put(both, "a", 1), put(both, "b", 1);
    is_int(pxt_cache_forget_tier(less, "second", &error), PXT_OK, "a tier is forgotten that a process still has");
    pxt_cache_close(less);
    run("mv l2 away"); /* the process has it open */
    pxt_cache *with_new = open_pool(true, true);
    is_int(get(with_new, "a"), 1, "a new tier takes its place");
    put(both, "a", 2);
    pxt_cache_delete(both, "b", &error);
    is_int(get(with_new, "a"), 2, "a put by the process that has the old one is seen");
    is_int(get(with_new, "b"), -PXT_NOT_FOUND, "and a delete");
    pxt_cache_close(both);
    pxt_cache_tick(with_new, NULL, NULL);
    is_int(get(with_new, "a"), 2, "also later");
    pxt_cache_close(with_new);
}

static void a_clear_without_a_member(void)
{
    uint64_t removed;
    run("rm -rf *");
    pxt_cache *both = open_pool(true, true);
    put(both, "a", 1);
    pxt_cache *less = open_pool(false, true);
    pxt_status status = pxt_cache_clear(less, &removed, &error);
    pxt_cache_tick(both, NULL, NULL);
    int64_t is = get(both, "a");
    ok(status == PXT_OK ? is == -PXT_NOT_FOUND : is == 1,
       "a clear by a process that lacks a member is refused, or nothing comes back (%d, %lld)", status, (long long)is);
    pxt_cache_close(less);
    pxt_cache_close(both);
}

/* The page is gone after each start of the machine. */
static void the_machine_starts_again_and_again(void)
{
    run("rm -rf *");
    for (int start = 1; start <= 4; start++) {
        char new_key[20];
        pxt_cache *both = open_pool(true, true);
        snprintf(new_key, sizeof new_key, "new%d", start);
        for (int n = 0; n < 20; n++)
            put(both, "filler", n);
        put(both, "a", start * 10);
        pxt_cache_close(both);
        run("rm -f *.page");
        both = open_pool(true, true);
        if (start == 1) {
            for (int n = 0; n < 200; n++)
                put(both, "filler", n);
            pxt_cache_close(both);
            run("rm -f *.page");
            both = open_pool(true, true);
        }
        pxt_cache *less = open_pool(false, true); /* the log misses this */
        put(less, "a", start * 10 + 1);
        put(less, new_key, 1);
        pxt_cache_close(less);
        pxt_cache_tick(both, NULL, NULL);
        is_int(get(both, "a"), start * 10 + 1, "start %d: what a tier missed is not served old", start);
        is_int(get(both, new_key), 1, "nor is it missing");
        pxt_cache_close(both);
    }
}

static void a_forgotten_tier_comes_back(void)
{
    run("rm -rf *");
    pxt_cache *both = open_pool(true, true);
    put(both, "a", 1), put(both, "b", 1);
    pxt_cache_close(both);
    pxt_cache *less = open_pool(false, true);
    is_int(pxt_cache_forget_tier(less, "second", &error), PXT_OK, "a tier is forgotten");
    put(less, "a", 2);
    pxt_cache_delete(less, "b", &error);
    pxt_cache_close(less);
    both = open_pool(true, true);
    is_int(get(both, "a"), 2, "it comes back: what was put meanwhile is served");
    is_int(get(both, "b"), -PXT_NOT_FOUND, "and not what was deleted");
    pxt_cache_tick(both, NULL, NULL);
    is_int(get(both, "b"), -PXT_NOT_FOUND, "nor later");
    pxt_cache_close(both);
    less = open_pool(false, true);
    is_int(get(less, "b"), -PXT_NOT_FOUND, "nor in the other tier");
    pxt_cache_close(less);
}

/* The page is removed while processes run, and one tier has missed changes. */
static void the_page_is_removed(void)
{
    run("rm -rf *");
    pxt_cache *both = open_pool(true, true);
    put(both, "a", 1), put(both, "b", 1), put(both, "c", 1);
    pxt_cache *less = open_pool(false, true);
    put(less, "a", 2);
    pxt_cache_delete(less, "b", &error);
    run("rm -f *.page");
    is_int(get(both, "a"), 2, "the page is removed: no old version is served");
    is_int(get(both, "b"), -PXT_NOT_FOUND, "nor a deleted one");
    is_int(pxt_cache_delete(less, "c", &error), PXT_OK, "another one is deleted");
    is_int(get(both, "c"), -PXT_NOT_FOUND, "and stays away");
    pxt_cache_tick(both, NULL, NULL);
    pxt_cache_tick(less, NULL, NULL);
    pxt_cache_tick(both, NULL, NULL);
    is_int(get(both, "a"), 2, "the same after a repair");
    is_int(get(both, "b"), -PXT_NOT_FOUND, "the same after a repair");
    is_int(get(both, "c"), -PXT_NOT_FOUND, "the same after a repair");
    pxt_cache_close(less);
    pxt_cache_close(both);
}

static void a_store_is_removed(const char *files, bool running)
{
    run("rm -rf *");
    pxt_cache *both = open_pool(true, true), *other = open_pool(true, true);
    put(both, "a", 1), put(both, "b", 1), put(both, "c", 1);
    pxt_cache_delete(both, "c", &error);
    get(other, "a");
    if (!running)
        pxt_cache_close(both), pxt_cache_close(other);
    run(files);
    if (!running)
        both = open_pool(true, true), other = open_pool(true, true);
    for (int i = 0; i < 3; i++) {
        is_int(get(both, "a"), 1, "%s, %s: an entry is served", files, running ? "running" : "closed");
        is_int(get(other, "b"), 1, "and another one, elsewhere");
        is_int(get(other, "c"), -PXT_NOT_FOUND, "and not what was deleted");
        pxt_cache_tick(both, NULL, NULL), pxt_cache_tick(other, NULL, NULL);
        pxt_cache_tick(both, NULL, NULL), pxt_cache_tick(other, NULL, NULL);
    }
    is_int(put(other, "a", 2), PXT_OK, "it is changed");
    is_int(get(both, "a"), 2, "and the change is seen");
    pxt_cache_close(both), pxt_cache_close(other);
    both = open_pool(true, true);
    is_int(get(both, "a"), 2, "after a restart too");
    is_int(get(both, "b"), 1, "after a restart too");
    pxt_cache_close(both);
}

static void a_backup_is_restored(const char *save, const char *restore)
{
    run("rm -rf *");
    pxt_cache *both = open_pool(true, true);
    put(both, "a", 1), put(both, "b", 1);
    pxt_cache_close(both);
    run(save);
    both = open_pool(true, true);
    put(both, "a", 2);
    pxt_cache_delete(both, "b", &error);
    put(both, "d", 1);
    pxt_cache_tick(both, NULL, NULL);
    pxt_cache_close(both);
    run(restore);
    both = open_pool(true, true);
    is_int(get(both, "a"), 2, "%s: the newest version is served", restore);
    is_int(get(both, "d"), 1, "and what is only in the other tier");
    if (!strstr(restore, "l3")) /* what is dropped everywhere comes back with the slowest: doc/versions.md */
        is_int(get(both, "b"), -PXT_NOT_FOUND, "and not what was deleted");
    pxt_cache_close(both);
}

static void note_replaced(void *arg, enum pxt_message_level level, const char *part, const char *text)
{
    (void)level, (void)part;
    *(bool *)arg |= strstr(text, "another store") || strstr(text, "older content");
}

/* Opens the pool so that `*replaced` says whether a tier was taken for a new or an older one. */
static pxt_cache *open_noting(bool *replaced)
{
    char yaml[1000];
    pxt_cache *cache = NULL;
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: plain}\ntiers: [{plugin: l2_jsonl, shards: 1, max_entries: 1000, dir: %s/l2},"
             "{plugin: l3_sqlite, path: %s/l3.db}]",
             folder, folder);
    struct pxt_cache_options options = {.size = sizeof options,
                                        .flags = PXT_OPEN_NO_JANITOR,
                                        .config_text = yaml,
                                        .log = note_replaced,
                                        .log_arg = replaced,
                                        .log_level = PXT_MESSAGE_WARNING};
    pxt_cache_open(&options, &cache, NULL);
    return cache;
}

/* Waits for the byte that lets all begin at once. Returns an exit code: 0 good, 1 a tier was replaced, 2 no cache. */
static int open_at_once(int go)
{
    char byte;
    bool replaced = false;
    pxt_cache *cache = read(go, &byte, 1) < 0 ? NULL : open_noting(&replaced);
    pxt_cache_close(cache);
    return cache ? replaced : 2;
}

/* Each process finds a pool without records, and makes one for each tier. */
static void processes_begin_a_pool_at_once(void)
{
    enum { PROCESSES = 6, ROUNDS = 40 };
    int replaced = 0, failed = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int go[2], status;
        run("rm -rf *");
        if (pipe(go))
            return;
        for (int i = 0; i < PROCESSES; i++)
            if (!fork()) {
                close(go[1]);
                _exit(open_at_once(go[0]));
            }
        close(go[0]);
        close(go[1]); /* the end of the pipe wakes all */
        while (wait(&status) > 0) {
            replaced += WIFEXITED(status) && WEXITSTATUS(status) == 1;
            failed += !WIFEXITED(status) || WEXITSTATUS(status) > 1;
        }
    }
    is_int(failed, 0, "processes begin a pool at once: each opens it");
    is_int(replaced, 0, "and a store keeps the id that the first gave it");
}

/* What a process has read of a record is old, when another has stored a checkpoint since. */
static void processes_join_while_checkpoints_are_stored(void)
{
    enum { PROCESSES = 4, OPENS = 60 };
    int replaced = 0, failed = 0, status, running = PROCESSES;
    bool own = false;
    run("rm -rf *");
    pxt_cache *cache = open_noting(&own);
    put(cache, "a", 1);
    for (int i = 0; i < PROCESSES; i++)
        if (!fork()) {
            bool any = false;
            for (int k = 0; k < OPENS && !any; k++) {
                pxt_cache *other = open_noting(&any);
                if (!other)
                    _exit(2);
                pxt_cache_close(other);
            }
            _exit(any);
        }
    while (running) {
        put(cache, "b", 1);
        pxt_cache_delete(cache, "b", NULL);
        pxt_cache_tick(cache, NULL, NULL);
        while (waitpid(-1, &status, WNOHANG) > 0) {
            replaced += WIFEXITED(status) && WEXITSTATUS(status) == 1;
            failed += !WIFEXITED(status) || WEXITSTATUS(status) > 1;
            running--;
        }
    }
    is_int(failed, 0, "processes join while another stores checkpoints: each opens the pool");
    is_int(replaced + own, 0, "and none takes a tier for an older one");
    pxt_cache_close(cache);
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    processes_begin_a_pool_at_once();
    processes_join_while_checkpoints_are_stored();
    a_tier_is_added_under_a_process();
    a_slot_changes_hands();
    a_clear_without_a_member();
    the_machine_starts_again_and_again();
    a_forgotten_tier_comes_back();
    the_page_is_removed();
    a_store_is_removed("rm -rf l2", false);
    a_store_is_removed("rm -f l3.db l3.db-wal l3.db-shm", false);
    a_store_is_removed("rm -rf l2", true);
    a_store_is_removed("rm -f l3.db l3.db-wal l3.db-shm", true);
    a_backup_is_restored("cp -r l2 saved", "rm -rf l2 && mv saved l2");
    a_backup_is_restored("mkdir saved && cp l3.db* saved", "rm -f l3.db l3.db-wal l3.db-shm && mv saved/l3.db .");
    run("rm -rf *");
    rmdir(folder);
    return tap_done();
}
