/* SPDX-License-Identifier: MIT
 *
 * key.h: keys and their hashes.
 */
#ifndef PXT_KEY_H
#define PXT_KEY_H

#include <proxtier/plugin.h>
#include <string.h>

/* memcmp() == 0, without a call for keys of the usual lengths. */
static inline bool pxt_key_same_bytes(const char *a, const char *b, size_t length)
{
    if (length < 8 || length > 32)
        return !memcmp(a, b, length);
    uint64_t x, y;
    for (size_t at = 0; at + 8 < length; at += 8) {
        memcpy(&x, a + at, 8);
        memcpy(&y, b + at, 8);
        if (x != y)
            return false;
    }
    memcpy(&x, a + length - 8, 8);
    memcpy(&y, b + length - 8, 8);
    return x == y;
}

/* The hash of a key: the same in every process and version, for shards, stripes and tables. */
uint64_t pxt_key_hash(const char *text, size_t length);
void pxt_key_init(struct pxt_key *key, const char *text, size_t length);
/* First 16 hex digits of SHA-256 of `identity`. pxt_gcrypt_start() must have succeeded. */
void pxt_key_digest(const char *identity, size_t length, char out[17]);
/* Checks a key given by a caller: not NULL, not empty, not over-long, no control characters. */
pxt_status pxt_key_check(const char *text, struct pxt_key *out, struct pxt_error *error);

#endif
