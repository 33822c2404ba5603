/* SPDX-License-Identifier: MIT
 *
 * repair.c: makes the members of a pool equal where they are in doubt, and clears the doubts: after a write that a tier
 * missed, a tier that was off, a process that was killed, damage, lost power. Called by the janitor, by pxt_cache_tick(), on
 * close, and by operations that find a back-off over.
 *
 * The words are noted first, each under its lock, so that no write is under way; then each member lists the keys of these
 * words above the checkpoint; then the keys are compared under their locks, and a word that has changed since is left for
 * the next time.
 */
#include "chain/repair.h"
#include "base/fail.h"
#include "chain/equalize.h"
#include "chain/remote.h"
#include "chain/stripes.h"
#include "entry/entry.h"
#include "shared/removals.h"

/* Keys that are gone through at a time: each takes some 100 bytes. */
enum { KEYS_MAX = 65536, RANGES_MAX = 256, FLUSH_WRITES = 4000, SMALL = 10000 };

struct repair {
    struct pxt_chain *chain;
    uint64_t *noted;                      /* PXT_WORDS words; 0: not to be repaired */
    unsigned end;                         /* only words below are repaired now */
    unsigned char noticed[PXT_WORDS / 8]; /* words of which notices have put members in doubt since they were noted */
    struct pxt_keymap keys;
    pxt_status first; /* why a word stays in doubt */
    bool no_memory;
};

static bool all_members_on(const struct pxt_chain *chain, struct pxt_error *error)
{
    pxt_doubts missing = pxt_chain_members(chain);
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_tier_on(&chain->tier[i]))
            missing &= (pxt_doubts)~pxt_chain_bit(chain, &chain->tier[i]);
    if (missing)
        pxt_fail(error, PXT_EUNAVAILABLE, 0, "a member of the pool is off or absent: see `proxtier status`");
    return !missing;
}

/* Notes the words with doubts, under their locks. */
static pxt_status note_words(struct repair *repair, struct pxt_error *error)
{
    pxt_doubts members = pxt_chain_members(repair->chain);
    for (unsigned stripe = 0; stripe < PXT_STRIPES; stripe++) {
        pxt_status status = pxt_chain_lock_stripe(repair->chain, stripe, error);
        if (status)
            return status;
        for (unsigned i = stripe; i < PXT_WORDS; i += PXT_STRIPES) {
            uint64_t word = pxt_word(&repair->chain->page, i);
            repair->noted[i] = pxt_word_doubts(word) & members ? word : 0;
        }
        pxt_chain_unlock_stripe(repair->chain, stripe);
    }
    return PXT_OK;
}

/* Leaves the upper half of the words for later. */
static void narrow(struct repair *repair)
{
    struct pxt_keymap kept = {0};
    repair->end /= 2;
    for (size_t i = 0; i < repair->keys.bucket_count; i++)
        for (const struct pxt_keymap_item *item = repair->keys.bucket[i]; item; item = item->next)
            if (item->key.hash % PXT_WORDS < repair->end && !pxt_keymap_add(&kept, &item->key))
                repair->no_memory = true;
    pxt_keymap_free(&repair->keys);
    repair->keys = kept;
}

static bool list_key(void *arg, const struct pxt_key *key, uint64_t version)
{
    struct repair *repair = arg;
    unsigned word = (unsigned)(key->hash % PXT_WORDS);
    (void)version;
    if (!repair->noted[word] || word >= repair->end)
        return true;
    if (!pxt_keymap_add(&repair->keys, key))
        repair->no_memory = true;
    while (repair->keys.count > KEYS_MAX && repair->end > 1)
        narrow(repair);
    return !repair->no_memory;
}

/* Lists the keys that may differ: those above the checkpoint in any member. */
static pxt_status list_keys(struct repair *repair, struct pxt_error *error)
{
    uint64_t checkpoint, dropped;
    pxt_status status = PXT_OK;
    pxt_page_checkpoint(&repair->chain->page, &checkpoint, &dropped);
    for (unsigned i = 0; i < repair->chain->count && !status; i++) {
        struct pxt_tier *tier = &repair->chain->tier[i];
        if (pxt_chain_bit(repair->chain, tier))
            status =
                pxt_tier_versions(tier, pxt_remote_above(repair->chain, tier, checkpoint), list_key, repair, error);
        if (!status && repair->no_memory)
            status = pxt_fail_memory(error, "a list of keys");
    }
    return status;
}

/* Keys of one stripe that are made equal together. */
struct some {
    size_t count;
    struct pxt_equal equal[PXT_READING_MAX];
    pxt_status status[PXT_READING_MAX];
};

/* Makes the members equal for some keys. A word of which one key cannot be made equal stays in doubt. Fails where the others
 * need not be tried. */
