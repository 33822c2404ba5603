/* SPDX-License-Identifier: MIT
 *
 * search.h: one search for entries of a selection, under way.
 */
#ifndef PXT_SEARCH_H
#define PXT_SEARCH_H

#include "select/select.h"

/* Keys that a tier told. */
enum { PXT_FOUND_MAX = 64 };
struct pxt_found_key {
    int64_t value; /* its place in the order that was asked for */
    uint16_t length;
    uint64_t hash;
    char text[PXT_KEY_MAX + 1];
};

struct pxt_search {
    const struct pxt_choosing *choosing;
    struct pxt_tier *tier; /* that answers; NULL: none */
    uint64_t hash;         /* of the selection */
    pxt_time now;
    uint64_t random; /* the state of pxt_search_random() */
    struct pxt_keymap offered;
    size_t offers;
    bool enough; /* the caller wants no more */
    size_t found_count;
    /* Of `found_count` keys; the last member. */
    struct pxt_found_key found[PXT_FOUND_MAX];
};

/* The slowest tier that has every entry, and can search. NULL: there is none. */
struct pxt_tier *pxt_search_tier(const struct pxt_chain *chain);
/* Whether a tier has the newest version of each key: it is on, and in doubt for none. */
bool pxt_search_tier_is_whole(const struct pxt_chain *chain, const struct pxt_tier *tier);

/* Asks the tier, and adds the keys that it tells to `found`, at most `limit`. As select() in tier.h. */
pxt_status pxt_search_more(struct pxt_search *search, enum pxt_order order, int64_t from, int64_t to,
                           const struct pxt_key *after, size_t limit, struct pxt_error *error);
/* The same, in the place of what was found. */
pxt_status pxt_search_find(struct pxt_search *search, enum pxt_order order, int64_t from, int64_t to,
                           const struct pxt_key *after, size_t limit, struct pxt_error *error);
static inline struct pxt_key pxt_found_key(const struct pxt_found_key *found)
{
    return (struct pxt_key){found->text, found->length, found->hash};
}

/* Random bits, and an integer below `bound`, which is not 0, without bias. */
uint64_t pxt_search_random(struct pxt_search *search);
uint64_t pxt_search_random_below(struct pxt_search *search, uint64_t bound);
/* The chance with which WEIGHTED takes an entry, of an entry that is as good as can be: (good checks + 1) / (checks + 2). */
double pxt_search_weight(const pxt_entry *entry);

/* Returns the entry of a key, held, as the chain has it; NULL if it does not match any longer. */
pxt_entry *pxt_search_peek(struct pxt_search *search, const struct pxt_key *key);
bool pxt_search_was_offered(const struct pxt_search *search, const struct pxt_key *key);
/* Offers a key that was not offered. PXT_ENOMEM. */
pxt_status pxt_search_offer(struct pxt_search *search, const struct pxt_key *key, struct pxt_error *error);

/* Each of them offers keys of the search's tier until the caller has enough, or there are no more. PXT_ENOTSUP: the tier
 * cannot say it, or not all of it; keys may have been offered. */
pxt_status pxt_choose_at_random(struct pxt_search *search, struct pxt_error *error);
pxt_status pxt_choose_on_ring(struct pxt_search *search, struct pxt_error *error);
pxt_status pxt_choose_by_order(struct pxt_search *search, struct pxt_error *error);
/* The same for any choice, by going over all that match: those that the tier tells, or over all entries of the chain. */
pxt_status pxt_choose_by_walk(struct pxt_search *search, struct pxt_error *error);

/* The place from which STICKY looks on. */
uint64_t pxt_ring_start(const struct pxt_search *search);

#endif
