/* SPDX-License-Identifier: MIT
 *
 * Leases, by the public calls: who gets one, when it ends, when it is lost, and what is told where no tier can keep it.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#define T0 INT64_C(1767225600000000) /* 2026-01-01 */
static char folder[] = "/tmp/proxtier-lease-XXXXXX";
static pxt_time now = T0;
static pxt_cache *cache;
static struct pxt_error error;
static char lease_id[PXT_LEASE_ID_MAX + 1];

static pxt_time test_clock(void *arg)
{
    (void)arg;
    return now;
}

/* `tiers` has %1$s for the folder. */
static void open_chain(const char *tiers)
{
    char list[700], yaml[800];
    snprintf(list, sizeof list, tiers, folder);
    snprintf(yaml, sizeof yaml, "encryptor: {plugin: fernet, key_file: %s/key}\ntiers: [%s]", folder, list);
    struct pxt_cache_options options = {
        .size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml, .clock = test_clock};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
}
#define L1 "{plugin: l1_memory, max_entries: 100}"
#define L3 "{name: l3, plugin: l3_sqlite, path: %1$s/l3.db, busy_timeout: 200ms}"

static void empty_folder(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        diag("cannot clean up");
}

static void put(const char *key)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    is_int(pxt_cache_put(cache, &draft, NULL, &error), PXT_OK, "%s is stored", key);
}

/* Leases one entry into `lease_id`. */
static pxt_status take(uint32_t max, const char *holder, int64_t ttl)
{
    struct pxt_lease_options options = {.size = sizeof options, .max_concurrent = max, .holder = holder, .ttl = ttl};
    pxt_entry *entry = NULL;
    pxt_status status = pxt_cache_lease(cache, NULL, NULL, &options, &entry, lease_id, &error);
    ok(!status == (entry != NULL) && !status == (*lease_id != '\0'), "an entry and a name, or neither");
    pxt_entry_release(entry);
    return status;
}

static bool count_held(void *arg, const struct pxt_held *held)
{
    (void)held;
    ++*(int *)arg;
    return true;
}

static int held(void)
{
    int count = 0;
    is_int(pxt_cache_leases(cache, NULL, count_held, &count, &error), PXT_OK, "leases are listed");
    return count;
}

static bool note_held(void *arg, const struct pxt_held *held)
{
    snprintf(arg, 700, "%s %s %s %u %lld", held->id, held->key, held->holder, held->max_concurrent,
             (long long)(held->until - T0));
    return false;
}

static void a_lease_is_taken_renewed_and_ended(void)
{
    char text[700] = "", want[700];
    open_chain(L1 "," L3);
    is_int(take(1, NULL, 0), PXT_NOT_FOUND, "an empty pool has nothing to lease");
    put("k");
    is_int(take(0, "worker 1", 0), PXT_OK, "an entry is leased");
    ok(strlen(lease_id) == 34 && !strcmp(lease_id + 32, "-k"), "the name is 32 digits and the key");
    pxt_cache_leases(cache, "k", note_held, text, &error);
    snprintf(want, sizeof want, "%s k worker 1 1 60000000", lease_id);
    is_str(text, want, "it is listed with key, holder, limit and its end in 60 seconds");
    text[0] = '\0';
    pxt_cache_leases(cache, "other", note_held, text, &error);
    is_str(text, "", "and not among those of another key");
    char id[PXT_LEASE_ID_MAX + 1];
    strcpy(id, lease_id);
    is_int(take(1, NULL, 0), PXT_EBUSY, "a second worker gets none");
    now = T0 + 50 * PXT_SECOND;
    is_int(pxt_cache_renew(cache, id, 100, &error), PXT_OK, "it is renewed");
    now = T0 + 149 * PXT_SECOND;
    is_int(take(1, NULL, 0), PXT_EBUSY, "so that it holds after its first end");
    is_int(pxt_cache_release(cache, id, NULL, NULL, NULL, &error), PXT_OK, "it is released");
    is_int(held(), 0, "none is held");
    is_int(take(1, NULL, 0), PXT_OK, "and the next worker gets the entry");
    is_int(pxt_cache_release(cache, lease_id, NULL, NULL, NULL, &error), PXT_OK, "which gives it back");
    pxt_cache_close(cache);
    empty_folder();
    now = T0;
}

