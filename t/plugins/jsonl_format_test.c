/* SPDX-License-Identifier: MIT
 *
 * The folder of l2_jsonl has a format and a number of shards: another number rewrites it and loses nothing, whenever the
 * program dies; a later format is refused; a folder of an earlier program is taken over.
 */
#include "../lib/jsonl_kit.h"
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>

/* ---- steps: what the tier changes on disk; the program dies, or the disk is full, when they are used up ---- */

static int steps_left = -1; /* -1: no end */
static bool disk_is_full;

/* True if the step is not to be made. */
static bool step(void)
{
    if (steps_left > 0)
        steps_left--;
    else if (!steps_left && !disk_is_full)
        _exit(9);
    errno = ENOSPC;
    return !steps_left && disk_is_full;
}

#define NEXT(function) (*(void **)&real = dlsym(RTLD_NEXT, #function))
__attribute__((visibility("default"))) int fsync(int fd)
{
    int (*real)(int);
    NEXT(fsync);
    return step() ? -1 : real(fd);
}

__attribute__((visibility("default"))) int mkdirat(int folder, const char *name, mode_t mode)
{
    int (*real)(int, const char *, mode_t);
    NEXT(mkdirat);
    return step() ? -1 : real(folder, name, mode);
}

__attribute__((visibility("default"))) int renameat(int from, const char *name, int to, const char *new_name)
{
    int (*real)(int, const char *, int, const char *);
    NEXT(renameat);
    return faccessat(from, name, F_OK, 0) || !step() ? real(from, name, to, new_name) : -1;
}

__attribute__((visibility("default"))) int unlinkat(int folder, const char *name, int flags)
{
    int (*real)(int, const char *, int);
    NEXT(unlinkat);
    return faccessat(folder, name, F_OK, 0) || !step() ? real(folder, name, flags) : -1; /* none if nothing is there */
}

/* ---- the folder ---- */

static void shell(const char *format, ...) PXT_PRINTF(1, 2);
static void shell(const char *format, ...)
{
    char command[900];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    if (system(command)) {
        printf("Bail out! %s\n", command);
        exit(1);
    }
}

/* What a command prints, without the last newline. */
static const char *output_of(const char *command)
{
    static char text[900];
    FILE *out = popen(command, "r");
    size_t n = out ? fread(text, 1, sizeof text - 1, out) : 0;
    text[n] = '\0';
    if (n && text[n - 1] == '\n')
        text[n - 1] = '\0';
    if (out)
        pclose(out);
    return text;
}

/* All names, modes and bytes of a folder as one number. */
static const char *fingerprint(const char *place)
{
    char command[600];
    snprintf(
        command, sizeof command,
        "cd %s/%s && { ls -lR --time-style=full-iso 2>/dev/null || ls -lR; find . -type f -exec cat {} +; } | cksum",
        test_folder(), place);
    return output_of(command);
}

/* The logs and the format of a folder. */
static const char *files_of(const char *place)
{
    char command[600];
    snprintf(command, sizeof command,
             "cd %s/%s && ls -d *.jsonl proxtier.* | tr '\\n' ' ' && tail -n +2 proxtier.format", test_folder(), place);
    return output_of(command);
}

enum { ENTRIES = 40, OTHERS = 5 };

static void put_version(const char *key, uint64_t version, bool removed)
{
    struct pxt_key name = kit_key(key);
    pxt_entry *entry = NULL;
    if (removed) {
        pxt_tombstone_new(&name, version, PXT_REMOVE_DELETED, T0, &entry, &kit.error);
    } else {
        entry = make_entry(&kit.user, key, T0, (int64_t)version, T0, T0 + 3600 * PXT_SECOND);
        pxt_entry_set_versions(entry, version, version, 0);
    }
    kit.ops->put(kit.self, entry, &kit.error);
    pxt_entry_release(entry);
}

/* Entries, tombstones, and deleted entries whose lines are still in the logs. */
static void fill(const char *place, unsigned shards)
{
    char key[40];
    kit_try_open(place, shards, "", 0);
    for (unsigned i = 0; i < ENTRIES; i++) {
        snprintf(key, sizeof key, "entry%u", i);
        put_version(key, 100 + i, false);
    }
    for (unsigned i = 0; i < OTHERS; i++) {
        snprintf(key, sizeof key, "tombstone%u", i);
        put_version(key, 10, false);
        put_version(key, 200 + i, true);
        snprintf(key, sizeof key, "deleted%u", i);
        put_version(key, 300, false);
        kit_delete(key);
    }
    kit_close();
}

