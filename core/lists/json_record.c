/* SPDX-License-Identifier: MIT
 *
 * json_record.c: one record of a list from an object of json-c, or from a text that is an address.
 */
#include "lists/json_record.h"
#include <string.h>

struct address {
    const char *host, *port, *scheme;
    char port_text[24];
    char text[600];
};

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

static void take_port(struct json_object *value, struct address *address)
{
    if (json_object_is_type(value, json_type_int))
        snprintf(address->port_text, sizeof address->port_text, "%lld", (long long)json_object_get_int64(value));
    else
        snprintf(address->port_text, sizeof address->port_text, "%s", json_object_get_string(value));
    address->port = address->port_text;
}

/* The first of `types: ["HTTP", "SOCKS5"]`; ProxyBroker's are objects with a type. */
static void take_scheme(struct json_object *value, struct address *address)
{
    if (json_object_is_type(value, json_type_array))
        value = json_object_array_get_idx(value, 0);
    if (json_object_is_type(value, json_type_object))
        value = json_object_object_get(value, "type");
    if (json_object_is_type(value, json_type_string))
        address->scheme = json_object_get_string(value);
}

/* One member into the record. False where its value is none. */
static bool take_member(struct pxt_record *record, struct address *address, const char *name, struct json_object *value,
                        struct pxt_list_room *room)
{
    enum pxt_field_id field;
    if (!value)
        return true;
    enum pxt_list_name kind = pxt_list_name(name, strlen(name), &field);
    bool is_text = json_object_is_type(value, json_type_string);
    const char *text = json_object_get_string(value);
    size_t length = is_text ? (size_t)json_object_get_string_len(value) : strlen(text);
    switch (kind) {
    case PXT_NAME_URL:
        record->url = text;
        record->url_length = length;
        return is_text;
    case PXT_NAME_HOST:
        address->host = text;
        return is_text;
    case PXT_NAME_PORT:
        take_port(value, address);
        return true;
    case PXT_NAME_SCHEME:
        take_scheme(value, address);
        return true;
    case PXT_NAME_FIELD:
    case PXT_NAME_TOKEN:
    case PXT_NAME_BASE64:
        return pxt_list_set(&record->draft, field, kind, text, length, room);
    default:
        return true;
    }
}

static const char *complete(struct pxt_record *record, struct address *address)
{
    record->scheme_is_own = address->scheme != NULL;
    record->scheme = address->scheme ? address->scheme : record->scheme;
    if (record->url)
        return NULL;
    if (!address->host)
        return "it names no proxy: proxy_url, or host and port, is expected";
    bool bare_v6 = strchr(address->host, ':') && address->host[0] != '[' && address->port;
    int n = address->port ? snprintf(address->text, sizeof address->text, bare_v6 ? "[%s]:%s" : "%s:%s", address->host,
                                     address->port)
                          : snprintf(address->text, sizeof address->text, "%s", address->host);
    if (n < 0 || (size_t)n >= sizeof address->text)
        return "the host is too long";
    record->url = address->text;
    record->url_length = (size_t)n;
    return NULL;
}

static pxt_status refuse(struct pxt_list *list, const struct pxt_json_place *place, const char *reason)
{
    list->refuse(list->arg, place->line, place->column, reason);
    return PXT_OK;
}

/* Fills the record from the members of an object. False with the `reason` if a value is wrong, or no proxy is named. */
static bool fill_record(struct pxt_record *record, struct address *address, struct json_object *object,
                        struct pxt_list_room *room, char reason[200])
{
    struct json_object_iterator at = json_object_iter_begin(object), end = json_object_iter_end(object);
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *name = json_object_iter_peek_name(&at);
        if (!take_member(record, address, name, json_object_iter_peek_value(&at), room)) {
            snprintf(reason, 200, "the value of \"%.60s\" is not what is expected there", name);
            return false;
        }
    }
    const char *problem = complete(record, address);
    if (problem)
        snprintf(reason, 200, "%s", problem);
    return !problem;
}

pxt_status pxt_json_take(struct pxt_list *list, struct json_object *object, const struct pxt_json_place *place,
                         const char *scheme, struct pxt_list_room room)
{
    struct address address = {.host = NULL};
    struct pxt_record record = {.line = place->line, .column = place->column, .scheme = scheme};
    char reason[200];
    pxt_draft_init(&record.draft);
    if (json_object_is_type(object, json_type_string)) {
        record.url = json_object_get_string(object);
        record.url_length = (size_t)json_object_get_string_len(object);
        return list->take(list->arg, &record);
    }
    if (!json_object_is_type(object, json_type_object))
        return refuse(list, place, "an object or a text is expected");
    if (!fill_record(&record, &address, object, &room, reason))
        return refuse(list, place, reason);
    return list->take(list->arg, &record);
}
