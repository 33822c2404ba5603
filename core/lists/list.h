/* SPDX-License-Identifier: MIT
 *
 * list.h: reads lists. A reader hands its records to two functions, and knows nothing of what becomes of them.
 */
#ifndef PXT_LIST_H
#define PXT_LIST_H

#include "proxy/proxyurl.h"
#include <proxtier/cache.h>
#include <stdio.h>

struct pxt_list_record;

/* A list that is being read, and the receiver of its records. */
struct pxt_list {
    FILE *stream;
    const char *path;            /* in messages; its end may tell the format */
    uint64_t read;               /* bytes so far */
    enum pxt_list_format format; /* set by pxt_list_read() */
    struct pxt_error *error;
    /* Takes a record; its texts are borrowed for the call. Anything but PXT_OK ends the reading. */
    pxt_status (*take)(void *arg, struct pxt_list_record *record);
    /* Is told of a record that is none. `reason` quotes no credential. */
    void (*refuse)(void *arg, uint64_t line, uint64_t column, const char *reason);
    bool (*stop)(void *arg); /* asked when reading was interrupted; true ends the list; NULL: go on */
    void *arg;
};
/* The longest line of an export is shorter: its texts and credentials are bounded, and escapes are six bytes for two. */
enum { PXT_LIST_LINE_MAX = 131072, PXT_LIST_CREDENTIALS = 2 };

/* A record as the list has it; its texts are borrowed for the call. */
struct pxt_list_record {
    uint64_t line, column;
    struct pxt_draft draft; /* all but proxy_url, and credentials that stand in it */
    const char *url;        /* the address, in any of the forms of proxtier-import(5) */
    size_t url_length;
    const char *scheme;                    /* for a `url` without one; NULL: the default */
    bool is_literal[PXT_LIST_CREDENTIALS]; /* user name, password: it was in base64, so that only * hides nothing */
    bool scheme_is_own; /* the record itself names it, not a comment or member around it: no option overrides it */
};
/* Reads the whole list, also packed or in UTF-16; PXT_LIST_AUTO tells the format by its beginning, else by the end of its
 * path. A list of nothing but blanks is empty in every format. PXT_EINVAL if the whole is not of the format; what `take`
 * returned. */
pxt_status pxt_list_read(struct pxt_list *list, enum pxt_list_format format);

/* The readers, one a format. */
pxt_status pxt_list_read_text(struct pxt_list *list);
pxt_status pxt_list_read_proxychains(struct pxt_list *list);
pxt_status pxt_list_read_yaml(struct pxt_list *list);
pxt_status pxt_list_read_json(struct pxt_list *list);
pxt_status pxt_list_read_jsonl(struct pxt_list *list);
pxt_status pxt_list_read_csv(struct pxt_list *list);

/* Reads a line into `buffer` (PXT_LIST_LINE_MAX + 1), without its end. False at the end of the file. `*length` is
 * PXT_LIST_LINE_MAX + 1 where it was longer; the rest of it is skipped. */
bool pxt_list_line(struct pxt_list *list, char *buffer, size_t *length);

/* The beginning of a list. */
struct pxt_list_sample {
    const char *text;
    size_t length;
    bool whole; /* there is no more */
};
/* list_detect.c: tells the format; PXT_EINVAL where it is none of a list of proxies. */
pxt_status pxt_list_detect(const struct pxt_list_sample *sample, const char *path, enum pxt_list_format *format,
                           struct pxt_error *error);
/* What separates the columns of a table, by its first line: a tab, a semicolon or a comma. */
char pxt_list_separator(const char *text, size_t length);
/* Whether a line is the heading `[ProxyList]` of proxychains. */
bool pxt_list_is_proxychains(const char *line, size_t length);
/* The scheme that is a word of a file's name (`socks5.txt`, `http_proxies.json`); NULL where there is none, or two. */
const char *pxt_list_scheme_of_path(const char *path);

/* field_names.c: what members and columns are called in real lists. */
enum pxt_list_kind {
    PXT_NAME_OTHER,
    PXT_NAME_URL,
    PXT_NAME_HOST,
    PXT_NAME_PORT,
    PXT_NAME_SCHEME,
    PXT_NAME_FIELD,     /* a field of the field table, by its own name */
    PXT_NAME_TOKEN,     /* username_encrypted, password_encrypted */
    PXT_NAME_BASE64,    /* username_base64, password_base64 */
    PXT_NAME_COUNTRY,   /* a country's code or name */
    PXT_NAME_PUBLISHED, /* what others learnt: a start for a learnt field, if it can be read as one */
    PXT_NAME_RATE,      /* the share of good checks, in percent */
    PXT_NAME_SUCCESSES, /* the number of good checks */
    PXT_NAME_LATENCY,   /* kept as metadata, and a start for the average: in milliseconds, once scaled */
    PXT_NAME_FACT,      /* kept as metadata only */
    PXT_NAME_GROUP      /* an object whose members are read as if they stood in the record */
};
struct pxt_list_name {
    enum pxt_list_kind kind;
    enum pxt_field_id field; /* of FIELD, TOKEN, BASE64, PUBLISHED, LATENCY */
    const char *fact;        /* its name in the metadata; NULL: it is not kept there */
    double scale;            /* by which a number is multiplied for the metadata; 0: it is a text */
};
/* What a name stands for; case, blanks, `_` and `-` do not count. */
struct pxt_list_name pxt_list_name(const char *name, size_t length);
/* Where values are put that stand encoded in a list, so that a draft can borrow them. */
struct pxt_list_room {
    char *at, *end;
};
/* Sets a field of a draft from its text in JSON or CSV; `kind` is FIELD, TOKEN or BASE64. False if the text is not a
 * value of the field, or there is no room. A plain text is borrowed from the caller, a decoded one from `room`. */
bool pxt_list_set(struct pxt_draft *draft, enum pxt_field_id field, enum pxt_list_kind kind, const char *text,
                  size_t length, struct pxt_list_room *room);

#endif
