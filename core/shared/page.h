/* SPDX-License-Identifier: MIT
 *
 * page.h: the file PATH.page beside a shared store: what the processes of a host know of each other's changes, and locks
 * among them. doc/versions.md has the rules.
 *
 * Each key belongs to one of PXT_WORDS words. A word has a generation and a doubt bit for each member, which is a durable
 * tier of the pool. A clear bit means: for every key of the word the tier has the newest version that any caller was told
 * of; or, if it has a capacity, it may have nothing. A bit that is set means nothing. If a process is killed in the middle
 * of a change, the bits that it set stay.
 */
#ifndef PXT_PAGE_H
#define PXT_PAGE_H

#include "base/clock.h"
#include <proxtier/plugin.h>
#include <proxtier/stats.h>
#include <pthread.h>
#include <stdatomic.h>

/* Each word has a lock, and belongs to a stripe. The locks of a stripe lie side by side, so that they are taken together
 * in one step. */
enum { PXT_STRIPES = 32, PXT_WORDS = 32768, PXT_STRIPE_WORDS = PXT_WORDS / PXT_STRIPES, PXT_MEMBER_ID = 32 };

/* Bit n: the member of slot n. */
typedef uint8_t pxt_doubts;

struct pxt_page_file; /* the layout of the file: page.c */

/* If no tier is shared, `words` is memory of this process, and so are the locks. */
struct pxt_page {
    _Atomic uint64_t *words;
    struct pxt_page_file *file;
    int fd; /* -1: memory of this process. The number stays the same when the file is opened again. */
    int64_t timeout_ms;
    char *path;
    struct pxt_page *next; /* of those that this process has open: page_fork.c */
    const struct pxt_clock *clock;
    int64_t max_skew; /* microseconds; after pxt_page_open() without a bound */
    /* The bit of the member that is itself told of nothing by notices: the store of several hosts. 0: none. */
    _Atomic pxt_doubts authority;
    /* What this process adds to each generation. It changes when the file is opened again, so that no entry in memory
     * looks current by chance. */
    _Atomic uint32_t base;
    pthread_mutex_t reopen_lock; /* a leaf */
    _Atomic unsigned reopened;   /* how often the file was opened again, * 2; odd while it is being opened */
    /* Until this time a stripe of which a lock timed out is not waited for again: a stopped process delays the others
     * once, not with each call. */
    _Atomic int64_t stuck_until_ms[PXT_STRIPES];
};

/* Opens the page beside `shared_path`, as tier.h defines it; NULL: memory of this process. A page of another boot, a new
 * one, and one that is damaged are made anew: no members, no doubts, a new identity and writer. PXT_ECONFIG: the page has
 * another format, or is that of another host, and a process that uses it runs. PXT_EBUSY: a program before this format
 * writes the store. After an error there is nothing to close, and closing does nothing. */
pxt_status pxt_page_open(struct pxt_page *page, const char *shared_path, int64_t timeout_ms,
                         const struct pxt_clock *clock, struct pxt_error *error);
void pxt_page_close(struct pxt_page *page);

/* ---- words ---- */

static inline uint64_t pxt_word(const struct pxt_page *page, uint64_t hash)
{
    return atomic_load_explicit(&page->words[hash % PXT_WORDS], memory_order_acquire);
}
static inline pxt_doubts pxt_word_doubts(uint64_t word)
{
    return (pxt_doubts)word;
}
static inline uint32_t pxt_word_generation(uint64_t word)
{
    return (uint32_t)(word >> 8);
}
/* How many notices of other hosts came to a word between two of its values: those that put members in doubt, and all. Each kind is
 * counted modulo 4096. */
enum { PXT_NOTICES_MAX = (1 << 12) - 1 };
static inline uint32_t pxt_word_doubting_notices(uint64_t then, uint64_t now)
{
    return (uint32_t)((now >> 40) - (then >> 40)) & PXT_NOTICES_MAX;
}
static inline uint32_t pxt_word_notices(uint64_t then, uint64_t now)
{
    return pxt_word_doubting_notices(then, now) + ((uint32_t)((now >> 52) - (then >> 52)) & PXT_NOTICES_MAX);
}
/* What a hit in memory compares. */
static inline uint32_t pxt_generation(const struct pxt_page *page, uint64_t hash)
{
    return atomic_load_explicit(&page->base, memory_order_relaxed) + pxt_word_generation(pxt_word(page, hash));
}
/* Before the first write of a change: sets doubts and raises the generation, in one store. Returns the new word; `*before`
 * receives the old one (NULL is allowed). The stripe is locked. */
uint64_t pxt_word_begin(struct pxt_page *page, uint64_t hash, pxt_doubts doubts, uint64_t *before);
/* After the last write: clears doubts and raises the generation, in one store. If notices came meanwhile that put members in doubt,
 * clears only the doubt of the authority. If the word is no longer `begun` otherwise (the doubt of a tier was raised for all keys, or the
 * page is another one), clears nothing, and sets the doubts of `begun` that belong to members. Returns the new word. */
uint64_t pxt_word_end(struct pxt_page *page, uint64_t hash, uint64_t begun, pxt_doubts clear);
/* Sets doubts in all words, and raises all generations. Any lock may be held, or none. */
void pxt_words_doubt_all(struct pxt_page *page, pxt_doubts doubts);
/* Notices that another host may have changed a key: sets doubts, if any, and raises the generation, in one store, and counts the
 * notice in the upper bits. Any lock may be held, or none: a change under way sees it when it ends. */
