/* SPDX-License-Identifier: MIT
 *
 * fernet.h: the parts of the fernet encryptor.
 */
#ifndef FERNET_H
#define FERNET_H

#include <gcrypt.h>
#include <proxtier/encryptor.h>
#include <pthread.h>

enum { FERNET_KEY = 32, FERNET_KEY_TEXT = 44, FERNET_POOL = 16, FERNET_KEYS = 2 };

/* A cipher with its key set, for one thread at a time. */
struct fernet_engine {
    gcry_cipher_hd_t cipher;
};
/* A key as engines: some in store, more made when many threads seal at once. */
struct fernet_key {
    bool present;
    unsigned char bytes[FERNET_KEY]; /* signing half, then encryption half */
    pthread_mutex_t lock;            /* of the store; a leaf */
    struct fernet_engine store[FERNET_POOL];
    unsigned stored;
    char id[17]; /* of its SHA-256: names the key, tells nothing of it */
};
struct fernet {
    const struct pxt_host *host;
    struct fernet_key key[FERNET_KEYS]; /* current, previous */
};

/* keys.c: finds the keys by the settings; wipes all text of them. */
pxt_status fernet_find_keys(struct fernet *fernet, const struct pxt_settings *settings, struct pxt_error *error);
/* base64url.c: strict (RFC 4648 section 5, padded, no stray bits), in time that depends on lengths only. */
size_t fernet_base64url_encode(const unsigned char *bytes, size_t length, char *text);
bool fernet_base64url_decode(const char *text, size_t length, unsigned char *bytes, size_t *decoded);

#endif
