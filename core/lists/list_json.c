/* SPDX-License-Identifier: MIT
 *
 * list_json.c: one JSON document: an array of records, an object that contains one, or ProxyWhirl's
 * {"proxies": {"http": [...], ...}}.
 */
#include "base/fail.h"
#include "lists/json_stream.h"
#include <string.h>

struct reader {
    struct pxt_json_stream stream;
    char room[PXT_JSON_ROOM];
};

static void take(struct reader *reader, struct json_object *object, const struct pxt_json_place *place,
                 const char *scheme)
{
    struct pxt_list_room room = {reader->room, reader->room + sizeof reader->room};
    if (!reader->stream.status)
        reader->stream.status = pxt_json_take(reader->stream.list, object, place, scheme, room);
    if (object)
        pxt_json_forget(object);
}

static void read_array(struct reader *reader, const char *scheme)
{
    struct pxt_json_stream *stream = &reader->stream;
    struct pxt_list *list = stream->list;
    bool first = true;
    pxt_json_skip_byte(stream);
    while (pxt_json_next(stream, ']', &first)) {
        struct pxt_json_place place = stream->place;
        if (pxt_json_peek(stream) == '[') { /* of any size: it is not made into a tree */
            pxt_json_skip_value(stream);
            list->refuse(list->arg, place.line, place.column, "an object or a text is expected");
        } else {
            take(reader, pxt_json_value(stream), &place, scheme);
        }
    }
}

/* {"http": ["host:port", ...], "socks5": [...]}. Returns whether there was a list in it. */
static bool read_by_scheme(struct reader *reader)
{
    struct pxt_json_stream *stream = &reader->stream;
    bool first = true, any = false;
    pxt_json_skip_byte(stream);
    while (pxt_json_next(stream, '}', &first)) {
        struct json_object *name = pxt_json_name(stream);
        bool is_list = pxt_json_peek(stream) == '[';
        if (is_list)
            read_array(reader, json_object_get_string(name));
        else
            pxt_json_skip_value(stream);
        any |= is_list;
        json_object_put(name);
    }
    return any;
}

static bool names_a_list(const char *name)
{
    static const char *const names[] = {"proxies", "data", "results", "items", "list", NULL};
    for (const char *const *known = names; *known; known++)
        if (!strcmp(name, *known))
            return true;
    return false;
}

static bool names_a_scheme(const char *name)
{
    static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h", NULL};
    for (const char *const *known = schemes; *known; known++)
        if (!strcasecmp(name, *known))
            return true;
    return false;
}

/* Reads a member of the outermost object: a list, or a member of the record that the object may be itself. Returns
 * whether it was a list. */
static bool read_member(struct reader *reader, const char *name, struct json_object *record)
{
    struct pxt_json_stream *stream = &reader->stream;
    int c = pxt_json_peek(stream);
    if (names_a_list(name) && c == '{')
        return read_by_scheme(reader);
    if (names_a_list(name) && c == '[') {
        read_array(reader, NULL);
        return true;
    }
    if (names_a_scheme(name) && c == '[') {
        read_array(reader, name);
        return true;
    }
    if (pxt_list_name(name, strlen(name)).kind != PXT_NAME_OTHER)
        json_object_object_add(record, name, pxt_json_value(stream));
    else
        pxt_json_skip_value(stream);
    return false;
}

static void read_object(struct reader *reader)
{
    struct pxt_json_stream *stream = &reader->stream;
    struct pxt_json_place place = stream->place;
    struct json_object *record = json_object_new_object();
    bool first = true, any = false;
    if (!record) {
        stream->status = pxt_fail_memory(stream->list->error, "a record");
        return;
    }
    pxt_json_skip_byte(stream);
    while (pxt_json_next(stream, '}', &first)) {
        struct json_object *name = pxt_json_name(stream);
        if (name)
            any |= read_member(reader, json_object_get_string(name), record);
        json_object_put(name);
    }
    if (any)
        pxt_json_forget(record);
    else
        take(reader, record, &place, NULL);
}

static void read_document(struct reader *reader)
{
    struct pxt_json_stream *stream = &reader->stream;
    switch (pxt_json_peek(stream)) {
    case '[':
        read_array(reader, NULL);
        break;
    case '{':
        read_object(reader);
        break;
    case EOF:
        pxt_json_malformed(stream, "it ends too early");
        break;
    default:
        pxt_json_skip_value(stream);
        if (!stream->status)
            stream->status =
                pxt_fail(stream->list->error, PXT_EINVAL, 0,
                         "%s:1:1: an array of proxies, or an object with one, is expected", stream->list->path);
    }
}

pxt_status pxt_list_read_json(struct pxt_list *list)
{
    struct reader *reader = pxt_alloc(sizeof *reader);
    if (!reader)
        return pxt_fail_memory(list->error, "a list");
    pxt_status status = pxt_json_stream_open(&reader->stream, list);
    if (!status) {
        read_document(reader);
        status = reader->stream.status;
    }
    pxt_json_stream_close(&reader->stream);
    explicit_bzero(reader->room, sizeof reader->room);
    pxt_free(reader);
    return status;
}
