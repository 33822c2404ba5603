/* SPDX-License-Identifier: MIT
 *
 * secret.c: memory for credentials: whole pages of its own for each secret, locked into memory, left out of core
 * dumps and of children, wiped before they are given back. A page each is much for a password, but credentials are
 * opened one at a time, and nothing else shares what may be read past.
 */
#include "secret.h"
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct pxt_secret {
    size_t mapped;
    size_t length;
    char text[];
};

pxt_secret *pxt_secret_room(size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t wanted = (sizeof(pxt_secret) + size + 1 + page - 1) / page * page;
    if (wanted < size)
        return NULL;
    pxt_secret *secret = mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (secret == MAP_FAILED)
        return NULL;
    /* Where the limit of locked memory is reached the secret is still wiped, and still in no core dump. */
    int locked = mlock(secret, wanted);
    (void)locked;
    madvise(secret, wanted, MADV_DONTDUMP);
    madvise(secret, wanted, MADV_WIPEONFORK);
    secret->mapped = wanted;
    return secret;
}

char *pxt_secret_bytes(pxt_secret *secret)
{
    return secret->text;
}

void pxt_secret_set_length(pxt_secret *secret, size_t length)
{
    secret->length = length;
    secret->text[length] = '\0';
}

pxt_secret *pxt_secret_new(const char *text, size_t length)
{
    pxt_secret *secret = length <= PXT_SECRET_MAX ? pxt_secret_room(length) : NULL;
    if (!secret)
        return NULL;
    if (length)
        memcpy(secret->text, text, length);
    pxt_secret_set_length(secret, length);
    return secret;
}

const char *pxt_secret_text(const pxt_secret *secret, size_t *length)
{
    if (length)
        *length = secret->length;
    return secret->text;
}

void pxt_secret_free(pxt_secret *secret)
{
    if (!secret)
        return;
    size_t mapped = secret->mapped;
    explicit_bzero(secret, mapped);
    munmap(secret, mapped);
}
