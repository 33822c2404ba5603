/* SPDX-License-Identifier: MIT
 *
 * base64.h: base64 with padding (RFC 4648, section 4), for credentials that are not UTF-8.
 */
#ifndef PXT_BASE64_H
#define PXT_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes of text that `length` bytes become. */
#define PXT_BASE64_SIZE(length) (((length) + 2) / 3 * 4)
/* Writes PXT_BASE64_SIZE(length) bytes of text, without a NUL. */
void pxt_base64_encode(const void *bytes, size_t length, char *text);
/* Writes at most `length` / 4 * 3 bytes; false if the text is malformed or has stray bits at its end. */
bool pxt_base64_decode(const char *text, size_t length, void *bytes, size_t *decoded);

#endif
