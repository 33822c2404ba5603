/* SPDX-License-Identifier: MIT */
#include "snapshot.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PATH = 600, BYTES = 16 << 20, FOLDERS = 16, DESCRIPTORS = 256 };

/* One snapshot at a time: the i-th file is the i-th of `files` too. */
static struct {
    unsigned file_count, folder_count;
    struct file {
        char path[PATH];
        struct stat stat;
        size_t at; /* in `bytes` */
    } file[TWIN_FILES];
    char folder[FOLDERS][PATH];
    off_t place[DESCRIPTORS]; /* -1: not open, or without a place */
    size_t used;
    char bytes[BYTES];
} now;
static char found[BYTES];

static void need(bool good, const char *what, const char *path)
{
    if (good)
        return;
    dprintf(STDERR_FILENO, "snapshot: %s: %s: %s\n", path, what, strerror(errno));
    _exit(70);
}

/* Calls `fn` for all that is in a folder, what is in a folder before the folder itself. */
static void walk(const char *folder, void (*fn)(const char *path, const struct stat *stat))
{
    char path[PATH];
    struct dirent *entry;
    struct stat stat;
    DIR *dir = opendir(folder);
    need(dir, "cannot read", folder);
    while ((entry = readdir(dir))) {
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        need((size_t)snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) < sizeof path, "too long", folder);
        need(!lstat(path, &stat), "cannot look at", path);
        if (S_ISDIR(stat.st_mode))
            walk(path, fn);
        fn(path, &stat);
    }
    closedir(dir);
}

static const char *link_of(const char *kept, unsigned i)
{
    static char path[PATH];
    snprintf(path, sizeof path, "%s/%u", kept, i);
    return path;
}

/* What the file system itself says. */
static void look(const char *path, struct stat *out)
{
    need(!syscall(SYS_newfstatat, AT_FDCWD, path, out, AT_SYMLINK_NOFOLLOW), "cannot look at", path);
}

/* Lets each file show what it showed when the snapshot was taken. */
static void show(struct twin_files *files, bool linked)
{
    struct stat stat;
    for (unsigned i = 0; i < now.file_count; i++) {
        const struct file *file = &now.file[i];
        look(file->path, &stat);
        files->file[i] = (struct twin_file){file->stat.st_ino, 0, stat.st_ctim, file->stat.st_ctim};
        for (unsigned j = 0; linked && j < now.file_count; j++) /* a file may have two names */
            files->file[i].more += now.file[j].stat.st_ino == file->stat.st_ino;
    }
    files->count = now.file_count;
}

static size_t read_whole(int fd, char *out, size_t room, const char *path)
{
    ssize_t n = pread(fd, out, room, 0);
    need(n >= 0 && (size_t)n < room, "cannot read", path);
    return (size_t)n;
}

/* ---- taking ---- */

static void keep(const char *path, const struct stat *stat)
{
    if (S_ISDIR(stat->st_mode)) {
        need(now.folder_count < FOLDERS, "too many folders", path);
        strcpy(now.folder[now.folder_count++], path);
        return;
    }
    need(now.file_count < TWIN_FILES && S_ISREG(stat->st_mode), "too many files, or not a file", path);
    struct file *file = &now.file[now.file_count++];
    strcpy(file->path, path);
    file->stat = *stat;
    file->at = now.used;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    need(fd >= 0, "cannot open", path);
    size_t n = read_whole(fd, now.bytes + now.used, BYTES - now.used, path);
    need(n == (size_t)stat->st_size, "has another size", path);
    now.used += n;
    close(fd);
}

void snapshot_take(const char *folder, const char *kept, struct twin_files *files)
{
    now.file_count = now.folder_count = 0;
    now.used = 0;
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        now.place[fd] = lseek(fd, 0, SEEK_CUR);
    walk(folder, keep);
    for (unsigned i = 0; i < now.file_count; i++)
        need(!link(now.file[i].path, link_of(kept, i)), "cannot link", now.file[i].path);
    show(files, true);
}

/* ---- putting back ---- */

