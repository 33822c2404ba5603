/* SPDX-License-Identifier: MIT
 *
 * alloc.h: the one place where the core asks for memory. Every function returns NULL when out of memory.
 */
#ifndef PXT_ALLOC_H
#define PXT_ALLOC_H

#include <proxtier/error.h>

void *pxt_alloc(size_t size);                 /* zeroed */
void *pxt_alloc_array(size_t n, size_t size); /* zeroed, overflow-checked */
void *pxt_alloc_line(size_t size);            /* zeroed, at the start of a cache line */
void *pxt_realloc(void *old, size_t size);
char *pxt_strdup(const char *text);
char *pxt_strndup(const char *text, size_t length);
char *pxt_asprintf(const char *format, ...) PXT_PRINTF(1, 2);
void pxt_free(void *memory);

#endif
