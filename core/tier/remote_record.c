/* SPDX-License-Identifier: MIT
 *
 * remote_record.c: reads and writes the two parts of the record of a remote tier. Two hosts may write the part in the store
 * at the same time, and one of them then finds an older checkpoint or another store there than it wrote: it compares more
 * than it needs to.
 */
#include "tier/remote_record.h"
#include "base/fail.h"
#include <string.h>

/* The part in the store. PXT_NOT_FOUND also if the tier keeps none, and if it is damaged. */
static pxt_status read_store(struct pxt_tier *tier, struct pxt_record *record, struct pxt_error *error)
{
    char text[PXT_RECORD_MAX + 1];
    if (!tier->ops->record_get)
        return PXT_NOT_FOUND;
    pxt_status status = tier->ops->record_get(tier->self, text, error);
    if (!status)
        status = pxt_record_read(record, text, tier->name, error);
    return status == PXT_ECORRUPT ? PXT_NOT_FOUND : status;
}

static pxt_status write_store(struct pxt_tier *tier, const struct pxt_record *record, uint64_t checkpoint,
                              struct pxt_error *error)
{
    char text[PXT_RECORD_MAX + 1];
    struct pxt_record part = {.checkpoint = checkpoint};
    memcpy(part.id, record->id, sizeof part.id);
    pxt_status status = pxt_record_write(&part, text, error);
    return status ? status : tier->ops->record_put(tier->self, text, error);
}

pxt_status pxt_remote_record_get(struct pxt_tier *tier, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    struct pxt_record host, store;
    pxt_status status = tier->record_place ? pxt_record_file_get(tier->record_place, text, error) : PXT_NOT_FOUND;
    if (!status)
        status = pxt_record_read(&host, text, tier->name, error);
    if (status && status != PXT_NOT_FOUND)
        return status;
    bool known = !status;
    status = read_store(tier, &store, error);
    if (status == PXT_NOT_FOUND && tier->ops->record_get)
        return PXT_NOT_FOUND; /* a new store, or one that was emptied */
    if (status)
        return status == PXT_NOT_FOUND && known ? PXT_OK : status;
    if (!known || strcmp(host.id, store.id)) {
        host = (struct pxt_record){.checkpoint = 0};
        memcpy(host.id, store.id, sizeof host.id);
    }
    host.checkpoint = store.checkpoint < host.checkpoint ? store.checkpoint : host.checkpoint;
    return pxt_record_write(&host, text, error);
}

pxt_status pxt_remote_record_put(struct pxt_tier *tier, const char *text, struct pxt_error *error)
{
    struct pxt_record record, store = {.checkpoint = 0};
    pxt_status status = pxt_record_read(&record, text, tier->name, error);
    if (!status && tier->ops->record_put) {
        status = read_store(tier, &store, error);
        bool none = status == PXT_NOT_FOUND;
        status = none ? PXT_OK : status;
        /* Of another store nothing is written: the next read finds it out. */
        if (!status && (none || (!strcmp(store.id, record.id) && store.checkpoint < record.checkpoint)))
            status = write_store(tier, &record, record.checkpoint, error);
        else if (!status && store.outdated && !strcmp(store.id, record.id))
            status = write_store(tier, &record, store.checkpoint, error);
    }
    if (!status && tier->record_place)
        status = pxt_record_file_put(tier->record_place, text, error);
    return status;
}
