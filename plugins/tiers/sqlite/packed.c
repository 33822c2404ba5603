/* SPDX-License-Identifier: MIT
 *
 * packed.c: writes and reads the column of the fields that no statement asks for.
 */
#include "packed.h"
#include "times.h"
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 10, ITEM_MAX = 2 * NUMBER_MAX };

static bool is_bytes(enum pxt_field_type type)
{
    return type == PXT_TYPE_TEXT || type == PXT_TYPE_SECRET;
}

/* ---- writing ---- */

void sqlite_packed_begin(struct sqlite_packed *packed)
{
    packed->data = packed->room;
    packed->length = 0;
    packed->size = sizeof packed->room;
    packed->failed = false;
}

void sqlite_packed_free(struct sqlite_packed *packed)
{
    if (packed->data != packed->room)
        free(packed->data);
}

/* Makes room for one item more. */
static bool make_room(struct sqlite_packed *packed, size_t bytes)
{
    size_t wanted = packed->length + ITEM_MAX + bytes;
    if (packed->failed || wanted <= packed->size)
        return !packed->failed;
    unsigned char *grown = malloc(2 * wanted);
    if (!grown) {
        packed->failed = true;
        return false;
    }
    memcpy(grown, packed->data, packed->length);
    sqlite_packed_free(packed);
    packed->data = grown;
    packed->size = 2 * wanted;
    return true;
}

static void add_number(struct sqlite_packed *packed, uint64_t number)
{
    unsigned char *at = packed->data + packed->length;
    for (; number > 127; number >>= 7)
        *at++ = (unsigned char)(number | 128);
    *at++ = (unsigned char)number;
    packed->length = (size_t)(at - packed->data);
}

static void add_integer(struct sqlite_packed *packed, enum pxt_field_id id, int64_t number)
{
    if (!make_room(packed, 0))
        return;
    add_number(packed, 2 * (uint64_t)id);
    add_number(packed, number < 0 ? ~((uint64_t)number << 1) : (uint64_t)number << 1);
}

static void add_bytes(struct sqlite_packed *packed, enum pxt_field_id id, const void *bytes, size_t length)
{
    if (!make_room(packed, length))
        return;
    add_number(packed, 2 * (uint64_t)id + 1);
    add_number(packed, length);
    if (length)
        memcpy(packed->data + packed->length, bytes, length);
    packed->length += length;
}

/* Whether a field that is left out has this number. */
static bool goes_without_saying(const struct pxt_field *field, int64_t number)
{
    return number == field->default_number && !(field->flags & PXT_FIELD_REQUIRED);
}

void sqlite_packed_add(struct sqlite_packed *packed, const struct pxt_field *field, enum pxt_field_id id,
                       const struct pxt_value *value)
{
    if (!value->set)
        return;
    if (is_bytes(field->type))
        add_bytes(packed, id, value->as.text, value->length);
    else if (!goes_without_saying(field, value->as.number))
        add_integer(packed, id, value->as.number);
}

/* Whether the number of a column is one of the field. */
static bool number_of(sqlite3_value *value, enum pxt_field_type type, int64_t *number)
{
    int stored = sqlite3_value_type(value);
    if (is_bytes(type))
        return false;
    if (type == PXT_TYPE_TIME) {
        *number = stored == SQLITE_FLOAT || stored == SQLITE_INTEGER ? sqlite_time_of(sqlite3_value_double(value))
                                                                     : PXT_TIME_NONE;
        return *number != PXT_TIME_NONE;
    }
    *number = sqlite3_value_int64(value);
    return stored == SQLITE_INTEGER;
}

void sqlite_packed_add_column(struct sqlite_packed *packed, const struct pxt_field *field, enum pxt_field_id id,
                              sqlite3_value *value)
{
    int64_t number;
    int stored = sqlite3_value_type(value);
    if (stored == SQLITE_NULL)
        return;
    if (number_of(value, field->type, &number)) {
        if (!goes_without_saying(field, number))
            add_integer(packed, id, number);
        return;
    }
    if (is_bytes(field->type) && stored != SQLITE_TEXT && stored != SQLITE_BLOB) {
        add_integer(packed, id, sqlite3_value_int64(value));
        return;
    }
    const void *bytes = stored == SQLITE_BLOB ? sqlite3_value_blob(value) : sqlite3_value_text(value);
    size_t length = (size_t)sqlite3_value_bytes(value);
    if (!bytes && length)
        packed->failed = true;
    else if (length || field->type != PXT_TYPE_SECRET) /* no bytes are no credential */
        add_bytes(packed, id, bytes, length);
}

/* ---- reading ---- */

struct item {
    uint64_t field;
    bool is_bytes;
    int64_t number;
    const unsigned char *bytes;
    size_t length;
};

