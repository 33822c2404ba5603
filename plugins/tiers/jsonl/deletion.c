/* SPDX-License-Identifier: MIT
 *
 * deletion.c: the line that says that a key is gone: {"deleted": "KEY", "why": "evicted"}, with a checksum. With a version
 * and a time it is a tombstone. It has no "key", so that ProxyWhirl skips the line. It is written one way, and read in any
 * spelling of JSON and any order of the members behind the key, because people mend these files by hand and with jq. The
 * key of a damaged line is read here as well.
 */
#include "jsonl.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const reasons[] = {[PXT_REMOVE_DELETED] = "deleted",
                                      [PXT_REMOVE_POLICY] = "evicted",
                                      [PXT_REMOVE_EXPIRED] = "expired",
                                      [PXT_REMOVE_HEALTH] = "failed",
                                      [PXT_REMOVE_CORRUPTION] = "damaged"};
enum { REASONS = sizeof reasons / sizeof *reasons };

size_t jsonl_deletion_write(struct jsonl *tier, const char *key, const struct jsonl_deletion *deletion,
                            char line[JSONL_DELETION_MAX])
{
    char at[JSONL_TIME_SIZE];
    size_t length = (size_t)snprintf(line, JSONL_DELETION_MAX, "{\"deleted\": \"");
    for (; *key; key++) { /* a key has no control characters: only these two need an escape */
        if (*key == '"' || *key == '\\')
            line[length++] = '\\';
        line[length++] = *key;
    }
    line[length++] = '"';
    if (deletion->version)
        length +=
            (size_t)snprintf(line + length, JSONL_DELETION_MAX - length, ", \"version\": %" PRIu64, deletion->version);
    if ((unsigned)deletion->why < REASONS)
        length +=
            (size_t)snprintf(line + length, JSONL_DELETION_MAX - length, ", \"why\": \"%s\"", reasons[deletion->why]);
    if (deletion->version && jsonl_time_write(deletion->at, at))
        length += (size_t)snprintf(line + length, JSONL_DELETION_MAX - length, ", \"at\": \"%s\"", at);
    line[length++] = '}';
    return jsonl_checksum_add(tier, line, length);
}

/* The rest of a line that is being read. */
struct rest {
    const char *at, *end;
};

static void skip_blanks(struct rest *rest)
{
    while (rest->at < rest->end && jsonl_is_blank(*rest->at))
        rest->at++;
}

static bool next_is(struct rest *rest, const char *text)
{
    size_t length = strlen(text);
    skip_blanks(rest);
    if ((size_t)(rest->end - rest->at) < length || memcmp(rest->at, text, length))
        return false;
    rest->at += length;
    return true;
}

static bool read_hex(struct rest *rest, uint32_t *out)
{
    static const char digits[] = "0123456789abcdef";
    *out = 0;
    if (rest->end - rest->at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = *rest->at++;
        const char *digit = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
        if (!digit)
            return false;
        *out = *out << 4 | (uint32_t)(digit - digits);
    }
    return true;
}

/* A \uXXXX, or a pair of surrogates, as UTF-8 (RFC 8259, section 7; RFC 3629). Returns its length; 0: malformed. */
static size_t read_unicode(struct rest *rest, char out[4])
{
    uint32_t code, low;
    if (!read_hex(rest, &code) || (code >= 0xDC00 && code < 0xE000))
        return 0;
    if (code >= 0xD800 && code < 0xDC00) {
        if (rest->end - rest->at < 2 || rest->at[0] != '\\' || rest->at[1] != 'u')
            return 0;
        rest->at += 2;
        if (!read_hex(rest, &low) || low < 0xDC00 || low >= 0xE000)
            return 0;
        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    }
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = length; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(lead[length] | code);
    return length;
}

static bool read_string(struct rest *rest, char *out, size_t size, size_t *length)
{
    *length = 0;
    if (!next_is(rest, "\""))
        return false;
    while (rest->at < rest->end && *rest->at != '"') {
        char bytes[4] = {*rest->at++};
        size_t n = 1;
        if (bytes[0] == '\\') {
            if (rest->at == rest->end)
                return false;
            bytes[0] = *rest->at++;
            if (bytes[0] == 'u')
                n = read_unicode(rest, bytes);
            else if (!strchr("\"\\/", bytes[0]))
                return false; /* a control character: no key has one */
        }
        if (!n || *length + n >= size)
            return false;
        memcpy(out + *length, bytes, n);
        *length += n;
    }
    return next_is(rest, "\"");
}

/* Reads the start of an object up to the value of its first member, a key. */
static bool read_start(struct rest *rest, const char *member, char text[PXT_KEY_MAX + 1], size_t *size)
{
    if (!next_is(rest, "{") || !next_is(rest, member) || !next_is(rest, ":") ||
        !read_string(rest, text, PXT_KEY_MAX + 1, size) || !*size || memchr(text, '\0', *size))
        return false;
    text[*size] = '\0';
    return true;
}

bool jsonl_damaged_key(const struct jsonl *tier, const char *line, size_t length, struct pxt_key *key,
                       char text[PXT_KEY_MAX + 1])
{
    static const char *const members[] = {"\"key\"", "\"deleted\""};
    size_t size;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        if (read_start(&(struct rest){line, line + length}, members[i], text, &size)) {
            tier->host->key_init(key, text, size);
            return true;
        }
    return false;
}

static bool read_number(struct rest *rest, uint64_t *out)
{
    const char *begin;
    skip_blanks(rest);
    *out = 0;
    for (begin = rest->at; rest->at < rest->end && *rest->at >= '0' && *rest->at <= '9'; rest->at++) {
        if (*out >= (uint64_t)INT64_MAX / 10)
            return false;
        *out = *out * 10 + (uint64_t)(*rest->at - '0');
    }
    return rest->at > begin;
}

/* Reads a member behind the key. The checksum itself was checked before, unless another program has spelled the line
 * anew. */
static bool read_member(struct rest *rest, struct jsonl_deletion *deletion)
{
    char name[16], text[JSONL_TIME_SIZE];
    size_t size;
    if (!read_string(rest, name, sizeof name, &size) || !next_is(rest, ":"))
        return false;
    name[size] = '\0';
    if (!strcmp(name, "version"))
        return read_number(rest, &deletion->version);
    if (!read_string(rest, text, sizeof text, &size))
        return false;
    text[size] = '\0';
    if (!strcmp(name, "at"))
        return jsonl_time_read(text, &deletion->at);
    for (unsigned i = 0; i < REASONS && !strcmp(name, "why"); i++)
        if (!strcmp(text, reasons[i])) {
            deletion->why = (enum pxt_removal)i;
            return true;
        }
    return !strcmp(name, "crc32");
}

bool jsonl_deletion_read(const struct jsonl *tier, const char *line, size_t length, struct pxt_key *key,
                         char text[PXT_KEY_MAX + 1], struct jsonl_deletion *deletion)
{
    struct rest rest = {line, line + length};
    size_t size;
    *deletion = (struct jsonl_deletion){.why = PXT_REMOVE_DELETED};
    if (!read_start(&rest, "\"deleted\"", text, &size))
        return false;
    while (next_is(&rest, ","))
        if (!read_member(&rest, deletion))
            return false;
    if (!next_is(&rest, "}"))
        return false;
    skip_blanks(&rest);
    if (rest.at != rest.end)
        return false;
    tier->host->key_init(key, text, size);
    return true;
}
