/* SPDX-License-Identifier: MIT
 *
 * record.c: the text of a record. Values are numbers, ids, and names and paths with control characters and `%` written as
 * %XX. The last line is `end`, so that a text that was cut off is not taken for one with fewer members.
 */
#include "shared/record.h"
#include "base/fail.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

static const char first_word[] = "proxtier-record ";

/* ---- values ----------------------------------------------------------------------------------------------------- */

static bool is_id(const char *text)
{
    return strspn(text, "0123456789abcdef") == PXT_MEMBER_ID && !text[PXT_MEMBER_ID];
}

static bool read_id(const char *text, char id[PXT_MEMBER_ID + 1])
{
    if (!is_id(text))
        return false;
    memcpy(id, text, PXT_MEMBER_ID + 1);
    return true;
}

static bool read_number(const char *text, uint64_t *number)
{
    uint64_t sum = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        unsigned digit = (unsigned)(*text - '0');
        if (digit > 9 || sum > (UINT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *number = sum;
    return true;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool read_text(const char *text, char *out, size_t size)
{
    size_t used = 0;
    for (; *text && used + 1 < size; text++) {
        char c = *text;
        if (c == '%') {
            int high = hex_digit(text[1]), low = high < 0 ? -1 : hex_digit(text[2]);
            if (low < 0 || !(high | low))
                return false;
            c = (char)(unsigned char)(high << 4 | low);
            text += 2;
        }
        out[used++] = c;
    }
    out[used] = '\0';
    return !*text;
}

/* ---- reading ---------------------------------------------------------------------------------------------------- */

enum line { ID, CHECKPOINT, DROPPED, MARK, PAGE, MEMBER, LINES };
static const char *const line_names[LINES] = {"id", "checkpoint", "dropped", "mark", "page", "member"};

/* `text`: ID 0|1 NAME */
static bool read_member(struct pxt_record *record, char *text)
{
    if (record->member_count == PXT_CHAIN_MAX)
        return false;
    struct pxt_record_member *member = &record->member[record->member_count];
    char *complete = strchr(text, ' ');
    if (!complete || (complete[1] != '0' && complete[1] != '1') || complete[2] != ' ')
        return false;
    *complete = '\0';
    member->complete = complete[1] == '1';
    if (!read_id(text, member->id) || !read_text(complete + 3, member->name, sizeof member->name))
        return false;
    for (unsigned i = 0; i < record->member_count; i++)
        if (!strcmp(record->member[i].id, member->id))
            return false;
    record->member_count++;
    return true;
}

static bool read_value(struct pxt_record *record, enum line line, char *value)
{
    switch (line) {
    case ID:
        return read_id(value, record->id);
    case CHECKPOINT:
        return read_number(value, &record->checkpoint);
    case DROPPED:
        return read_number(value, &record->dropped);
    case MARK:
        return read_number(value, &record->mark);
    case PAGE:
        return read_text(value, record->page, sizeof record->page);
    case MEMBER:
        return read_member(record, value);
    case LINES:
        break;
    }
    return false;
}

/* `seen` has a bit for each name that was there. */
static bool read_line(struct pxt_record *record, char *text, unsigned *seen)
{
    char *value = strchr(text, ' ');
    if (!value)
        return false;
    *value++ = '\0';
    for (unsigned line = 0; line < LINES; line++) {
        if (strcmp(text, line_names[line]))
            continue;
        bool twice = line != MEMBER && (*seen >> line & 1);
        *seen |= 1u << line;
        return !twice && read_value(record, (enum line)line, value);
    }
    return true;
}

/* Cuts the first line off `*rest`; NULL if there is no whole one. */
static char *cut_line(char **rest)
{
    char *line = *rest, *end = strchr(line, '\n');
    if (!end)
        return NULL;
    *end = '\0';
    *rest = end + 1;
    return line;
}

static bool read_lines(struct pxt_record *record, char *rest)
{
    unsigned seen = 0;
    char *line = cut_line(&rest);
    while (line && strcmp(line, "end")) {
        if (!read_line(record, line, &seen))
            return false;
        line = cut_line(&rest);
    }
    return line && !*rest && (seen | 1u << MEMBER) == (1u << LINES) - 1;
}

static pxt_status corrupt(const char *name, struct pxt_error *error)
{
    return pxt_fail(error, PXT_ECORRUPT, 0, "%s: the record of the tier is damaged", name);
}

pxt_status pxt_record_read(struct pxt_record *record, const char *text, const char *name, struct pxt_error *error)
{
    char copy[PXT_RECORD_MAX + 1];
    size_t length = strnlen(text, sizeof copy);
    if (length == sizeof copy)
        return corrupt(name, error);
    memcpy(copy, text, length + 1);
    memset(record, 0, sizeof *record);
    char *rest = copy, *head = cut_line(&rest);
    if (!head || strncmp(head, first_word, sizeof first_word - 1))
        return corrupt(name, error);
    const char *format = head + sizeof first_word - 1;
    record->outdated = !strcmp(format, PXT_FORMAT_CANDIDATE);
    if (strcmp(format, PXT_FORMAT) && !record->outdated)
        return pxt_fail(error, PXT_ECONFIG, 0,
                        "%s: its data has format %.40s, and this proxtier reads format " PXT_FORMAT
                        ": open it with the version of proxtier that wrote it",
                        name, format);
    return read_lines(record, rest) ? PXT_OK : corrupt(name, error);
}

/* ---- writing ---------------------------------------------------------------------------------------------------- */

struct writer {
    char *text;
    size_t used;
    bool full; /* or a value that cannot be written */
};

static void put(struct writer *writer, const char *text)
{
    size_t length = strlen(text);
    writer->full = writer->full || length > PXT_RECORD_MAX - writer->used;
    if (writer->full)
        return;
    memcpy(writer->text + writer->used, text, length + 1);
    writer->used += length;
}

static void put_text(struct writer *writer, const char *text)
{
    for (; *text; text++) {
        char piece[4] = {*text};
        if (*text == '%' || iscntrl((unsigned char)*text))
            snprintf(piece, sizeof piece, "%%%02X", (unsigned)(unsigned char)*text);
        put(writer, piece);
    }
}

static void put_id(struct writer *writer, const char *id)
{
    writer->full = writer->full || !is_id(id);
    put(writer, id);
}

static void put_number(struct writer *writer, enum line line, uint64_t number)
{
    char text[64];
    snprintf(text, sizeof text, "%s %llu\n", line_names[line], (unsigned long long)number);
    put(writer, text);
}

static void put_name(struct writer *writer, enum line line)
{
    put(writer, line_names[line]);
    put(writer, " ");
}

static void put_members(struct writer *writer, const struct pxt_record *record)
{
    for (unsigned i = 0; i < record->member_count; i++) {
        put_name(writer, MEMBER);
        put_id(writer, record->member[i].id);
        put(writer, record->member[i].complete ? " 1 " : " 0 ");
        put_text(writer, record->member[i].name);
        put(writer, "\n");
    }
}

pxt_status pxt_record_write(const struct pxt_record *record, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    struct writer writer = {.text = text};
    *text = '\0';
    put(&writer, first_word);
    put(&writer, PXT_FORMAT "\n");
    put_name(&writer, ID);
    put_id(&writer, record->id);
    put(&writer, "\n");
    put_number(&writer, CHECKPOINT, record->checkpoint);
    put_number(&writer, DROPPED, record->dropped);
    put_number(&writer, MARK, record->mark);
    put_name(&writer, PAGE);
    put_text(&writer, record->page);
    put(&writer, "\n");
    put_members(&writer, record);
    put(&writer, "end\n");
    if (writer.full)
        return pxt_fail(error, PXT_EINVAL, 0, "the record of a tier is longer than %d bytes, or an id in it is none",
                        PXT_RECORD_MAX);
    return PXT_OK;
}

pxt_status pxt_record_new(struct pxt_record *record, struct pxt_error *error)
{
    unsigned char random[PXT_MEMBER_ID / 2];
    memset(record, 0, sizeof *record);
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return pxt_fail(error, PXT_EIO, 0, "cannot get random bytes");
    for (size_t i = 0; i < sizeof random; i++)
        snprintf(record->id + 2 * i, 3, "%02x", random[i]);
    return PXT_OK;
}
