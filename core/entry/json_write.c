/* SPDX-License-Identifier: MIT
 *
 * json_write.c: writes an entry as one line of JSON, byte for byte as Python's json.dumps() does with ProxyWhirl's fields.
 * Reading is in json_read.c.
 */
#include "base/fail.h"
#include "base/isotime.h"
#include "entry/entry.h"
#include "entry/json.h"
#include <string.h>

/* A place to write that may be too small: it only counts then. */
struct sink {
    char *at, *end;
    size_t length;
};

static void put_bytes(struct sink *sink, const char *bytes, size_t n)
{
    sink->length += n;
    if (!n)
        return;
    if ((size_t)(sink->end - sink->at) >= n) {
        memcpy(sink->at, bytes, n);
        sink->at += n;
    } else {
        sink->end = sink->at; /* once full, nothing more: no holes */
    }
}

static void put_char(struct sink *sink, char byte)
{
    put_bytes(sink, &byte, 1);
}

static void put_number(struct sink *sink, int64_t number)
{
    char buffer[20];
    size_t at = sizeof buffer;
    uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    do {
        buffer[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (number < 0)
        put_char(sink, '-');
    put_bytes(sink, buffer + at, sizeof buffer - at);
}

static void put_unit(struct sink *sink, unsigned unit)
{
    static const char hex[] = "0123456789abcdef";
    char text[6] = {'\\', 'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15], hex[unit >> 4 & 15], hex[unit & 15]};
    put_bytes(sink, text, sizeof text);
}

/* Decodes one well-formed UTF-8 sequence; a malformed byte becomes U+FFFD. */
static size_t decode(const unsigned char *s, size_t left, unsigned *code)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (n > left || (s[0] >= 0x80 && s[0] < 0xc2)) {
        *code = 0xfffd;
        return 1;
    }
    *code = n == 1 ? s[0] : s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        *code = *code << 6 | (s[i] & 0x3fu);
    return n;
}

static void put_escaped(struct sink *sink, const char *text, size_t length)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letter[] = "\"\\bfnrt";
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < length;) {
        size_t run = i;
        while (run < length && s[run] >= 0x20 && s[run] < 0x7f && s[run] != '"' && s[run] != '\\')
            run++;
        put_bytes(sink, text + i, run - i);
        if ((i = run) == length)
            break;
        const char *special = s[i] < 0x80 && s[i] ? strchr(plain, s[i]) : NULL;
        unsigned code;
        size_t step = decode(s + i, length - i, &code);
        if (special) {
            put_char(sink, '\\');
            put_char(sink, letter[special - plain]);
        } else if (code == 0x7f) {
            put_char(sink, 0x7f);
        } else if (code >= 0x10000) {
            put_unit(sink, 0xd800 + ((code - 0x10000) >> 10));
            put_unit(sink, 0xdc00 + ((code - 0x10000) & 0x3ff));
        } else {
            put_unit(sink, code);
        }
        i += step;
    }
}

static void put_string(struct sink *sink, const char *text, size_t length)
{
    put_char(sink, '"');
    put_escaped(sink, text, length);
    put_char(sink, '"');
}

size_t pxt_json_string(char *buffer, size_t capacity, size_t at, const char *text, size_t length)
{
    struct sink sink = {buffer + (at < capacity ? at : capacity), buffer + capacity, at};
    put_string(&sink, text, length);
    return sink.length;
}

static void put_hex(struct sink *sink, const char *bytes, size_t length)
{
    static const char hex[] = "0123456789abcdef";
    put_char(sink, '"');
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        char pair[2] = {hex[byte >> 4], hex[byte & 15]};
        put_bytes(sink, pair, 2);
    }
    put_char(sink, '"');
}

