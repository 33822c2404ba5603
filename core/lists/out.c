/* SPDX-License-Identifier: MIT
 *
 * out.c: text that grows, and the ways to quote a value in it.
 */
#include "lists/out.h"
#include "base/alloc.h"
#include "base/isotime.h"
#include "entry/entry.h"
#include "entry/json.h"
#include "lists/base64.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct pxt_span pxt_span_of(const char *text)
{
    return (struct pxt_span){text, text ? strlen(text) : 0};
}

bool pxt_span_is_utf8(struct pxt_span span)
{
    for (size_t i = 0, step; i < span.length; i += step) {
        unsigned char c = (unsigned char)span.text[i];
        step = c < 0x80 ? 1 : pxt_utf8_step((const unsigned char *)span.text + i, span.length - i);
        if (!step)
            return false;
    }
    return true;
}

bool pxt_span_has(struct pxt_span span, const char *any_of)
{
    for (size_t i = 0; i < span.length; i++)
        if (span.text[i] && strchr(any_of, span.text[i]))
            return true;
    return false;
}

bool pxt_span_has_control(struct pxt_span span)
{
    for (size_t i = 0; i < span.length; i++)
        if ((unsigned char)span.text[i] < 0x20 || span.text[i] == 0x7f)
            return true;
    return false;
}

/* ---- the text ---------------------------------------------------------------------------------------------------- */

char *pxt_out_reserve(struct pxt_out *out, size_t size)
{
    if (out->room - out->length >= size)
        return out->text + out->length;
    size_t room = (out->length + size) * 2 + 256;
    char *text = pxt_alloc(room);
    if (!text) {
        out->no_memory = true;
        return NULL;
    }
    if (out->text) {
        memcpy(text, out->text, out->length);
        explicit_bzero(out->text, out->length);
        pxt_free(out->text);
    }
    out->text = text;
    out->room = room;
    return text + out->length;
}

void pxt_out_bytes(struct pxt_out *out, const char *bytes, size_t length)
{
    char *at = length ? pxt_out_reserve(out, length) : NULL;
    if (!at)
        return;
    memcpy(at, bytes, length);
    out->length += length;
}

void pxt_out_text(struct pxt_out *out, const char *text)
{
    pxt_out_bytes(out, text, strlen(text));
}

void pxt_out_span(struct pxt_out *out, struct pxt_span span)
{
    pxt_out_bytes(out, span.text, span.length);
}

void pxt_out_format(struct pxt_out *out, const char *format, ...)
{
    char text[1200]; /* keys, hosts and numbers: no credentials */
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (length < 0 || (size_t)length >= sizeof text)
        out->no_memory = true;
    else
        pxt_out_bytes(out, text, (size_t)length);
}

void pxt_out_clear(struct pxt_out *out)
{
    if (out->text)
        explicit_bzero(out->text, out->length);
    out->length = 0;
    out->no_memory = false;
}

void pxt_out_free(struct pxt_out *out)
{
    pxt_out_clear(out);
    pxt_free(out->text);
    *out = (struct pxt_out){0};
}

/* ---- quoting ----------------------------------------------------------------------------------------------------- */

void pxt_out_percent(struct pxt_out *out, struct pxt_span span)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < span.length; i++) {
        unsigned char c = (unsigned char)span.text[i];
        char escape[3] = {'%', hex[c >> 4], hex[c & 15]};
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_';
        pxt_out_bytes(out, plain ? span.text + i : escape, plain ? 1 : 3);
    }
}

/* Writes the span with `escape` in place of each `special`. */
static void replace(struct pxt_out *out, struct pxt_span span, char special, const char *escape)
{
    for (size_t i = 0; i < span.length; i++)
        if (span.text[i] == special)
            pxt_out_text(out, escape);
        else
            pxt_out_bytes(out, span.text + i, 1);
}

void pxt_out_shell(struct pxt_out *out, struct pxt_span span)
{
    pxt_out_text(out, "'");
    replace(out, span, '\'', "'\\''");
    pxt_out_text(out, "'");
}

void pxt_out_json(struct pxt_out *out, struct pxt_span span)
{
    const char *text = span.text ? span.text : "";
    size_t length = pxt_json_string(NULL, 0, 0, text, span.length);
    char *at = pxt_out_reserve(out, length);
    if (at)
        out->length += pxt_json_string(at, length, 0, text, span.length);
}

void pxt_out_doubled(struct pxt_out *out, struct pxt_span span)
{
    pxt_out_text(out, "\"");
    replace(out, span, '"', "\"\"");
    pxt_out_text(out, "\"");
}

void pxt_out_csv(struct pxt_out *out, struct pxt_span span)
{
    bool quoted = pxt_span_has(span, "\",;\t\r\n") || (span.length && (span.text[0] == ' ' || span.text[0] == '\t')) ||
                  (span.length && span.text[span.length - 1] == ' ');
    if (quoted)
        pxt_out_doubled(out, span);
    else
        pxt_out_span(out, span);
}

void pxt_out_base64(struct pxt_out *out, struct pxt_span span)
{
    char *at = pxt_out_reserve(out, PXT_BASE64_SIZE(span.length));
    if (!at)
        return;
    pxt_base64_encode(span.text, span.length, at);
    out->length += PXT_BASE64_SIZE(span.length);
}

/* ---- fields ------------------------------------------------------------------------------------------------------ */

void pxt_out_field(struct pxt_out *out, const pxt_entry *entry, enum pxt_field_id field, pxt_out_quote *quote)
{
    size_t count;
    char text[PXT_ISOTIME_SIZE];
    int64_t number = pxt_entry_number(entry, field);
    struct pxt_span span = {text, 0};
    if (!pxt_entry_has(entry, field))
        return;
    switch (pxt_field_table(&count)[field].type) {
    case PXT_TYPE_TEXT:
        span.text = pxt_entry_text(entry, field, &span.length);
        break;
    case PXT_TYPE_SECRET:
        return;
    case PXT_TYPE_TIME:
        span.length = pxt_isotime_write(number, text);
        break;
    case PXT_TYPE_HEALTH:
        span = pxt_span_of(pxt_health_name((enum pxt_health)number));
        break;
    case PXT_TYPE_BOOL:
        span = pxt_span_of(number ? "true" : "false");
        break;
    default:
        span.length = (size_t)snprintf(text, sizeof text, "%" PRId64, number);
    }
    quote(out, span);
}