static void a_lease_ends_by_itself(void)
{
    char lost[PXT_LEASE_ID_MAX + 1];
    struct pxt_report report = {.size = sizeof report, .ok = true, .latency_ms = -1};
    enum pxt_health health;
    open_chain(L1 "," L3);
    put("k");
    is_int(take(1, NULL, 10), PXT_OK, "a lease of 10 seconds");
    strcpy(lost, lease_id);
    now = T0 + 10 * PXT_SECOND - 1;
    is_int(take(1, NULL, 10), PXT_EBUSY, "holds until just before its end");
    now = T0 + 10 * PXT_SECOND;
    is_int(held(), 0, "at its end it is no longer held");
    is_int(pxt_cache_renew(cache, lost, 10, &error), PXT_NOT_FOUND, "nor can it be renewed");
    is_int(take(1, NULL, 10), PXT_OK, "another worker gets the entry");
    is_int(pxt_cache_renew(cache, lost, 10, &error), PXT_NOT_FOUND, "the first one is told that its lease is lost");
    is_int(pxt_cache_release(cache, lost, &report, &health, NULL, &error), PXT_NOT_FOUND, "at the release too");
    is_int(health, PXT_HEALTH_HEALTHY, "its report counts all the same");
    is_int(held(), 1, "and the other lease is held as before");
    pxt_cache_close(cache);
    empty_folder();
    now = T0;
}

static void the_least_limit_counts(void)
{
    char first[PXT_LEASE_ID_MAX + 1];
    open_chain(L3);
    put("k");
    is_int(take(3, NULL, 0), PXT_OK, "of three at the same time, the first");
    strcpy(first, lease_id);
    is_int(take(3, NULL, 0), PXT_OK, "the second");
    is_int(take(2, NULL, 0), PXT_EBUSY, "a worker that wants at most one other gets none");
    is_int(take(3, NULL, 0), PXT_OK, "the third");
    is_int(take(3, NULL, 0), PXT_EBUSY, "and no fourth");
    is_int(pxt_cache_release(cache, first, NULL, NULL, NULL, &error), PXT_OK, "one is given back");
    is_int(take(3, NULL, 0), PXT_OK, "and taken again");
    now = T0 + 60 * PXT_SECOND;
    is_int(take(1, NULL, 0), PXT_OK, "a worker that wants the entry alone");
    is_int(take(3, NULL, 0), PXT_EBUSY, "has it alone, whatever others allow");
    pxt_cache_close(cache);
    empty_folder();
    now = T0;
}

static void each_entry_is_tried(void)
{
    open_chain(L1 "," L3);
    bool seen[3] = {false};
    put("0");
    put("1");
    put("2");
    for (int i = 0; i < 3; i++) {
        is_int(take(1, NULL, 0), PXT_OK, "lease %d of 3 entries", i);
        seen[lease_id[33] - '0'] = true;
    }
    ok(seen[0] && seen[1] && seen[2], "they are three different ones");
    is_int(take(1, NULL, 0), PXT_EBUSY, "then all are leased");
    pxt_cache_close(cache);
    empty_folder();
}

static void the_first_ones_of_the_order_are_passed_over(void)
{
    struct pxt_select_options choice = {.size = sizeof choice, .choice = PXT_CHOOSE_FASTEST, .after = 1};
    struct pxt_report report = {.size = sizeof report, .ok = true, .latency_ms = 1};
    pxt_entry *entry = NULL;
    open_chain(L3);
    put("fastest");
    put("second");
    pxt_cache_report(cache, "fastest", &report, NULL, NULL, &error);
    report.latency_ms = 5;
    pxt_cache_report(cache, "second", &report, NULL, NULL, &error);
    is_int(pxt_cache_lease(cache, NULL, &choice, NULL, &entry, lease_id, &error), PXT_OK,
           "a lease after the first one");
    is_str(lease_id + 33, "second", "is of the second one");
    pxt_entry_release(entry);
    is_int(pxt_cache_lease(cache, NULL, &choice, NULL, &entry, lease_id, &error), PXT_EBUSY, "behind which there is no other");
    choice.after = SIZE_MAX;
    is_int(pxt_cache_lease(cache, NULL, &choice, NULL, &entry, lease_id, &error), PXT_EINVAL, "too many are refused");
    pxt_cache_close(cache);
    empty_folder();
}

static void a_release_reports_of_its_entry(void)
{
    struct pxt_report report = {.size = sizeof report, .ok = false, .latency_ms = -1, .reason = "refused"};
    enum pxt_health health = PXT_HEALTH_HEALTHY;
    bool evicted = true;
    open_chain(L1 "," L3);
    put("k");
    take(1, NULL, 0);
    is_int(pxt_cache_release(cache, lease_id, &report, &health, &evicted, &error), PXT_OK, "a release with a report");
    is_int(health, PXT_HEALTH_DEGRADED, "the failure counts");
    take(1, NULL, 0);
    is_int(pxt_cache_delete(cache, "k", &error), PXT_OK, "the entry is deleted while it is leased");
    is_int(pxt_cache_release(cache, lease_id, &report, &health, &evicted, &error), PXT_OK, "its lease can be released");
    is_int(health, PXT_HEALTH_UNKNOWN, "and has no health");
    pxt_cache_close(cache);
    empty_folder();
}

