/* SPDX-License-Identifier: MIT
 *
 * No process misses a hint of another one, also after the hint log was cut, removed or replaced under them. Each `struct
 * process` stands for one.
 */
#include "../lib/tap.h"
#include "base/key.h"
#include "shared/hint_log.h"
#include <proxtier/error.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-hints-XXXXXX";
static char store[100], file[120], old_file[120], coherence_file[120];

struct process {
    struct pxt_coherence coherence;
    struct pxt_hints hints;
    struct pxt_hint_log log;
};
static struct pxt_logger logger;

static struct process *begin(void)
{
    struct process *process = calloc(1, sizeof *process);
    struct pxt_error error;
    if (!process)
        exit(1);
    struct pxt_hints *hints = &process->hints;
    pxt_hints_init(hints, "l2", 1000);
    hints->shared = true;
    if (pxt_coherence_open(&process->coherence, store, 1000, &error) ||
        pxt_hint_log_open(&process->log, store, &process->coherence, &hints, 1, &logger, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return process;
}

static void end(struct process *process)
{
    pxt_hint_log_close(&process->log);
    pxt_hints_destroy(&process->hints);
    pxt_coherence_close(&process->coherence);
    free(process);
}

static void add(struct process *process, const char *text)
{
    struct pxt_key key;
    pxt_key_init(&key, text, strlen(text));
    pxt_hints_add(&process->hints, &key, false);
    pxt_hint_log_append(&process->log, PXT_HINT_PUT, &process->hints, text);
}

static void done(struct process *process, const char *text)
{
    struct pxt_key key;
    pxt_key_init(&key, text, strlen(text));
    if (pxt_hints_done(&process->hints, &key))
        pxt_hint_log_append(&process->log, PXT_HINT_DONE, &process->hints, text);
}

/* What the process knows, after it has looked, as a call on the cache does. */
static bool knows(struct process *process, const char *text)
{
    struct pxt_key key;
    pxt_key_init(&key, text, strlen(text));
    if (pxt_coherence_lock(&process->coherence, 0, 1, NULL) == PXT_OK)
        pxt_coherence_unlock(&process->coherence, 0, 1);
    pxt_hint_log_replay(&process->log);
    return pxt_hints_has(&process->hints, &key) == PXT_KEY_HINTED;
}

static bool a_new_process_knows(const char *text)
{
    struct process *fresh = begin();
    bool result = knows(fresh, text);
    end(fresh);
    return result;
}

static void clean(void)
{
    unlink(file);
    unlink(coherence_file);
}

static void hints_reach_other_processes(void)
{
    struct process *a = begin(), *b = begin();
    add(a, "k1");
    ok(knows(b, "k1"), "a hint reaches a running process");
    ok(a_new_process_knows("k1"), "and one that starts later");
    done(b, "k1");
    ok(!knows(a, "k1"), "that it is done reaches the first");
    struct stat is;
    ok(!stat(file, &is) && !is.st_size, "when no hint is left the file is empty");
    add(a, "k2");
    ok(knows(b, "k2"), "the next hint is read from the beginning");
    end(a);
    end(b);
    clean();
}

/* As a process does that is killed in the middle of it, or an administrator. */
static void a_file_that_was_cut_loses_no_later_hint(void)
{
    struct process *a = begin(), *b = begin();
    add(a, "a key with a long name, so that more is read than will be written next");
    ok(knows(b, "a key with a long name, so that more is read than will be written next"), "both have read so far");
    ok(!truncate(file, 0), "the file is cut to 0");
    add(a, "k2");
    ok(knows(a, "k2") && knows(b, "k2"), "a later hint is known to both");
    ok(a_new_process_knows("k2"), "and to a new process");
    ok(a_new_process_knows("a key with a long name, so that more is read than will be written next"),
       "the hint that was cut away is written again by those that know it");
    end(a);
    end(b);
    clean();
}

static void a_file_that_was_cut_and_has_grown_again_loses_no_hint(void)
{
    struct process *a = begin(), *b = begin();
    add(a, "k1");
    ok(knows(b, "k1"), "both have read so far");
    done(a, "k1");
    for (int i = 10; i < 40; i++) {
        char text[20];
        snprintf(text, sizeof text, "key%d", i);
        add(a, text);
    }
    ok(knows(b, "key10") && knows(b, "key39"), "a file that was emptied and has grown beyond is read from the start");
    ok(!truncate(file, 0), "it is cut to 0 by another hand");
    for (int i = 40; i < 99; i++) {
        char text[20];
        snprintf(text, sizeof text, "key%d", i);
        add(a, text);
    }
    ok(knows(b, "key40") && knows(b, "key98"), "and no hint is missed");
    end(a);
    end(b);
    clean();
}

static void a_file_that_was_removed_loses_no_hint(void)
{
    struct process *a = begin(), *b = begin();
    add(a, "k1");
    ok(knows(b, "k1"), "both know a hint");
    unlink(file);
    add(a, "k2");
    ok(knows(b, "k2"), "removed: the next hint reaches the other process");
    add(b, "k3");
    ok(knows(a, "k3"), "... and back");
    ok(a_new_process_knows("k1") && a_new_process_knows("k2") && a_new_process_knows("k3"),
       "... and a new process knows all three");
    done(a, "k1"), done(a, "k2"), done(a, "k3");
    ok(!knows(b, "k1") && !knows(b, "k2") && !a_new_process_knows("k3"), "all are done for all");
    end(a);
    end(b);
    clean();
}

static void maintenance_writes_the_hints_again(void)
{
    struct process *a = begin();
    add(a, "k1");
    unlink(file);
    pxt_hint_log_check(&a->log);
    ok(a_new_process_knows("k1"), "hints whose file was removed are written again by maintenance");
    end(a);
    clean();
}

static void both_files_removed_lose_no_hint(void)
{
    struct process *a = begin();
    add(a, "k1");
    unlink(file);
    unlink(coherence_file);
    struct process *b = begin();
    add(b, "k2");
    ok(knows(a, "k2"), "both files removed: the first process reads the hint of the later one");
    ok(knows(b, "k1"), "and the later one that of the first");
    end(a);
    end(b);
    clean();
}

static void the_coherence_file_removed_loses_no_hint(void)
{
    struct process *a = begin();
    add(a, "k1");
    unlink(coherence_file);
    struct process *b = begin();
    ok(knows(b, "k1"), "without the coherence file the log is read");
    add(b, "k2");
    ok(knows(a, "k1") && knows(a, "k2"), "the first process loses none and learns the new one");
    end(a);
    end(b);
    clean();
}

static void write_old_file(const char *text)
{
    FILE *old = fopen(old_file, "w");
    if (!old || fputs(text, old) < 0 || fclose(old)) {
        printf("Bail out! cannot write %s\n", old_file);
        exit(1);
    }
}

static void the_file_of_an_earlier_version_is_taken_over(void)
{
    char line[500];
    memset(line, 'n', sizeof line);
    memcpy(line, "x\tl2\t", 5);
    snprintf(line + sizeof line - 2, 2, "\n"); /* longer than a key can be */
    write_old_file("x\tl2\tk1\n\n+\tl2\tk2\n+\tl2\tk3\n-\tl2\tk3\nx\tl2\ttorn");
    struct process *a = begin();
    ok(knows(a, "k1") && knows(a, "k2"), "hints in PATH.missed are known after an upgrade");
    ok(!knows(a, "k3") && !knows(a, "torn"), "one that was done is not, nor a torn line");
    ok(access(old_file, F_OK) != 0, "PATH.missed is removed");
    ok(a_new_process_knows("k1") && a_new_process_knows("k2"), "the hints are in the hint log now");
    write_old_file(line);
    ok(!a_new_process_knows("k3") && access(old_file, F_OK) != 0, "a line that is too long is left out");
    write_old_file("");
    ok(a_new_process_knows("k1") && access(old_file, F_OK) != 0, "an empty file is removed");
    done(a, "k1"), done(a, "k2");
    ok(!a_new_process_knows("k1"), "they can be done");
    end(a);
    clean();
}

static void running_processes_learn_what_is_taken_over(void)
{
    struct process *a = begin();
    write_old_file("x\tl2\tk1\n");
    struct process *b = begin();
    ok(knows(a, "k1"), "a process that runs already learns the hints that another one takes over");
    end(a);
    end(b);
    clean();
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(store, sizeof store, "%s/store", folder);
    snprintf(file, sizeof file, "%s.hints", store);
    snprintf(old_file, sizeof old_file, "%s.missed", store);
    snprintf(coherence_file, sizeof coherence_file, "%s.coherence", store);
    hints_reach_other_processes();
    a_file_that_was_cut_loses_no_later_hint();
    a_file_that_was_cut_and_has_grown_again_loses_no_hint();
    a_file_that_was_removed_loses_no_hint();
    maintenance_writes_the_hints_again();
    both_files_removed_lose_no_hint();
    the_coherence_file_removed_loses_no_hint();
    the_file_of_an_earlier_version_is_taken_over();
    running_processes_learn_what_is_taken_over();
    rmdir(folder);
    return tap_done();
}
