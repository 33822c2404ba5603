/* SPDX-License-Identifier: MIT
 *
 * json_record.h: one record of a list in JSON.
 */
#ifndef PXT_JSON_RECORD_H
#define PXT_JSON_RECORD_H

#include "lists/list.h"
#include <json-c/json.h>

enum { PXT_JSON_DEPTH = 32, PXT_JSON_ROOM = 2 * PXT_LIST_LINE_MAX };

/* From 1. */
struct pxt_json_place {
    uint64_t line, column;
};
/* Hands a record to the list's receiver, or refuses it; `object` may be NULL (null). `scheme` is that of an address which
 * names none, or NULL. Decoded values go to `room`. Returns what the receiver returned. */
pxt_status pxt_json_take(struct pxt_list *list, struct json_object *object, const struct pxt_json_place *place,
                         const char *scheme, struct pxt_list_room room);
/* Wipes the texts of a tree, which may be credentials, and frees it. */
void pxt_json_forget(struct json_object *object);

#endif
