/* SPDX-License-Identifier: MIT
 *
 * fields.c: the field table of <proxtier/entry.h> as data.
 */
#include <proxtier/entry.h>

const struct pxt_field *pxt_fields(size_t *count)
{
    static const struct pxt_field table[] = {
#define X(id, name, type, def, flags, since, help) {name, PXT_TYPE_##type, def, flags, since, help},
        PXT_FIELDS(X)
#undef X
    };
    *count = sizeof table / sizeof *table;
    return table;
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
