/* SPDX-License-Identifier: MIT
 *
 * list_jsonl.c: one JSON object a line.
 */
#include "base/fail.h"
#include "lists/json_record.h"
#include <string.h>

static struct json_object *parse_with(struct json_tokener *tokener, int flags, const char *line, size_t length)
{
    json_tokener_reset(tokener);
    json_tokener_set_flags(tokener, flags);
    struct json_object *object = json_tokener_parse_ex(tokener, line, (int)length);
    size_t end = json_tokener_get_parse_end(tokener);
    if (object && json_tokener_get_error(tokener) == json_tokener_success &&
        end + strspn(line + end, " \t\r") == length)
        return object;
    if (object)
        pxt_json_forget(object);
    return NULL;
}

/* Puts another character in the place of each byte that is not ASCII. */
static void make_ascii(char *line, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)line[i] > 0x7f)
            line[i] = '?';
}

static bool is_ascii(const char *line, size_t length)
{
    size_t i = 0;
    while (i < length && (unsigned char)line[i] <= 0x7f)
        i++;
    return i == length;
}

/* A strict parser of json-c 0.18 takes each byte that is not ASCII for a control character, and refuses it. So a line with such
 * bytes is parsed twice: for what it says, and then in ASCII, for its form. The line is changed. */
static struct json_object *parse_line(struct json_tokener *tokener, char *line, size_t length)
{
    if (is_ascii(line, length))
        return parse_with(tokener, JSON_TOKENER_STRICT, line, length);
    struct json_object *object = parse_with(tokener, JSON_TOKENER_VALIDATE_UTF8, line, length);
    if (!object)
        return NULL;
    make_ascii(line, length);
    struct json_object *form = parse_with(tokener, JSON_TOKENER_STRICT, line, length);
    if (!form) {
        pxt_json_forget(object);
        return NULL;
    }
    pxt_json_forget(form);
    return object;
}

pxt_status pxt_list_read_jsonl(struct pxt_list *list)
{
    char *line = pxt_alloc(PXT_LIST_LINE_MAX + 1), *room = pxt_alloc(PXT_JSON_ROOM);
    struct json_tokener *tokener = json_tokener_new_ex(PXT_JSON_DEPTH);
    size_t length;
    pxt_status status = line && room && tokener ? PXT_OK : pxt_fail_memory(list->error, "a line");
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
