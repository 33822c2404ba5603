/* SPDX-License-Identifier: MIT
 *
 * Several processes on one folder: what one puts and deletes the others see with their next get, in memory too.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TTL = 100000 };
static char folder[] = "/tmp/proxtier-processes-XXXXXX";
static struct pxt_error error;
static const char *lock_timeout = "60s"; /* a busy machine is no reason to give up */

static pxt_cache *open_chain(void)
{
    char text[1000];
    pxt_cache *cache = NULL;
    snprintf(text, sizeof text,
             "lock_timeout: %s\ntiers: [{plugin: l1_memory, max_entries: 100}, {plugin: l2_jsonl, max_entries: 300, "
             "lock_timeout: %s, eviction: fifo, dir: %s/l2}, {plugin: l3_sqlite, busy_timeout: %s, path: %s/l3.db}]",
             lock_timeout, lock_timeout, folder, lock_timeout, folder);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = text};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

static pxt_status put(pxt_cache *cache, const char *key, int64_t version)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, TTL + version); /* a put takes it over */
    return pxt_cache_put(cache, &draft, NULL, &error);
}

static int64_t version_of(pxt_cache *cache, const char *key, unsigned *tier)
{
    pxt_entry *entry;
    unsigned ignored;
    pxt_status status = pxt_cache_get_from(cache, key, &entry, tier ? tier : &ignored, &error);
    if (status)
        return -(int64_t)status;
    int64_t version = pxt_entry_number(entry, PXT_FIELD_TTL_SECONDS) - TTL;
    pxt_entry_release(entry);
    return version;
}

/* Two caches in one process share nothing but the files: as good as two processes, and easier to order. */
static void memory_follows_the_other_process(void)
{
    pxt_cache *a = open_chain(), *b = open_chain();
    unsigned tier;
    put(a, "k", 1);
    is_int(version_of(b, "k", &tier), 1, "b sees what a put");
    is_int(version_of(b, "k", &tier), 1, "and has it in memory");
    is_int(tier, 0, "there");
    put(a, "k", 2);
    is_int(version_of(b, "k", &tier), 2, "a puts anew: b's memory does not answer with the old one");
    is_int(version_of(a, "k", &tier), 2, "nor does a's");
    is_int(pxt_cache_delete(a, "k", &error), PXT_OK, "a deletes");
    is_int(version_of(b, "k", NULL), -PXT_NOT_FOUND, "b's memory forgets");
    put(b, "k", 3);
    is_int(version_of(a, "k", NULL), 3, "and the other way round");
    pxt_cache_clear(b, NULL, &error);
    is_int(version_of(a, "k", NULL), -PXT_NOT_FOUND, "a clear is seen too");
    pxt_cache_close(a);
    pxt_cache_close(b);
}

static int work(int me)
{
    pxt_cache *cache = open_chain();
    int bad = 0;
    for (int i = 0; i < tap_amount(6250); i++) {
        char key[30];
        snprintf(key, sizeof key, "p%d-%d", me, i % 25);
        if (me % 2 == 0) { /* a writer reads its own writes */
            bad += put(cache, key, i) != PXT_OK;
            bad += version_of(cache, key, NULL) != i;
            if (i % 10 == 9) {
                bad += pxt_cache_delete(cache, key, NULL) != PXT_OK;
                bad += version_of(cache, key, NULL) != -PXT_NOT_FOUND;
            }
        } else { /* a reader never sees a writer go back */
            static int64_t last[25];
            snprintf(key, sizeof key, "p%d-%d", me - 1, i % 25);
            int64_t seen = version_of(cache, key, NULL);
            bad += seen >= 0 && seen < last[i % 25];
            last[i % 25] = seen > last[i % 25] ? seen : last[i % 25];
        }
    }
    pxt_cache_close(cache);
    return bad ? 1 : 0;
}

static void eight_writers_and_eight_readers(void)
{
    int state, good = 0;
    for (int i = 0; i < 16; i++)
        if (!fork())
            _exit(work(i));
    while (wait(&state) > 0)
        good += state == 0;
    is_int(good, 16,
           "eight writers and eight readers: no write lost, no deleted entry seen by its deleter, no step back");
}

static void one_is_killed_at_any_instant(void)
{
    int lost = 0, opened = 0, rounds = tap_amount(10);
    for (int round = 0; round < rounds; round++) {
        int ack[2], last = -1, number;
        char key[30];
        if (pipe(ack))
            return;
        pid_t child = fork();
        if (!child) {
            pxt_cache *cache = open_chain();
            for (int i = 0; i < 100000; i++) {
                snprintf(key, sizeof key, "r%d-%d", round, i);
                if (put(cache, key, i) || write(ack[1], &i, sizeof i) != sizeof i)
                    _exit(1);
            }
            _exit(0);
        }
        close(ack[1]);
        if (read(ack[0], &number, sizeof number) == sizeof number)
            last = number;
        usleep((useconds_t)(7000 * round));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(ack[0], &number, sizeof number) == sizeof number)
            last = number;
        close(ack[0]);
        pxt_cache *cache = open_chain();
        opened++;
        for (int i = 0; i <= last; i++) {
            snprintf(key, sizeof key, "r%d-%d", round, i);
            lost += version_of(cache, key, NULL) != i;
        }
        pxt_cache_close(cache);
    }
    is_int(opened, rounds, "killed %d times, opened as often", rounds);
    is_int(lost, 0, "nothing acknowledged is lost");
}

static void one_is_stopped_while_it_writes(void)
{
    lock_timeout = "500ms";
    int begun[2];
    char byte = 0;
    if (pipe(begun))
        return;
    pid_t child = fork();
    if (!child) {
        pxt_cache *cache = open_chain();
        for (int64_t i = 0;; i++)
            if (put(cache, "contended", i) == PXT_OK && i == 0 && write(begun[1], &byte, 1) != 1)
                _exit(1);
    }
    is_int(read(begun[0], &byte, 1), 1, "a process writes without end");
    usleep(50000);
    kill(child, SIGSTOP);
    pxt_cache *cache = open_chain();
    pxt_status status = put(cache, "other", 1);
    ok(status == PXT_OK || status == PXT_EBUSY, "another key is put, or its lock's timeout ends it: %s",
       pxt_status_name(status));
    status = put(cache, "contended", 0);
    ok(status == PXT_OK || status == PXT_EBUSY, "the same key too: no one waits for ever: %s", pxt_status_name(status));
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, &error);
    ok(status == PXT_OK || stats.tier[1].failures + stats.tier[2].failures > 0,
       "a timeout counts as a failure of a tier");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    usleep(100000);
    is_int(put(cache, "contended", 7), PXT_OK, "when the stopped one is gone, so is its lock");
    is_int(version_of(cache, "contended", NULL), 7, "and the entry is what was put last");
    pxt_cache_close(cache);
}

int main(void)
{
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    memory_follows_the_other_process();
    eight_writers_and_eight_readers();
    one_is_killed_at_any_instant();
    one_is_stopped_while_it_writes();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) | tap_done();
}
