/* SPDX-License-Identifier: MIT
 *
 * select_random.c: PXT_ORDER_RANDOM: picks, each of any match with the same chance.
 *
 * Places in the ring are random, but the gaps between them are not equal. So a window of the ring is laid at a random place,
 * and one of the numbers 0 to ROWS_MAX - 1 is drawn: the match of that number in the window is picked. If the window has
 * fewer, another one is laid. Each match is in as many windows as any other, and its number is drawn with the same chance
 * (rejection sampling). A statement lays several windows, of one width, and ends at the first that has its match: so a pick
 * costs one round trip as a rule. The width follows what windows had, and is remembered for the next pick.
 */
#include "select.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { ROWS_MAX = 44, ROWS_AIM = 20, WINDOWS = 16, ROUNDS_MAX = 40, PICKS_MAX = 32, STEADY = 16, WIDTH_SHIFT = 16 };
#define RING (UINT64_C(1) << 63)
#define WIDEST (RING / 2) /* beyond it, all that match are read */

struct picking {
    const struct select_search *search;
    uint64_t width, random, left;
    int64_t first[WINDOWS * 2];
    pxt_selected_fn *fn;
    void *arg;
};

/* SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014). */
static uint64_t next_random(struct picking *picking)
{
    uint64_t z = picking->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* An integer below `bound`, which is not 0, without bias. */
static uint64_t random_below(struct picking *picking, uint64_t bound)
{
    uint64_t number, limit = UINT64_MAX - UINT64_MAX % bound;
    do {
        number = next_random(picking);
    } while (number >= limit);
    return number % bound;
}

static uint64_t scaled(uint64_t width, double factor)
{
    double wanted = (double)width * factor;
    return wanted >= (double)WIDEST ? WIDEST : wanted < 1 ? 1 : (uint64_t)wanted;
}

/* Tells a pick. False: it was enough. */
static bool tell(struct picking *picking, const PGresult *result, int row)
{
    struct pxt_key key;
    picking->search->pgsql->host->key_init(&key, PQgetvalue(result, row, 1), (size_t)PQgetlength(result, row, 1));
    picking->left--;
    return picking->fn(picking->arg, &key, pgsql_get_number(result, row, 0)) && picking->left;
}

/* Picks among all that match, if they are few. Else the windows become smaller. */
static pxt_status pick_of_all(struct picking *picking, bool *more, struct pxt_error *error)
{
    PGresult *result = NULL;
    const struct select_search *search = picking->search;
    pxt_status status =
        pgsql_select_page(search, search->candidate[0], true, -1, "", INT64_MAX, ROWS_MAX + 1, &result, error);
    int n = status ? 0 : PQntuples(result);
    if (n > ROWS_MAX)
        picking->width = scaled((uint64_t)pgsql_get_number(result, n - 1, 0), (double)ROWS_AIM / ROWS_MAX);
    *more = n > ROWS_MAX;
    while (n && n <= ROWS_MAX && tell(picking, result, (int)random_below(picking, (uint64_t)n)))
        ;
    PQclear(result);
    return status;
}

/* ---- windows ---- */

/* A window may hang over either end of the ring, so that a match near an end is in as many windows as any other. */
static void add_windows(struct picking *picking, struct pgsql_values *values, unsigned windows)
{
    const uint64_t width = picking->width;
    for (unsigned i = 0; i < windows; i++)
        picking->first[i] = (int64_t)(random_below(picking, RING + width - 1) - (width - 1));
    pgsql_array(values, OID_INT8);
    for (unsigned i = 0; i < windows; i++)
        pgsql_number(values, picking->first[i] > 0 ? picking->first[i] : 0);
    pgsql_array_end(values);
    pgsql_array(values, OID_INT8);
    for (unsigned i = 0; i < windows; i++)
        pgsql_number(values, picking->first[i] > INT64_MAX - (int64_t)width ? INT64_MAX
                                                                            : picking->first[i] + (int64_t)width - 1);
    pgsql_array_end(values);
    pgsql_array(values, OID_INT8);
    for (unsigned i = 0; i < windows; i++)
        pgsql_number(values, (int64_t)random_below(picking, ROWS_MAX));
    pgsql_array_end(values);
}

/* The width that is in balance where a window has ROWS_AIM matches on the average; `tried` windows had `found` picks. */
static void adapt(struct picking *picking, int tried, int found)
{
    if (!found && tried >= WINDOWS) {
        picking->width = scaled(picking->width, 8);
        return;
    }
    double good = (double)ROWS_AIM / ROWS_MAX, had = (double)found / tried;
    picking->width = scaled(picking->width, 1 + (good - had) * tried / STEADY);
}

static pxt_status pick(struct picking *picking, bool *more, struct pxt_error *error)
{
    const struct select_search *search = picking->search;
    const unsigned some = picking->left < PICKS_MAX ? (unsigned)picking->left : PICKS_MAX;
    const unsigned windows = some < WINDOWS / 4 ? WINDOWS : WINDOWS * 2;
    struct pgsql_values values = {.count = 0};
    PGresult *result = NULL;
    pgsql_string(&values, search->pgsql->name_space);
    add_windows(picking, &values, windows);
    pgsql_select_parameters(search, search->candidate[0], true, some, &values);
    const struct select_way way = pgsql_select_way(search, search->candidate[0], PXT_ORDER_RANDOM);
    const bool filtered = pgsql_select_is_filtered(search, search->candidate[0], true);
    pxt_status status = pgsql_ask(search->pgsql, pgsql_select_statement_of(&way, filtered), &values, &result, error);
    int n = status ? 0 : PQntuples(result);
    bool enough = false;
    for (int row = 0; row < n && !enough; row++)
        enough = !tell(picking, result, row);
    if (!status)
        adapt(picking, n == (int)some ? (int)pgsql_get_number(result, n - 1, 2) : (int)windows, n);
    *more = !enough;
    PQclear(result);
    return status;
}

pxt_status pgsql_select_pick(const struct select_search *search, pxt_selected_fn *fn, void *arg,
                             struct pxt_error *error)
{
    struct pgsql *pgsql = search->pgsql;
    struct picking picking = {.search = search, .left = search->select->limit, .fn = fn, .arg = arg};
    uint64_t known = pgsql_select_recall(pgsql->select.width, search->hash);
    pxt_status status = PXT_OK;
    bool more = true;
    picking.width = known ? known << WIDTH_SHIFT : WIDEST;
    if (getrandom(&picking.random, sizeof picking.random, 0) != (ssize_t)sizeof picking.random)
        return pgsql->host->fail(pgsql->host, error, PXT_EIO, 0, "no random bytes");
    for (int i = 0; i < ROUNDS_MAX && more && !status; i++)
        status = picking.width < WIDEST ? pick(&picking, &more, error) : pick_of_all(&picking, &more, error);
    pgsql_select_keep(pgsql->select.width, search->hash, picking.width >> WIDTH_SHIFT);
    if (!status && more && picking.left == search->select->limit) /* keys that were made to have one place */
        status = pgsql->host->fail(pgsql->host, error, PXT_ENOTSUP, 0, "no picks can be made");
    return status;
}
