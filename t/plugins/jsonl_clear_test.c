/* SPDX-License-Identifier: MIT
 *
 * clear of l2_jsonl: with `sync: full` it answers PXT_OK only when the removal of the logs is on the disk.
 */
#include "../lib/jsonl_kit.h"
#include <dlfcn.h>
#include <errno.h>

static bool folders_fail;
static unsigned folders_synced;

__attribute__((visibility("default"))) int fsync(int fd)
{
    struct stat file;
    int (*real)(int);
    *(void **)&real = dlsym(RTLD_NEXT, "fsync");
    bool folder = !fstat(fd, &file) && S_ISDIR(file.st_mode);
    folders_synced += folder;
    if (!folder || !folders_fail)
        return real(fd);
    errno = EIO;
    return -1;
}

static void put(const char *key)
{
    pxt_entry *entry = make_entry(&kit.user, key, T0, 0, T0, T0 + 3600 * PXT_SECOND);
    is_int(kit.ops->put(kit.self, entry, &kit.error), PXT_OK, "put %s", key);
    pxt_entry_release(entry);
}

static uint64_t count(void)
{
    uint64_t number = UINT64_MAX;
    kit.ops->count(kit.self, &number, &kit.error);
    return number;
}

static void a_removal_that_is_not_on_the_disk_is_told(void)
{
    uint64_t removed;
    kit_open("full", ", sync: full", 0);
    put("a");
    folders_fail = true;
    is_int(kit.ops->clear(kit.self, &removed, &kit.error), PXT_EIO,
           "sync: full: clear fails if the folder does not sync");
    ok(strstr(kit.error.message, kit.folder), "the message names the folder: %s", kit.error.message);
    is_int(count(), 0, "the entries are gone all the same, until power is lost");
    folders_fail = false;
    put("b");
    folders_synced = 0;
    is_int(kit.ops->clear(kit.self, &removed, &kit.error), PXT_OK, "clear");
    is_int(removed, 1, "tells how many there were");
    ok(folders_synced > 0, "after it has synced the folder");
    kit_close();
}

static void without_full_sync_nothing_is_synced(void)
{
    uint64_t removed;
    kit_open("none", "", 0);
    put("a");
    folders_fail = true;
    is_int(kit.ops->clear(kit.self, &removed, &kit.error), PXT_OK, "sync: none: clear does not wait for the disk");
    folders_fail = false;
    kit_close();
}

int main(void)
{
    a_removal_that_is_not_on_the_disk_is_told();
    without_full_sync_nothing_is_synced();
    return tap_done();
}
