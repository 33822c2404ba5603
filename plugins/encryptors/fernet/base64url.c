/* SPDX-License-Identifier: MIT
 *
 * base64url.c: base64 with the URL-safe alphabet (RFC 4648, section 5), with padding. By arithmetic and with no early
 * exit, so that time tells nothing of a key or token but its length. Eight letters at a time, each in a byte of a word
 * whose highest bit is free for the result of a comparison.
 */
#include "fernet.h"
#include <endian.h>
#include <string.h>

#define EIGHT(x) ((uint64_t)(x)*0x0101010101010101u)

/* The highest bit of each byte that is at least `bound`; bytes and bound are below 128. */
static inline uint64_t at_least(uint64_t bytes, unsigned bound)
{
    return (bytes + EIGHT(0x80 - bound)) & EIGHT(0x80);
}

static inline uint64_t between(uint64_t bytes, unsigned first, unsigned last)
{
    return at_least(bytes, first) & ~at_least(bytes, last + 1);
}

/* `value` in each byte that is marked by its highest bit. */
static inline uint64_t where(uint64_t marks, unsigned value)
{
    return (marks >> 7) * value;
}

/* The letters of eight values below 64: A-Z a-z 0-9 - _ */
static inline uint64_t letters_of(uint64_t values)
{
    return values + EIGHT('A') + where(at_least(values, 26), 'a' - 'Z' - 1) -
           where(at_least(values, 52), 'z' + 1 - '0') - where(at_least(values, 62), '9' + 1 - '-') +
           where(at_least(values, 63), '_' - '-' - 1);
}

/* The values of eight letters; `*wrong` is not 0 if one of them is not in the alphabet. */
static inline uint64_t values_of(uint64_t letters, uint64_t *wrong)
{
    uint64_t low = letters & EIGHT(0x7f);
    uint64_t upper = between(low, 'A', 'Z'), lower = between(low, 'a', 'z'), digit = between(low, '0', '9');
    uint64_t minus = between(low, '-', '-'), low_line = between(low, '_', '_');
    uint64_t good = upper | lower | digit | minus | low_line;
    *wrong |= (good ^ EIGHT(0x80)) | (letters & EIGHT(0x80));
    return (low & where(good, 0x7f)) + where(digit, 52 - '0') + where(minus, 62 - '-') - where(upper, 'A') -
           where(lower, 'a' - 26) - where(low_line, '_' - 63);
}

/* 48 bits, 6 in each byte, the highest in the highest. */
static inline uint64_t spread(uint64_t bits)
{
    bits = (bits & 0xffffff000000u) << 8 | (bits & 0xffffffu);
    bits = (bits & 0x00fff00000fff000u) << 4 | (bits & 0x00000fff00000fffu);
    return (bits & 0x0fc00fc00fc00fc0u) << 2 | (bits & 0x003f003f003f003fu);
}

static inline uint64_t gather(uint64_t values)
{
    values = (values & 0x3f003f003f003f00u) >> 2 | (values & 0x003f003f003f003fu);
    values = (values & 0x0fff00000fff0000u) >> 4 | (values & 0x00000fff00000fffu);
    return (values & 0xffffff00000000u) >> 8 | (values & 0xffffffu);
}

/* Six bytes to eight letters, and back. */
static inline void encode6(const unsigned char bytes[6], char letters[8])
{
    uint64_t word = 0;
    memcpy(&word, bytes, 6);
    word = htobe64(letters_of(spread(be64toh(word) >> 16)));
    memcpy(letters, &word, 8);
}

static inline void decode6(const char letters[8], unsigned char bytes[6], uint64_t *wrong)
{
    uint64_t word;
    memcpy(&word, letters, 8);
    word = htobe64(gather(values_of(be64toh(word), wrong)) << 16);
    memcpy(bytes, &word, 6);
}

size_t fernet_base64url_encode(const unsigned char *bytes, size_t length, char *text)
{
    size_t i = 0, out = 0;
    for (; i + 6 <= length; i += 6, out += 8)
        encode6(bytes + i, text + out);
    if (i < length) {
        unsigned char last[6] = {0};
        char letters[8];
        size_t rest = length - i, used = (rest + 2) / 3 * 4;
        memcpy(last, bytes + i, rest);
        encode6(last, letters);
        memset(letters + (rest * 8 + 5) / 6, '=', 8 - (rest * 8 + 5) / 6);
        memcpy(text + out, letters, used);
        out += used;
        explicit_bzero(last, sizeof last);
    }
    return out;
}

bool fernet_base64url_decode(const char *text, size_t length, unsigned char *bytes, size_t *decoded)
{
    if (!length || length % 4)
        return false;
    size_t padding = text[length - 1] == '=' ? (text[length - 2] == '=' ? 2 : 1) : 0;
    size_t letters = length - padding, size = length / 4 * 3 - padding, i = 0, out = 0;
    uint64_t wrong = 0;
    for (; i + 8 <= letters; i += 8, out += 6)
        decode6(text + i, bytes + out, &wrong);
    if (i < letters) {
        char last[8] = {'A', 'A', 'A', 'A', 'A', 'A', 'A', 'A'}; /* an A adds no bits */
        unsigned char room[6];
        memcpy(last, text + i, letters - i);
        decode6(last, room, &wrong);
        for (size_t j = size - out; j < 6; j++)
            wrong |= room[j]; /* bits that no byte has */
        memcpy(bytes + out, room, size - out);
        explicit_bzero(room, sizeof room);
    }
    *decoded = size;
    return !wrong;
}
