/* SPDX-License-Identifier: MIT
 *
 * list_json.c: JSON arrays, objects that contain one, ProxyWhirl's {"proxies": {"http": [...], ...}}, and JSONL.
 */
#include "base/fail.h"
#include "lists/list.h"
#include <json-c/json.h>
#include <string.h>

enum { CHUNK = 65536, DEPTH = 32, ROOM = 4 * PXT_LIST_LINE_MAX };

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

static void forget(struct json_object *object)
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
                        char **room, const char *room_end)
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
        if ((size_t)(room_end - *room) < length ||
            !pxt_list_set(&record->draft, field, kind == PXT_NAME_TOKEN, text, length, *room))
            return false;
        *room += kind == PXT_NAME_TOKEN ? length / 2 : 0;
        return true;
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

static pxt_status refuse(struct pxt_list *list, uint64_t line, const char *reason)
{
    list->refuse(list->arg, line, 1, reason);
    return PXT_OK;
}

static pxt_status take_object(struct pxt_list *list, struct json_object *object, uint64_t line, const char *scheme,
                              char *room)
{
    struct address address = {.host = NULL};
    struct pxt_record record = {.line = line, .column = 1, .scheme = scheme};
    char *free_room = room, reason[200];
    pxt_draft_init(&record.draft);
    if (json_object_is_type(object, json_type_string)) {
        record.url = json_object_get_string(object);
        record.url_length = (size_t)json_object_get_string_len(object);
        return list->take(list->arg, &record);
    }
    if (!json_object_is_type(object, json_type_object))
        return refuse(list, line, "an object or a text is expected");
    struct json_object_iterator at = json_object_iter_begin(object), end = json_object_iter_end(object);
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *name = json_object_iter_peek_name(&at);
        if (!take_member(&record, &address, name, json_object_iter_peek_value(&at), &free_room, room + ROOM)) {
            snprintf(reason, sizeof reason, "the value of \"%.60s\" is not what is expected there", name);
            return refuse(list, line, reason);
        }
    }
    const char *problem = complete(&record, &address);
    return problem ? refuse(list, line, problem) : list->take(list->arg, &record);
}

/* ---- JSONL ------------------------------------------------------------------------------------------------------ */

static struct json_object *parse_line(struct json_tokener *tokener, const char *line, size_t length)
{
    json_tokener_reset(tokener);
    struct json_object *object = json_tokener_parse_ex(tokener, line, (int)length);
    size_t end = json_tokener_get_parse_end(tokener);
    if (object && json_tokener_get_error(tokener) == json_tokener_success &&
        end + strspn(line + end, " \t\r") == length)
        return object;
    if (object)
        forget(object);
    return NULL;
}

pxt_status pxt_list_read_jsonl(struct pxt_list *list)
{
    char *line = pxt_alloc(PXT_LIST_LINE_MAX + 1), *room = pxt_alloc(ROOM);
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
    size_t length;
    pxt_status status = line && room && tokener ? PXT_OK : pxt_fail_memory(list->error, "a line");
    if (tokener)
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    for (uint64_t number = 1; !status && pxt_list_line(list, line, &length); number++) {
        if (length > PXT_LIST_LINE_MAX) {
            list->refuse(list->arg, number, 1, "the line is longer than 64 KiB");
            continue;
        }
        char *start = number == 1 && !strncmp(line, "\xef\xbb\xbf", 3) ? line + 3 : line;
        size_t left = length - (size_t)(start - line);
        if (strspn(start, " \t") >= left)
            continue;
        struct json_object *object = parse_line(tokener, start, left);
        if (!object) {
            list->refuse(list->arg, number, json_tokener_get_parse_end(tokener) + 1, "malformed JSON");
            continue;
        }
        status = take_object(list, object, number, NULL, room);
        forget(object);
    }
    if (tokener)
        json_tokener_free(tokener);
    if (line)
        explicit_bzero(line, PXT_LIST_LINE_MAX);
    if (room)
        explicit_bzero(room, ROOM);
    pxt_free(line);
    pxt_free(room);
    return status;
}

