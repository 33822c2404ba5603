/* SPDX-License-Identifier: MIT
 *
 * folder: one file a key, each holding the entry as JSON: a durable tier that several processes may share. A file is
 * written under another name and then renamed, so that a reader sees the old one or the new one, and a crash leaves
 * one of them. A file that cannot be read as an entry is put aside, as NAME.json.bad.
 *
 *   cc -shared -fPIC $(pkg-config --cflags proxtier-plugin) -o folder.so folder.c
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <proxtier/tier.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct folder {
    const struct pxt_host *host;
    const char *path; /* lives as long as the settings, that is, as long as this */
    int fd;
    uint64_t damaged;
};

static const struct pxt_option options[] = {
    {"dir", PXT_OPTION_PATH, "${cache}/folder", 0, 0, NULL, "where the files are"},
    {NULL, PXT_OPTION_TEXT, NULL, 0, 0, NULL, NULL}};

enum { NAME_SIZE = 2 * PXT_KEY_MAX + 8 };

/* Keys may hold any character, and be too long for a file's name: letters and digits stay, others become _XX, and what
 * is too long is named by its hash. */
static void name_of(const struct pxt_key *key, char name[NAME_SIZE])
{
    size_t n = 0;
    for (const char *c = key->text; *c && n < 200; c++) {
        unsigned char byte = (unsigned char)*c;
        bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z');
        n += (size_t)snprintf(name + n, NAME_SIZE - n, plain ? "%c" : "_%02x", byte);
    }
    if (n >= 200)
        n = (size_t)snprintf(name, NAME_SIZE, "long_%016llx", (unsigned long long)key->hash);
    memcpy(name + n, ".json", 6);
}

static pxt_status failed(struct folder *folder, struct pxt_error *error, const char *what, const char *name)
{
    int code = errno;
    return folder->host->fail(folder->host, error, folder->host->status_of_errno(code), code, "cannot %s %s/%s", what,
                              folder->path, name);
}

static pxt_status folder_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                              struct pxt_error *error)
{
    struct folder *folder = calloc(1, sizeof *folder);
    if (!folder)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory");
    folder->host = host;
    folder->path = host->setting_text(setup->settings, "dir");
    pxt_status status = host->prepare_folder(host, folder->path, error);
    if (!status && (folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        status = failed(folder, error, "open", "");
    if (status)
        free(folder);
    else
        *self = folder;
    return status;
}

static void folder_close(void *self)
{
    struct folder *folder = self;
    close(folder->fd);
    free(folder);
}

/* Reads a file into an entry. PXT_EINVAL: it is damaged. */
static pxt_status read_file(struct folder *folder, const char *name, pxt_entry **out, struct pxt_error *error)
{
    struct stat file;
    char *text = NULL;
    pxt_status status = PXT_OK;
    int fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? PXT_NOT_FOUND : failed(folder, error, "open", name);
    if (fstat(fd, &file))
        status = failed(folder, error, "examine", name);
    else if (!(text = malloc((size_t)file.st_size + 1)))
        status = folder->host->fail(folder->host, error, PXT_ENOMEM, 0, "no memory for %s", name);
    else if (read(fd, text, (size_t)file.st_size) != (ssize_t)file.st_size)
        status = failed(folder, error, "read", name);
    if (!status) {
        text[file.st_size] = '\0';
        status = folder->host->json_read(folder->host, text, (size_t)file.st_size, out, error);
    }
    free(text);
    close(fd);
    return status;
}

/* Gives a damaged file another name: it is found damaged once. Another process may have put the key since it was read, so
 * what has got the other name is read again; if it is good it gets its own name back, unless a newer one has it. */
static pxt_status set_aside(struct folder *folder, const char *name, struct pxt_error *error)
{
    char aside[NAME_SIZE + 8];
    pxt_entry *entry = NULL;
    snprintf(aside, sizeof aside, "%s.bad", name);
    if (renameat(folder->fd, name, folder->fd, aside))
        return errno == ENOENT ? PXT_OK : failed(folder, error, "rename", name);
    pxt_status status = read_file(folder, aside, &entry, error);
    if (status == PXT_EINVAL) {
        folder->damaged++;
        folder->host->log(folder->host, PXT_LOG_WARNING, "%s/%s is damaged: it is put aside as %s", folder->path, name,
                          aside);
        return PXT_OK;
    }
    folder->host->entry_release(entry);
    if (!status && linkat(folder->fd, aside, folder->fd, name, 0) && errno != EEXIST)
        return failed(folder, error, "rename", aside);
    if (!status)
        unlinkat(folder->fd, aside, 0);
    return status;
}

/* The entry of a file; PXT_NOT_FOUND also where it was damaged. */
static pxt_status entry_of(struct folder *folder, const char *name, pxt_entry **out, struct pxt_error *error)
{
    pxt_status status = read_file(folder, name, out, error);
    if (status != PXT_EINVAL)
        return status;
    status = set_aside(folder, name, error);
    return status ? status : PXT_NOT_FOUND;
}

static pxt_status folder_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                             struct pxt_error *error)
{
    struct folder *folder = self;
    struct pxt_key found;
    char name[NAME_SIZE];
    (void)flags;
    name_of(key, name);
    pxt_status status = entry_of(folder, name, out, error);
    if (status)
        return status;
    folder->host->entry_key(*out, &found);
    if (!strcmp(found.text, key->text))
        return PXT_OK;
    folder->host->entry_release(*out); /* two long keys with one hash */
    return PXT_NOT_FOUND;
}

static pxt_status write_file(struct folder *folder, const char *name, const char *text, size_t length,
                             struct pxt_error *error)
{
    char temporary[NAME_SIZE + 8];
    snprintf(temporary, sizeof temporary, "%s.tmp", name);
    int fd =
        openat(folder->fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, folder->host->file_mode);
    if (fd < 0)
        return failed(folder, error, "make", temporary);
    fchmod(fd, folder->host->file_mode); /* of which the umask may have taken */
    bool good = write(fd, text, length) == (ssize_t)length;
    pxt_status status = good ? PXT_OK : failed(folder, error, "write", temporary);
    if (close(fd) && !status)
        status = failed(folder, error, "close", temporary);
    if (!status && renameat(folder->fd, temporary, folder->fd, name))
        status = failed(folder, error, "rename", temporary);
    if (status)
        unlinkat(folder->fd, temporary, 0);
    return status;
}

static pxt_status folder_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    struct folder *folder = self;
    struct pxt_key key;
    char name[NAME_SIZE];
    char *text;
    size_t length;
    folder->host->entry_key(entry, &key);
    name_of(&key, name);
    pxt_status status = folder->host->json_new(folder->host, entry, 0, &text, &length, error);
    if (status)
        return status;
    text[length] = '\n'; /* in the place of the final NUL */
    status = write_file(folder, name, text, length + 1, error);
    folder->host->text_free(text);
    return status;
}

