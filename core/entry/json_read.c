/* SPDX-License-Identifier: MIT
 *
 * json_read.c: reads an entry from one line of JSON (RFC 8259), strictly and in one pass. Only the members of the field
 * table are taken; others are skipped, whatever they hold. Of another program's line, values are taken that foreign.c
 * makes values of ours.
 */
#include "base/alloc.h"
#include "base/fail.h"
#include "base/isotime.h"
#include "entry/entry.h"
#include "entry/foreign.h"
#include "entry/json.h"
#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 32 };

struct reader {
    const char *at, *end;
    char *text; /* room for decoded texts: never more than the input */
    const char *problem;
    struct pxt_foreign *foreign; /* NULL: the line is of proxtier */
};

static bool wrong(struct reader *reader, const char *problem)
{
    if (!reader->problem)
        reader->problem = problem;
    return false;
}

static void skip_blanks(struct reader *reader)
{
    while (reader->at < reader->end &&
           (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\n' || *reader->at == '\r'))
        reader->at++;
}

static bool expect(struct reader *reader, char wanted)
{
    skip_blanks(reader);
    if (reader->at == reader->end || *reader->at != wanted)
        return wrong(reader, "malformed JSON");
    reader->at++;
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool read_unit(struct reader *reader, unsigned *unit)
{
    *unit = 0;
    if (reader->end - reader->at < 4)
        return wrong(reader, "an escape is cut off");
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(*reader->at++);
        if (digit < 0)
            return wrong(reader, "a malformed \\u escape");
        *unit = *unit << 4 | (unsigned)digit;
    }
    return true;
}

static char *encode(char *out, unsigned code)
{
    if (code < 0x80) {
        *out++ = (char)code;
    } else if (code < 0x800) {
        *out++ = (char)(0xc0 | code >> 6);
        *out++ = (char)(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
        *out++ = (char)(0xe0 | code >> 12);
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    } else {
        *out++ = (char)(0xf0 | code >> 18);
        *out++ = (char)(0x80 | (code >> 12 & 0x3f));
        *out++ = (char)(0x80 | (code >> 6 & 0x3f));
        *out++ = (char)(0x80 | (code & 0x3f));
    }
    return out;
}

/* Reads the rest of a surrogate pair. Half a pair is no character: another program's is read as the replacement
 * character, which takes no more room than the escape. */
static bool read_low_surrogate(struct reader *reader, unsigned *code)
{
    const char *after_high = reader->at;
    unsigned low = 0;
    bool high = *code < 0xdc00;
    if (high && reader->end - reader->at >= 2 && reader->at[0] == '\\' && reader->at[1] == 'u') {
        reader->at += 2;
        if (!read_unit(reader, &low))
            return false;
    }
    if (low >= 0xdc00 && low <= 0xdfff) {
        *code = 0x10000 + ((*code - 0xd800) << 10) + (low - 0xdc00);
        return true;
    }
    if (!reader->foreign)
        return wrong(reader, "half a surrogate pair");
    reader->at = after_high;
    reader->foreign->changed = "a text";
    *code = 0xfffd;
    return true;
}

static bool read_escape(struct reader *reader, char **out)
{
    static const char letter[] = "\"\\/bfnrt", plain[] = "\"\\/\b\f\n\r\t";
    if (reader->at == reader->end)
        return wrong(reader, "an escape is cut off");
    char c = *reader->at++;
    if (c != 'u') {
        const char *found = c ? strchr(letter, c) : NULL;
        if (!found)
            return wrong(reader, "an unknown escape");
        *(*out)++ = plain[found - letter];
        return true;
    }
    unsigned code;
    if (!read_unit(reader, &code))
        return false;
    if (code >= 0xd800 && code < 0xe000 && !read_low_surrogate(reader, &code))
        return false;
    *out = encode(*out, code);
    return true;
}

static bool is_plain(char c)
{
    return c != '"' && c != '\\' && (unsigned char)c >= 0x20;
}

/* Whether eight bytes are plain: "Bit Twiddling Hacks", "Determine if a word has a byte less than n". */
static bool all_plain(const char *at)
{
    const uint64_t each = UINT64_MAX / 255;
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
    uint64_t quote = bytes ^ each * '"', backslash = bytes ^ each * '\\';
    return !((((quote - each) & ~quote) | ((backslash - each) & ~backslash) | ((bytes - each * 0x20) & ~bytes)) &
             each * 0x80);
}

/* The first byte that ends a string or is no plain part of one. Every line read from a file goes through this. */
static const char *plain_end(const char *at, const char *end)
{
    while (end - at >= 8 && all_plain(at))
        at += 8;
    while (at < end && is_plain(*at))
        at++;
    return at;
}

/* A string; without escapes it is borrowed from the input, else decoded into reader->text. */
static bool read_string(struct reader *reader, const char **text, size_t *length)
{
    if (!expect(reader, '"'))
        return false;
    const char *start = reader->at;
    reader->at = plain_end(start, reader->end);
    if (reader->at < reader->end && *reader->at == '"') {
        *text = start;
        *length = (size_t)(reader->at++ - start);
        return true;
    }
    char *out = reader->text;
    *text = out;
    memcpy(out, start, (size_t)(reader->at - start));
    out += reader->at - start;
    while (reader->at < reader->end && *reader->at != '"') {
        unsigned char c = (unsigned char)*reader->at++;
        if (c < 0x20)
            return wrong(reader, "a control character in a string");
        if (c != '\\')
            *out++ = (char)c;
        else if (!read_escape(reader, &out))
            return false;
    }
    if (reader->at == reader->end)
        return wrong(reader, "a string without end");
    reader->at++;
    *length = (size_t)(out - *text);
    reader->text = out;
    return true;
}

static bool word(struct reader *reader, const char *wanted)
{
    size_t length = strlen(wanted);
    if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, wanted, length))
        return false;
    reader->at += length;
    return true;
}

static bool is_digit(const struct reader *reader)
{
    return reader->at < reader->end && *reader->at >= '0' && *reader->at <= '9';
}

/* An integer; a fraction is allowed where it is zero (Python writes 3600.0 for a float). */
static bool read_integer(struct reader *reader, int64_t *out)
{
    bool minus = word(reader, "-");
    uint64_t value = 0;
    if (!is_digit(reader))
        return wrong(reader, "a number is expected");
    for (; is_digit(reader); reader->at++) {
        const uint64_t max = (uint64_t)INT64_MAX, always_fits = max / 10 - 1;
        uint64_t digit = (uint64_t)(*reader->at - '0');
        bool fits = value <= always_fits || value <= (max - digit) / 10;
        if (!fits && !reader->foreign)
            return wrong(reader, "a number is too large");
        value = fits ? value * 10 + digit : max;
    }
    if (word(reader, "."))
        for (; is_digit(reader); reader->at++)
            if (*reader->at != '0')
                return wrong(reader, "a whole number is expected");
    if (reader->at < reader->end && (*reader->at == 'e' || *reader->at == 'E'))
        return wrong(reader, "a whole number without exponent is expected");
    *out = minus ? -(int64_t)value : (int64_t)value;
    return true;
}

static bool skip_value(struct reader *reader, unsigned depth);

static bool skip_members(struct reader *reader, char close, bool named, unsigned depth)
{
    const char *text;
    size_t length;
    reader->at++;
    skip_blanks(reader);
    if (reader->at < reader->end && *reader->at == close) {
        reader->at++;
        return true;
    }
    for (;;) {
        if (named && (!read_string(reader, &text, &length) || !expect(reader, ':')))
            return false;
        if (!skip_value(reader, depth + 1))
            return false;
        skip_blanks(reader);
        if (reader->at == reader->end)
            return wrong(reader, "malformed JSON");
        if (*reader->at == close) {
            reader->at++;
            return true;
        }
        if (!expect(reader, ','))
            return false;
    }
}

static bool skip_number(struct reader *reader)
{
    char *end;
    double ignored = strtod(reader->at, &end); /* the text ends in NUL */
    (void)ignored;
    if (end == reader->at || end > reader->end || !strchr("-0123456789", *reader->at))
        return wrong(reader, "malformed JSON");
    reader->at = end;
    return true;
}

static bool skip_value(struct reader *reader, unsigned depth)
{
    const char *text;
    size_t length;
    skip_blanks(reader);
    if (depth > DEPTH_MAX)
        return wrong(reader, "JSON nested too deeply");
    if (reader->at == reader->end)
        return wrong(reader, "malformed JSON");
    switch (*reader->at) {
    case '"':
        return read_string(reader, &text, &length);
    case '{':
        return skip_members(reader, '}', true, depth);
    case '[':
        return skip_members(reader, ']', false, depth);
    default:
        return word(reader, "true") || word(reader, "false") || word(reader, "null") || skip_number(reader);
    }
}

/* ---- members to fields ------------------------------------------------------------------------------------------ */

/* The field of a member's name, PXT_FIELD_COUNT where there is none. Members usually come in the table's order, so the
 * look begins behind the last one found. */
static size_t field_of(const struct pxt_field *field, size_t count, const char *name, size_t length, size_t *hint)
{
    for (size_t step = 0; step < count; step++) {
        size_t i = *hint + step < count ? *hint + step : *hint + step - count;
        size_t own = strlen(field[i].name);
        bool secret = field[i].type == PXT_TYPE_SECRET;
        if (secret ? length == own + 10 && !memcmp(name, field[i].name, own) && !memcmp(name + own, "_encrypted", 10)
                   : length == own && !memcmp(name, field[i].name, own)) {
            *hint = i + 1 < count ? i + 1 : 0;
            return i;
        }
    }
    return count;
}

/* Reads the quoted name of the field behind the last one found, if it stands here as proxtier writes it. */
static bool read_expected_name(struct reader *reader, const struct pxt_field *field)
{
    size_t length = strlen(field->name);
    if (field->type == PXT_TYPE_SECRET || (size_t)(reader->end - reader->at) < length + 2 || reader->at[0] != '"' ||
        reader->at[length + 1] != '"' || memcmp(reader->at + 1, field->name, length))
        return false;
    reader->at += length + 2;
    return true;
}

/* Reads the name of a member. `*index`: its field, `count` where there is none. */
static bool read_name(struct reader *reader, const struct pxt_field *field, size_t count, size_t *hint, size_t *index)
{
    const char *name;
    size_t length;
    skip_blanks(reader);
    *index = *hint;
    if (read_expected_name(reader, &field[*hint])) {
        *hint = *hint + 1 < count ? *hint + 1 : 0;
        return true;
    }
    if (!read_string(reader, &name, &length))
        return false;
    *index = field_of(field, count, name, length, hint);
    return true;
}

static bool read_token(struct reader *reader, struct pxt_draft *draft, enum pxt_field_id id)
{
    const char *hex;
    size_t length;
    if (!read_string(reader, &hex, &length))
        return false;
    if ((!length && !reader->foreign) || length % 2)
        return wrong(reader, "a token in hexadecimal is expected");
    char *out = reader->text;
    for (size_t i = 0; i < length; i += 2) {
        int high = hex_digit(hex[i]), low = hex_digit(hex[i + 1]);
        if (high < 0 || low < 0)
            return wrong(reader, "a token in hexadecimal is expected");
        out[i / 2] = (char)(high << 4 | low);
    }
    reader->text += length / 2;
    pxt_draft_set_token(draft, id, out, length / 2);
    return true;
}

static bool read_health(struct reader *reader, const char *text, size_t length, int64_t *out)
{
    for (int i = 0; i < PXT_HEALTH_COUNT; i++) {
        const char *name = pxt_health_name((enum pxt_health)i);
        if (strlen(name) == length && !memcmp(name, text, length)) {
            *out = i;
            return true;
        }
    }
    return wrong(reader, "unknown, healthy, degraded, unhealthy or dead is expected");
}

static bool read_field(struct reader *reader, struct pxt_draft *draft, enum pxt_field_id id, enum pxt_field_type type)
{
    const char *text;
    size_t length;
    int64_t number = 0;
    skip_blanks(reader);
    if (word(reader, "null")) {
        pxt_draft_unset(draft, id);
        return true;
    }
    switch (type) {
    case PXT_TYPE_SECRET:
        return read_token(reader, draft, id);
    case PXT_TYPE_TEXT:
        if (!read_string(reader, &text, &length))
            return false;
        pxt_draft_set_text(draft, id, text, length);
        return true;
    case PXT_TYPE_TIME:
        if (!read_string(reader, &text, &length))
            return false;
        if (!pxt_isotime_read(text, length, &number))
            return wrong(reader, "a time such as 2026-01-02T03:04:05.123456+00:00 is expected");
        break;
    case PXT_TYPE_HEALTH:
        if (!read_string(reader, &text, &length) || !read_health(reader, text, length, &number))
            return false;
        break;
    case PXT_TYPE_BOOL:
        number = word(reader, "true");
        if (!number && !word(reader, "false") && (!read_integer(reader, &number) || (number != 0 && number != 1)))
            return wrong(reader, "true or false is expected");
        break;
    default:
        if (!read_integer(reader, &number))
            return false;
    }
    pxt_draft_set_number(draft, id, number);
    return true;
}

static bool read_members(struct reader *reader, struct pxt_draft *draft, const char **member)
{
    size_t count, hint = 0, i;
    const struct pxt_field *field = pxt_field_table(&count);
    if (!expect(reader, '{'))
        return false;
    skip_blanks(reader);
    if (reader->at < reader->end && *reader->at == '}') {
        reader->at++;
        return true;
    }
    do {
        *member = NULL;
        if (!read_name(reader, field, count, &hint, &i) || !expect(reader, ':'))
            return false;
        if (i < count)
            *member = field[i].name;
        if (i < count ? !read_field(reader, draft, (enum pxt_field_id)i, field[i].type) : !skip_value(reader, 1))
            return false;
        skip_blanks(reader);
    } while (reader->at < reader->end && *reader->at == ',' && reader->at++);
    *member = NULL;
    return expect(reader, '}');
}

static pxt_status read_line(const char *text, size_t length, struct pxt_foreign *foreign, pxt_entry **out,
                            struct pxt_error *error)
{
    char room[4096];
    char *large = length > sizeof room ? pxt_alloc(length) : NULL;
    struct pxt_draft draft;
    const char *member = NULL;
    struct reader reader = {.at = text, .end = text + length, .text = large ? large : room, .foreign = foreign};
    if (length > sizeof room && !large)
        return pxt_fail_memory(error, "a line of JSON");
    pxt_draft_init(&draft);
    pxt_status status = PXT_OK;
    if (!read_members(&reader, &draft, &member))
        status = pxt_fail(error, PXT_EINVAL, 0, "%s%s%s at byte %zu", member ? member : "", member ? ": " : "",
                          reader.problem, (size_t)(reader.at - text) + 1);
    skip_blanks(&reader);
    if (!status && reader.at != reader.end)
        status =
            pxt_fail(error, PXT_EINVAL, 0, "something follows the object at byte %zu", (size_t)(reader.at - text) + 1);
    if (!status)
        status = foreign ? pxt_entry_new_foreign(&draft, foreign, out, error) : pxt_entry_new(&draft, out, error);
    if (large)
        explicit_bzero(large, length);
    pxt_free(large);
    return status;
}

pxt_status pxt_json_read(const char *text, size_t length, pxt_entry **out, struct pxt_error *error)
{
    return read_line(text, length, NULL, out, error);
}

pxt_status pxt_json_read_foreign(const char *text, size_t length, struct pxt_foreign *foreign, pxt_entry **out,
                                 struct pxt_error *error)
{
    return read_line(text, length, foreign, out, error);
}
