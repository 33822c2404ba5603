/* SPDX-License-Identifier: MIT
 *
 * out.h: text that is being made, and how values are written into it so that a program reads them back.
 */
#ifndef PXT_OUT_H
#define PXT_OUT_H

#include <proxtier/entry.h>

/* Bytes of something else; `text` NULL: none. */
struct pxt_span {
    const char *text;
    size_t length;
};
struct pxt_span pxt_span_of(const char *text);
bool pxt_span_is_utf8(struct pxt_span span);
bool pxt_span_has(struct pxt_span span, const char *any_of);
/* A byte that would end a line, or that no credential of a URL can have. */
bool pxt_span_has_control(struct pxt_span span);

/* Text that grows; zeroed, it is empty. What it had is wiped, as it may be a credential. */
struct pxt_out {
    char *text;
    size_t length, room;
    bool no_memory; /* something is missing in it */
};
/* Makes room for `size` more bytes. NULL when out of memory. */
char *pxt_out_reserve(struct pxt_out *out, size_t size);
void pxt_out_bytes(struct pxt_out *out, const char *bytes, size_t length);
void pxt_out_text(struct pxt_out *out, const char *text);
void pxt_out_span(struct pxt_out *out, struct pxt_span span);
void pxt_out_format(struct pxt_out *out, const char *format, ...) PXT_PRINTF(2, 3);
void pxt_out_clear(struct pxt_out *out);
void pxt_out_free(struct pxt_out *out);

/* %XX for all but letters, digits, `-`, `.` and `_`. `~` too: a shell expands it in an assignment. */
void pxt_out_percent(struct pxt_out *out, struct pxt_span span);
/* 'it'\''s': one word of a POSIX shell. */
void pxt_out_shell(struct pxt_out *out, struct pxt_span span);
/* "text" of JSON and JavaScript, in ASCII. The span is UTF-8. */
void pxt_out_json(struct pxt_out *out, struct pxt_span span);
/* A value of RFC 4180: in double quotes where it needs them. */
void pxt_out_csv(struct pxt_out *out, struct pxt_span span);
/* "text" with each quote doubled. */
void pxt_out_doubled(struct pxt_out *out, struct pxt_span span);
void pxt_out_base64(struct pxt_out *out, struct pxt_span span);

/* The value of a field that is no credential, as text that `quote` writes; nothing where it is absent. */
typedef void pxt_out_quote(struct pxt_out *out, struct pxt_span span);
void pxt_out_field(struct pxt_out *out, const pxt_entry *entry, enum pxt_field_id field, pxt_out_quote *quote);

#endif
