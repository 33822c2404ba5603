/* SPDX-License-Identifier: MIT
 *
 * Two readers of one key whose answers of the server come back in another order than they were given: what one reader was told
 * is not followed by something older. And a batch that another host overtakes is made again as a whole. Chosen calls wait at a
 * gate: the nanosleep() of this program, which the tiers faraway and fault call.
 */
#include "hosts.h"
#include <pthread.h>

enum { TRAVELS_SECONDS = 58, MEMORY_SECONDS = 900, FILES_SECONDS = 901, PUT_IF_MANY_SECONDS = 902 };
enum place { NOWHERE, TRAVELS, MEMORY, FILES, PUT_IF_MANY };

/* ---- readers and their gates ------------------------------------------------------------------------------------ */

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_moved = PTHREAD_COND_INITIALIZER;

enum how { GET, PEEK, DELETE, PUT_MANY };
struct reader {
    pthread_t thread;
    pxt_cache *cache;
    enum how how;
    enum place stops, stands; /* where it is to stop next, and where it stands */
    bool ended;
    int64_t answer;
};
static _Thread_local struct reader *self;

static enum place place_of(time_t seconds)
{
    switch (seconds) {
    case TRAVELS_SECONDS:
        return TRAVELS;
    case MEMORY_SECONDS:
        return MEMORY;
    case FILES_SECONDS:
        return FILES;
    case PUT_IF_MANY_SECONDS:
        return PUT_IF_MANY;
    default:
        return NOWHERE;
    }
}

/* A long delay is a gate for a reader, and nothing for the main thread; any other is a sleep. */
__attribute__((visibility("default"))) int nanosleep(const struct timespec *time, struct timespec *left)
{
    enum place place = place_of(time->tv_sec);
    if (place == NOWHERE)
        return clock_nanosleep(CLOCK_MONOTONIC, 0, time, left) ? -1 : 0;
    if (!self)
        return 0;
    pthread_mutex_lock(&gate_lock);
    if (self->stops == place) {
        self->stops = NOWHERE;
        self->stands = place;
        pthread_cond_broadcast(&gate_moved);
        while (self->stands == place)
            pthread_cond_wait(&gate_moved, &gate_lock);
    }
    pthread_mutex_unlock(&gate_lock);
    return 0;
}

static int64_t value_of(pxt_status status, pxt_entry *entry)
{
    int64_t value = status ? -(int64_t)status : pxt_entry_number(entry, PXT_FIELD_TTL_SECONDS) - TTL;
    pxt_entry_release(entry);
    return value;
}

