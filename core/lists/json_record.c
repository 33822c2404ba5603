/* SPDX-License-Identifier: MIT
 *
 * json_record.c: one record of a list from an object of json-c, or from a text that is an address.
 */
#include "lists/json_record.h"
#include "lists/members.h"
#include <string.h>

/* Credentials in the tree of json-c are wiped before it is freed; it has no hook for that. */
static void wipe(struct json_object *object)
{
    struct json_object_iterator at, end;
    if (json_object_is_type(object, json_type_string)) {
        explicit_bzero((char *)(uintptr_t)json_object_get_string(object), (size_t)json_object_get_string_len(object));
    } else if (json_object_is_type(object, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(object); i++)
            wipe(json_object_array_get_idx(object, i));
    } else if (json_object_is_type(object, json_type_object)) {
        at = json_object_iter_begin(object);
        end = json_object_iter_end(object);
        for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
            wipe(json_object_iter_peek_value(&at));
    }
}

void pxt_json_forget(struct json_object *object)
{
    wipe(object);
    json_object_put(object);
}

enum { GROUPS = 3 }; /* how deep objects in a record are read */

/* The first of `types: ["HTTP", "SOCKS5"]`; ProxyBroker's are objects with a type. */
static struct json_object *first_scheme(struct json_object *value)
{
    if (json_object_is_type(value, json_type_array))
        value = json_object_array_get_idx(value, 0);
    if (json_object_is_type(value, json_type_object))
        value = json_object_object_get(value, "type");
    return value;
}

/* The code or the name of `{"iso_code": "US", "names": {"en": "United States"}}`. */
static struct json_object *country_of(struct json_object *value)
{
    static const char *const members[] = {"iso_code", "code", "name", NULL};
    struct json_object *found = NULL;
    if (!json_object_is_type(value, json_type_object))
        return value;
    for (const char *const *member = members; *member && !found; member++)
        found = json_object_object_get(value, *member);
    return found;
}

/* ["eu", "fast"] as "eu,fast", in the room of the record; what is no text, or does not fit, is left out. */
static bool take_tags(struct pxt_members *members, const struct pxt_list_name *known, const char *name,
                      struct json_object *array)
{
    char *start = members->room.at, *at = start;
    for (size_t i = 0; i < json_object_array_length(array); i++) {
        struct json_object *word = json_object_array_get_idx(array, i);
        size_t length = json_object_is_type(word, json_type_string) ? (size_t)json_object_get_string_len(word) : 0;
        if (!length || (size_t)(members->room.end - at) < length + 1)
            continue;
        if (at > start)
            *at++ = ',';
        memcpy(at, json_object_get_string(word), length);
        at += length;
    }
    members->room.at = at;
    return at == start || pxt_members_set(members, known, name, start, (size_t)(at - start), false);
}

static bool take_members(struct pxt_members *members, struct json_object *object, unsigned depth);

/* One member into the record. False where its value is none. */
static bool take_member(struct pxt_members *members, const char *name, struct json_object *value, unsigned depth)
{
    struct pxt_list_name known = pxt_list_name(name, strlen(name));
    if (known.kind == PXT_NAME_SCHEME)
        value = first_scheme(value);
    else if (known.kind == PXT_NAME_COUNTRY)
        value = country_of(value);
    bool is_object = json_object_is_type(value, json_type_object);
    bool is_text = json_object_is_type(value, json_type_string);
    if (is_object && (known.kind == PXT_NAME_GROUP || known.field == PXT_FIELD_METADATA))
        return take_members(members, value, depth + 1);
    if (!value || known.kind == PXT_NAME_OTHER || known.kind == PXT_NAME_GROUP)
        return true;
    bool is_tags = known.kind == PXT_NAME_FIELD && known.field == PXT_FIELD_TAGS;
    if (is_tags && json_object_is_type(value, json_type_array))
        return take_tags(members, &known, name, value);
    if (is_tags && is_object)
        return true;
    if (known.fact && (is_object || json_object_is_type(value, json_type_array)))
        return true;
    const char *text = json_object_get_string(value);
    size_t length = is_text ? (size_t)json_object_get_string_len(value) : strlen(text);
    return pxt_members_set(members, &known, name, text, length, !is_text);
}

static bool take_members(struct pxt_members *members, struct json_object *object, unsigned depth)
{
    struct json_object_iterator at = json_object_iter_begin(object), end = json_object_iter_end(object);
    for (; depth < GROUPS && !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
        if (!take_member(members, json_object_iter_peek_name(&at), json_object_iter_peek_value(&at), depth))
            return false;
    return true;
}

static pxt_status refuse(struct pxt_list *list, const struct pxt_json_place *place, const char *reason)
{
    list->refuse(list->arg, place->line, place->column, reason);
    return PXT_OK;
}

pxt_status pxt_json_take(struct pxt_list *list, struct json_object *object, const struct pxt_json_place *place,
                         const char *scheme, struct pxt_list_room room)
{
    struct pxt_members members;
    pxt_members_start(&members, place->line, place->column, scheme, room);
    if (json_object_is_type(object, json_type_string)) {
        members.record.url = json_object_get_string(object);
        members.record.url_length = (size_t)json_object_get_string_len(object);
        return list->take(list->arg, &members.record);
    }
    if (!json_object_is_type(object, json_type_object))
        return refuse(list, place, "an object or a text is expected");
    if (!take_members(&members, object, 0) || !pxt_members_finish(&members))
        return refuse(list, place, members.problem);
    return list->take(list->arg, &members.record);
}