/* ---- one document ----------------------------------------------------------------------------------------------- */

struct place {
    uint64_t line, column;
};

static void advance(struct place *place, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        place->column++;
        if (bytes[i] == '\n') {
            place->line++;
            place->column = 1;
        }
    }
}

static struct json_object *parse_document(struct pxt_list *list, pxt_status *status)
{
    char chunk[CHUNK];
    struct place place = {1, 1};
    struct json_object *document = NULL;
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH);
    enum json_tokener_error state = json_tokener_continue;
    size_t n;
    if (!tokener) {
        *status = pxt_fail_memory(list->error, "the JSON parser");
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
    while (state == json_tokener_continue && (n = fread(chunk, 1, sizeof chunk, list->stream))) {
        size_t skip = !list->read && n >= 3 && !memcmp(chunk, "\xef\xbb\xbf", 3) ? 3 : 0;
        list->read += n;
        document = json_tokener_parse_ex(tokener, chunk + skip, (int)(n - skip));
        state = json_tokener_get_error(tokener);
        advance(&place, chunk + skip, state == json_tokener_continue ? n - skip : json_tokener_get_parse_end(tokener));
    }
    explicit_bzero(chunk, sizeof chunk);
    if (state != json_tokener_success)
        *status = pxt_fail(list->error, PXT_EINVAL, 0, "%s:%llu:%llu: malformed JSON: %s", list->path,
                           (unsigned long long)place.line, (unsigned long long)place.column,
                           state == json_tokener_continue ? "it ends too early" : json_tokener_error_desc(state));
    json_tokener_free(tokener);
    return document;
}

static pxt_status take_array(struct pxt_list *list, struct json_object *array, const char *scheme, char *room)
{
    pxt_status status = PXT_OK;
    for (size_t i = 0; i < json_object_array_length(array) && !status; i++)
        status = take_object(list, json_object_array_get_idx(array, i), i + 1, scheme, room);
    return status;
}

/* {"http": ["host:port", ...], "socks5": [...]} */
static pxt_status take_by_scheme(struct pxt_list *list, struct json_object *map, char *room)
{
    pxt_status status = PXT_OK;
    struct json_object_iterator at = json_object_iter_begin(map), end = json_object_iter_end(map);
    for (; !json_object_iter_equal(&at, &end) && !status; json_object_iter_next(&at))
        if (json_object_is_type(json_object_iter_peek_value(&at), json_type_array))
            status = take_array(list, json_object_iter_peek_value(&at), json_object_iter_peek_name(&at), room);
    return status;
}

static struct json_object *inner_list(struct json_object *document)
{
    static const char *const names[] = {"proxies", "data", "results", "items", "list", NULL};
    for (const char *const *name = names; *name; name++) {
        struct json_object *value = json_object_object_get(document, *name);
        if (json_object_is_type(value, json_type_array) || json_object_is_type(value, json_type_object))
            return value;
    }
    return NULL;
}

static pxt_status take_document(struct pxt_list *list, struct json_object *document, char *room)
{
    if (json_object_is_type(document, json_type_object)) {
        struct json_object *inner = inner_list(document);
        if (!inner)
            return take_object(list, document, 1, NULL, room);
        document = inner;
    }
    if (json_object_is_type(document, json_type_array))
        return take_array(list, document, NULL, room);
    if (json_object_is_type(document, json_type_object))
        return take_by_scheme(list, document, room);
    return pxt_fail(list->error, PXT_EINVAL, 0, "%s:1:1: an array of proxies, or an object with one, is expected",
                    list->path);
}

pxt_status pxt_list_read_json(struct pxt_list *list)
{
    pxt_status status = PXT_OK;
    char *room = pxt_alloc(ROOM);
    if (!room)
        return pxt_fail_memory(list->error, "tokens");
    struct json_object *document = parse_document(list, &status);
    if (!status)
        status = take_document(list, document, room);
    if (document)
        forget(document);
    explicit_bzero(room, ROOM);
    pxt_free(room);
    return status;
}
