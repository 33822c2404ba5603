/* SPDX-License-Identifier: MIT
 *
 * deletion.c: the line that says that a key is gone: {"deleted": "KEY"}, with a checksum. It has no "key", so that
 * ProxyWhirl skips the line. It is written one way, and read in any spelling of JSON, because people mend these files by
 * hand and with jq. The key of a damaged line is read here as well.
 */
#include "jsonl.h"
#include <stdio.h>
#include <string.h>

size_t jsonl_deletion_write(struct jsonl *tier, const char *key, char line[JSONL_DELETION_MAX])
{
    size_t length = (size_t)snprintf(line, JSONL_DELETION_MAX, "{\"deleted\": \"");
    for (; *key; key++) { /* a key has no control characters: only these two need an escape */
        if (*key == '"' || *key == '\\')
            line[length++] = '\\';
        line[length++] = *key;
    }
    memcpy(line + length, "\"}", 2);
    length = jsonl_checksum_add(tier, line, length + 2);
    line[length++] = '\n';
    return length;
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

bool jsonl_deletion_read(const struct jsonl *tier, const char *line, size_t length, struct pxt_key *key,
                         char text[PXT_KEY_MAX + 1])
{
    struct rest rest = {line, line + length};
    char checksum[16];
    size_t size;
    if (!read_start(&rest, "\"deleted\"", text, &size))
        return false;
    /* The checksum itself was checked before, unless another program has spelled the line anew. */
    if (next_is(&rest, ",") && (!next_is(&rest, "\"crc32\"") || !next_is(&rest, ":") ||
                                !read_string(&rest, checksum, sizeof checksum, &(size_t){0})))
        return false;
    if (!next_is(&rest, "}"))
        return false;
    skip_blanks(&rest);
    if (rest.at != rest.end)
        return false;
    tier->host->key_init(key, text, size);
    return true;
}
