/* SPDX-License-Identifier: MIT
 *
 * lease.c: gives an entry to one worker for a time.
 *
 * The keeper is the slowest shared tier that offers leases. All processes of a pool have the same chain, so that they have
 * the same keeper. While it is off no other tier takes its place: two tiers would give one entry twice.
 *
 * The name of a lease is 32 random hexadecimal digits, '-' and the key, so that any process finds the key by the name.
 */
#include "base/fail.h"
#include "base/key.h"
#include "cache/cache_private.h"
#include "entry/selection.h"
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum { DIGITS = 32, DEFAULT_TTL = 60, TTL_MAX = 366 * 86400, HOLDER_MAX = 255 };
_Static_assert(PXT_LEASE_ID_MAX == DIGITS + 1 + PXT_KEY_MAX, "the name of a lease is digits, '-' and a key");

static pxt_status find_keeper(pxt_cache *cache, struct pxt_tier **out, struct pxt_error *error)
{
    struct pxt_chain *chain = &cache->chain;
    pxt_chain_probe_down_tiers(chain);
    for (unsigned i = chain->count; i-- > 0;) {
        struct pxt_tier *tier = &chain->tier[i];
        if (!pxt_tier_keeps_leases(tier))
            continue;
        *out = tier;
        if (pxt_tier_on(tier))
            return PXT_OK;
        return pxt_fail(error, PXT_EUNAVAILABLE, 0,
                        "tier %s, which keeps the leases of this chain, is off: see `proxtier status`", tier->name);
    }
    return pxt_fail(error, PXT_ENOTSUP, 0, "no tier of this chain keeps leases: l3_sqlite and l2_sqlite do");
}

/* Fills in a name for a lease of the key. `id` has room for PXT_LEASE_ID_MAX + 1 bytes. */
static pxt_status make_id(const struct pxt_key *key, char *id, struct pxt_error *error)
{
    unsigned char random[DIGITS / 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return pxt_fail(error, PXT_EIO, 0, "no random number for the name of a lease can be had from the system");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(id + 2 * i, 3, "%02x", random[i]);
    id[DIGITS] = '-';
    memcpy(id + DIGITS + 1, key->text, key->length + 1);
    return PXT_OK;
}

/* Splits the name of a lease. */
static pxt_status read_id(const char *id, struct pxt_key *key, struct pxt_error *error)
{
    if (!id || strspn(id, "0123456789abcdef") != DIGITS || id[DIGITS] != '-')
        return pxt_fail(error, PXT_EINVAL, 0,
                        "that is not the name of a lease: it begins with %d hexadecimal digits and '-'", DIGITS);
    return pxt_key_check(id + DIGITS + 1, key, error);
}

static pxt_status check_ttl(int64_t given, int64_t *ttl, struct pxt_error *error)
{
    if (given < 0 || given > TTL_MAX)
        return pxt_fail(error, PXT_EINVAL, 0, "the ttl of a lease is 1 second to %d days", TTL_MAX / 86400);
    *ttl = (given ? given : DEFAULT_TTL) * PXT_SECOND;
    return PXT_OK;
}

static pxt_status check_holder(const char *holder, struct pxt_error *error)
{
    size_t length = strnlen(holder, HOLDER_MAX + 1);
    if (length > HOLDER_MAX)
        return pxt_fail(error, PXT_EINVAL, 0, "the name of a lease's holder has %d bytes at most", HOLDER_MAX);
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)holder[i] < 0x20 || holder[i] == 0x7f)
            return pxt_fail(error, PXT_EINVAL, 0, "the name of a lease's holder has a control character");
    return PXT_OK;
}

/* ---- taking ---- */

struct taking {
    pxt_cache *cache;
    struct pxt_selection selection;
    struct pxt_tier *keeper;
    struct pxt_lease lease;
    char *id;
    pxt_entry *entry; /* of the lease that was taken */
    size_t after;     /* so many of the first offers are passed over */
    size_t busy;      /* entries of which no more leases are to be had */
    pxt_status status;
    struct pxt_error *error;
};

