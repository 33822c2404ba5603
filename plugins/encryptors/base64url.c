/* SPDX-License-Identifier: MIT
 *
 * base64url.c: base64 with the URL-safe alphabet (RFC 4648, section 5), with padding. Look-ups by arithmetic and no
 * early exit, so that time tells nothing of a key or token but its length.
 */
#include "fernet.h"

/* 0xff where a <= x <= b, else 0; for values below 256. */
static unsigned in_range(unsigned x, unsigned a, unsigned b)
{
    return ((a - 1 - x) & (x - b - 1)) >> 8 & 0xff;
}

static char letter(unsigned value)
{
    unsigned c = (in_range(value, 0, 25) & (value + 'A')) | (in_range(value, 26, 51) & (value - 26 + 'a')) |
                 (in_range(value, 52, 61) & (value - 52 + '0')) | (in_range(value, 62, 62) & '-') |
                 (in_range(value, 63, 63) & '_');
    return (char)c;
}

size_t base64url_encode(const unsigned char *bytes, size_t length, char *text)
{
    char *out = text;
    for (size_t i = 0; i < length; i += 3) {
        size_t n = length - i < 3 ? length - i : 3;
        unsigned group = (unsigned)bytes[i] << 16 | (n > 1 ? (unsigned)bytes[i + 1] << 8 : 0u) |
                         (n > 2 ? (unsigned)bytes[i + 2] : 0u);
        *out++ = letter(group >> 18);
        *out++ = letter(group >> 12 & 63);
        *out++ = n > 1 ? letter(group >> 6 & 63) : '=';
        *out++ = n > 2 ? letter(group & 63) : '=';
    }
    return (size_t)(out - text);
}

/* The value of a letter; bit 8 set where it is none. */
static unsigned value_of(char letter_)
{
    unsigned c = (unsigned char)letter_;
    unsigned upper = in_range(c, 'A', 'Z'), lower = in_range(c, 'a', 'z'), digit = in_range(c, '0', '9'),
             minus = in_range(c, '-', '-'), low_line = in_range(c, '_', '_');
    unsigned value =
        (upper & (c - 'A')) | (lower & (c - 'a' + 26)) | (digit & (c - '0' + 52)) | (minus & 62) | (low_line & 63);
    return value | ((upper | lower | digit | minus | low_line) ? 0u : 256u);
}

bool base64url_decode(const char *text, size_t length, unsigned char *bytes, size_t *decoded)
{
    if (!length || length % 4)
        return false;
    size_t padding = text[length - 1] == '=' ? (text[length - 2] == '=' ? 2 : 1) : 0;
    unsigned wrong = 0;
    unsigned char *out = bytes;
    for (size_t i = 0; i < length; i += 4) {
        size_t letters = i + 4 == length ? 4 - padding : 4;
        unsigned group = 0;
        for (size_t j = 0; j < 4; j++) {
            unsigned value = j < letters ? value_of(text[i + j]) : 0;
            wrong |= value & 256;
            group = group << 6 | (value & 63);
        }
        if (letters < 4)
            wrong |= group & (letters == 3 ? 0xffu : 0xffffu); /* bits that no byte has */
        *out++ = (unsigned char)(group >> 16);
        if (letters > 2)
            *out++ = (unsigned char)(group >> 8);
        if (letters > 3)
            *out++ = (unsigned char)group;
    }
    *decoded = (size_t)(out - bytes);
    return !wrong;
}
