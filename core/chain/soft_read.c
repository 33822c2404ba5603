/* SPDX-License-Identifier: MIT
 *
 * soft_read.c: a read that a get may leave behind has all that it needs in one block of memory: keys, and room for the answers.
 */
#include "chain/soft_read.h"
#include "base/fail.h"
#include "tier/workers.h"
#include <string.h>

enum { THREADS = 16 };

struct soft_read {
    struct pxt_job job;
    struct pxt_chain *chain;
    struct pxt_tier *tier;
    unsigned flags;
    pxt_late_fn *late;
    size_t n;
    const struct pxt_key **key;    /* as the tier is asked */
    struct pxt_key *own;           /* what they point to */
    struct pxt_soft_key *soft_key; /* of `own` */
    struct pxt_error error;
    struct pxt_reading reading;
};

static void read_now(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *const *keys, size_t n,
                     unsigned flags, const struct pxt_reading *reading, struct pxt_error *error)
{
    if (tier->exchanges)
        pxt_tier_get_many(tier, keys, n, flags, reading->entry, reading->status, error);
    else
        pxt_chain_read_many(chain, tier, keys, n, flags, reading, error);
}

static void run(struct pxt_job *job)
{
    struct soft_read *read = (struct soft_read *)job;
    read_now(read->chain, read->tier, read->key, read->n, read->flags, &read->reading, &read->error);
}

static void left(struct pxt_job *job, bool stopping)
{
    struct soft_read *read = (struct soft_read *)job;
    for (size_t i = 0; i < read->n; i++) {
        if (read->reading.status[i])
            continue;
        read->soft_key[i].noted = read->reading.noted[i];
        if (!stopping && !(read->flags & PXT_GET_PEEK && !read->tier->exchanges))
            read->late(read->chain, read->tier, &read->soft_key[i], read->reading.entry[i]);
        pxt_entry_release(read->reading.entry[i]);
    }
    pxt_free(read);
}

/* NULL: out of memory. */
static struct soft_read *make(const struct pxt_soft_key *keys, size_t n)
{
    size_t text = 0;
    for (size_t i = 0; i < n; i++)
        text += keys[i].key->length + 1;
    const size_t each = sizeof(struct pxt_key *) + sizeof(struct pxt_key) + sizeof(struct pxt_soft_key) +
                        sizeof(pxt_entry *) + sizeof(uint64_t) + sizeof(pxt_status);
    struct soft_read *read = pxt_alloc(sizeof *read + n * each + text);
    if (!read)
        return NULL;
    read->n = n;
    read->soft_key = (struct pxt_soft_key *)(read + 1);
    read->own = (struct pxt_key *)(read->soft_key + n);
    read->key = (const struct pxt_key **)(read->own + n);
    read->reading.entry = (pxt_entry **)(read->key + n);
    read->reading.noted = (uint64_t *)(read->reading.entry + n);
    read->reading.status = (pxt_status *)(read->reading.noted + n);
    char *at = (char *)(read->reading.status + n);
    for (size_t i = 0; i < n; i++) {
        const struct pxt_key *key = keys[i].key;
        read->own[i] =
            (struct pxt_key){.text = memcpy(at, key->text, key->length), .length = key->length, .hash = key->hash};
        at += key->length + 1; /* the NUL is there */
        read->key[i] = &read->own[i];
        read->soft_key[i] = keys[i];
        read->soft_key[i].key = &read->own[i];
    }
    return read;
}

/* The answer did not come in time. */
static void is_late(struct pxt_tier *tier, size_t n, const struct pxt_reading *reading, struct pxt_error *error)
{
    for (size_t i = 0; i < n; i++) {
        reading->entry[i] = NULL;
        reading->status[i] = PXT_EBUSY;
    }
    PXT_COUNT(tier, slow, n);
    pxt_fail(error, PXT_EBUSY, 0, "tier %s has not answered within its soft_timeout", tier->name);
}

static void hand_over(struct soft_read *read, const struct pxt_reading *reading, struct pxt_error *error)
{
    for (size_t i = 0; i < read->n; i++) {
        reading->entry[i] = read->reading.entry[i];
        reading->status[i] = read->reading.status[i];
        reading->noted[i] = read->reading.noted[i];
        if (error && reading->status[i] && reading->status[i] != PXT_NOT_FOUND)
            *error = read->error;
    }
}

void pxt_soft_read(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_soft_key *keys, size_t n,
                   unsigned flags, pxt_late_fn *late, const struct pxt_reading *reading, struct pxt_error *error)
{
    struct soft_read *read = make(keys, n);
    if (!read) {
        for (size_t i = 0; i < n; i++) {
            reading->entry[i] = NULL;
            reading->status[i] = pxt_fail_memory(error, "a read in the background");
        }
        return;
    }
    read->job = (struct pxt_job){.run = run, .left = left};
    read->chain = chain;
    read->tier = tier;
    read->flags = flags;
    read->late = late;
    enum pxt_job_end end = pxt_workers_run(tier->workers, &read->job, tier->soft_timeout);
    if (end == PXT_JOB_DONE)
        hand_over(read, reading, error);
    else
        is_late(tier, n, reading, error);
    if (end != PXT_JOB_GOES_ON)
        pxt_free(read);
}

pxt_status pxt_soft_open(struct pxt_tier *tier, struct pxt_error *error)
{
    if (!tier->soft_timeout)
        return PXT_OK;
    tier->workers = pxt_workers_new(tier->max_waiting ? tier->max_waiting : THREADS);
    return tier->workers ? PXT_OK : pxt_fail_memory(error, "threads for a tier");
}

void pxt_soft_close(struct pxt_chain *chain)
{
    for (unsigned i = 0; i < chain->count; i++) {
        pxt_workers_free(chain->tier[i].workers);
        chain->tier[i].workers = NULL;
    }
}
