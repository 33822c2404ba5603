/* SPDX-License-Identifier: MIT
 *
 * page.c: what is in the page: words, versions, members, the checkpoint; and the locks of words. All of it is changed by
 * single atomic steps, so that a process that is killed leaves nothing half done.
 */
#include "shared/page.h"
#include "base/fail.h"
#include "shared/page_layout.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { STUCK_RETRY_MS = 1000, STUCK_PATIENCE_MS = 20 };
enum { WRITER_BITS = 11, DOUBT_BITS = 8, GENERATION_BITS = 32 };
static const uint64_t writer_mask = (1u << WRITER_BITS) - 1, ticks_max = (UINT64_C(1) << (63 - WRITER_BITS)) - 1;

/* ---- words ------------------------------------------------------------------------------------------------------ */

/* The generation begins again at 0, and leaves the notices above it as they are. */
static uint64_t next_word(uint64_t word, pxt_doubts set, pxt_doubts clear)
{
    const uint64_t generation = (uint64_t)(pxt_word_generation(word) + 1) << DOUBT_BITS;
    const uint64_t notices = word >> (DOUBT_BITS + GENERATION_BITS) << (DOUBT_BITS + GENERATION_BITS);
    uint64_t doubts = (word | set) & (pxt_doubts)~clear;
    return notices | generation | doubts;
}

static uint64_t change_word(_Atomic uint64_t *word, pxt_doubts set, pxt_doubts clear, uint64_t *before)
{
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed), next;
    do
        next = next_word(old, set, clear);
    while (!atomic_compare_exchange_weak(word, &old, next));
    if (before)
        *before = old;
    return next;
}

static void change_all(struct pxt_page *page, pxt_doubts set, pxt_doubts clear)
{
    for (unsigned i = 0; i < PXT_WORDS; i++)
        change_word(&page->words[i], set, clear, NULL);
}

uint64_t pxt_word_begin(struct pxt_page *page, uint64_t hash, pxt_doubts doubts, uint64_t *before)
{
    return change_word(&page->words[hash % PXT_WORDS], doubts, 0, before);
}

uint64_t pxt_word_end(struct pxt_page *page, uint64_t hash, uint64_t begun, pxt_doubts clear)
{
    _Atomic uint64_t *word = &page->words[hash % PXT_WORDS];
    uint64_t expected = begun, next = next_word(begun, 0, clear);
    if (atomic_compare_exchange_strong(word, &expected, next))
        return next;
    while (pxt_word_noticed(begun, expected)) {
        bool doubting = pxt_word_doubting_notices(begun, expected);
        next = next_word(expected, 0,
                         doubting ? clear & atomic_load_explicit(&page->authority, memory_order_relaxed) : clear);
        if (atomic_compare_exchange_weak(word, &expected, next))
            return next;
    }
    /* Perhaps the page is another one by now, which does not know that this change was open. */
    return change_word(word, pxt_word_doubts(begun) & pxt_page_members(page), 0, NULL);
}

/* Above the generation a word counts notices: first those that put members in doubt, then the others. */
enum { DOUBTING_SHIFT = DOUBT_BITS + GENERATION_BITS, NOTICE_BITS = 12, PLAIN_SHIFT = DOUBTING_SHIFT + NOTICE_BITS };

static uint64_t noticed_word(uint64_t word, pxt_doubts doubts)
{
    const unsigned shift = doubts ? DOUBTING_SHIFT : PLAIN_SHIFT;
    const uint64_t count = (uint64_t)PXT_NOTICES_MAX << shift;
    uint64_t next = next_word(word, doubts, 0);
    return (next & ~count) | ((next + (UINT64_C(1) << shift)) & count);
}

void pxt_word_notice(struct pxt_page *page, uint64_t hash, pxt_doubts doubts)
{
    _Atomic uint64_t *word = &page->words[hash % PXT_WORDS];
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(word, &old, noticed_word(old, doubts)))
        ;
}

