/* SPDX-License-Identifier: MIT
 *
 * text.c: texts that grow, of which statements are made; and the names of columns.
 */
#include "schema.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void sqlite_text_add(struct sqlite_text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int need = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (need < 0 || text->failed) {
        text->failed = true;
        return;
    }
    size_t wanted = text->length + (size_t)need + 1;
    if (wanted > text->size) {
        char *grown = realloc(text->data, 2 * wanted);
        if (!grown) {
            text->failed = true;
            return;
        }
        text->data = grown;
        text->size = 2 * wanted;
    }
    va_start(args, format);
    vsnprintf(text->data + text->length, text->size - text->length, format, args);
    va_end(args);
    text->length += (size_t)need;
}

char *sqlite_text_take(struct sqlite_text *text)
{
    if (!text->failed)
        return text->data;
    free(text->data);
    return NULL;
}