static int64_t put_two(pxt_cache *cache)
{
    static const char *const keys[] = {"other", "k"};
    struct pxt_draft drafts[2];
    for (int i = 0; i < 2; i++) {
        pxt_draft_init(&drafts[i]);
        pxt_draft_set_text(&drafts[i], PXT_FIELD_KEY, keys[i], strlen(keys[i]));
        pxt_draft_set_text(&drafts[i], PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    }
    return -(int64_t)pxt_cache_put_many(cache, drafts, 2, NULL, NULL, NULL);
}

static void *read_key(void *arg)
{
    struct reader *reader = self = arg;
    pxt_entry *entry = NULL;
    switch (reader->how) {
    case GET:
        reader->answer = get(reader->cache, "k");
        break;
    case PEEK: {
        pxt_status status = pxt_cache_peek(reader->cache, "k", &entry, NULL);
        reader->answer = value_of(status, entry);
        break;
    }
    case DELETE:
        reader->answer = -(int64_t)pxt_cache_delete(reader->cache, "k", NULL);
        break;
    case PUT_MANY:
        reader->answer = put_two(reader->cache);
        break;
    }
    pthread_mutex_lock(&gate_lock);
    reader->ended = true;
    pthread_cond_broadcast(&gate_moved);
    pthread_mutex_unlock(&gate_lock);
    return NULL;
}

/* Lets a reader go on, to `stops` or to its end. */
static void go_on(struct reader *reader, enum place stops)
{
    pthread_mutex_lock(&gate_lock);
    reader->stops = stops;
    reader->stands = NOWHERE;
    pthread_cond_broadcast(&gate_moved);
    while (reader->stands == NOWHERE && !reader->ended)
        pthread_cond_wait(&gate_moved, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
    if (reader->ended)
        pthread_join(reader->thread, NULL);
}

static void start(struct reader *reader, pxt_cache *cache, enum how how, enum place stops)
{
    *reader = (struct reader){.cache = cache, .how = how, .stops = stops};
    if (pthread_create(&reader->thread, NULL, read_key, reader))
        exit(1);
    pthread_mutex_lock(&gate_lock);
    while (reader->stands == NOWHERE && !reader->ended)
        pthread_cond_wait(&gate_moved, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
    if (reader->ended)
        pthread_join(reader->thread, NULL);
}

/* ---- hosts ------------------------------------------------------------------------------------------------------ */

/* The host b, which hears no notices; `l2`: it has files of its own. All that waits can be stopped at. */
static pxt_cache *open_b(bool l2, bool required)
{
    char text[3000], files[500] = "";
    pxt_cache *cache = NULL;
    snprintf(text, sizeof text, "%s/b", folder);
    mkdir(text, 0700);
    setenv("PROXTIER_STATE_DIR", text, 1);
    if (l2)
        snprintf(
            files, sizeof files,
            "{name: l2, plugin: fault, tier: l2_jsonl, max_entries: 100, tier_options: 'dir=%s/b/l2', faults: 'put "
            "all delay 901s'}, ",
            folder);
    snprintf(
        text, sizeof text,
        "plugin_dirs: [%s]\nencryptor: {plugin: plain}\nlock_timeout: 60s\nhealth: {invalidate: false}\n"
        "tiers: [{name: l1, plugin: fault, tier: l1_memory, max_entries: 100, faults: 'put all delay 900s'}, "
        "%s{name: far, plugin: fault, tier: faraway, tier_options: 'path=%s/far,host=b,travel=58s', max_staleness: "
        "1h, required: %s, faults: 'put_if_many all delay 902s'}]",
        getenv("PROXTIER_REFUSED_PLUGINS"), files, folder, required ? "true" : "false");
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = text};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

/* The host a, whose notices are lost. */
static pxt_cache *open_a(void)
{
    return open_host(
        &(struct host){"a", false, false, ", lose: 1, max_staleness: 1ms", "encryptor: {plugin: plain}\n"});
}

/* What a does between the two reads, and what the second reader is to find. */
static int64_t change(pxt_cache *a, bool deletes)
{
    if (!deletes)
        return put(a, "k", 2) ? -1 : 2;
    return pxt_cache_delete(a, "k", &error) ? -1 : -PXT_NOT_FOUND;
}

/* After `told`, the next get is told the same, or 1 was the old version. */
static void the_next_get_does_not_go_back(pxt_cache *b, int64_t told, const char *what)
{
    int64_t next = get(b, "k");
    ok(next == told || told == 1, "%s: after %lld the next get is not told something older: %lld", what,
       (long long)told, (long long)next);
}

/* Closes b; what does it say when it is opened anew while the server is gone? */
static void nor_do_the_files(pxt_cache *b, int64_t told, const char *what)
{
    pxt_cache_close(b);
    set_down(true);
    b = open_b(true, false);
    int64_t next = get(b, "k");
    ok(next == told || told == 1 || next == -PXT_EUNAVAILABLE,
       "%s: after %lld the files are not older, without the server: %lld", what, (long long)told, (long long)next);
    pxt_cache_close(b);
    set_down(false);
}

/* ---- tests ------------------------------------------------------------------------------------------------------ */

static const char *const name_of[] = {"a get", "a peek", "a delete"};

/* One reader has read the old version, another one reads the new one; `first_ends`: the answer of the first comes first. */
static void answers_overtake_each_other(enum how second, bool l2, bool deletes, bool first_ends)
{
    char what[200];
    struct reader one, two;
    empty_folder();
    snprintf(what, sizeof what, "%s of what was %s, %s files, the older answer comes %s", name_of[second],
             deletes ? "deleted" : "put", l2 ? "with" : "without", first_ends ? "first" : "last");
    pxt_cache *a = open_a(), *b = open_b(l2, true);
    put(a, "k", 1);
    start(&one, b, GET, TRAVELS);
    int64_t expected = change(a, deletes);
    start(&two, b, second, TRAVELS);
    ok(one.stands == TRAVELS && two.stands == TRAVELS, "%s: both have asked the server", what);
    if (first_ends)
        go_on(&one, NOWHERE);
    go_on(&two, NOWHERE);
    if (!first_ends)
        go_on(&one, NOWHERE);
    ok(one.answer == 1 || one.answer == expected, "%s: the first is told %lld", what, (long long)one.answer);
    ok(two.answer == 1 || two.answer == expected, "%s: the second is told %lld", what, (long long)two.answer);
    the_next_get_does_not_go_back(b, two.answer, what);
    if (l2)
        nor_do_the_files(b, two.answer, what);
    else
        pxt_cache_close(b);
    pxt_cache_close(a);
}

/* The first reader holds the lock of the key, on its way into a tier, while the second ends. */
static void an_older_answer_is_being_copied(enum how second, bool deletes, enum place place)
{
    char what[200];
    struct reader one, two;
    bool l2 = place == FILES;
    empty_folder();
    snprintf(what, sizeof what, "%s of what was %s, while the older answer goes into %s", name_of[second],
             deletes ? "deleted" : "put", l2 ? "the files" : "memory");
    pxt_cache *a = open_a(), *b = open_b(l2, true);
    put(a, "k", 1);
    start(&one, b, GET, TRAVELS);
    int64_t expected = change(a, deletes);
    start(&two, b, second, TRAVELS);
    go_on(&one, place);
    is_int(one.stands, place, "%s: it is on its way", what);
    go_on(&two, NOWHERE);
    is_int(two.answer, expected, "%s: the second is told what it has read", what);
    go_on(&one, NOWHERE);
    if (l2) { /* the next get would see to them */
        nor_do_the_files(b, two.answer, what);
    } else {
        the_next_get_does_not_go_back(b, two.answer, what);
        pxt_cache_close(b);
    }
    pxt_cache_close(a);
}

/* Memory has an old copy; a change finds that the key is gone. */
static void a_change_is_told_that_there_is_nothing(void)
{
    empty_folder();
    pxt_cache *a = open_a(), *b = open_b(false, true);
    put(a, "k", 1);
    is_int(get(b, "k"), 1, "memory has an entry");
    pxt_cache_delete(a, "k", &error);
    is_int(pxt_cache_delete(b, "k", &error), PXT_NOT_FOUND, "a delete finds that another host has deleted it");
    is_int(get(b, "k"), -PXT_NOT_FOUND, "the next get does not find it in memory");
    put(a, "k", 1);
    is_int(get(b, "k"), 1, "memory has one again");
    pxt_cache_delete(a, "k", &error);
    is_int(report(b, "k", true), PXT_NOT_FOUND, "a report finds that another host has deleted it");
    is_int(get(b, "k"), -PXT_NOT_FOUND, "the next get does not find it in memory");
    pxt_cache_close(a);
    pxt_cache_close(b);
}

/* Between the read and the write of a batch, the other host deletes a key of it, or reports. */
static void a_batch_is_made_again(bool deletes)
{
    struct reader batch;
    const char *what = deletes ? "deleted" : "reported on";
    empty_folder();
    pxt_cache *a = open_a(), *b = open_b(false, true);
    put(a, "k", 1);
    is_int(report(a, "k", false), PXT_OK, "an entry has a check");
    start(&batch, b, PUT_MANY, PUT_IF_MANY);
    is_int(batch.stands, PUT_IF_MANY, "a batch has read it, and stands before its write");
    is_int(deletes ? pxt_cache_delete(a, "k", &error) : report(a, "k", true), PXT_OK, "the entry is %s", what);
    go_on(&batch, NOWHERE);
    is_int(batch.answer, PXT_OK, "the batch is stored");
    is_int(number_of(b, "k", PXT_FIELD_TOTAL_HEALTH_CHECKS), deletes ? 0 : 2,
           "an entry that was %s meanwhile keeps what was learnt of the last one", what);
    is_int(number_of(b, "k", PXT_FIELD_CONSECUTIVE_HEALTH_FAILURES), 0, "no failure is left of those before");
    pxt_cache_close(a);
    pxt_cache_close(b);
}

int main(void)
{
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    alarm(200);
    /* A get of many keys is no second reader: it waits for the get that is under way; see falter_test. */
    for (int i = 0; i < 8; i++)
        answers_overtake_each_other(PEEK, i & 4, i & 2, i & 1);
    for (int i = 0; i < 2; i++)
        an_older_answer_is_being_copied(PEEK, i & 1, MEMORY);
    for (int i = 0; i < 2; i++)
        an_older_answer_is_being_copied(PEEK, i & 1, FILES);
    a_change_is_told_that_there_is_nothing();
    a_batch_is_made_again(true);
    a_batch_is_made_again(false);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) | tap_done();
}
