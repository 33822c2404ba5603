/* SPDX-License-Identifier: MIT
 *
 * alloc.c: asks for every byte of the core, so that a failed allocation is handled and tested in one way.
 */
#include "base/alloc.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *pxt_alloc(size_t size)
{
    return calloc(1, size ? size : 1);
}

void *pxt_alloc_array(size_t n, size_t size)
{
    return calloc(n ? n : 1, size ? size : 1);
}

void *pxt_alloc_line(size_t size)
{
    size_t whole = (size + 63) & ~(size_t)63;
    void *memory = aligned_alloc(64, whole);
    if (memory)
        memset(memory, 0, whole);
    return memory;
}

void *pxt_realloc(void *old, size_t size)
{
    return realloc(old, size ? size : 1);
}

char *pxt_strndup(const char *text, size_t length)
{
    char *copy = pxt_alloc(length + 1);
    if (copy && length)
        memcpy(copy, text, length);
    return copy;
}

char *pxt_strdup(const char *text)
{
    return pxt_strndup(text, strlen(text));
}

char *pxt_asprintf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = length < 0 ? NULL : pxt_alloc((size_t)length + 1);
    if (!text)
        return NULL;
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

void pxt_free(void *memory)
{
    free(memory);
}
