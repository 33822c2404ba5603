/* SPDX-License-Identifier: MIT
 *
 * list_jsonl.c: one JSON object a line.
 */
#include "base/fail.h"
#include "lists/json_record.h"
#include <string.h>

static struct json_object *parse_line(struct json_tokener *tokener, const char *line, size_t length)
{
    json_tokener_reset(tokener);
    struct json_object *object = json_tokener_parse_ex(tokener, line, (int)length);
    size_t end = json_tokener_get_parse_end(tokener);
    if (object && json_tokener_get_error(tokener) == json_tokener_success &&
        end + strspn(line + end, " \t\r") == length)
        return object;
    if (object)
        pxt_json_forget(object);
    return NULL;
}

pxt_status pxt_list_read_jsonl(struct pxt_list *list)
{
    char *line = pxt_alloc(PXT_LIST_LINE_MAX + 1), *room = pxt_alloc(PXT_JSON_ROOM);
    struct json_tokener *tokener = json_tokener_new_ex(PXT_JSON_DEPTH);
    size_t length;
    pxt_status status = line && room && tokener ? PXT_OK : pxt_fail_memory(list->error, "a line");
    if (tokener)
        json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    for (uint64_t number = 1; !status && pxt_list_line(list, line, &length); number++) {
        if (length > PXT_LIST_LINE_MAX) {
            list->refuse(list->arg, number, 1, "the line is longer than 128 KiB");
            continue;
        }
        if (strspn(line, " \t") >= length)
            continue;
        struct json_object *object = parse_line(tokener, line, length);
        if (!object) {
            list->refuse(list->arg, number, json_tokener_get_parse_end(tokener) + 1, "malformed JSON");
            continue;
        }
        status = pxt_json_take(list, object, &(struct pxt_json_place){number, 1}, NULL,
                               (struct pxt_list_room){room, room + PXT_JSON_ROOM});
        pxt_json_forget(object);
    }
    if (tokener)
        json_tokener_free(tokener);
    if (line)
        explicit_bzero(line, PXT_LIST_LINE_MAX);
    if (room)
        explicit_bzero(room, PXT_JSON_ROOM);
    pxt_free(line);
    pxt_free(room);
    return status;
}
