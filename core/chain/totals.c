/* SPDX-License-Identifier: MIT
 *
 * totals.c: adds the counters of this process to PATH.stats. What was added is remembered here, so that a turn that fails is
 * made good by the next one.
 */
#include "shared/totals.h"
#include "base/fail.h"
#include "chain/chain.h"
#include <string.h>
#include <unistd.h>

static const size_t of_tier[] = {
#define X(name, help) offsetof(struct pxt_tier_stats, name),
    PXT_TIER_COUNTERS(X)
#undef X
};
static const size_t of_cache[] = {
#define X(name, help) offsetof(struct pxt_stats, name),
    PXT_CACHE_COUNTERS(X)
#undef X
};
#define COUNT(table) (sizeof(table) / sizeof *(table))
_Static_assert(COUNT(of_tier) <= PXT_TOTALS_COUNTERS && COUNT(of_cache) <= PXT_TOTALS_COUNTERS,
               "more counters need another format");

/* Copies the counters of a struct to a row, or with `back` from it. */
static void copy_row(struct pxt_totals_row *row, void *counters, const size_t *offset, size_t n, bool back)
{
    for (size_t i = 0; i < n; i++) {
        char *counter = (char *)counters + offset[i];
        if (back)
            memcpy(counter, &row->counter[i], sizeof row->counter[i]);
        else
            memcpy(&row->counter[i], counter, sizeof row->counter[i]);
    }
}

/* A row that has no room keeps what `stats` has. */
static void copy_rows(struct pxt_totals *totals, struct pxt_stats *stats, bool back)
{
    struct pxt_totals_row *row = pxt_totals_row(totals, "");
    if (row)
        copy_row(row, stats, of_cache, COUNT(of_cache), back);
    for (uint32_t i = 0; i < stats->tier_count; i++)
        if ((row = pxt_totals_row(totals, stats->tier[i].name)))
            copy_row(row, &stats->tier[i], of_tier, COUNT(of_tier), back);
}

/* What of `now` is not in `before`. A tier that was opened again may count from 0 again. */
static void subtract(struct pxt_totals *more, const struct pxt_totals *now, struct pxt_totals *before)
{
    *more = *now;
    for (uint64_t i = 0; i < more->rows; i++) {
        const struct pxt_totals_row *old = pxt_totals_row(before, now->row[i].name);
        for (unsigned c = 0; old && c < PXT_TOTALS_COUNTERS; c++)
            if (old->counter[c] <= now->row[i].counter[c])
                more->row[i].counter[c] -= old->counter[c];
    }
}

static bool is_zero(const struct pxt_totals *totals)
{
    static const struct pxt_totals_row none;
    for (uint64_t i = 0; i < totals->rows; i++)
        if (memcmp(totals->row[i].counter, none.counter, sizeof none.counter) != 0)
            return false;
    return true;
}

static void tell(struct pxt_chain *chain, pxt_status status, bool damaged, const struct pxt_error *error)
{
    if (damaged)
        pxt_log(chain->logger, PXT_MESSAGE_NOTICE, "chain", "%s.stats was damaged: statistics begin anew",
                chain->page_place);
    if (status && !chain->told_of_totals)
        pxt_log(chain->logger, PXT_MESSAGE_NOTICE, "chain",
                "statistics of this process are not added to those of the pool: %s", error->message);
    chain->told_of_totals |= status != PXT_OK;
}

/* With totals_lock. Gives the sum in `*sum`; false if there is none. */
static bool add(struct pxt_chain *chain, bool even_nothing, struct pxt_totals *sum)
{
    struct pxt_error error;
    struct pxt_stats stats = {0};
    struct pxt_totals now = {0}, more;
    bool damaged = false;
    pxt_chain_counters(chain, &stats);
    copy_rows(&now, &stats, false);
    subtract(&more, &now, &chain->totalled);
    if (is_zero(&more) && !even_nothing)
        return false;
    pxt_status status = pxt_totals_add(chain->page_place, &more, pxt_clock_now(&chain->clock), sum, &damaged, &error);
    tell(chain, status, damaged, &error);
    if (!status)
        chain->totalled = now;
    return !status;
}

/* The page says whether processes share the pool. */
static bool has_totals(const struct pxt_chain *chain)
{
    return chain->page.path && chain->page_place && chain->totals_process == getpid();
}

void pxt_chain_add_totals(struct pxt_chain *chain)
{
    struct pxt_totals sum;
    if (!has_totals(chain))
        return;
    pthread_mutex_lock(&chain->totals_lock);
    add(chain, false, &sum);
    pthread_mutex_unlock(&chain->totals_lock);
}

void pxt_chain_total_stats(struct pxt_chain *chain, struct pxt_stats *stats)
{
    struct pxt_totals sum;
    if (!has_totals(chain))
        return;
    pthread_mutex_lock(&chain->totals_lock);
    bool added = add(chain, true, &sum);
    pthread_mutex_unlock(&chain->totals_lock);
    if (!added)
        return;
    copy_rows(&sum, stats, true);
    stats->gets = stats->hits + stats->misses;
    stats->since = sum.since;
}
