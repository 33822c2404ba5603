/* SPDX-License-Identifier: MIT
 *
 * list.h: reading lists: each format calls back with one draft after the other.
 */
#ifndef PXT_LIST_H
#define PXT_LIST_H

#include "proxy/proxyurl.h"
#include <proxtier/cache.h>
#include <stdio.h>

struct pxt_warming;

/* Where lists come from: a stream, with what was looked at to tell its format, counted. */
struct pxt_list {
    FILE *stream;
    const char *path;
    uint64_t read, total;
    const char *default_scheme; /* by option; NULL: what the list says, else http */
    struct pxt_warming *warming;
    struct pxt_error *error;
};
enum { PXT_LIST_LINE_MAX = 65536 };

/* A record as found; texts are borrowed for the call. Either `url` or `host` and `port` say where it is. */
struct pxt_record {
    uint64_t line, column;
    struct pxt_draft draft; /* all but proxy_url, and credentials that stand in it */
    const char *url;        /* any form that a line may have */
    size_t url_length;
    const char *scheme; /* for a `url` without one; NULL: the default */
    bool scheme_is_own; /* the record says so, not what stands around it: no option overrides it */
};
/* warm.c: takes a record; refuses it with its place where it is no proxy. Not PXT_OK only where all has to stop. */
pxt_status pxt_list_take(struct pxt_list *list, struct pxt_record *record);
pxt_status pxt_list_refuse(struct pxt_list *list, uint64_t line, uint64_t column, const char *reason);

/* One a format. PXT_EINVAL where the whole is not of the format. */
pxt_status pxt_list_read_text(struct pxt_list *list);
pxt_status pxt_list_read_json(struct pxt_list *list);
pxt_status pxt_list_read_jsonl(struct pxt_list *list);
pxt_status pxt_list_read_csv(struct pxt_list *list);

/* Reads a line into `buffer` (PXT_LIST_LINE_MAX + 1), without its end. False at the end of the file. `*length` is
 * PXT_LIST_LINE_MAX + 1 where it was longer; the rest of it is skipped. */
bool pxt_list_line(struct pxt_list *list, char *buffer, size_t *length);

/* names.c: what members and columns are called in the wild. */
enum pxt_list_name {
    PXT_NAME_URL,
    PXT_NAME_HOST,
    PXT_NAME_PORT,
    PXT_NAME_SCHEME,
    PXT_NAME_FIELD, /* a field of the field table, by its own name */
    PXT_NAME_TOKEN, /* username_encrypted, password_encrypted */
    PXT_NAME_OTHER
};
/* What a name stands for; `field` receives the field for the last three kinds and for credentials. */
enum pxt_list_name pxt_list_name(const char *name, size_t length, enum pxt_field_id *field);
/* Sets a field of a draft from its text in JSON or CSV; false where the text is no value of it. Tokens and texts are
 * borrowed; `room` (length bytes) takes decoded tokens. */
bool pxt_list_set(struct pxt_draft *draft, enum pxt_field_id field, bool token, const char *text, size_t length,
                  char *room);

#endif
