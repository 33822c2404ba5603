/* SPDX-License-Identifier: MIT
 *
 * store.c: the store of the tier, in a file that is mapped.
 */
#include "store.h"
#include "lies.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct store *store_open(const char *folder, int *file)
{
    char path[500];
    struct stat state;
    struct store *store = MAP_FAILED;
    if (mkdir(folder, 0700) && errno != EEXIST)
        return NULL;
    snprintf(path, sizeof path, "%s/store", folder);
    *file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*file < 0)
        return NULL;
    if (!fstat(*file, &state) && (state.st_size || !ftruncate(*file, sizeof *store)))
        store = mmap(NULL, sizeof *store, PROT_READ | PROT_WRITE, MAP_SHARED, *file, 0);
    if (store != MAP_FAILED)
        return store;
    close(*file);
    return NULL;
}

void store_close(struct store *store, int file)
{
    munmap(store, sizeof *store);
    close(file);
}

bool store_journal(const char *folder, size_t entries)
{
    static const char line[] = "an entry was stored\n";
    char path[500];
    snprintf(path, sizeof path, "%s/journal", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, lies("makes_public_files") ? 0644 : 0600);
    bool good = fd >= 0;
    for (size_t i = 0; i < entries && good; i++)
        good = write(fd, line, sizeof line - 1) == sizeof line - 1;
    if (fd >= 0 && close(fd))
        good = false;
    return good;
}
