/* SPDX-License-Identifier: MIT
 *
 * fields.c: the field table of <proxtier/entry.h> as data.
 */
#include "entry/entry.h"

static const struct pxt_field table[] = {
#define X(id, name, type, def, flags, since, help) {name, PXT_TYPE_##type, def, flags, since, help},
    PXT_FIELDS(X)
#undef X
};

const struct pxt_field *pxt_field_table(size_t *count)
{
    *count = sizeof table / sizeof *table;
    return table;
}

const struct pxt_field *const *pxt_fields(size_t *count)
{
    static const struct pxt_field *const rows[] = {
#define X(id, name, type, def, flags, since, help) &table[PXT_FIELD_##id],
        PXT_FIELDS(X)
#undef X
    };
    *count = sizeof rows / sizeof *rows;
    return rows;
}

const char *pxt_health_name(enum pxt_health health)
{
    static const char *const names[] = {
#define X(id, name) name,
        PXT_HEALTHS(X)
#undef X
    };
    return (unsigned)health < PXT_HEALTH_COUNT ? names[health] : names[PXT_HEALTH_UNKNOWN];
}
