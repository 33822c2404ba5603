/* SPDX-License-Identifier: MIT
 *
 * touch.c: accesses that happened elsewhere, which are added to the rows.
 */
#include "postgresql.h"
#include <stdlib.h>
#include <string.h>

static int by_touched_key(const void *a, const void *b)
{
    const struct pxt_touch *const *x = a, *const *y = b;
    return strcmp((*x)->key.text, (*y)->key.text);
}

/* A key that comes twice is one row: its touches from `i` on are put together. Returns where the next key begins. */
static size_t put_together(const struct pxt_touch *const *sorted, size_t i, size_t n, struct pxt_touch *sum)
{
    *sum = *sorted[i++];
    for (; i < n && !strcmp(sum->key.text, sorted[i]->key.text); i++) {
        sum->hits += sorted[i]->hits;
        sum->evicted_from_l1 |= sorted[i]->evicted_from_l1;
        if (sorted[i]->last_accessed > sum->last_accessed)
            sum->last_accessed = sorted[i]->last_accessed;
    }
    return i;
}

enum touch_column { TOUCH_KEY, TOUCH_HITS, TOUCH_LAST, TOUCH_EVICTED };

static void add_touch_column(struct pgsql_values *values, const struct pxt_touch *const *sorted, size_t n,
                             enum touch_column column)
{
    static const enum pgsql_oid type[] = {OID_TEXT, OID_INT8, OID_TIMESTAMPTZ, OID_BOOL};
    pgsql_array(values, type[column]);
    for (size_t i = 0; i < n;) {
        struct pxt_touch sum;
        i = put_together(sorted, i, n, &sum);
        if (column == TOUCH_KEY)
            pgsql_text(values, sum.key.text, sum.key.length);
        else if (column == TOUCH_HITS)
            pgsql_number(values, sum.hits < INT64_MAX / 4 ? (int64_t)sum.hits : INT64_MAX / 4);
        else if (column == TOUCH_LAST)
            pgsql_time(values, sum.last_accessed);
        else
            pgsql_bool(values, sum.evicted_from_l1 != 0);
    }
    pgsql_array_end(values);
}

pxt_status pgsql_touch(void *self, const struct pxt_touch *const *touches, size_t n, struct pxt_error *error)
{
    struct pgsql *pgsql = self;
    struct pgsql_values values = {.count = 0}, locked = {.count = 0};
    PGresult *results[2];
    const struct pxt_touch **sorted = calloc(n ? n : 1, sizeof *sorted);
    if (!sorted)
        return pgsql_no_memory(pgsql, error);
    for (size_t i = 0; i < n; i++)
        sorted[i] = touches[i];
    qsort(sorted, n, sizeof *sorted, by_touched_key);
    pgsql_string(&values, pgsql->name_space);
    for (enum touch_column column = TOUCH_KEY; column <= TOUCH_EVICTED; column++)
        add_touch_column(&values, sorted, n, column);
    pgsql_string(&locked, pgsql->name_space);
    add_touch_column(&locked, sorted, n, TOUCH_KEY);
    free(sorted);
    const struct pgsql_step steps[] = {{STATEMENT_LOCK, &locked, false}, {STATEMENT_TOUCH, &values, true}};
    pxt_status status = pgsql_run(pgsql, steps, 2, results, error);
    PQclear(results[0]);
    PQclear(results[1]);
    pgsql_values_free(&locked);
    pgsql_values_free(&values);
    return status;
}
