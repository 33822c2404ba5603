/* SPDX-License-Identifier: MIT
 *
 * key.c: keys and their hashes.
 */
#include "base/key.h"
#include "base/fail.h"
#include <gcrypt.h>
#include <string.h>

/* The first 8 bytes, little endian. */
static inline uint64_t word8(const char *text)
{
    uint64_t value;
    memcpy(&value, text, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    value = __builtin_bswap64(value);
#endif
    return value;
}

/* The same of fewer bytes, with zeros behind them. */
static uint64_t word(const char *text, size_t length)
{
    uint64_t value = 0;
    for (size_t i = 0; i < length; i++)
        value |= (uint64_t)(unsigned char)text[i] << 8 * i;
    return value;
}

/* Multiplies to 128 bits and folds: the mixing step of wyhash (W. Yi, "A fast portable non-cryptographic hash"). */
static inline uint64_t fold(uint64_t a, uint64_t b)
{
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
#else
    uint64_t a_low = (uint32_t)a, a_high = a >> 32, b_low = (uint32_t)b, b_high = b >> 32;
    uint64_t low = a_low * b_low, middle = a_high * b_low + (low >> 32), other = a_low * b_high + (uint32_t)middle;
    return (other << 32 | (uint32_t)low) ^ (a_high * b_high + (middle >> 32) + (other >> 32));
#endif
}

uint64_t pxt_key_hash(const char *text, size_t length)
{
    const uint64_t k0 = 0xa0761d6478bd642fU, k1 = 0xe7037ed1a0b428dbU, k2 = 0x8ebc6af09c88c6e3U;
    uint64_t state = k0 ^ length;
    size_t at = 0;
    for (; length - at > 16; at += 16)
        state = fold(word8(text + at) ^ k1, word8(text + at + 8) ^ state);
    size_t rest = length - at;
    uint64_t a, b = 0;
    if (rest > 8) {
        a = word8(text + at);
        b = word8(text + length - 8) >> 8 * (16 - rest); /* the last bytes of these 8 are those that are left */
    } else {
        a = rest == 8 ? word8(text + at) : word(text + at, rest);
    }
    return fold(fold(a ^ k1, b ^ state), k2);
}

void pxt_key_init(struct pxt_key *key, const char *text, size_t length)
{
    key->text = text;
    key->length = (uint32_t)length;
    key->hash = pxt_key_hash(text, length);
}

void pxt_key_digest(const char *identity, size_t length, char out[17])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[32];
    gcry_md_hash_buffer(GCRY_MD_SHA256, digest, identity, length);
    for (size_t i = 0; i < 8; i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[16] = '\0';
}

pxt_status pxt_key_check(const char *text, struct pxt_key *out, struct pxt_error *error)
{
    if (!text)
        return pxt_fail(error, PXT_EINVAL, 0, "the key is NULL: give the key of an entry");
    size_t length = strnlen(text, PXT_KEY_MAX + 1);
    if (!length)
        return pxt_fail(error, PXT_EINVAL, 0, "the key is empty: give the key of an entry");
    if (length > PXT_KEY_MAX)
        return pxt_fail(error, PXT_EINVAL, 0, "the key is longer than %d bytes", PXT_KEY_MAX);
    pxt_key_init(out, text, length);
    return PXT_OK;
}