void pxt_words_notice_all(struct pxt_page *page, pxt_doubts doubts)
{
    for (unsigned i = 0; i < PXT_WORDS; i++)
        pxt_word_notice(page, i, doubts);
}

/* A notice raises the generation by one, as all changes do. */
bool pxt_word_noticed(uint64_t then, uint64_t now)
{
    uint32_t notices = pxt_word_notices(then, now);
    return notices && pxt_word_generation(now) - pxt_word_generation(then) == notices;
}

void pxt_words_doubt_all(struct pxt_page *page, pxt_doubts doubts)
{
    change_all(page, doubts, 0);
}

pxt_doubts pxt_words_doubted(const struct pxt_page *page, pxt_doubts doubts, unsigned *count)
{
    uint64_t all = 0;
    unsigned with = 0;
    for (unsigned i = 0; i < PXT_WORDS; i++) {
        uint64_t word = atomic_load_explicit(&page->words[i], memory_order_acquire);
        all |= word;
        with += (word & doubts) != 0;
    }
    if (count)
        *count = with;
    return pxt_word_doubts(all);
}

/* ---- versions --------------------------------------------------------------------------------------------------- */

static uint64_t ticks_of_time(pxt_time time)
{
    uint64_t ticks = time > 0 ? (uint64_t)time : 0;
    return ticks < ticks_max ? ticks : ticks_max;
}

/* Whether a version is further ahead of the clock than `max_skew`, and the page did not give it itself. */
static bool is_far(const struct pxt_page *page, uint64_t version, uint64_t last)
{
    uint64_t now = ticks_of_time(pxt_clock_now(page->clock)), ticks = version >> WRITER_BITS;
    return version > last && ticks > now && ticks - now > ticks_of_time(page->max_skew);
}

static void raise_to(_Atomic uint64_t *number, uint64_t least)
{
    uint64_t old = atomic_load(number);
    while (old < least && !atomic_compare_exchange_weak(number, &old, least))
        ;
}

static uint64_t successor(const struct pxt_page *page, uint64_t above, uint64_t now)
{
    uint64_t least = (above >> WRITER_BITS) + 1;
    if (least > ticks_max)
        return 0;
    return (now > least ? now : least) << WRITER_BITS | (page->file->fixed.writer & writer_mask);
}

uint64_t pxt_version_next(struct pxt_page *page, uint64_t above)
{
    uint64_t now = ticks_of_time(pxt_clock_now(page->clock)), last = atomic_load(&page->file->last), next;
    if (is_far(page, above, last)) {
        next = successor(page, above, now);
        raise_to(&page->file->far, next);
        return next;
    }
    do {
        next = successor(page, last > above ? last : above, now);
        if (!next)
            return 0;
    } while (!atomic_compare_exchange_weak(&page->file->last, &last, next));
    return next;
}

uint64_t pxt_version_of_time(pxt_time time)
{
    uint64_t ticks = ticks_of_time(time);
    return ticks ? ticks << WRITER_BITS : 1;
}

bool pxt_version_learn(struct pxt_page *page, uint64_t version)
{
    if (!is_far(page, version, atomic_load(&page->file->last))) {
        raise_to(&page->file->last, version);
        return true;
    }
    if (version >> WRITER_BITS < ticks_max) /* it has a successor */
        raise_to(&page->file->far, version);
    return false;
}

void pxt_version_pass(struct pxt_page *page, uint64_t version)
{
    raise_to(&page->file->last, version);
}

uint64_t pxt_version_far(const struct pxt_page *page)
{
    return atomic_load(&page->file->far);
}

uint64_t pxt_version_last(const struct pxt_page *page)
{
    return atomic_load(&page->file->last);
}

void pxt_page_writer(const struct pxt_page *page, char out[9])
{
    snprintf(out, 9, "%08x", (unsigned)page->file->fixed.writer);
}

/* ---- members ---------------------------------------------------------------------------------------------------- */

static void write_text(_Atomic char *to, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        atomic_store_explicit(&to[i], i + 1 < size && *text ? *text++ : '\0', memory_order_relaxed);
}