/* The version of a key; negative: of a tombstone; 0: there is nothing. */
static int64_t version_of(const char *text)
{
    struct pxt_key key = kit_key(text);
    pxt_entry *entry = NULL;
    if (kit.ops->get(kit.self, &key, 0, &entry, &kit.error))
        return 0;
    int64_t version = pxt_entry_number(entry, PXT_FIELD_VERSION);
    version = pxt_entry_number(entry, PXT_FIELD_REMOVED) ? -version : version;
    pxt_entry_release(entry);
    return version;
}

/* Opens the folder; returns the number of keys that are not as fill() has left them. */
static int wrong_in(const char *place, unsigned shards)
{
    char key[40];
    int wrong = 0;
    if (kit_try_open(place, shards, "", 0)) {
        diag("%s", kit.error.message);
        return 1000;
    }
    for (unsigned i = 0; i < ENTRIES; i++) {
        snprintf(key, sizeof key, "entry%u", i);
        wrong += version_of(key) != 100 + (int64_t)i;
    }
    for (unsigned i = 0; i < OTHERS; i++) {
        snprintf(key, sizeof key, "tombstone%u", i);
        wrong += version_of(key) != -200 - (int64_t)i;
        snprintf(key, sizeof key, "deleted%u", i);
        wrong += version_of(key) != 0;
    }
    wrong += kit_count() != ENTRIES;
    wrong += kit.ops->corruptions(kit.self) != 0;
    kit_close();
    return wrong;
}

static void another_number_of_shards_loses_nothing(void)
{
    fill("numbers", 4);
    is_str(files_of("numbers"), "proxtier.format shard_00.jsonl shard_01.jsonl shard_02.jsonl shard_03.jsonl shards 4",
           "a new folder has a format and logs");
    is_int(wrong_in("numbers", 4), 0, "it is as it was filled");
    is_int(wrong_in("numbers", 16), 0, "with more shards all is there");
    is_int(wrong_in("numbers", 1), 0, "with one shard too");
    is_str(files_of("numbers"), "proxtier.format shard_00.jsonl shards 1", "no other log is left");
    is_int(wrong_in("numbers", 256), 0, "with the greatest number");
    is_int(wrong_in("numbers", 3), 0, "and back");
    is_str(files_of("numbers"), "proxtier.format shard_00.jsonl shard_01.jsonl shard_02.jsonl shards 3",
           "nothing else is left");
    char *before = strdup(fingerprint("numbers"));
    is_int(wrong_in("numbers", 3), 0, "with the same number again");
    is_str(fingerprint("numbers"), before, "nothing is written");
    free(before);
}

static void it_may_die_at_any_step(unsigned from, unsigned to)
{
    int state = 0, steps = 0;
    fill("steps", from);
    do {
        shell("rm -rf %s/killed && cp -a %s/steps %s/killed", test_folder(), test_folder(), test_folder());
        pid_t child = fork();
        if (!child) {
            steps_left = steps;
            bool good = !kit_try_open("killed", to, "", 0);
            _exit(good ? 0 : 1);
        }
        waitpid(child, &state, 0);
        steps++;
        int wrong = wrong_in("killed", steps % 2 ? to : from);
        if (wrong)
            is_int(wrong, 0, "%u to %u shards, killed at step %d: nothing is lost", from, to, steps);
    } while (WIFEXITED(state) && WEXITSTATUS(state) == 9);
    ok(WIFEXITED(state) && !WEXITSTATUS(state), "%u to %u shards: the last one is not killed", from, to);
    ok(steps > 15, "it was killed at %d steps, and nothing was lost", steps - 1);
    shell("rm -rf %s/steps", test_folder());
}

