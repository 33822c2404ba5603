/* SPDX-License-Identifier: MIT
 *
 * json.h: entry <-> one line of JSON, by walking the field table.
 */
#ifndef PXT_JSON_H
#define PXT_JSON_H

#include <proxtier/plugin.h>

/* See pxt_host.json_write: ProxyWhirl's separators `", "` and `": "`, its field order, non-ASCII escaped as \uXXXX,
 * times as Python's isoformat() writes them, tokens as hexadecimal in username_encrypted / password_encrypted, which
 * are present only where there is a token. Of a tombstone: what it has, its key, time, version and why. */
size_t pxt_json_write(const pxt_entry *entry, char *buffer, size_t capacity);
/* The same without the fields that have PXT_FIELD_INTERNAL. */
size_t pxt_json_write_plain(const pxt_entry *entry, char *buffer, size_t capacity);
/* See pxt_host.json_new. `*text` is for pxt_free(). */
pxt_status pxt_json_new(const pxt_entry *entry, unsigned flags, char **text, size_t *length, struct pxt_error *error);
/* See pxt_host.json_read. Reads its own field table directly; text must end in NUL. */
pxt_status pxt_json_read(const char *text, size_t length, pxt_entry **out, struct pxt_error *error);
/* Appends a JSON string with quotes, escaped, to buffer at `at`; returns the new length needed (never writes beyond
 * capacity). */
size_t pxt_json_string(char *buffer, size_t capacity, size_t at, const char *text, size_t length);

#endif
