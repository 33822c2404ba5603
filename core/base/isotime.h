/* SPDX-License-Identifier: MIT
 *
 * isotime.h: ISO 8601 as Python's datetime.isoformat() writes it.
 */
#ifndef PXT_ISOTIME_H
#define PXT_ISOTIME_H

#include <proxtier/entry.h>

#define PXT_ISOTIME_SIZE 33 /* 2026-01-02T03:04:05.123456+00:00 and NUL */
/* Writes `2026-01-02T03:04:05.123456+00:00`, the fraction missing where it is zero; returns the length. Times outside
 * years 1..9999 are clamped. No locale, no time zone. */
size_t pxt_isotime_write(pxt_time time, char out[PXT_ISOTIME_SIZE]);
/* Reads it; also `Z`, other offsets, none (UTC), a blank for T, 0 to 9 digits of fraction. False where malformed. */
bool pxt_isotime_read(const char *text, size_t length, pxt_time *out);

#endif