static void wrong_arguments_are_refused(void)
{
    static const char *const ids[] = {"",
                                      "k",
                                      "0123456789abcdef0123456789abcdef",
                                      "0123456789abcdef0123456789abcdef-",
                                      "0123456789ABCDEF0123456789ABCDEF-k",
                                      "0123456789abcdef0123456789abcdef0-k"};
    char longest[300];
    open_chain(L3);
    put("k");
    for (size_t i = 0; i < sizeof ids / sizeof *ids; i++)
        is_int(pxt_cache_renew(cache, ids[i], 0, &error), PXT_EINVAL, "\"%s\" is not the name of a lease", ids[i]);
    is_int(pxt_cache_renew(cache, NULL, 0, &error), PXT_EINVAL, "nor is NULL");
    is_int(pxt_cache_renew(cache, "0123456789abcdef0123456789abcdef-k", 0, &error), PXT_NOT_FOUND,
           "a lease that never was is lost");
    is_int(take(1, NULL, -1), PXT_EINVAL, "a ttl below 0");
    is_int(take(1, NULL, INT64_MAX), PXT_EINVAL, "a ttl that no clock can add");
    is_int(take(1, "a\nb", 0), PXT_EINVAL, "a holder with a line end");
    memset(longest, 'a', sizeof longest);
    longest[299] = '\0';
    is_int(take(1, longest, 0), PXT_EINVAL, "a holder that is too long");
    longest[255] = '\0';
    is_int(take(1, longest, 0), PXT_OK, "255 bytes are not");
    pxt_cache_close(cache);
    empty_folder();
}

static void chains_that_cannot_keep_leases_say_so(void)
{
    open_chain(L1 ", {plugin: l2_jsonl, dir: %1$s/l2}");
    put("k");
    is_int(take(1, NULL, 0), PXT_ENOTSUP, "memory and JSONL keep no leases");
    ok(strstr(error.message, "l3_sqlite"), "the message names a tier that does");
    pxt_cache_close(cache);
    empty_folder();
    open_chain(L1 ", {plugin: l3_sqlite, path: %1$s/px.db, compatible: proxywhirl}");
    put("k");
    is_int(take(1, NULL, 0), PXT_ENOTSUP, "nor does a file that is shared with ProxyWhirl");
    pxt_cache_close(cache);
    empty_folder();
}

/* The folder of the slower tier is away. */
static void no_other_tier_takes_the_place_of_the_keeper(void)
{
    static const char two[] =
        L1 ", {name: l2, plugin: l2_sqlite, dir: %1$s/l2}, {name: l3, plugin: l3_sqlite, required: "
           "false, path: %1$s/away/l3.db}";
    char path[100], command[300];
    open_chain(two);
    put("k");
    is_int(take(1, NULL, 0), PXT_OK, "the slower of two keeps a lease");
    pxt_cache_close(cache);
    snprintf(command, sizeof command, "mv %s/away %s/gone && touch %s/away", folder, folder, folder);
    is_int(system(command), 0, "the folder of the slower one goes away");
    open_chain(two);
    is_int(take(1, NULL, 0), PXT_EUNAVAILABLE, "then no lease is given");
    ok(strstr(error.message, "l3"), "and the message names the tier");
    is_int(pxt_cache_renew(cache, "0123456789abcdef0123456789abcdef-k", 0, &error), PXT_EUNAVAILABLE,
           "and none is called lost");
    pxt_cache_close(cache);
    snprintf(path, sizeof path, "%s/away", folder);
    unlink(path);
    snprintf(command, sizeof command, "mv %s/gone %s/away", folder, folder);
    is_int(system(command), 0, "it comes back");
    open_chain(two);
    is_int(take(1, NULL, 0), PXT_EBUSY, "and the lease of before is held");
    pxt_cache_close(cache);
    empty_folder();
}

static void after_an_error_nothing_is_taken(void)
{
    static const char faulty[] = "{name: l3, plugin: fault, tier: l3_sqlite, tier_options: 'path=%1$s/l3.db', faults: "
                                 "'lease_take 1 fail ENOSPC; lease_renew 1 fail EIO; lease_end 1 fail EBUSY'}";
    open_chain(faulty);
    put("k");
    is_int(take(1, NULL, 0), PXT_ENOSPC, "a full disk is an error");
    is_int(held(), 0, "and nothing is taken");
    is_int(take(1, NULL, 0), PXT_OK, "with space it is");
    is_int(pxt_cache_renew(cache, lease_id, 0, &error), PXT_EIO, "a renewal that fails");
    is_int(held(), 1, "leaves the lease");
    is_int(pxt_cache_release(cache, lease_id, NULL, NULL, NULL, &error), PXT_EBUSY, "so does a release that fails");
    is_int(held(), 1, "and the lease can be");
    is_int(pxt_cache_release(cache, lease_id, NULL, NULL, NULL, &error), PXT_OK, "released again");
    pxt_cache_close(cache);
    empty_folder();
}