static void read_text(const _Atomic char *from, char *text, size_t size)
{
    for (size_t i = 0; i < size; i++)
        text[i] = atomic_load_explicit(&from[i], memory_order_relaxed);
    text[size - 1] = '\0';
}

pxt_doubts pxt_page_members(const struct pxt_page *page)
{
    return (pxt_doubts)atomic_load(&page->file->members);
}

uint32_t pxt_page_epoch(const struct pxt_page *page)
{
    return atomic_load(&page->file->epoch);
}

bool pxt_page_member(const struct pxt_page *page, unsigned slot, char id[PXT_MEMBER_ID + 1], char name[64])
{
    if (slot >= PXT_CHAIN_MAX || !(pxt_page_members(page) >> slot & 1))
        return false;
    read_text(page->file->member[slot].id, id, PXT_MEMBER_ID + 1);
    read_text(page->file->member[slot].name, name, PXT_MEMBER_NAME);
    return pxt_page_members(page) >> slot & 1;
}

/* Returns the slot of `id`, or -1; in `*empty` the first slot without a member, or -1. */
static int find_member(const struct pxt_page *page, const char *id, int *empty)
{
    char known[PXT_MEMBER_ID + 1], name[PXT_MEMBER_NAME];
    *empty = -1;
    for (int slot = 0; slot < PXT_CHAIN_MAX; slot++) {
        if (!pxt_page_member(page, (unsigned)slot, known, name))
            *empty = *empty < 0 ? slot : *empty;
        else if (!strncmp(known, id, PXT_MEMBER_ID))
            return slot;
    }
    return -1;
}

int pxt_page_join(struct pxt_page *page, const char *id, const char *name, bool *joined)
{
    int empty, slot = find_member(page, id, &empty);
    *joined = false;
    /* A process that was killed while it joined or left left doubts of no member. */
    pxt_doubts stale = pxt_words_doubted(page, 0, NULL) & (pxt_doubts)~pxt_page_members(page);
    if (stale)
        change_all(page, 0, stale);
    if (slot >= 0)
        write_text(page->file->member[slot].name, name, PXT_MEMBER_NAME);
    if (slot >= 0 || empty < 0)
        return slot;
    write_text(page->file->member[empty].id, id, PXT_MEMBER_ID + 1);
    write_text(page->file->member[empty].name, name, PXT_MEMBER_NAME);
    pxt_words_doubt_all(page, (pxt_doubts)(1u << empty));
    atomic_fetch_or(&page->file->members, 1u << empty);
    atomic_fetch_add(&page->file->epoch, 1);
    *joined = true;
    return empty;
}

void pxt_page_leave(struct pxt_page *page, unsigned slot)
{
    if (slot >= PXT_CHAIN_MAX)
        return;
    atomic_fetch_add(&page->file->epoch, 1);
    atomic_fetch_and(&page->file->members, ~(1u << slot));
    change_all(page, 0, (pxt_doubts)(1u << slot));
}

/* ---- checkpoint ------------------------------------------------------------------------------------------------- */

/* `dropped` is never the greater one of a pair: it is read first and written last. */
void pxt_page_checkpoint(const struct pxt_page *page, uint64_t *checkpoint, uint64_t *dropped)
{
    *dropped = atomic_load(&page->file->dropped);
    *checkpoint = atomic_load(&page->file->checkpoint);
}

void pxt_page_set_checkpoint(struct pxt_page *page, uint64_t checkpoint, uint64_t dropped)
{
    atomic_store(&page->file->checkpoint, checkpoint);
    atomic_store(&page->file->dropped, dropped);
}

/* ---- locks ------------------------------------------------------------------------------------------------------ */

/* Returns how long to wait for a word: not long if a lock of its stripe timed out a moment ago. */
static int64_t patience_ms(const struct pxt_page *page, unsigned stripe)
{
    int64_t stuck_until = atomic_load_explicit(&page->stuck_until_ms[stripe], memory_order_relaxed);
    bool stuck = stuck_until && pxt_clock_monotonic_ms() < stuck_until;
    return stuck && page->timeout_ms > STUCK_PATIENCE_MS ? STUCK_PATIENCE_MS : page->timeout_ms;
}

