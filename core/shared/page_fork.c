/* SPDX-License-Identifier: MIT
 *
 * page_fork.c: a child that is forked gets an open file description of its own for each open page. Locks belong to a
 * description, which lives as long as a descriptor or a mapping: with those of its parent the child would hold the locks of
 * its parent, also after the parent has died.
 */
#include "shared/page_layout.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* a leaf; protects the list */
static struct pxt_page *pages;

void pxt_page_note_open(struct pxt_page *page)
{
    pthread_mutex_lock(&lock);
    page->next = pages;
    pages = page;
    pthread_mutex_unlock(&lock);
}

void pxt_page_note_closed(struct pxt_page *page)
{
    pthread_mutex_lock(&lock);
    struct pxt_page **at = &pages;
    while (*at && *at != page)
        at = &(*at)->next;
    if (*at)
        *at = page->next;
    pthread_mutex_unlock(&lock);
}

/* Only calls that are safe after a fork of a process with threads are made from here on. */

/* Opens the file of a descriptor once more. -1: there is no /proc. */
static int open_again(int fd)
{
    char path[] = "/proc/self/fd/0123456789", digits[10];
    size_t at = sizeof "/proc/self/fd/" - 1, n = 0;
    do
        digits[n++] = (char)('0' + fd % 10);
    while (fd /= 10);
    while (n)
        path[at++] = digits[--n];
    path[at] = '\0';
    return open(path, O_RDWR | O_CLOEXEC);
}

/* Keeps the number of the descriptor and the address of the mapping. Without the file other ones take their place, which
 * the next lock finds not to be the page: then it opens the page by its path. */
static void own(struct pxt_page *page)
{
    const int protection = PROT_READ | PROT_WRITE;
    int fd = open_again(page->fd);
    if (fd < 0 || mmap(page->file, sizeof *page->file, protection, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
        mmap(page->file, sizeof *page->file, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (fd < 0)
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (fd < 0 || dup3(fd, page->fd, O_CLOEXEC) < 0)
        close(page->fd);
    else
        pxt_page_lock_bytes(page->fd, F_RDLCK, PXT_LOCK_IN_USE, 1, 0);
    if (fd >= 0)
        close(fd);
}

static void before_fork(void)
{
    pthread_mutex_lock(&lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&lock);
}

static void after_fork_in_child(void)
{
    for (struct pxt_page *page = pages; page; page = page->next)
        own(page);
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void library_loaded(void)
{
    pthread_atfork(before_fork, after_fork, after_fork_in_child);
}
