/* SPDX-License-Identifier: MIT
 *
 * export.h: what the writers of formats share. export.c goes over the entries, opens each, and asks the row of the format to
 * write it.
 */
#ifndef PXT_EXPORT_H
#define PXT_EXPORT_H

#include "lists/out.h"
#include <proxtier/cache.h>

enum pxt_host_kind { PXT_HOST_NAME, PXT_HOST_V4, PXT_HOST_V6 };

/* An entry with its address taken apart. */
struct pxt_exported {
    pxt_entry *entry;
    const char *key, *url;
    char scheme[16];
    struct pxt_span hostport;   /* as in the URL: IPv6 is in brackets */
    struct pxt_span host, port; /* without brackets */
    enum pxt_host_kind host_kind;
    bool reveal;
    struct pxt_span username, password; /* in the clear; text NULL: there is none, or it is not to be shown */
};

struct pxt_export;
/* Appends an entry to `out`. Returns NULL, or why the format cannot carry it: a static text. */
typedef const char *pxt_export_write(struct pxt_export *export, const struct pxt_exported *exported,
                                     struct pxt_out *out);
/* Appends what stands around the entries. */
typedef void pxt_export_frame(struct pxt_export *export, struct pxt_out *out);

/* What a program that reads the format can do; for the checks that are common to all. */
enum {
    PXT_CARRY_HTTP = 1,
    PXT_CARRY_HTTPS = 2,
    PXT_CARRY_SOCKS4 = 4,
    PXT_CARRY_SOCKS4A = 8,
    PXT_CARRY_SOCKS5 = 16,
    PXT_CARRY_SOCKS5H = 32,
    PXT_CARRY_SCHEMES = 63,
    PXT_CARRY_NAMES = 64, /* hosts that are no addresses */
    PXT_CARRY_CREDENTIALS = 128,
    PXT_CARRY_BLANKS = 256,      /* ... with blanks */
    PXT_CARRY_PASSWORD = 512,    /* ... without a user name */
    PXT_CARRY_CONTROL = 1024,    /* ... with control characters */
    PXT_CARRY_COLONS = 2048,     /* ... with colons, in plain forms */
    PXT_CARRY_LONG_SOCKS = 4096, /* ... longer than the 255 bytes that SOCKS has, for a SOCKS proxy */
    PXT_CARRY_SEALED = 8192      /* ... as tokens, where they are not to be shown */
};
struct pxt_export_row {
    struct pxt_export_format format;
    unsigned carries;
    unsigned most; /* entries; 0: any number */
    pxt_export_write *write;
    pxt_export_frame *begin, *end; /* NULL: nothing */
    const char *bare, *full;       /* templates of plain forms, without and with credentials */
};
/* The row of a name; NULL where there is none. */
const struct pxt_export_row *pxt_export_row(const char *name);
/* The row of the caller's template, which is no format. */
extern const struct pxt_export_row pxt_export_template_row;

struct pxt_template;
struct pxt_export {
    pxt_cache *cache;
    void *stream; /* a FILE * */
    struct pxt_export_options options;
    struct pxt_export_counts counts;
    const struct pxt_export_row *row;
    struct pxt_template *bare, *full; /* of the row, or of the caller; `full` may be NULL */
    struct pxt_out out, held;         /* the entry that is being written; what has to wait for the end */
    pxt_status status;
    struct pxt_error *error;
};

/* export_json.c, export_csv.c: all fields. */
pxt_export_write pxt_write_jsonl, pxt_write_json, pxt_write_csv;
pxt_export_frame pxt_begin_json, pxt_end_json, pxt_begin_csv;
/* Whether a credential stands in a list as it is, or has to be in base64: it is no UTF-8, or a reader would take it for the
 * asterisks that hide one. */
bool pxt_credential_is_plain(struct pxt_span span);
/* export_plain.c: plain forms and templates. */
pxt_export_write pxt_write_plain, pxt_write_template;
/* export_programs.c: configurations of programs. */
pxt_export_write pxt_write_curl, pxt_write_env, pxt_write_proxychains, pxt_write_squid, pxt_write_haproxy,
    pxt_write_3proxy, pxt_write_pac;
pxt_export_frame pxt_begin_proxychains, pxt_end_squid, pxt_begin_haproxy, pxt_end_3proxy, pxt_begin_pac, pxt_end_pac;

/* `scheme://[user[:password]@]host:port`, credentials percent-encoded. */
void pxt_out_url(struct pxt_out *out, const struct pxt_exported *exported);

/* export_template.c: reads a template. PXT_EINVAL says where it is wrong, with a hint. */
pxt_status pxt_template_new(const char *text, struct pxt_template **out, struct pxt_error *error);
void pxt_template_free(struct pxt_template *template);
/* Appends the template with the values of an entry. NULL, or why that cannot be. */
const char *pxt_template_write(const struct pxt_template *template, const struct pxt_exported *exported,
                               struct pxt_out *out);

#endif
