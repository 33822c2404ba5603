/* SPDX-License-Identifier: MIT
 *
 * Another process notices when a log of l2_jsonl is emptied or cut, also when it has the size of before again: puts are
 * not invisible, and what was deleted or never acknowledged is not there.
 */
#include "../lib/jsonl_kit.h"
#include <errno.h>
#include <sys/file.h>

/* The other process: it has its own tier in the same folder, and answers questions. */
static int question[2], answer[2];
static pid_t other;

static void serve(const char *place)
{
    char text[40];
    kit_open(place, "", 0);
    while (read(question[0], text, sizeof text) == sizeof text) {
        struct pxt_key key = kit_key(text + 1);
        int64_t reply = *text == 'g'   ? kit_get(text + 1)
                        : *text == 'h' ? kit.ops->contains(kit.self, &key, &kit.error) == PXT_OK
                        : *text == 'd' ? (int64_t)kit_delete(text + 1)
                                       : (int64_t)kit_count();
        if (write(answer[1], &reply, sizeof reply) != sizeof reply)
            break;
    }
    kit_close();
}

static void start_other(const char *place)
{
    if (pipe(question) || pipe(answer) || (other = fork()) < 0) {
        printf("Bail out! no second process\n");
        exit(1);
    }
    if (!other) {
        close(question[1]);
        serve(place);
        _exit(0);
    }
    close(question[0]);
    close(answer[1]);
}

/* Asks the other process: 'g'et, 'h'as, 'd'elete or 'c'ount. */
static int64_t ask(char what, const char *key)
{
    char text[40] = {what};
    int64_t reply = -99;
    strcpy(text + 1, key);
    if (write(question[1], text, sizeof text) != sizeof text || read(answer[0], &reply, sizeof reply) != sizeof reply)
        return -99;
    return reply;
}

static void end_other(void)
{
    int state = -1;
    close(question[1]);
    close(answer[0]);
    waitpid(other, &state, 0);
    is_int(state, 0, "the other process ends well");
}

/* l2_jsonl's fdatasync(): fails on demand, after the other process has read what was written. */
static const char *seen_before_failure;
__attribute__((visibility("default"))) int fdatasync(int fd)
{
    (void)fd;
    if (!seen_before_failure)
        return 0;
    is_int(ask('g', seen_before_failure), 1, "the other process reads a line before its writer fails");
    seen_before_failure = NULL;
    errno = EIO;
    return -1;
}

static off_t size_of_log(void)
{
    struct stat file;
    return stat(kit.log, &file) ? -1 : file.st_size;
}

static void a_cleared_log_of_the_same_size_is_noticed(void)
{
    start_other("cleared");
    kit_open("cleared", "", 0);
    kit_put("a1", 1);
    kit_put("a2", 2);
    off_t size = size_of_log();
    is_int(ask('g', "a1"), 1, "the other process reads an entry");
    uint64_t removed = 0;
    kit.ops->clear(kit.self, &removed, &kit.error);
    is_int(removed, 2, "the log is emptied");
    kit_put("b1", 3);
    kit_put("b2", 4);
    is_int(size_of_log(), size, "and has the same size again");
    is_int(ask('g', "b1"), 3, "the other process sees an acknowledged put");
    is_int(ask('h', "a2"), 0, "it has no entry that was cleared");
    is_int(ask('c', ""), 2, "it counts the new entries");
    is_int(ask('d', "a1"), PXT_NOT_FOUND, "it has nothing to delete under an old key");
    is_int(ask('d', "b2"), PXT_OK, "it deletes a new one");
    is_int(kit_get("b2"), -1, "and the first process sees that");
    kit_close();
    end_other();
}

