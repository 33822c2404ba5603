/* SPDX-License-Identifier: MIT
 *
 * json_stream.c: walks through one JSON document without keeping it.
 */
#include "lists/json_stream.h"
#include "base/fail.h"
#include <string.h>

pxt_status pxt_json_stream_open(struct pxt_json_stream *stream, struct pxt_list *list)
{
    *stream = (struct pxt_json_stream){.list = list, .place = {1, 1}};
    stream->tokener = json_tokener_new_ex(PXT_JSON_DEPTH);
    if (!stream->tokener)
        return stream->status = pxt_fail_memory(list->error, "the JSON parser");
    json_tokener_set_flags(stream->tokener, JSON_TOKENER_VALIDATE_UTF8);
    return PXT_OK;
}

void pxt_json_stream_close(struct pxt_json_stream *stream)
{
    explicit_bzero(stream->chunk, sizeof stream->chunk);
    if (stream->tokener)
        json_tokener_free(stream->tokener);
}

void pxt_json_malformed(struct pxt_json_stream *stream, const char *problem)
{
    if (!stream->status)
        stream->status =
            pxt_fail(stream->list->error, PXT_EINVAL, 0, "%s:%llu:%llu: malformed JSON: %s", stream->list->path,
                     (unsigned long long)stream->place.line, (unsigned long long)stream->place.column, problem);
}

/* False at the end of the file. */
static bool fill(struct pxt_json_stream *stream)
{
    if (stream->at < stream->end)
        return true;
    stream->end = fread(stream->chunk, 1, sizeof stream->chunk, stream->list->stream);
    stream->at = 0;
    return stream->at < stream->end;
}

static void advance(struct pxt_json_stream *stream, size_t n)
{
    for (; n; n--) {
        stream->place.column++;
        if (stream->chunk[stream->at++] == '\n') {
            stream->place.line++;
            stream->place.column = 1;
        }
    }
}

int pxt_json_peek(struct pxt_json_stream *stream)
{
    while (!stream->status && fill(stream)) {
        unsigned char c = (unsigned char)stream->chunk[stream->at];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return c;
        advance(stream, 1);
    }
    return EOF;
}

void pxt_json_skip_byte(struct pxt_json_stream *stream)
{
    advance(stream, 1);
}

bool pxt_json_next(struct pxt_json_stream *stream, char close, bool *first)
{
    int c = pxt_json_peek(stream);
    if (!*first && c == ',') {
        pxt_json_skip_byte(stream);
        c = pxt_json_peek(stream);
    } else if (!*first && c != close && c != EOF) {
        pxt_json_malformed(stream, close == ']' ? "a comma or ] is expected" : "a comma or } is expected");
    }
    if (c == EOF)
        pxt_json_malformed(stream, "it ends too early");
    if (stream->status)
        return false;
    *first = false;
    if (c != close)
        return true;
    pxt_json_skip_byte(stream);
    return false;
}

/* Parses what is at hand; at the end of the file a NUL, which ends a number. */
static enum json_tokener_error parse_chunk(struct pxt_json_stream *stream, struct json_object **out)
{
    if (!fill(stream)) {
        *out = json_tokener_parse_ex(stream->tokener, "", 1);
        return json_tokener_get_error(stream->tokener);
    }
    size_t left = stream->end - stream->at;
    *out = json_tokener_parse_ex(stream->tokener, stream->chunk + stream->at, (int)left);
    enum json_tokener_error state = json_tokener_get_error(stream->tokener);
    advance(stream, state == json_tokener_continue ? left : json_tokener_get_parse_end(stream->tokener));
    return state;
}

struct json_object *pxt_json_value(struct pxt_json_stream *stream)
{
    struct json_object *object = NULL;
    enum json_tokener_error state = json_tokener_continue;
    if (stream->status)
        return NULL;
    json_tokener_reset(stream->tokener);
    for (size_t chunks = 0; state == json_tokener_continue; chunks++) {
        if (chunks > PXT_JSON_VALUE_MAX / PXT_JSON_CHUNK) {
            pxt_json_malformed(stream, "a value is longer than 1 MiB");
            return NULL;
        }
        bool more = fill(stream);
        state = parse_chunk(stream, &object);
        if (!more && state != json_tokener_success) {
            pxt_json_malformed(stream, "it ends too early");
            return NULL;
        }
    }
    if (state != json_tokener_success)
        pxt_json_malformed(stream, json_tokener_error_desc(state));
    return object;
}

struct json_object *pxt_json_name(struct pxt_json_stream *stream)
{
    if (pxt_json_peek(stream) != '"')
        pxt_json_malformed(stream, "the name of a member is expected");
    struct json_object *name = pxt_json_value(stream);
    if (!stream->status && pxt_json_peek(stream) != ':')
        pxt_json_malformed(stream, "a colon is expected");
    if (stream->status) {
        json_object_put(name);
        return NULL;
    }
    pxt_json_skip_byte(stream);
    return name;
}

static void skip_nested(struct pxt_json_stream *stream, unsigned depth)
{
    int open = pxt_json_peek(stream);
    bool first = true;
    if (open != '[' && open != '{') {
        struct json_object *value = pxt_json_value(stream);
        if (value)
            pxt_json_forget(value);
        return;
    }
    if (depth == PXT_JSON_DEPTH) {
        pxt_json_malformed(stream, "nesting too deep");
        return;
    }
    pxt_json_skip_byte(stream);
    while (pxt_json_next(stream, open == '[' ? ']' : '}', &first)) {
        if (open == '{')
            json_object_put(pxt_json_name(stream));
        skip_nested(stream, depth + 1);
    }
}

void pxt_json_skip_value(struct pxt_json_stream *stream)
{
    skip_nested(stream, 0);
}
