/* SPDX-License-Identifier: MIT
 *
 * members.h: makes a record from its members, whatever the format: each has a name and a value.
 */
#ifndef PXT_MEMBERS_H
#define PXT_MEMBERS_H

#include "lists/list.h"

enum { PXT_MEMBERS_HOST = 300, PXT_MEMBERS_PROBLEM = 200 };
struct pxt_members {
    struct pxt_list_record record;
    struct pxt_list_room room;
    char host[PXT_MEMBERS_HOST], port[24], scheme[16], country[64];
    char address[PXT_MEMBERS_HOST + 32];
    char metadata[PXT_TEXT_MAX + 1]; /* a JSON object; its brace at the end is not there yet */
    size_t metadata_length;
    double rate;       /* percent of good checks; < 0: not known */
    int64_t successes; /* < 0: not known */
    char problem[PXT_MEMBERS_PROBLEM];
};
/* Begins a record at a place. `scheme` is that of an address that names none, or NULL. */
void pxt_members_start(struct pxt_members *members, uint64_t line, uint64_t column, const char *scheme,
                       struct pxt_list_room room);
/* Copies a text to the room of the record, with a NUL after it. NULL if the room has no place for it. */
const char *pxt_members_keep(struct pxt_members *members, const char *text, size_t length);
/* Takes one member; the value is borrowed until the record was taken. `plain`: it is a number or true or false. False, with
 * `problem` filled, if it cannot be a value of that name. */
bool pxt_members_set(struct pxt_members *members, const struct pxt_list_name *known, const char *name,
                     const char *value, size_t length, bool plain);
/* Whether the members until now are of an entry that was exported: it has a key and a time of expiry. The country is then the
 * field as it was, and nothing that a list publishes. */
bool pxt_members_is_export(const struct pxt_members *members);
/* Completes the record. False, with `problem` filled, if it names no proxy. */
bool pxt_members_finish(struct pxt_members *members);

#endif
