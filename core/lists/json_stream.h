/* SPDX-License-Identifier: MIT
 *
 * json_stream.h: walks through one JSON document without keeping it: brackets and names are read one by one, and only
 * single values are made into trees of json-c.
 *
 * A function that finds the document malformed fills the list's error with the place; `status` is PXT_EINVAL from then
 * on, and all functions do nothing.
 */
#ifndef PXT_JSON_STREAM_H
#define PXT_JSON_STREAM_H

#include "lists/json_record.h"

enum { PXT_JSON_CHUNK = 65536, PXT_JSON_VALUE_MAX = 1 << 20 };
struct pxt_json_stream {
    struct pxt_list *list;
    struct json_tokener *tokener;
    struct pxt_json_place place; /* of the next byte */
    pxt_status status;
    size_t at, end;
    char chunk[PXT_JSON_CHUNK];
};
pxt_status pxt_json_stream_open(struct pxt_json_stream *stream, struct pxt_list *list);
/* Wipes what was read. */
void pxt_json_stream_close(struct pxt_json_stream *stream);
/* The next byte that is not blank, or EOF; it is not consumed, and `place` is that of the byte. */
int pxt_json_peek(struct pxt_json_stream *stream);
/* Consumes the byte that was peeked at. */
void pxt_json_skip_byte(struct pxt_json_stream *stream);
/* Whether another element (or name) follows in a list or object that ends with `close`; consumes the comma before it, or
 * `close`. `*first` is true before the first one. */
bool pxt_json_next(struct pxt_json_stream *stream, char close, bool *first);
/* Reads a value of at most PXT_JSON_VALUE_MAX bytes; NULL for null, and when malformed. For pxt_json_forget(). */
struct json_object *pxt_json_value(struct pxt_json_stream *stream);
/* Reads a member's name and the colon behind it; NULL when malformed. For json_object_put(). */
struct json_object *pxt_json_name(struct pxt_json_stream *stream);
/* Passes over a value of any size. */
void pxt_json_skip_value(struct pxt_json_stream *stream);
void pxt_json_malformed(struct pxt_json_stream *stream, const char *problem);

#endif