static pxt_status folder_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    struct folder *folder = self;
    pxt_entry *entry = NULL;
    char name[NAME_SIZE];
    pxt_status status = folder_get(self, key, 0, &entry, error);
    (void)why;
    if (status)
        return status;
    bool is_tombstone = folder->host->entry_number(entry, PXT_FIELD_REMOVED) != 0;
    folder->host->entry_release(entry);
    name_of(key, name);
    if (unlinkat(folder->fd, name, 0))
        return errno == ENOENT ? PXT_NOT_FOUND : failed(folder, error, "remove", name);
    return is_tombstone ? PXT_NOT_FOUND : PXT_OK;
}

/* Calls `step` for the name of each entry's file. */
static pxt_status walk(struct folder *folder,
                       pxt_status (*step)(struct folder *, const char *, void *, struct pxt_error *), void *arg,
                       struct pxt_error *error)
{
    int fd = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *files = fd < 0 ? NULL : fdopendir(fd);
    if (!files) {
        pxt_status status = failed(folder, error, "list", "");
        if (fd >= 0)
            close(fd);
        return status;
    }
    pxt_status status = PXT_OK;
    for (struct dirent *file; !status && (file = readdir(files));) {
        const char *dot = strrchr(file->d_name, '.');
        if (dot && dot != file->d_name && !strcmp(dot, ".json"))
            status = step(folder, file->d_name, arg, error);
    }
    closedir(files);
    return status;
}

struct calling {
    pxt_entry_fn *fn;
    void *arg;
    bool stopped;
};

static pxt_status call_one(struct folder *folder, const char *name, void *arg, struct pxt_error *error)
{
    struct calling *calling = arg;
    pxt_entry *entry;
    pxt_status status = calling->stopped ? PXT_NOT_FOUND : entry_of(folder, name, &entry, error);
    if (status)
        return status == PXT_NOT_FOUND ? PXT_OK : status;
    calling->stopped = !calling->fn(calling->arg, entry);
    folder->host->entry_release(entry);
    return PXT_OK;
}

static pxt_status folder_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct calling calling = {fn, arg, false};
    return walk(self, call_one, &calling, error);
}

static pxt_status count_one(struct folder *folder, const char *name, void *arg, struct pxt_error *error)
{
    uint64_t *count = arg;
    pxt_entry *entry = NULL;
    pxt_status status = entry_of(folder, name, &entry, error);
    if (status)
        return status == PXT_NOT_FOUND ? PXT_OK : status;
    *count += !folder->host->entry_number(entry, PXT_FIELD_REMOVED); /* a tombstone is not counted */
    folder->host->entry_release(entry);
    return PXT_OK;
}

static pxt_status folder_count(void *self, uint64_t *out, struct pxt_error *error)
{
    *out = 0;
    return walk(self, count_one, out, error);
}

/* Beside it the core keeps what makes several processes agree. */
static const char *folder_shared_path(void *self)
{
    return ((struct folder *)self)->path;
}

static uint64_t folder_corruptions(void *self)
{
    return ((struct folder *)self)->damaged;
}

static const struct pxt_tier_ops ops = {.size = sizeof ops,
                                        .flags = PXT_TIER_DURABLE | PXT_TIER_SHARED,
                                        .open = folder_open,
                                        .close = folder_close,
                                        .get = folder_get,
                                        .put = folder_put,
                                        .del = folder_del,
                                        .each = folder_each,
                                        .count = folder_count,
                                        .shared_path = folder_shared_path,
                                        .corruptions = folder_corruptions};

PXT_PLUGIN(PXT_KIND_TIER, "folder", "1.0", "MIT", "one file of JSON for each entry", options, &ops);