static void another_program_has_the_lock(void)
{
    char path[100];
    sqlite3 *other = NULL;
    open_chain(L3);
    put("k");
    snprintf(path, sizeof path, "%s/l3.db", folder);
    is_int(sqlite3_open(path, &other), SQLITE_OK, "another program opens the database");
    is_int(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK, "and locks it");
    is_int(take(1, NULL, 0), PXT_EBUSY, "no lease can be had");
    ok(strstr(error.message, "locked"), "and the message says why");
    sqlite3_close(other);
    is_int(held(), 0, "nothing is taken");
    is_int(take(1, NULL, 0), PXT_OK, "until the other program has gone");
    pxt_cache_close(cache);
    empty_folder();
}

/* SQLite's own limit of pages stands for the disk. */
static void the_database_is_full(void)
{
    char path[100];
    sqlite3 *other = NULL;
    open_chain(L3);
    put("k");
    take(1, NULL, 0);
    pxt_cache_release(cache, lease_id, NULL, NULL, NULL, &error);
    snprintf(path, sizeof path, "%s/l3.db", folder);
    sqlite3_open(path, &other);
    is_int(sqlite3_exec(other,
                        "CREATE TRIGGER full BEFORE INSERT ON proxtier_leases BEGIN SELECT RAISE(ABORT,'full'); END",
                        NULL, NULL, NULL),
           SQLITE_OK, "the table of leases takes no row");
    ok(take(1, NULL, 0) != PXT_OK, "no lease can be had");
    is_int(held(), 0, "and nothing is taken");
    sqlite3_exec(other, "DROP TRIGGER full", NULL, NULL, NULL);
    sqlite3_close(other);
    is_int(take(1, NULL, 0), PXT_OK, "until it takes one again");
    pxt_cache_close(cache);
    empty_folder();
}

static void a_lease_survives_the_kill_of_its_holder(void)
{
    open_chain(L1 "," L3);
    put("k");
    pxt_cache_close(cache);
    fflush(stdout); /* or the child prints it again */
    pid_t child = fork();
    if (!child) {
        struct pxt_lease_options options = {.size = sizeof options, .holder = "killed", .ttl = 30};
        pxt_entry *entry = NULL;
        open_chain(L1 "," L3);
        if (pxt_cache_lease(cache, NULL, NULL, &options, &entry, lease_id, NULL) == PXT_OK)
            kill(getpid(), SIGKILL);
        _exit(1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    ok(WIFSIGNALED(status), "a process takes a lease and is killed");
    open_chain(L1 "," L3);
    is_int(take(1, NULL, 0), PXT_EBUSY, "its lease is held");
    now = T0 + 30 * PXT_SECOND;
    is_int(take(1, NULL, 0), PXT_OK, "until its time is over");
    pxt_cache_close(cache);
    empty_folder();
    now = T0;
}

/* doc: a clock that is set moves the end of all leases. */
static void a_clock_that_is_set_ends_leases_early_or_late(void)
{
    open_chain(L3);
    put("k");
    is_int(take(1, NULL, 60), PXT_OK, "a lease of a minute");
    now = T0 - 3600 * PXT_SECOND;
    is_int(take(1, NULL, 60), PXT_EBUSY, "the clock is set back: it is held, for an hour longer");
    is_int(pxt_cache_renew(cache, lease_id, 60, &error), PXT_EINVAL, "(the failed take has left no name)");
    now = T0 + 61 * PXT_SECOND;
    is_int(take(1, NULL, 60), PXT_OK, "the clock is set forward: it has ended");
    pxt_cache_close(cache);
    empty_folder();
    now = T0;
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    a_lease_is_taken_renewed_and_ended();
    a_lease_ends_by_itself();
    the_least_limit_counts();
    each_entry_is_tried();
    the_first_ones_of_the_order_are_passed_over();
    a_release_reports_of_its_entry();
    wrong_arguments_are_refused();
    chains_that_cannot_keep_leases_say_so();
    no_other_tier_takes_the_place_of_the_keeper();
    after_an_error_nothing_is_taken();
    another_program_has_the_lock();
    the_database_is_full();
    a_lease_survives_the_kill_of_its_holder();
    a_clock_that_is_set_ends_leases_early_or_late();
    rmdir(folder);
    return tap_done();
}