static void a_full_disk_leaves_the_old_shards(void)
{
    fill("full", 4);
    disk_is_full = true;
    for (int i = 0; i < 8; i++) {
        steps_left = i;
        pxt_status status = kit_try_open("full", 5, "", 0);
        if (status != PXT_ENOSPC)
            is_int(status, PXT_ENOSPC, "a full disk at step %d: the folder is not opened", i);
        steps_left = -1;
    }
    disk_is_full = false;
    ok(strstr(kit.error.message, "nothing is lost"), "the message says that nothing is lost");
    is_int(wrong_in("full", 4), 0, "with the old number all is there");
    is_int(wrong_in("full", 5), 0, "and later with the new one");
    disk_is_full = true;
    steps_left = 0;
    is_int(kit_try_open("full-new", 4, "", 0), PXT_OK, "a folder can be opened although its format cannot be written");
    steps_left = -1;
    disk_is_full = false;
    is_int(kit_put("k", 1), PXT_OK, "and used");
    kit_close();
}

static void a_put_is_acknowledged_only_if_the_log_has_a_name(void)
{
    kit_try_open("names", 1, ", sync: full", 0);
    disk_is_full = true;
    steps_left = 0;
    is_int(kit_put("k", 1), PXT_EIO, "a put fails if the name of the new log cannot be forced to disk");
    is_int(kit_put("k", 2), PXT_EIO, "... also the next one, which finds the log there");
    disk_is_full = false;
    steps_left = 1000;
    is_int(kit_put("k", 3), PXT_OK, "later it is made");
    is_int(steps_left, 999, "... when the name is safe");
    is_int(kit_put("k", 4), PXT_OK, "further puts");
    is_int(steps_left, 999, "... need no more of that");
    steps_left = -1;
    is_int(kit_get("k"), 4, "the last one counts");
    kit_close();
}

static void a_folder_in_use_is_not_rewritten(void)
{
    int go[2], state;
    char byte = 0;
    fill("used", 4);
    if (pipe(go))
        exit(1);
    pid_t child = fork();
    if (!child) { /* another process */
        kit_try_open("used", 4, "", 0);
        if (write(go[1], "x", 1) != 1)
            _exit(1);
        pause();
    }
    if (read(go[0], &byte, 1) != 1)
        exit(1);
    is_int(kit_try_open("used", 8, ", lock_timeout: 50ms", 0), PXT_EBUSY, "a folder that another process has open");
    ok(strstr(kit.error.message, "set shards: 4"), "... is not rewritten, and the message says what to do");
    is_int(wrong_in("used", 4), 0, "with its own number it is opened meanwhile");
    kill(child, SIGKILL);
    waitpid(child, &state, 0);
    is_int(wrong_in("used", 8), 0, "when the other process has ended, it is rewritten");
    close(go[0]);
    close(go[1]);
}

/* Opens a new folder in several processes, which keep it open until all have tried; returns the number of failures. */
static int open_at_once(const char *place)
{
    enum { PROCESSES = 4 };
    pid_t child[PROCESSES];
    int done[2], failures = 0;
    if (pipe(done))
        exit(1);
    for (int i = 0; i < PROCESSES; i++)
        if (!(child[i] = fork())) {
            bool good = !kit_try_open(place, 4, ", lock_timeout: 500ms", 0) && !kit_put("k", 1);
            if (write(done[1], good ? "g" : "b", 1) == 1)
                pause();
            _exit(1);
        }
    for (int i = 0; i < PROCESSES; i++) {
        char byte = 0;
        failures += read(done[0], &byte, 1) != 1 || byte != 'g';
    }
    for (int i = 0; i < PROCESSES; i++) {
        kill(child[i], SIGKILL);
        waitpid(child[i], NULL, 0);
    }
    close(done[0]);
    close(done[1]);
    return failures;
}

static void many_may_open_a_new_folder_at_once(void)
{
    int failures = 0;
    for (int round = 0; round < 40; round++) {
        char place[40];
        snprintf(place, sizeof place, "new%d", round);
        failures += open_at_once(place);
    }
    is_int(failures, 0, "processes that open a new folder at once do not keep each other from it");
}

static void a_folder_without_format_is_taken_over(unsigned from, unsigned to)
{
    char place[40];
    snprintf(place, sizeof place, "over-%u-%u", from, to);
    fill(place, from);
    shell("rm %s/%s/proxtier.format", test_folder(), place);
    is_int(wrong_in(place, to), 0, "a folder of %u shards without a format is opened with %u", from, to);
    is_int(wrong_in(place, from), 0, "... and back");
}