static pxt_status equalize_some(struct repair *repair, struct some *some, struct pxt_error *error)
{
    pxt_status first = PXT_OK;
    size_t n = some->count;
    some->count = 0;
    pxt_equalize_many(repair->chain, some->equal, n, some->status, repair->first ? NULL : error);
    for (size_t i = 0; i < n; i++) {
        if (some->status[i])
            *some->equal[i].word = 0;
        first = first ? first : some->status[i];
    }
    if (first == PXT_ENOMEM || (first && !all_members_on(repair->chain, NULL)))
        return first;
    repair->first = repair->first ? repair->first : first;
    return PXT_OK;
}

/* The same for the listed keys of one stripe. */
static pxt_status equalize_stripe(struct repair *repair, unsigned stripe, struct pxt_error *error)
{
    struct some some = {.count = 0};
    pxt_status status = PXT_OK;
    for (size_t i = 0; i < repair->keys.bucket_count; i++)
        for (const struct pxt_keymap_item *item = repair->keys.bucket[i]; item && !status; item = item->next) {
            uint64_t *word = &repair->noted[item->key.hash % PXT_WORDS];
            if (pxt_stripe(item->key.hash) != stripe || !*word)
                continue;
            some.equal[some.count++] = (struct pxt_equal){&item->key, word};
            if (some.count == PXT_READING_MAX)
                status = equalize_some(repair, &some, error);
        }
    return status || !some.count ? status : equalize_some(repair, &some, error);
}

pxt_status pxt_repair_sync_members(struct pxt_chain *chain, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    for (unsigned i = 0; i < chain->count && chain->power && !status; i++)
        if (pxt_chain_bit(chain, &chain->tier[i]) && !(chain->tier[i].flags & PXT_TIER_SYNCED))
            status = pxt_tier_sync(&chain->tier[i], error);
    return status;
}

/* The doubts that a repair clears of a word. */
static pxt_doubts clears(const struct repair *repair, unsigned word)
{
    bool noticed = repair->noticed[word / 8] >> word % 8 & 1;
    return noticed ? atomic_load(&repair->chain->page.authority) : pxt_chain_members(repair->chain);
}

/* Ends the repair of a word. If no member is in doubt, none has missed a removal. */
static void end_word(const struct repair *repair, unsigned word)
{
    struct pxt_page *page = &repair->chain->page;
    uint64_t ended = pxt_word_end(page, word, repair->noted[word], clears(repair, word));
    if (!(pxt_word_doubts(ended) & pxt_chain_members(repair->chain)))
        pxt_removal_settled(page, word);
}

/* Repairs the noted words of one stripe. Its lock is held. */
static pxt_status repair_locked(struct repair *repair, unsigned stripe, struct pxt_error *error)
{
    struct pxt_page *page = &repair->chain->page;
    for (unsigned i = stripe; i < repair->end; i += PXT_STRIPES) {
        uint64_t then = repair->noted[i], now = pxt_word(page, i);
        bool noticed = then && pxt_word_noticed(then, now);
        if (noticed && pxt_word_doubting_notices(then, now)) /* they get it another time, but the authority has it */
            repair->noticed[i / 8] |= (unsigned char)(1u << i % 8);
        if (then && now != then && !noticed)
            repair->noted[i] = 0; /* a key of it that was not listed may have changed */
        else if (then)
            repair->noted[i] = pxt_word_begin(page, i, 0, NULL);
    }
    pxt_status status = equalize_stripe(repair, stripe, error);
    if (!status)
        status = pxt_repair_sync_members(repair->chain, error);
    for (unsigned i = stripe; i < repair->end && !status; i += PXT_STRIPES)
        if (repair->noted[i])
            end_word(repair, i);
    return status;
}

static bool has_noted(const struct repair *repair, unsigned stripe)
{
    for (unsigned i = stripe; i < repair->end; i += PXT_STRIPES)
        if (repair->noted[i])
            return true;
    return false;
}

static pxt_status repair_range(struct repair *repair, struct pxt_error *error)
{
    pxt_status status = list_keys(repair, error);
    for (unsigned stripe = 0; stripe < PXT_STRIPES && !status; stripe++) {
        if (!has_noted(repair, stripe))
            continue;
        status = pxt_chain_lock_stripe(repair->chain, stripe, error);
        if (status)
            break;
        status = repair_locked(repair, stripe, error);
        pxt_chain_unlock_stripe(repair->chain, stripe);
    }
    return status;
}