void pxt_word_notice(struct pxt_page *page, uint64_t hash, pxt_doubts doubts);
void pxt_words_notice_all(struct pxt_page *page, pxt_doubts doubts);
/* Whether notices, of which there are any, are all that has changed a word since it was `then`. */
bool pxt_word_noticed(uint64_t then, uint64_t now);
/* Makes all entries in the memory of this process stale. */
static inline void pxt_page_forget(struct pxt_page *page)
{
    atomic_fetch_add_explicit(&page->base, 1, memory_order_seq_cst);
}
/* Returns all doubts that are set in any word, and in `*count` (NULL is allowed) the number of words with one of
 * `doubts`. */
pxt_doubts pxt_words_doubted(const struct pxt_page *page, pxt_doubts doubts, unsigned *count);

/* ---- versions ---- */

static inline uint64_t pxt_version_max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}
/* Returns a new version: greater than `above`, and than every version that this page has given or learnt; if `above` is
 * more than `max_skew` ahead of the clock, greater than `above` only, and later versions do not follow it. It is a hybrid
 * logical clock (Kulkarni et al., OPODIS 2014): microseconds since 1970 in the upper bits, in the 11 lower bits the number
 * of the writer, so that the versions of several hosts differ. 0 if there is none: `above` is close to 2^63. */
uint64_t pxt_version_next(struct pxt_page *page, uint64_t above);
/* The version of an entry that another program wrote: by its own time. */
uint64_t pxt_version_of_time(pxt_time time);
/* Learns a version that a tier has: later ones are greater. A version more than `max_skew` ahead of the clock is not
 * learnt, but noted for pxt_version_far(); then the result is false. */
bool pxt_version_learn(struct pxt_page *page, uint64_t version);
/* Learns a version however far ahead it is. */
void pxt_version_pass(struct pxt_page *page, uint64_t version);
/* The greatest version that was found or given too far ahead of the clock; 0: none. A change that cannot see the version
 * which it replaces must be above this one. */
uint64_t pxt_version_far(const struct pxt_page *page);
/* The greatest version so far. */
uint64_t pxt_version_last(const struct pxt_page *page);
/* The writer of this page, as 8 hexadecimal digits. */
void pxt_page_writer(const struct pxt_page *page, char out[9]);

/* ---- members ---- */

/* All keys are locked for join and leave. */
/* Returns the slot of a member, in `*joined` whether it was none before (then all its doubts are set here); -1 if there
 * are PXT_CHAIN_MAX others. `id` has up to PXT_MEMBER_ID bytes; `name` is for messages. */
int pxt_page_join(struct pxt_page *page, const char *id, const char *name, bool *joined);
/* Ends the membership of a slot, and clears its doubts. */
void pxt_page_leave(struct pxt_page *page, unsigned slot);
/* The slots that have a member. */
pxt_doubts pxt_page_members(const struct pxt_page *page);
/* Another number after each member that came or went: a slot that was left and taken again looks the same. */
uint32_t pxt_page_epoch(const struct pxt_page *page);
/* The id and the name of a slot's member; false if there is none. */
bool pxt_page_member(const struct pxt_page *page, unsigned slot, char id[PXT_MEMBER_ID + 1], char name[64]);

/* ---- checkpoint ---- */

/* All members agree on all versions up to `checkpoint`; all dead ones up to `dropped` may be dropped. Both 0 in a new
 * page. */
void pxt_page_checkpoint(const struct pxt_page *page, uint64_t *checkpoint, uint64_t *dropped);
void pxt_page_set_checkpoint(struct pxt_page *page, uint64_t checkpoint, uint64_t dropped);

/* ---- locks ---- */

static inline unsigned pxt_stripe(uint64_t hash)
{
    return (unsigned)(hash % PXT_STRIPES);
}
/* The number of the lock of a key's word, from 0 to PXT_WORDS - 1. Those of a stripe begin at stripe * PXT_STRIPE_WORDS. */
static inline unsigned pxt_lock_number(uint64_t hash)
{
    return pxt_stripe(hash) * PXT_STRIPE_WORDS + (unsigned)(hash % PXT_WORDS) / PXT_STRIPES;
}
/* Locks the words of `n` lock numbers from `first` among processes; the caller holds the chain's own locks of these words.
 * PXT_EBUSY after the timeout. */
pxt_status pxt_page_lock(struct pxt_page *page, unsigned first, unsigned n, struct pxt_error *error);
void pxt_page_unlock(struct pxt_page *page, unsigned first, unsigned n);
/* Locks one word without waiting. */
bool pxt_page_trylock(struct pxt_page *page, unsigned number);
/* Locks several words; `number` is in ascending order, each once. */
pxt_status pxt_page_lock_many(struct pxt_page *page, const unsigned *number, size_t n, struct pxt_error *error);
void pxt_page_unlock_many(struct pxt_page *page, const unsigned *number, size_t n);
/* Whether the file was removed, or another one renamed over it: then the next lock opens it again. */
bool pxt_page_is_replaced(const struct pxt_page *page);
/* Opens the file again if the path no longer names the open one: then all is in doubt, and `reopened` has changed: the
 * members must join again. Each lock does the same for a file that was removed or replaced; only this notices one that was
 * moved away. */
pxt_status pxt_page_check(struct pxt_page *page, struct pxt_error *error);

#endif
