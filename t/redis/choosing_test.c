/* SPDX-License-Identifier: MIT
 *
 * Choosing from a Redis server: entries that change meanwhile, orders with many equal values; and what a program around it
 * does: a fork, a locale with a decimal comma, a server that keeps less than before.
 */
#include "server.h"
#include <dirent.h>
#include <locale.h>
#include <pthread.h>
#include <stdatomic.h>

static pxt_cache *cache;

static void begin(void)
{
    kill_server();
    empty_folder();
    start_server(true);
    far_tier = redis_tier();
}

static void open_cache(void)
{
    cache = open_host(&(struct host){"a", false, false, NULL, NULL});
}

/* ---- an entry that changes its health ---------------------------------------------------------------------------- */

enum { KEYS = 28 /* few: a list asks for keys */, ROUNDS = 150, WRITERS = 4 };
static atomic_bool stops;

static void *change_health(void *arg)
{
    for (unsigned i = *(unsigned *)arg; !atomic_load(&stops); i += WRITERS) {
        char key[20];
        snprintf(key, sizeof key, "k%u", i % KEYS);
        report(cache, key, i / KEYS % 2);
    }
    return NULL;
}

static bool count_key(void *arg, pxt_entry *entry)
{
    ((unsigned *)arg)[atoi(pxt_entry_key(entry) + 1)]++;
    return true;
}

static void an_entry_that_changes_is_told_once(void)
{
    unsigned missed = 0, twice = 0, doubled = 0;
    struct pxt_selection selection;
    pthread_t thread[WRITERS];
    unsigned number[WRITERS];
    begin();
    open_cache();
    for (int i = 0; i < KEYS; i++) {
        char key[20];
        snprintf(key, sizeof key, "k%d", i);
        put(cache, key, 1);
    }
    pxt_selection_init(&selection);
    selection.health = PXT_HEALTH_BIT(PXT_HEALTH_COUNT) - 1 - PXT_HEALTH_BIT(PXT_HEALTH_DEAD);
    atomic_store(&stops, false);
    for (unsigned i = 0; i < WRITERS; i++) {
        number[i] = i;
        if (pthread_create(&thread[i], NULL, change_health, &number[i]))
            exit(1);
    }
    for (int round = 0; round < ROUNDS; round++) {
        unsigned told[KEYS] = {0};
        pxt_entry *entries[KEYS];
        size_t found = 0;
        struct pxt_select_options options = {.size = sizeof options, .choice = PXT_CHOOSE_WEIGHTED};
        pxt_cache_each_selected(cache, &selection, count_key, told, &error);
        for (int i = 0; i < KEYS; i++) {
            missed += !told[i];
            twice += told[i] > 1;
            told[i] = 0;
        }
        pxt_cache_select(cache, &selection, &options, KEYS, entries, &found, &error);
        for (size_t i = 0; i < found; i++) {
            doubled += told[atoi(pxt_entry_key(entries[i]) + 1)]++ > 0;
            pxt_entry_release(entries[i]);
        }
    }
    atomic_store(&stops, true);
    for (unsigned i = 0; i < WRITERS; i++)
        pthread_join(thread[i], NULL);
    is_int(missed, 0, "an entry that changes its health is in each list of both healths");
    is_int(twice, 0, "once");
    is_int(doubled, 0, "and is chosen once");
    pxt_cache_close(cache);
}

/* ---- equal values ------------------------------------------------------------------------------------------------ */

static void equal_values_cost_a_page_each(void)
{
    enum { MANY = 3000 };
    static pxt_entry *entries[MANY];
    static bool seen[MANY];
    struct pxt_select_options options = {.size = sizeof options, .choice = PXT_CHOOSE_FASTEST};
    char answer[100];
    size_t found = 0, distinct = 0;
    begin();
    open_cache();
    for (int i = 0; i < MANY; i++) {
        char key[20];
        snprintf(key, sizeof key, "k%d", i);
        put(cache, key, 1);
    }
    ask_server("config resetstat", answer);
    pxt_cache_select(cache, NULL, &options, MANY, entries, &found, &error);
    ask_server("info commandstats | awk -F '[=,]' '/zrangebyscore|evalsha/ { n += $2 } END { print n }'", answer);
    for (size_t i = 0; i < found; i++) {
        unsigned number = (unsigned)atoi(pxt_entry_key(entries[i]) + 1);
        distinct += !seen[number];
        seen[number] = true;
        pxt_entry_release(entries[i]);
    }
    is_int(distinct, MANY, "entries with equal values come, each once");
    /* Pages of 64, of which each one would look at all that are equal and before it. */
    ok(atoi(answer) > 0 && atoi(answer) < 100, "each page costs one look: %s of them", answer);
    pxt_cache_close(cache);
}