/* False: there is no number, or one that could be shorter. */
static inline bool read_number(const unsigned char **at, const unsigned char *end, uint64_t *number)
{
    const unsigned char *byte = *at;
    if (byte < end && *byte < 128) {
        *number = *byte;
        *at = byte + 1;
        return true;
    }
    *number = 0;
    for (unsigned shift = 0; shift < 7 * NUMBER_MAX && byte < end; shift += 7) {
        const uint64_t bits = *byte & 127u;
        if (shift == 63 && bits > 1)
            return false;
        *number |= bits << shift;
        if (*byte++ < 128) {
            *at = byte;
            return bits != 0;
        }
    }
    return false;
}

static inline bool read_item(const unsigned char **at, const unsigned char *end, struct item *item)
{
    uint64_t number;
    if (!read_number(at, end, &item->field) || !read_number(at, end, &number))
        return false;
    item->is_bytes = item->field & 1;
    item->field >>= 1;
    if (!item->is_bytes) {
        item->number = (int64_t)(number >> 1 ^ (0 - (number & 1)));
        return true;
    }
    if (number > (uint64_t)(end - *at))
        return false;
    item->bytes = *at;
    item->length = (size_t)number;
    *at += number;
    return true;
}

bool sqlite_packed_read(const unsigned char *data, size_t length, const struct pxt_field *const *fields,
                        const bool is_packed[PXT_FIELD_COUNT], struct pxt_draft *draft)
{
    const unsigned char *at = data, *end = data + length;
    uint64_t next = 0; /* the lowest field that may come */
    while (at < end) {
        struct item item = {0};
        if (!read_item(&at, end, &item) || item.field < next)
            return false;
        next = item.field + 1;
        if (item.field >= PXT_FIELD_COUNT)
            continue;
        const enum pxt_field_id id = (enum pxt_field_id)item.field;
        const enum pxt_field_type type = fields[id]->type;
        if (!is_packed[id] || item.is_bytes != is_bytes(type))
            return false;
        if (!item.is_bytes)
            pxt_draft_set_number(draft, id, item.number);
        else if (type == PXT_TYPE_SECRET)
            pxt_draft_set_token(draft, id, (const char *)item.bytes, item.length);
        else
            pxt_draft_set_text(draft, id, (const char *)item.bytes, item.length);
    }
    return true;
}

/* ---- functions of SQL ---- */

static void give(sqlite3_context *context, enum pxt_field_type type, const struct item *item)
{
    if (type == PXT_TYPE_TIME)
        sqlite3_result_double(context, sqlite_seconds_of(item->number));
    else if (type == PXT_TYPE_SECRET)
        sqlite3_result_blob64(context, item->bytes, item->length, SQLITE_TRANSIENT);
    else if (type == PXT_TYPE_TEXT)
        sqlite3_result_text64(context, (const char *)item->bytes, item->length, SQLITE_TRANSIENT, SQLITE_UTF8);
    else
        sqlite3_result_int64(context, item->number);
}

static void field_function(sqlite3_context *context, int count, sqlite3_value **value)
{
    const struct pxt_host *host = sqlite3_user_data(context);
    const unsigned char *at = sqlite3_value_blob(value[0]), *end = at + (at ? sqlite3_value_bytes(value[0]) : 0);
    const int64_t wanted = sqlite3_value_int64(value[1]);
    struct item item = {0};
    (void)count;
    if (wanted < 0 || wanted >= PXT_FIELD_COUNT)
        return;
    const struct pxt_field *field = host->fields[wanted];
    while (at < end) {
        if (!read_item(&at, end, &item))
            return;
        if (item.field != (uint64_t)wanted)
            continue;
        if (item.is_bytes == is_bytes(field->type))
            give(context, field->type, &item);
        return;
    }
    if (field->type != PXT_TYPE_TIME && !is_bytes(field->type))
        sqlite3_result_int64(context, field->default_number);
}

static void pack_function(sqlite3_context *context, int count, sqlite3_value **value)
{
    const struct pxt_host *host = sqlite3_user_data(context);
    struct sqlite_packed packed;
    sqlite_packed_begin(&packed);
    for (int i = 0; i + 1 < count; i += 2) {
        const int64_t id = sqlite3_value_int64(value[i]);
        if (id >= 0 && id < PXT_FIELD_COUNT)
            sqlite_packed_add_column(&packed, host->fields[id], (enum pxt_field_id)id, value[i + 1]);
    }
    if (packed.failed)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_blob64(context, packed.data, packed.length, SQLITE_TRANSIENT);
    sqlite_packed_free(&packed);
}

int sqlite_packed_register(sqlite3 *db, const struct pxt_host *host)
{
    static const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    void *arg = (void *)(uintptr_t)host; /* SQLite only hands it back */
    int rc = sqlite3_create_function_v2(db, "proxtier_field", 2, flags, arg, field_function, NULL, NULL, NULL);
    return rc == SQLITE_OK
               ? sqlite3_create_function_v2(db, "proxtier_pack", -1, flags, arg, pack_function, NULL, NULL, NULL)
               : rc;
}