/* Removes what was not there. */
static void sift(const char *path, const struct stat *stat)
{
    if (S_ISDIR(stat->st_mode)) {
        for (unsigned i = 0; i < now.folder_count; i++)
            if (!strcmp(now.folder[i], path))
                return;
        need(!rmdir(path), "cannot remove", path);
        return;
    }
    for (unsigned i = 0; i < now.file_count; i++)
        if (now.file[i].stat.st_ino == stat->st_ino && !strcmp(now.file[i].path, path))
            return;
    need(!unlink(path), "cannot remove", path);
}

static void put_bytes_back(const struct file *file)
{
    size_t size = (size_t)file->stat.st_size;
    int fd = open(file->path, O_RDWR | O_CLOEXEC);
    need(fd >= 0, "cannot open", file->path);
    size_t n = read_whole(fd, found, BYTES, file->path);
    if (n != size)
        need(!ftruncate(fd, file->stat.st_size), "cannot truncate", file->path);
    if (n != size || memcmp(found, now.bytes + file->at, size) != 0)
        need(pwrite(fd, now.bytes + file->at, size, 0) == (ssize_t)size, "cannot write", file->path);
    need(!fchmod(fd, file->stat.st_mode & 07777), "cannot set the mode of", file->path);
    need(!futimens(fd, (struct timespec[]){file->stat.st_atim, file->stat.st_mtim}), "cannot set times of", file->path);
    close(fd);
}

void snapshot_put_back(const char *folder, const char *kept, struct twin_files *files)
{
    walk(folder, sift);
    for (unsigned i = now.folder_count; i-- > 0;)
        need(!mkdir(now.folder[i], 0700) || errno == EEXIST, "cannot make", now.folder[i]);
    for (unsigned i = 0; i < now.file_count; i++) {
        const struct file *file = &now.file[i];
        need(!link(link_of(kept, i), file->path) || errno == EEXIST, "cannot link", file->path);
        put_bytes_back(file);
        need(!unlink(link_of(kept, i)), "cannot remove", link_of(kept, i));
    }
    show(files, false);
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        if (now.place[fd] >= 0)
            lseek(fd, now.place[fd], SEEK_SET);
}

/* ---- an outcome ---- */

static struct outcome outcome;

/* Two different mixtures of all words: as good as the bytes themselves for some hundred thousand outcomes. */
static void mix(const void *bytes, size_t n)
{
    uint64_t word;
    for (size_t i = 0; i < n; i += sizeof word) {
        word = 0;
        memcpy(&word, (const char *)bytes + i, n - i < sizeof word ? n - i : sizeof word);
        outcome.half[0] = (outcome.half[0] ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        outcome.half[0] ^= outcome.half[0] >> 32;
        outcome.half[1] = (outcome.half[1] + word) * UINT64_C(0xc2b2ae3d27d4eb4f);
        outcome.half[1] ^= outcome.half[1] >> 29;
    }
    word = n;
    outcome.half[0] = (outcome.half[0] ^ word) * UINT64_C(0xff51afd7ed558ccd);
    outcome.half[1] = (outcome.half[1] + word) * UINT64_C(0xc4ceb9fe1a85ec53);
}

static void mix_file(const char *path, const struct stat *stat)
{
    bool kept = false;
    for (unsigned i = 0; i < now.file_count; i++)
        kept = kept || now.file[i].stat.st_ino == stat->st_ino;
    mix(path, strlen(path));
    mix(&kept, sizeof kept);
    mix(&stat->st_mode, sizeof stat->st_mode);
    if (S_ISDIR(stat->st_mode))
        return;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    need(fd >= 0, "cannot open", path);
    mix(found, read_whole(fd, found, BYTES, path));
    close(fd);
}

struct outcome snapshot_outcome(const char *folder, const char *log)
{
    struct stat stat;
    outcome = (struct outcome){{1, 2}};
    walk(folder, mix_file);
    look(log, &stat);
    mix_file(log, &stat);
    return outcome;
}

static void remove_one(const char *path, const struct stat *stat)
{
    need(!(S_ISDIR(stat->st_mode) ? rmdir(path) : unlink(path)), "cannot remove", path);
}

void snapshot_empty(const char *folder)
{
    walk(folder, remove_one);
}