static pxt_status lock_in_file(struct pxt_page *page, unsigned first, unsigned n, struct pxt_error *error)
{
    unsigned stripe = first / PXT_STRIPE_WORDS;
    int64_t patience = patience_ms(page, stripe);
    int code = pxt_page_lock_bytes(page->fd, F_WRLCK, PXT_LOCK_WORDS + (off_t)first, (off_t)n, patience);
    if (code == ETIMEDOUT && patience == page->timeout_ms)
        atomic_store_explicit(&page->stuck_until_ms[stripe], pxt_clock_monotonic_ms() + STUCK_RETRY_MS,
                              memory_order_relaxed);
    return code ? pxt_page_lock_failed(code, page->path, page->timeout_ms, error) : PXT_OK;
}

static pxt_status lock_all_in_file(struct pxt_page *page, const unsigned *number, size_t n, struct pxt_error *error)
{
    for (size_t i = 0; i < n; i++) {
        pxt_status status = lock_in_file(page, number[i], 1, error);
        if (status) {
            pxt_page_unlock_many(page, number, i);
            return status;
        }
    }
    return PXT_OK;
}

/* Whether the file that was locked is the one that other processes use. `before` is what `reopened` was before. */
static bool counts(const struct pxt_page *page, unsigned before)
{
    return pxt_page_is_current(page, false) && !(before & 1) && atomic_load(&page->reopened) == before;
}

/* A lock counts only in the file that other processes use, which is asked when the lock is held. */
pxt_status pxt_page_lock(struct pxt_page *page, unsigned first, unsigned n, struct pxt_error *error)
{
    if (page->fd < 0)
        return PXT_OK;
    for (;;) {
        unsigned before = atomic_load(&page->reopened);
        pxt_status status = lock_in_file(page, first, n, error);
        if (status || counts(page, before))
            return status;
        pxt_page_unlock(page, first, n);
        status = pxt_page_reopen(page, false, error);
        if (status)
            return status;
    }
}

pxt_status pxt_page_lock_many(struct pxt_page *page, const unsigned *number, size_t n, struct pxt_error *error)
{
    if (page->fd < 0)
        return PXT_OK;
    for (;;) {
        unsigned before = atomic_load(&page->reopened);
        pxt_status status = lock_all_in_file(page, number, n, error);
        if (status || counts(page, before))
            return status;
        pxt_page_unlock_many(page, number, n);
        status = pxt_page_reopen(page, false, error);
        if (status)
            return status;
    }
}

bool pxt_page_trylock(struct pxt_page *page, unsigned number)
{
    if (page->fd < 0)
        return true;
    unsigned before = atomic_load(&page->reopened);
    if (pxt_page_lock_bytes(page->fd, F_WRLCK, PXT_LOCK_WORDS + (off_t)number, 1, 0))
        return false;
    if (counts(page, before))
        return true;
    pxt_page_unlock(page, number, 1); /* the next lock opens the other file */
    return false;
}

void pxt_page_unlock(struct pxt_page *page, unsigned first, unsigned n)
{
    if (page->fd >= 0)
        pxt_page_lock_bytes(page->fd, F_UNLCK, PXT_LOCK_WORDS + (off_t)first, (off_t)n, 0);
}

void pxt_page_unlock_many(struct pxt_page *page, const unsigned *number, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pxt_page_unlock(page, number[i], 1);
}

bool pxt_page_is_replaced(const struct pxt_page *page)
{
    return page->fd >= 0 && !pxt_page_is_current(page, false);
}

pxt_status pxt_page_check(struct pxt_page *page, struct pxt_error *error)
{
    if (page->fd < 0 || pxt_page_is_current(page, true))
        return PXT_OK;
    return pxt_page_reopen(page, true, error);
}