static void a_later_format_is_refused(const char *content, const char *expected)
{
    fill("later", 4);
    shell("printf '%s' >%s/later/proxtier.format", content, test_folder());
    char *before = strdup(fingerprint("later"));
    for (unsigned shards = 3; shards <= 4; shards++) {
        is_int(kit_try_open("later", shards, "", 0), PXT_ECONFIG, "a format file of another kind (%s): refused",
               expected);
        ok(strstr(kit.error.message, expected), "... with a message: %s", kit.error.message);
    }
    is_int(kit_try_open("later", 4, ", compatible: proxywhirl", 0), PXT_ECONFIG, "... for use with ProxyWhirl too");
    is_str(fingerprint("later"), before, "... and nothing is changed");
    free(before);
    shell("rm -rf %s/later", test_folder());
}

static bool says(const char *place, const char *line)
{
    char command[600];
    snprintf(command, sizeof command, "head -n 1 %s/%s/proxtier.format", test_folder(), place);
    return !strcmp(output_of(command), line);
}

/* A folder of the candidate has the same logs. */
static void a_folder_of_the_candidate_becomes_one_of_this_format(void)
{
    fill("candidate", 4);
    ok(says("candidate", "format 1"), "a folder has format 1");
    shell("sed -i 's/^format 1$/format 1-rc/' %s/candidate/proxtier.format", test_folder());
    disk_is_full = true;
    steps_left = 0;
    is_int(wrong_in("candidate", 4), 0, "one of the candidate can be read on a full disk");
    steps_left = -1;
    disk_is_full = false;
    ok(says("candidate", "format 1-rc"), "... and stays one of the candidate");
    is_int(wrong_in("candidate", 4), 0, "later nothing of it is lost");
    ok(says("candidate", "format 1"), "... and it has format 1");
    shell("sed -i 's/^format 1$/format 1-rc/' %s/candidate/proxtier.format", test_folder());
    is_int(wrong_in("candidate", 8), 0, "with another number of shards nothing is lost either");
    ok(says("candidate", "format 1"), "... and it has format 1");
}

static void what_is_no_entry_is_kept_too(void)
{
    char path[400], *text;
    size_t length;
    kit_try_open("odd", 2, "", 0);
    put_version("k", 5, false);
    kit_close();
    shell("printf '{\"damaged\\n' >>%s/odd/shard_00.jsonl; printf '{\"torn' >>%s/odd/shard_01.jsonl", test_folder(),
          test_folder());
    shell("long=$(printf %%300s | tr ' ' x); printf '{\"key\": \"%%s\", \"proxy_url\": \"http://h:1\", \"source\": "
          "\"s\", "
          "\"fetch_time\": \"2026-01-01T00:00:00+00:00\", \"last_accessed\": \"2026-01-01T00:00:00+00:00\", "
          "\"ttl_seconds\": 60, \"expires_at\": \"2026-01-01T00:00:00+00:00\"}\\n{}\\n' $long >>%s/odd/shard_00.jsonl",
          test_folder());
    shell("cp -r %s/odd %s/taken; rm %s/taken/proxtier.format", test_folder(), test_folder(), test_folder());
    kit_try_open("taken", 2, "", 0);
    is_int(kit_count(), 1, "a folder with damaged lines is taken over");
    is_int(kit.ops->corruptions(kit.self), 3, "each is counted once");
    kit_close();
    kit_try_open("odd", 1, "", 0);
    is_int(version_of("k"), 5, "an entry beside damaged lines");
    is_int(kit.ops->corruptions(kit.self), 3, "they are counted when the folder is rewritten, too");
    kit_close();
    text = kit_read(kit.log, &length);
    ok(text && strstr(text, "xxxxxxxx"), "an entry that proxtier cannot have is copied");
    ok(text && !strstr(text, "damaged"), "a damaged line is not");
    free(text);
    ok(strstr(kit_quarantine(), "{\"damaged\n"), "it is put aside");
    snprintf(path, sizeof path, "%s/shard_01.bad", kit.folder);
    text = kit_read(path, &length);
    is_str(text ? text : "", "{\"torn\n", "so is a torn one");
    free(text);
}

