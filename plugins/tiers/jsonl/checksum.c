/* SPDX-License-Identifier: MIT
 *
 * checksum.c: the member "crc32" at the end of each line that proxtier writes: the CRC-32 (ISO 3309, as of gzip) of all
 * bytes of the line before it, in hexadecimal. A line without it is welcome.
 */
#include "jsonl.h"
#include <stdlib.h>
#include <string.h>

#define CRC_POLYNOMIAL UINT32_C(0xEDB88320) /* reflected */

static const char pattern[] = ", \"crc32\": \"________\"}";
enum { TAIL = sizeof pattern - 1, DIGITS = 8, DIGITS_AT = TAIL - DIGITS - 2, TYPOS_MAX = 2 };
_Static_assert(JSONL_CHECKSUM == TAIL - 1, "the checksum takes the place of the closing brace");

/* Writes the eight digits of the CRC-32 of `bytes`. */
static void digits_of(struct jsonl *tier, const char *bytes, size_t length, char digits[DIGITS])
{
    unsigned char crc[4];
    jsonl_digest(tier, JSONL_CRC32, bytes, length, crc);
    for (size_t i = 0; i < DIGITS; i++)
        digits[i] = "0123456789abcdef"[crc[i / 2] >> (i % 2 ? 0 : 4) & 15];
}

size_t jsonl_checksum_add(struct jsonl *tier, char *line, size_t length)
{
    if (tier->compatible)
        return length;
    char *tail = line + length - 1;
    memcpy(tail, pattern, TAIL);
    digits_of(tier, line, length - 1, tail + DIGITS_AT);
    return length + JSONL_CHECKSUM;
}

enum jsonl_checksum jsonl_checksum_check(struct jsonl *tier, const char *line, size_t length)
{
    char digits[DIGITS];
    unsigned typos = 0;
    if (length < TAIL)
        return JSONL_CHECKSUM_NONE;
    const char *tail = line + length - TAIL;
    for (size_t i = 0; i < TAIL && typos <= TYPOS_MAX; i++)
        typos += pattern[i] != '_' && tail[i] != pattern[i];
    if (typos > TYPOS_MAX)
        return JSONL_CHECKSUM_NONE;
    if (typos) /* damage must not turn the checksum into a member like any other */
        return JSONL_CHECKSUM_WRONG;
    digits_of(tier, line, length - TAIL, digits);
    return memcmp(digits, tail + DIGITS_AT, DIGITS) ? JSONL_CHECKSUM_WRONG : JSONL_CHECKSUM_RIGHT;
}

size_t jsonl_checksum_strip(char *line, size_t length)
{
    line[length - TAIL] = '}';
    return length - JSONL_CHECKSUM;
}

/* Returns the number that eight hexadecimal digits spell; 0 if they do not, which mends nothing. */
static uint32_t number_of(const char digits[DIGITS])
{
    char text[DIGITS + 1], *end;
    memcpy(text, digits, DIGITS);
    text[DIGITS] = '\0';
    unsigned long number = strtoul(text, &end, 16);
    return *end ? 0 : (uint32_t)number;
}

bool jsonl_checksum_mend(struct jsonl *tier, char *line, size_t length)
{
    char digits[DIGITS];
    if (jsonl_checksum_check(tier, line, length) != JSONL_CHECKSUM_WRONG)
        return false;
    size_t covered = length - TAIL;
    digits_of(tier, line, covered, digits);
    uint32_t wanted = number_of(digits) ^ number_of(line + covered + DIGITS_AT);
    /* CRC-32 is linear: a flipped bit changes it in a way that depends only on the bit's distance from the end. */
    uint32_t change = CRC_POLYNOMIAL;
    for (size_t at = covered; at-- > 0;)
        for (int bit = 7; bit >= 0; bit--) {
            if (change == wanted) {
                line[at] = (char)(line[at] ^ 1 << bit);
                return jsonl_checksum_check(tier, line, length) == JSONL_CHECKSUM_RIGHT;
            }
            change = change >> 1 ^ (change & 1 ? CRC_POLYNOMIAL : 0);
        }
    return false;
}

size_t jsonl_checksum_fused(struct jsonl *tier, const char *line, size_t length)
{
    const char *end = line + length;
    for (const char *at = line; (at = memchr(at, '}', (size_t)(end - at))) && at + 1 < end; at++) {
        size_t first = (size_t)(at - line) + 1;
        if (jsonl_checksum_check(tier, line, first) == JSONL_CHECKSUM_RIGHT)
            return first;
    }
    return 0;
}