static void put_value(struct sink *sink, const struct pxt_field *field, enum pxt_field_id id, const pxt_entry *entry)
{
    char time[PXT_ISOTIME_SIZE];
    size_t length;
    int64_t number;
    const char *text;
    switch (field->type) {
    case PXT_TYPE_TEXT:
        text = pxt_entry_text(entry, id, &length);
        if (text)
            put_string(sink, text, length);
        else
            put_bytes(sink, "null", 4);
        break;
    case PXT_TYPE_SECRET:
        text = pxt_entry_token(entry, id, &length);
        put_hex(sink, text, length);
        break;
    case PXT_TYPE_TIME:
        number = pxt_entry_number(entry, id);
        if (number == PXT_TIME_NONE) {
            put_bytes(sink, "null", 4);
            break;
        }
        length = pxt_isotime_write(number, time);
        put_char(sink, '"');
        put_bytes(sink, time, length);
        put_char(sink, '"');
        break;
    case PXT_TYPE_HEALTH:
        text = pxt_health_name((enum pxt_health)pxt_entry_number(entry, id));
        put_string(sink, text, strlen(text));
        break;
    case PXT_TYPE_BOOL:
        number = pxt_entry_number(entry, id);
        put_bytes(sink, number ? "true" : "false", number ? 4 : 5);
        break;
    default:
        put_number(sink, pxt_entry_number(entry, id));
    }
}

/* Whether a field stands in the line: an internal one, and one that ProxyWhirl does not know, only if it says
 * something. */
static bool is_written(const pxt_entry *entry, const struct pxt_field *field, enum pxt_field_id id, bool internal)
{
    if (field->flags & PXT_FIELD_INTERNAL)
        return internal && (field->type == PXT_TYPE_TEXT ? pxt_entry_has(entry, id) : pxt_entry_number(entry, id) != 0);
    return (field->type != PXT_TYPE_SECRET && id < PXT_FIELD_COUNTRY) || pxt_entry_has(entry, id);
}

static bool is_of_tombstone(enum pxt_field_id id)
{
    return id == PXT_FIELD_KEY || id == PXT_FIELD_FETCH_TIME || id == PXT_FIELD_VERSION || id == PXT_FIELD_REMOVED;
}

static size_t write_line(const pxt_entry *entry, bool internal, char *buffer, size_t capacity)
{
    struct sink sink = {buffer, buffer + capacity, 0};
    size_t count;
    const struct pxt_field *field = pxt_field_table(&count);
    bool tombstone = pxt_entry_is_tombstone(entry);
    put_char(&sink, '{');
    for (size_t i = 0; i < count; i++) {
        enum pxt_field_id id = (enum pxt_field_id)i;
        bool secret = field[i].type == PXT_TYPE_SECRET;
        if ((tombstone && !is_of_tombstone(id)) || !is_written(entry, &field[i], id, internal))
            continue;
        put_bytes(&sink, ", \"" + (i ? 0 : 2), i ? 3 : 1);
        put_bytes(&sink, field[i].name, strlen(field[i].name));
        put_bytes(&sink, secret ? "_encrypted\": " : "\": ", secret ? 13 : 3);
        put_value(&sink, &field[i], id, entry);
    }
    put_char(&sink, '}');
    return sink.length;
}

size_t pxt_json_write(const pxt_entry *entry, char *buffer, size_t capacity)
{
    return write_line(entry, true, buffer, capacity);
}

size_t pxt_json_write_plain(const pxt_entry *entry, char *buffer, size_t capacity)
{
    return write_line(entry, false, buffer, capacity);
}

pxt_status pxt_json_new(const pxt_entry *entry, unsigned flags, char **text, size_t *length, struct pxt_error *error)
{
    enum { SPARE = 40 }; /* for hits that come between two looks: two numbers of 20 digits */
    bool internal = !(flags & PXT_JSON_PLAIN);
    char *line = NULL;
    size_t room, needed = write_line(entry, internal, NULL, 0);
    do {
        room = needed + SPARE;
        pxt_free(line);
        line = pxt_alloc(room + 1);
        if (!line)
            return pxt_fail_memory(error, "a line of JSON");
        needed = write_line(entry, internal, line, room);
    } while (needed > room);
    line[needed] = '\0';
    *text = line;
    *length = needed;
    return PXT_OK;
}
