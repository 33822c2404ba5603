/* SPDX-License-Identifier: MIT
 *
 * turns.c: the file PATH.turn, beside the page of the pool: an array of 64-bit numbers, mapped. A number that is lost, or
 * damaged, is another place to go on from: so the file has no head and no checksum.
 */
#include "select/turns.h"
#include "base/alloc.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BYTES = PXT_TURNS * sizeof(uint64_t) };

/* Maps the file at `path`, made if it is not there. NULL if it cannot be had. */
static void *map_file(const char *path)
{
    struct stat file;
    void *mapped = MAP_FAILED;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0)
        return NULL;
    if (!fstat(fd, &file) && S_ISREG(file.st_mode) && (file.st_size >= BYTES || !ftruncate(fd, BYTES)))
        mapped = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return mapped == MAP_FAILED ? NULL : mapped;
}

static void open_file(struct pxt_turns *turns, const char *place, const struct pxt_logger *logger)
{
    char *path = pxt_asprintf("%s.turn", place);
    turns->tried = true;
    turns->shared = path ? map_file(path) : NULL;
    if (!turns->shared)
        pxt_log(logger, PXT_MESSAGE_INFO, "select", "%s.turn cannot be had: each process has a round-robin of its own",
                place);
    pxt_free(path);
}

_Atomic uint64_t *pxt_turn(struct pxt_turns *turns, const char *place, const struct pxt_logger *logger,
                           uint64_t selection)
{
    unsigned slot = (unsigned)(selection >> 32) % PXT_TURNS;
    pthread_mutex_lock(&turns->lock);
    if (!turns->tried && place)
        open_file(turns, place, logger);
    _Atomic uint64_t *slots = turns->shared ? turns->shared : turns->own;
    pthread_mutex_unlock(&turns->lock);
    return &slots[slot];
}

void pxt_turns_close(struct pxt_turns *turns)
{
    if (turns->shared)
        munmap((void *)(uintptr_t)turns->shared, BYTES);
    turns->shared = NULL;
}