static pxt_status read_lease(struct taking *taking, const struct pxt_lease_options *given, struct pxt_error *error)
{
    struct pxt_lease_options options = {.size = sizeof options};
    if (given)
        memcpy(&options, given, given->size < sizeof options ? given->size : sizeof options);
    taking->lease = (struct pxt_lease){.size = sizeof taking->lease,
                                       .max = options.max_concurrent ? options.max_concurrent : 1,
                                       .id = taking->id,
                                       .holder = options.holder ? options.holder : ""};
    pxt_status status = check_holder(taking->lease.holder, error);
    return status ? status : check_ttl(options.ttl, &taking->lease.ttl, error);
}

/* Gets the entry of a lease that was just taken. It may have changed since it was chosen: PXT_NOT_FOUND. */
static pxt_status get_leased(struct taking *taking)
{
    unsigned tier;
    pxt_entry *entry = NULL;
    pxt_status status = pxt_chain_get_chosen(&taking->cache->chain, &taking->lease.key, &entry, &tier, taking->error);
    if (!status && !pxt_selection_matches(&taking->selection, entry, pxt_clock_now(&taking->cache->clock))) {
        pxt_entry_release(entry);
        status = PXT_NOT_FOUND;
    }
    if (!status)
        taking->entry = entry;
    else
        pxt_tier_lease_end(taking->keeper, &taking->lease, NULL); /* if it cannot be ended it ends by itself */
    return status;
}

/* A pxt_offer_fn. */
static bool try_one(void *arg, const struct pxt_key *key)
{
    struct taking *taking = arg;
    bool taken = false;
    if (taking->after) {
        taking->after--;
        return true;
    }
    taking->lease.key = *key;
    taking->status = make_id(key, taking->id, taking->error);
    if (!taking->status)
        taking->status = pxt_tier_lease_take(taking->keeper, &taking->lease, &taken, taking->error);
    if (!taking->status && taken)
        taking->status = get_leased(taking);
    if (!taking->status && !taken)
        taking->busy++;
    if (taking->status == PXT_NOT_FOUND)
        taking->status = PXT_OK;
    return !taking->status && !taking->entry;
}

/* Has the entries that match offered to try_one(), until a lease is taken. */
static pxt_status try_all(struct taking *taking, const struct pxt_select_options *given, struct pxt_error *error)
{
    struct pxt_select_options options;
    pxt_status status = pxt_select_options_read(given, &options, error);
    struct pxt_choosing choosing = {.chain = &taking->cache->chain,
                                    .selector = &taking->cache->selector,
                                    .selection = &taking->selection,
                                    .choice = options.choice,
                                    .session = options.session,
                                    .offer = try_one,
                                    .arg = taking};
    taking->after = options.after;
    if (!status && __builtin_add_overflow(options.after, (size_t)1, &choosing.expected))
        status = pxt_fail(error, PXT_EINVAL, 0, "after is too many");
    if (!status)
        status = pxt_choose(&choosing, error);
    if (taking->entry && pxt_choice_by_use(options.choice))
        pxt_chosen_used(&taking->cache->chain, &taking->entry, 1);
    return taking->status ? taking->status : status;
}

