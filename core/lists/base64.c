/* SPDX-License-Identifier: MIT
 *
 * base64.c: base64 with padding (RFC 4648, section 4).
 */
#include "lists/base64.h"
#include <stdint.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void pxt_base64_encode(const void *bytes, size_t length, char *text)
{
    const unsigned char *in = bytes;
    for (size_t i = 0; i < length; i += 3) {
        size_t n = length - i < 3 ? length - i : 3;
        uint32_t group = (uint32_t)in[i] << 16 | (n > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (n > 2 ? in[i + 2] : 0);
        *text++ = alphabet[group >> 18];
        *text++ = alphabet[group >> 12 & 63];
        *text++ = n > 1 ? alphabet[group >> 6 & 63] : '=';
        *text++ = n > 2 ? alphabet[group & 63] : '=';
    }
}

/* The last group may have one or two `=`; then the bits behind its bytes must be 0. */
static size_t padding(const char *text, size_t length)
{
    return length ? (size_t)(text[length - 1] == '=') + (text[length - 1] == '=' && text[length - 2] == '=') : 0;
}

bool pxt_base64_decode(const char *text, size_t length, void *bytes, size_t *decoded)
{
    unsigned char *out = bytes;
    if (length % 4)
        return false;
    size_t pad = padding(text, length), n = 0;
    uint32_t group = 0;
    for (size_t i = 0; i < length; i++) {
        const char *digit = i < length - pad && text[i] ? strchr(alphabet, text[i]) : NULL;
        if (!digit && i < length - pad)
            return false;
        group = group << 6 | (digit ? (uint32_t)(digit - alphabet) : 0);
        if (i % 4 < 3)
            continue;
        size_t count = i + 1 == length ? 3 - pad : 3;
        for (size_t byte = 0; byte < count; byte++)
            out[n++] = (unsigned char)(group >> (16 - 8 * byte));
        if (count < 3 && group & ((1u << (8 * (3 - count))) - 1))
            return false;
        group = 0;
    }
    *decoded = n;
    return true;
}
