/* SPDX-License-Identifier: MIT
 *
 * digest.c: MD5 of keys and CRC-32 of lines, by libgcrypt, with handles that each thread opens once. A thread
 * that can have none shares the one that the tier was opened with: hashing must not need memory.
 */
#include "jsonl.h"
#include <string.h>

static const struct {
    int algorithm;
    size_t size;
} digests[] = {[JSONL_MD5] = {GCRY_MD_MD5, 16}, [JSONL_CRC32] = {GCRY_MD_CRC32, 4}};

/* Returns the handle of the calling thread; NULL if there is none. */
static gcry_md_hd_t handle_of_thread(struct jsonl *tier, enum jsonl_digest which)
{
    gcry_md_hd_t handle;
    unsigned thread = tier->host->thread_index();
    if (thread >= PXT_THREAD_MAX)
        return NULL;
    handle = atomic_load_explicit(&tier->digest[which][thread], memory_order_relaxed);
    if (!handle && !gcry_md_open(&handle, digests[which].algorithm, 0))
        atomic_store_explicit(&tier->digest[which][thread], handle, memory_order_release);
    return handle;
}

static void hash(gcry_md_hd_t handle, enum jsonl_digest which, const void *bytes, size_t length, unsigned char *out)
{
    gcry_md_reset(handle);
    gcry_md_write(handle, bytes, length);
    memcpy(out, gcry_md_read(handle, digests[which].algorithm), digests[which].size);
}

void jsonl_digest(struct jsonl *tier, enum jsonl_digest which, const void *bytes, size_t length, unsigned char *out)
{
    gcry_md_hd_t handle = handle_of_thread(tier, which);
    if (handle) {
        hash(handle, which, bytes, length, out);
        return;
    }
    pthread_mutex_lock(&tier->shared_digest_lock);
    hash(tier->shared_digest[which], which, bytes, length, out);
    pthread_mutex_unlock(&tier->shared_digest_lock);
}

bool jsonl_digest_open(struct jsonl *tier)
{
    for (unsigned which = 0; which < JSONL_DIGESTS; which++)
        if (gcry_md_open(&tier->shared_digest[which], digests[which].algorithm, 0))
            return false;
    return true;
}

void jsonl_digest_close(struct jsonl *tier)
{
    for (unsigned which = 0; which < JSONL_DIGESTS; which++)
        gcry_md_close(tier->shared_digest[which]);
    for (unsigned which = 0; which < JSONL_DIGESTS; which++)
        for (unsigned i = 0; i < PXT_THREAD_MAX; i++)
            gcry_md_close(atomic_load(&tier->digest[which][i]));
}