/* Repairs from the first words on. `*more`: words with doubts are left. */
static pxt_status repair_once(struct pxt_chain *chain, bool *more, struct pxt_error *error)
{
    struct repair repair = {.chain = chain, .end = PXT_WORDS};
    repair.noted = pxt_alloc_array(PXT_WORDS, sizeof *repair.noted);
    if (!repair.noted)
        return pxt_fail_memory(error, "a list of words");
    pxt_status status = note_words(&repair, error);
    if (!status)
        status = repair_range(&repair, error);
    *more = repair.end < PXT_WORDS;
    pxt_keymap_free(&repair.keys);
    pxt_free(repair.noted);
    return status ? status : repair.first;
}

pxt_status pxt_chain_repair(struct pxt_chain *chain, struct pxt_error *error)
{
    pxt_doubts members = pxt_chain_members(chain);
    pxt_status status = PXT_OK;
    atomic_store(&chain->written_behind, 0);
    bool more = members && pxt_words_doubted(&chain->page, members, NULL);
    if (more && !all_members_on(chain, error))
        return PXT_EUNAVAILABLE;
    for (int i = 0; more && !status && i < RANGES_MAX; i++)
        status = repair_once(chain, &more, error);
    return status;
}

/* Whether all members together have few entries. */
static bool is_small(struct pxt_chain *chain)
{
    uint64_t sum = 0, count;
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_chain_bit(chain, &chain->tier[i]) && pxt_tier_count(&chain->tier[i], &count, NULL) == PXT_OK)
            sum += count;
    return sum <= SMALL;
}

void pxt_chain_repair_small(struct pxt_chain *chain)
{
    pxt_doubts members = pxt_chain_members(chain);
    if (members && (pxt_words_doubted(&chain->page, members, NULL) & members) && is_small(chain))
        pxt_chain_repair(chain, NULL);
}

pxt_status pxt_repair_key(struct pxt_chain *chain, const struct pxt_key *key, pxt_entry **newest,
                          struct pxt_error *error)
{
    if (!all_members_on(chain, error))
        return PXT_EUNAVAILABLE;
    uint64_t word = pxt_word_begin(&chain->page, key->hash, 0, NULL);
    pxt_status status = pxt_equalize(chain, key, &word, newest, error);
    if (!status)
        status = pxt_repair_sync_members(chain, error);
    return status;
}

void pxt_chain_flush(struct pxt_chain *chain)
{
    if (atomic_load_explicit(&chain->written_behind, memory_order_relaxed) > FLUSH_WRITES)
        pxt_chain_repair(chain, NULL);
}

/* Makes one cheap call to a tier that is off. */
static void probe(struct pxt_chain *chain, struct pxt_tier *tier)
{
    struct pxt_error error = {.status = PXT_OK};
    uint64_t count;
    bool serial = !(tier->flags & PXT_TIER_CONCURRENT);
    PXT_COUNT(tier, probes, 1);
    if (serial)
        pthread_mutex_lock(&tier->serial);
    pxt_status status = tier->ops->count(tier->self, &count, &error);
    pxt_tier_look_for_damage(tier); /* before the tier is on */
    if (serial)
        pthread_mutex_unlock(&tier->serial);
    if (!status && (tier->flags & PXT_TIER_REMOTE))
        pxt_remote_is_back(chain, tier);
    pxt_breaker_probed(&tier->breaker, status == PXT_OK, pxt_clock_monotonic_ms(), error.message);
    if (status)
        pxt_log(chain->logger, PXT_MESSAGE_WARNING, "chain", "tier %s stays off: %s", tier->name, error.message);
    else
        pxt_log(chain->logger, PXT_MESSAGE_NOTICE, "chain", "tier %s is on again", tier->name);
}

void pxt_chain_probe_down_tiers(struct pxt_chain *chain)
{
    bool on_again = false;
    for (unsigned i = 0; i < chain->count; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!pxt_tier_present(tier)) {
            pxt_chain_reopen(chain, tier);
            on_again |= pxt_tier_on(tier);
            continue;
        }
        if (pxt_breaker_on(&tier->breaker) || !pxt_breaker_may_probe(&tier->breaker, pxt_clock_monotonic_ms()))
            continue;
        probe(chain, tier);
        on_again |= pxt_tier_on(tier);
    }
    if (on_again && pxt_chain_stay_joined(chain, NULL) == PXT_OK)
        pxt_chain_repair(chain, NULL);
}

void pxt_chain_have_down_tiers_probed(struct pxt_chain *chain)
{
    bool due = false;
    if (!chain->call_janitor) {
        pxt_chain_probe_down_tiers(chain);
        return;
    }
    for (unsigned i = 0; i < chain->count && !due; i++) {
        struct pxt_tier *tier = &chain->tier[i];
        due = (pxt_tier_present(tier) || pxt_chain_can_reopen(tier)) &&
              pxt_breaker_probe_due(&tier->breaker, pxt_clock_monotonic_ms());
    }
    if (due)
        chain->call_janitor(chain->call_janitor_arg);
}