pxt_status pxt_cache_lease(pxt_cache *cache, const struct pxt_selection *selection,
                           const struct pxt_select_options *options, const struct pxt_lease_options *lease,
                           pxt_entry **out, char *id, struct pxt_error *error)
{
    struct pxt_error local;
    struct taking taking = {.cache = cache, .id = id, .error = error ? error : &local};
    if (!cache || !out || !id)
        return pxt_fail(error, PXT_EINVAL, 0, "cache, out and id must not be NULL");
    *out = NULL;
    *id = '\0';
    pxt_selection_read(selection, &taking.selection);
    pxt_status status = read_lease(&taking, lease, taking.error);
    if (!status)
        status = find_keeper(cache, &taking.keeper, taking.error);
    if (!status)
        status = try_all(&taking, options, taking.error);
    *out = taking.entry;
    if (taking.entry)
        return PXT_OK; /* whatever the chooser says: the lease is held */
    *id = '\0';
    if (!status && taking.busy)
        return pxt_fail(error, PXT_EBUSY, 0,
                        "each of the %zu proxies that match is leased as often as it may be: try again, or raise the "
                        "limit (max_concurrent)",
                        taking.busy);
    return status ? status : pxt_fail(error, PXT_NOT_FOUND, 0, "no entry of the pool is one of the selection");
}

/* ---- renewing, ending, listing ---- */

/* Finds the keeper, and the key of a lease. */
static pxt_status find_lease(pxt_cache *cache, const char *id, struct pxt_lease *lease, struct pxt_tier **keeper,
                             struct pxt_error *error)
{
    *lease = (struct pxt_lease){.size = sizeof *lease, .id = id, .holder = ""};
    if (!cache)
        return pxt_fail(error, PXT_EINVAL, 0, "cache must not be NULL");
    pxt_status status = read_id(id, &lease->key, error);
    return status ? status : find_keeper(cache, keeper, error);
}

pxt_status pxt_cache_renew(pxt_cache *cache, const char *id, int64_t ttl, struct pxt_error *error)
{
    struct pxt_lease lease;
    struct pxt_tier *keeper;
    pxt_status status = find_lease(cache, id, &lease, &keeper, error);
    if (!status)
        status = check_ttl(ttl, &lease.ttl, error);
    return status ? status : pxt_tier_lease_renew(keeper, &lease, error);
}

/* The report comes first: the next worker is to be told. */
pxt_status pxt_cache_release(pxt_cache *cache, const char *id, const struct pxt_report *report, enum pxt_health *health,
                             bool *evicted, struct pxt_error *error)
{
    struct pxt_key key;
    struct pxt_lease lease;
    struct pxt_tier *keeper;
    if (!cache)
        return pxt_fail(error, PXT_EINVAL, 0, "cache must not be NULL");
    if (health)
        *health = PXT_HEALTH_UNKNOWN;
    if (evicted)
        *evicted = false;
    pxt_status status = read_id(id, &key, error);
    if (status)
        return status;
    if (report)
        status = pxt_cache_report(cache, key.text, report, health, evicted, error);
    if (status == PXT_NOT_FOUND) /* the entry is gone: nobody needs the report */
        status = PXT_OK;
    struct pxt_error *second = status ? NULL : error;
    pxt_status ended = find_lease(cache, id, &lease, &keeper, second);
    if (!ended)
        ended = pxt_tier_lease_end(keeper, &lease, second);
    return status ? status : ended;
}

struct listing {
    pxt_held_fn *fn;
    void *arg;
};

static bool list_one(void *arg, const struct pxt_lease *lease)
{
    const struct listing *listing = arg;
    struct pxt_held held = {.size = sizeof held,
                            .max_concurrent = lease->max,
                            .id = lease->id,
                            .key = lease->key.text,
                            .holder = lease->holder,
                            .until = lease->until};
    return listing->fn(listing->arg, &held);
}

pxt_status pxt_cache_leases(pxt_cache *cache, const char *text, pxt_held_fn *fn, void *arg, struct pxt_error *error)
{
    struct listing listing = {fn, arg};
    struct pxt_key key;
    struct pxt_tier *keeper;
    if (!cache || !fn)
        return pxt_fail(error, PXT_EINVAL, 0, "cache and fn must not be NULL");
    pxt_status status = text ? pxt_key_check(text, &key, error) : PXT_OK;
    if (!status)
        status = find_keeper(cache, &keeper, error);
    return status ? status : pxt_tier_lease_each(keeper, text ? &key : NULL, list_one, &listing, error);
}