/* ---- the program around it --------------------------------------------------------------------------------------- */

static int sockets(void)
{
    int n = 0;
    DIR *all = opendir("/proc/self/fd");
    for (struct dirent *fd; all && (fd = readdir(all));) {
        char path[300], to[100] = "";
        snprintf(path, sizeof path, "/proc/self/fd/%s", fd->d_name);
        n += readlink(path, to, sizeof to - 1) > 0 && !strncmp(to, "socket:", 7);
    }
    if (all)
        closedir(all);
    return n;
}

static void a_child_keeps_no_connection(void)
{
    int state = 0, before = sockets();
    begin();
    open_cache();
    put(cache, "k", 1);
    ok(sockets() >= before + 2, "a cache has a connection for calls, and one for notices");
    fflush(stdout);
    pid_t child = fork();
    if (!child)
        _exit(sockets() == before ? 0 : 1);
    waitpid(child, &state, 0);
    is_int(state, 0, "a child of a fork keeps none of them");
    is_int(get(cache, "k"), 1, "the parent does");
    pxt_cache_close(cache);
}

static bool note_time(void *arg, const struct pxt_history_item *check)
{
    *(double *)arg = check->latency_ms;
    return false;
}

static void a_comma_is_no_point(void)
{
    struct pxt_report outcome = {.size = sizeof outcome, .ok = true, .latency_ms = 12.5};
    char command[300];
    double in_comma = 0, in_point = 0;
    snprintf(command, sizeof command, "localedef -i de_DE -f UTF-8 %s/de_DE >/dev/null 2>&1", folder);
    begin();
    if (system(command) || setenv("LOCPATH", folder, 1) || !setlocale(LC_NUMERIC, "de_DE")) {
        skip("no locale with a decimal comma can be made");
        return;
    }
    open_cache();
    put(cache, "k", 1);
    is_int(pxt_cache_report(cache, "k", &outcome, NULL, NULL, &error), PXT_OK, "a report where the point is a comma");
    pxt_cache_history(cache, "k", note_time, &in_comma, &error);
    setlocale(LC_NUMERIC, "C");
    pxt_cache_history(cache, "k", note_time, &in_point, &error);
    ok(in_comma > 12.4 && in_comma < 12.6, "its latency is read there: %g ms", in_comma);
    ok(in_point > 12.4 && in_point < 12.6, "and by others: %g ms", in_point);
    pxt_cache_close(cache);
}

static atomic_bool warned;

static void note_log(void *arg, enum pxt_message_level level, const char *component, const char *message)
{
    (void)arg, (void)component;
    if (level <= PXT_MESSAGE_WARNING && strstr(message, "does not sync"))
        atomic_store(&warned, true);
}

static void a_server_that_syncs_no_more_is_told(void)
{
    char text[700], answer[100];
    begin();
    snprintf(text, sizeof text, "tiers: [{plugin: l1_memory}, {%s}]", far_tier);
    struct pxt_cache_options options = {.size = sizeof options,
                                        .flags = PXT_OPEN_NO_JANITOR,
                                        .config_text = text,
                                        .log = note_log,
                                        .log_level = PXT_MESSAGE_WARNING};
    if (pxt_cache_open(&options, &cache, &error))
        diag("%s", error.message);
    ask_server("config set appendfsync everysec", answer);
    ask_server("client kill type pubsub", answer);
    for (int64_t end = now_ms() + 10000; !atomic_load(&warned) && now_ms() < end;)
        sleep_ms(5);
    ok(atomic_load(&warned), "a server that was synced, and is no more, is warned of");
    pxt_cache_close(cache);
}

int main(void)
{
    begin_with_server(300);
    an_entry_that_changes_is_told_once();
    equal_values_cost_a_page_each();
    a_child_keeps_no_connection();
    a_comma_is_no_point();
    a_server_that_syncs_no_more_is_told();
    return end_with_server(tap_done());
}