static void the_newest_of_several_logs_counts(void)
{
    kit_try_open("one", 1, "", 0);
    put_version("k", 7, false);
    put_version("t", 7, true);
    kit_close();
    kit_try_open("several", 1, "", 0);
    put_version("k", 6, false);
    put_version("t", 6, false);
    kit_close();
    shell("cp %s/one/shard_00.jsonl %s/several/shard_05.jsonl", test_folder(), test_folder());
    shell("cp %s/several/shard_00.jsonl %s/several/shard_09.jsonl; rm %s/several/proxtier.format", test_folder(),
          test_folder(), test_folder());
    kit_try_open("several", 2, "", 0);
    is_int(version_of("k"), 7, "of the lines in several logs the newest version counts");
    is_int(version_of("t"), -7, "a tombstone too");
    is_int(kit_count(), 1, "and it is there once");
    kit_close();
}

static void a_folder_of_proxywhirl_gets_no_format(void)
{
    kit_try_open("whirl", 2, ", compatible: proxywhirl", 0);
    kit_put("k", 1);
    kit_close();
    char command[300];
    snprintf(command, sizeof command, "ls %s/whirl | grep -c proxtier", test_folder());
    is_str(output_of(command), "0", "no file of proxtier's own is made in a folder that is compatible");
}

/* The last line of each key in the fixture is what the program of that commit has left there. */
static void a_folder_of_6a09ef4_loses_nothing(unsigned shards)
{
    static const struct {
        const char *key, *source;
        int64_t failures;
    } kept[] = {{"68107c940b04c250", "list", 1}, {"6c5f445ab2af67a6", "list", 0}, {"aa31f2de0d53cbbc", "list", 0},
                {"f12170ac42038ca0", "list", 0}, {"468e70eef567363f", "list", 0}, {"fbc5d25ee1280b21", "list", 0},
                {"c10c2efe7e40f80a", "again", 0}};
    int wrong = 0;
    shell("rm -rf %s/old && cp -r %s/t/plugins/fixtures/jsonl-6a09ef4 %s/old && chmod 700 %s/old && chmod 600 %s/old/*",
          test_folder(), getenv("abs_top_srcdir"), test_folder(), test_folder(), test_folder());
    is_int(kit_try_open("old", shards, "", 0), PXT_OK, "a folder of commit 6a09ef4 opens with %u shards", shards);
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        struct pxt_key key = kit_key(kept[i].key);
        pxt_entry *entry = NULL;
        if (kit.ops->get(kit.self, &key, 0, &entry, &kit.error) == PXT_OK)
            wrong += strcmp(pxt_entry_text(entry, PXT_FIELD_SOURCE, NULL), kept[i].source) ||
                     pxt_entry_number(entry, PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES) != kept[i].failures ||
                     !pxt_entry_has(entry, PXT_FIELD_PASSWORD);
        else
            wrong++;
        pxt_entry_release(entry);
    }
    is_int(wrong, 0, "... each entry is as it was");
    is_int(kit_count(), 7, "... and no deleted one is back");
    is_int(kit.ops->corruptions(kit.self), 0, "... no line counts as damaged");
    kit_close();
}

int main(void)
{
    test_folder();
    another_number_of_shards_loses_nothing();
    it_may_die_at_any_step(4, 3);
    it_may_die_at_any_step(2, 5);
    a_full_disk_leaves_the_old_shards();
    a_put_is_acknowledged_only_if_the_log_has_a_name();
    a_folder_in_use_is_not_rewritten();
    many_may_open_a_new_folder_at_once();
    a_folder_without_format_is_taken_over(8, 4);
    a_folder_without_format_is_taken_over(4, 8);
    a_later_format_is_refused("format 2\nshards 4\nother x\n", "has format 2");
    a_later_format_is_refused("rubbish\n", "damaged");
    a_later_format_is_refused("format 1\nshards 0\n", "damaged");
    a_later_format_is_refused("format 1-\nshards 4\n", "has format 1-");
    a_folder_of_the_candidate_becomes_one_of_this_format();
    what_is_no_entry_is_kept_too();
    the_newest_of_several_logs_counts();
    a_folder_of_proxywhirl_gets_no_format();
    a_folder_of_6a09ef4_loses_nothing(4);
    a_folder_of_6a09ef4_loses_nothing(16);
    return tap_done();
}