static void a_failed_put_is_taken_back_for_all(const char *place, bool disk_is_full)
{
    char path[300];
    start_other(place);
    kit_open(place, ", sync: full", 0);
    kit_put("w1", 1);
    if (disk_is_full) { /* no new file can be made */
        snprintf(path, sizeof path, "%s/shard_00.compact", kit.folder);
        mkdir(path, 0700);
        snprintf(path, sizeof path, "%s/shard_00.compact/x", kit.folder);
        kit_write(path, "w", "", 0);
    }
    seen_before_failure = "x1";
    is_int(kit_put("x1", 1), PXT_EIO, "%s: a put fails", place);
    is_int(kit_get("x1"), -1, "%s: its entry is not there", place);
    is_int(kit_put("y1", 1), PXT_OK, "%s: the next put, with a line as long, is taken", place);
    is_int(ask('g', "y1"), 1, "%s: the other process sees it", place);
    is_int(ask('g', "x1"), -1, "%s: and not the one that failed", place);
    is_int(ask('g', "w1"), 1, "%s: and still the one before", place);
    is_int(ask('c', ""), 2, "%s: and counts two", place);
    kit_close();
    kit_open(place, "", 0);
    is_int(kit_count(), 2, "%s: opened again, two are there", place);
    is_int(kit.ops->corruptions(kit.self), 0, "%s: nothing is damaged", place);
    kit_close();
    end_other();
}

/* Puts entries 0 to `n` - 1 as one batch. */
static pxt_status put_batch(size_t n)
{
    pxt_entry *entries[100];
    for (size_t i = 0; i < n; i++) {
        char key[20];
        snprintf(key, sizeof key, "batch%zu", i);
        entries[i] = make_entry(&kit.user, key, T0, 1, T0, T0 + 3600 * PXT_SECOND);
    }
    pxt_status status = kit.ops->put_many(kit.self, entries, n, &kit.error);
    for (size_t i = 0; i < n; i++)
        pxt_entry_release(entries[i]);
    return status;
}

static void a_failed_batch_gives_its_space_back(void)
{
    char path[300];
    start_other("space");
    kit_open("space", ", sync: full", 0);
    kit_put("w1", 1);
    off_t size = size_of_log();
    snprintf(path, sizeof path, "%s/shard_00.compact", kit.folder);
    mkdir(path, 0700); /* the disk is full: no new file can be made */
    seen_before_failure = "batch9";
    is_int(put_batch(20), PXT_EIO, "a batch fails on a full disk");
    is_int(kit_count(), 1, "its entries are not there");
    ok(size_of_log() > size, "its space is not given back: another process has read it");
    kit_close();
    end_other();
    rmdir(path);
    kit_open("space", "", 0);
    is_int(kit_count(), 1, "the next process, with room on the disk");
    is_int(kit.ops->maintain(kit.self, &kit.error), PXT_OK, "compacts the log");
    is_int(size_of_log(), size, "so that the space is given back");
    is_int(kit_get("w1"), 1, "the entry stays");
    kit_close();
}

/* Another process makes the lock file anew and locks it: this one must wait for that lock. */
static void a_lock_file_of_another_name_does_not_count(const char *place, const char *to)
{
    char path[300], other_path[300];
    kit_open(place, ", lock_timeout: 100ms", 0);
    kit_put("a", 1);
    snprintf(path, sizeof path, "%s/shard_00.lock", kit.folder);
    snprintf(other_path, sizeof other_path, "%s/%s", kit.folder, to ? to : "");
    if (to ? rename(path, other_path) : unlink(path))
        diag("cannot move %s: %s", path, strerror(errno));
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    is_int(flock(fd, LOCK_EX), 0, "%s: another process locks a new lock file", place);
    is_int(kit_put("b", 2), PXT_EBUSY, "%s: a put waits for it", place);
    close(fd);
    is_int(kit_put("b", 2), PXT_OK, "%s: and goes on after it", place);
    kit_close();
}

int main(void)
{
    test_folder();
    a_cleared_log_of_the_same_size_is_noticed();
    a_failed_put_is_taken_back_for_all("failed", false);
    a_failed_put_is_taken_back_for_all("full", true);
    a_failed_batch_gives_its_space_back();
    a_lock_file_of_another_name_does_not_count("removed", NULL);
    a_lock_file_of_another_name_does_not_count("moved", "shard_00.lock.old");
    return tap_done();
}
