/* SPDX-License-Identifier: MIT
 *
 * keygen.c: a new key for the fernet encryptor.
 */
#include "base/fail.h"
#include "base/secret.h"
#include <errno.h>
#include <proxtier/admin.h>
#include <string.h>
#include <sys/random.h>

enum { KEY_BYTES = 32, KEY_TEXT = 44 };

pxt_status pxt_fernet_key(pxt_secret **out, struct pxt_error *error)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char key[KEY_BYTES + 1] = {0};
    pxt_secret *secret = pxt_secret_room(KEY_TEXT);
    if (!secret)
        return pxt_fail_memory(error, "a key");
    if (getrandom(key, KEY_BYTES, 0) != KEY_BYTES) {
        pxt_secret_free(secret);
        return pxt_fail(error, PXT_EIO, errno, "the system gives no random bytes");
    }
    char *text = pxt_secret_bytes(secret);
    for (size_t i = 0; i < KEY_BYTES; i += 3) {
        unsigned group = (unsigned)key[i] << 16 | (unsigned)(i + 1 < KEY_BYTES ? key[i + 1] : 0) << 8 |
                         (unsigned)(i + 2 < KEY_BYTES ? key[i + 2] : 0);
        *text++ = alphabet[group >> 18];
        *text++ = alphabet[group >> 12 & 63];
        *text++ = alphabet[group >> 6 & 63];
        *text++ = alphabet[group & 63];
    }
    text[-1] = '='; /* 32 bytes end in a group of two */
    explicit_bzero(key, sizeof key);
    pxt_secret_set_length(secret, KEY_TEXT);
    *out = secret;
    return PXT_OK;
}
