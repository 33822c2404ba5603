/* SPDX-License-Identifier: MIT
 *
 * The logs of l2_jsonl: torn and damaged lines, deletions, and the locks of shards.
 */
#include "../lib/tiers_kit.h"
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void shard_path(char *path, size_t size, const char *key, const char *sub)
{
    char command[300];
    snprintf(command, sizeof command, "grep -l '\"%s\"' %s/%s-l2_jsonl/*.jsonl", key, test_folder(), sub);
    FILE *out = popen(command, "r");
    if (!out || !fgets(path, (int)size, out))
        *path = '\0';
    path[strcspn(path, "\n")] = '\0';
    if (out)
        pclose(out);
}

static void append(const char *path, const char *text)
{
    FILE *file = fopen(path, "a");
    fputs(text, file);
    fclose(file);
}

static void a_torn_line_is_cut_off_and_not_fused(void)
{
    char path[300];
    set_place("l2_jsonl", "torn");
    open_tier(NULL, 0);
    put_simply("whole");
    close_tier();
    shard_path(path, sizeof path, "whole", "torn");
    append(path, "{\"key\": \"whole\", \"proxy_ur");
    open_tier(NULL, 0);
    ok(has("whole"), "a torn last line does not hide the one before");
    is_int(put_simply("whole"), PXT_OK, "a put cuts it off");
    is_int(ops->corruptions(self), 1, "and it is counted once");
    close_tier();
    open_tier(NULL, 0);
    ok(has("whole"), "the line put after it is whole");
    is_int(ops->corruptions(self), 0, "nothing damaged is left");
    close_tier();
}

static void a_deletion_is_read_in_any_spelling(void)
{
    char path[300];
    static const char *const keys[] = {"plain", "quote\"d", "back\\slash", "gr\303\274n"};
    static const char *const lines[] = {"{\"deleted\":\"plain\"}\n", "{ \"deleted\" : \"quote\\u0022d\" }\n",
                                        "{\"deleted\": \"back\\u005Cslash\"}\n", "{\"deleted\":\"gr\\u00fcn\"}\n"};
    set_place("l2_jsonl", "deletions");
    strcpy(strchr(yaml, '}'), ", shards: 1}");
    snprintf(path, sizeof path, "%s/deletions-l2_jsonl/shard_00.jsonl", test_folder());
    for (size_t i = 0; i < 4; i++) {
        struct pxt_key key = key_of(keys[i]);
        open_tier(NULL, 0);
        put_simply(keys[i]);
        is_int(ops->del(self, &key, PXT_REMOVE_DELETED, &error), PXT_OK, "%s is deleted", keys[i]);
        close_tier();
        open_tier(NULL, 0);
        ok(!has(keys[i]), "... and stays away when the log is read again");
        put_simply(keys[i]);
        append(path, lines[i]);
        ok(!has(keys[i]), "... also when it is deleted by hand");
        is_int(ops->corruptions(self), 0, "... and no line counts as damaged");
        close_tier();
    }
}

static void a_damaged_line_is_passed_over_and_put_aside(void)
{
    char path[300], command[400];
    set_place("l2_jsonl", "damaged");
    open_tier(NULL, 0);
    put_simply("good");
    close_tier();
    shard_path(path, sizeof path, "good", "damaged");
    append(path, "garbage in the middle\n{\"no\": \"key\"}\n");
    open_tier(NULL, 0);
    ok(has("good"), "lines around a damaged one are read");
    is_int(ops->corruptions(self), 2, "damaged lines are counted");
    for (int i = 0; i < 600; i++)
        put_simply("good");
    is_int(ops->maintain(self, &error), PXT_OK, "compaction");
    ok(has("good"), "... keeps the entry");
    struct stat file;
    ok(!stat(path, &file) && file.st_size < 1000, "... and nothing else");
    snprintf(command, sizeof command, "grep -q 'garbage in the middle' %.*sbad", (int)strlen(path) - 5, path);
    is_int(system(command), 0, "damaged bytes are put aside, not deleted");
    close_tier();
}

static void deletions_are_invisible_to_proxywhirl(void)
{
    char command[600];
    set_place("l2_jsonl", "compat");
    strcpy(strchr(yaml, '}'), ", compatible: proxywhirl}");
    open_tier(NULL, 0);
    put_simply("stays");
    put_simply("leaves");
    struct pxt_key key = key_of("leaves");
    ops->del(self, &key, PXT_REMOVE_DELETED, &error);
    ops->maintain(self, &error);
    close_tier();
    snprintf(command, sizeof command,
             "cat %s/compat-l2_jsonl/*.jsonl | { n=$(grep -c '\"key\"'); test \"$n\" = 1; } && ! grep -q leaves "
             "%s/compat-l2_jsonl/*.jsonl",
             test_folder(), test_folder());
    is_int(system(command), 0, "in a folder marked compatible nothing deleted is left");
}

static void another_process_may_hold_the_lock_only_so_long(void)
{
    char path[300];
    set_place("l2_jsonl", "locked");
    open_tier(NULL, 0);
    put_simply("l");
    close_tier();
    shard_path(path, sizeof path, "l", "locked");
    strcpy(path + strlen(path) - 5, "lock");
    int fd = open(path, O_RDWR); /* another open file: as good as another process */
    ok(fd >= 0 && !flock(fd, LOCK_EX), "someone holds the lock");
    open_tier(NULL, 0);
    ok(has("l"), "a lock that another process holds does not keep from reading");
    is_int(put_simply("l"), PXT_EBUSY, "a put waits for its timeout and no longer");
    ok(strstr(error.message, "lock_timeout"), "... and says what to do");
    close(fd);
    is_int(put_simply("l"), PXT_OK, "without the lock it goes on");
    close_tier();
}

static void a_lock_file_that_was_removed_is_noticed(void)
{
    char path[300];
    set_place("l2_jsonl", "unlocked");
    open_tier(NULL, 0);
    is_int(put_simply("l"), PXT_OK, "a put has opened the lock file");
    shard_path(path, sizeof path, "l", "unlocked");
    strcpy(path + strlen(path) - 5, "lock");
    ok(!unlink(path), "the lock file is removed");
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    ok(fd >= 0 && !flock(fd, LOCK_EX), "a process that starts later makes and holds another one");
    is_int(put_simply("l"), PXT_EBUSY, "a put waits for that");
    close(fd);
    is_int(put_simply("l"), PXT_OK, "when it is free, the put is made");
    close_tier();
}

int main(void)
{
    test_folder();
    a_torn_line_is_cut_off_and_not_fused();
    a_deletion_is_read_in_any_spelling();
    a_damaged_line_is_passed_over_and_put_aside();
    deletions_are_invisible_to_proxywhirl();
    another_process_may_hold_the_lock_only_so_long();
    a_lock_file_that_was_removed_is_noticed();
    return tap_done();
}
