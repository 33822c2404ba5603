/* SPDX-License-Identifier: MIT
 *
 * fernet: seals credentials as Fernet tokens (https://github.com/fernet/spec), as ProxyWhirl does:
 * base64url(0x80 || 64-bit big-endian time || 16-byte IV || AES-128-CBC with PKCS#7 || HMAC-SHA256 of all before).
 * Seals with the current key, opens with the current, then the previous one. Tokens at rest do not age.
 *
 * The format has no field for the entry that a token belongs to, and must stay readable by ProxyWhirl. So a token moved to
 * another entry opens there; an encryptor that uses the context prevents this.
 */
#include "fernet.h"
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { TOKEN_VERSION = 0x80, HEAD = 25, BLOCK = 16, MAC = 32, TEST_MEMORY = 8192 };

static const struct pxt_option options[] = {
    {"key_file", PXT_OPTION_PATH, NULL, 0, 0, NULL, "file with the key, mode 0600"},
    {"previous_key_file", PXT_OPTION_PATH, NULL, 0, 0, NULL, "file with the key before the last change"},
    {"key_command", PXT_OPTION_TEXT, NULL, 0, 0, NULL, "command for /bin/sh that prints the key"},
    {"key_command_timeout", PXT_OPTION_DURATION, "10s", 1000, INT64_C(3600000000), NULL,
     "how long to wait for the end of key_command"},
    {"key_env", PXT_OPTION_TEXT, "PROXYWHIRL_CACHE_ENCRYPTION_KEY", 0, 0, NULL,
     "environment variable with the key; visible to other processes of the same user"},
    {"previous_key_env", PXT_OPTION_TEXT, "PROXYWHIRL_CACHE_KEY_PREVIOUS", 0, 0, NULL,
     "environment variable with the key before the last change"},
    {"auto_key_file", PXT_OPTION_PATH, "${state}/fernet.key", 0, 0, NULL,
     "where a key is made, once, when none of the others gives one"},
    {0}};

static void close_engine(struct fernet_engine *engine)
{
    gcry_cipher_close(engine->cipher);
}

/* libgcrypt tests AES at its first key, and refuses AES for the rest of the process if that test could have no memory:
 * so memory for it is asked for before, and given back. */
static bool has_memory_for_test(void)
{
    void *volatile memory = malloc(TEST_MEMORY); /* volatile: the compiler must not leave it out */
    bool good = memory;
    free(memory);
    return good;
}

static bool open_engine(const struct fernet_key *key, struct fernet_engine *engine)
{
    *engine = (struct fernet_engine){NULL};
    bool good = has_memory_for_test() &&
                !gcry_cipher_open(&engine->cipher, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_CBC, 0) &&
                !gcry_cipher_setkey(engine->cipher, key->bytes + 16, 16);
    if (!good)
        close_engine(engine);
    return good;
}

static bool take_engine(struct fernet_key *key, struct fernet_engine *engine)
{
    pthread_mutex_lock(&key->lock);
    bool had = key->stored != 0;
    if (had)
        *engine = key->store[--key->stored];
    pthread_mutex_unlock(&key->lock);
    return had || open_engine(key, engine);
}

static void give_engine(struct fernet_key *key, struct fernet_engine *engine)
{
    pthread_mutex_lock(&key->lock);
    bool room = key->stored < FERNET_POOL;
    if (room)
        key->store[key->stored++] = *engine;
    pthread_mutex_unlock(&key->lock);
    if (!room)
        close_engine(engine);
}

static void fernet_close(void *self)
{
    struct fernet *fernet = self;
    for (int i = 0; i < FERNET_KEYS; i++) {
        while (fernet->key[i].stored)
            close_engine(&fernet->key[i].store[--fernet->key[i].stored]);
        pthread_mutex_destroy(&fernet->key[i].lock);
    }
    explicit_bzero(fernet, sizeof *fernet);
    free(fernet);
}

static pxt_status fernet_open(const struct pxt_host *host, const struct pxt_settings *settings, void **self,
                              struct pxt_error *error)
{
    struct fernet *fernet = calloc(1, sizeof *fernet);
    if (!fernet)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for keys");
    fernet->host = host;
    for (int i = 0; i < FERNET_KEYS; i++)
        pthread_mutex_init(&fernet->key[i].lock, NULL);
    pxt_status status = fernet_find_keys(fernet, settings, error);
    if (status)
        fernet_close(fernet);
    else
        *self = fernet;
    return status;
}

static size_t sealed_bytes(size_t plain_length)
{
    return HEAD + (plain_length / BLOCK + 1) * BLOCK + MAC;
}

static size_t fernet_token_size(void *self, size_t plain_length)
{
    (void)self;
    return (sealed_bytes(plain_length) + 2) / 3 * 4;
}

/* Hashes a block of the key, each byte changed by `pad`, and `bytes` behind it. */
static bool hash_padded(const struct fernet_key *key, unsigned char pad, const void *bytes, size_t length,
                        unsigned char out[MAC])
{
    unsigned char block[64];
    gcry_buffer_t part[2] = {{.data = block, .len = sizeof block}, {.data = (void *)(uintptr_t)bytes, .len = length}};
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < FERNET_KEY / 2; i++)
        block[i] ^= key->bytes[i];
    bool good = !gcry_md_hash_buffers(GCRY_MD_SHA256, 0, out, part, 2);
    explicit_bzero(block, sizeof block);
    return good;
}

/* HMAC-SHA256 (RFC 2104). libgcrypt's own ends the process if it cannot have memory for its last step; plain SHA-256 of
 * buffers needs none. */
static bool compute_mac(const struct fernet_key *key, const unsigned char *bytes, size_t length, unsigned char mac[MAC])
{
    unsigned char inner[MAC];
    bool good = hash_padded(key, 0x36, bytes, length, inner) && hash_padded(key, 0x5c, inner, sizeof inner, mac);
    explicit_bzero(inner, sizeof inner);
    return good;
}

static bool seal_bytes(const struct fernet_key *key, struct fernet_engine *engine, pxt_time now, const char *plain,
                       size_t length, unsigned char *bytes)
{
    uint64_t seconds = (uint64_t)(now / PXT_SECOND);
    size_t padded = (length / BLOCK + 1) * BLOCK;
    unsigned char *body = bytes + HEAD;
    bytes[0] = TOKEN_VERSION;
    for (int i = 0; i < 8; i++)
        bytes[1 + i] = (unsigned char)(seconds >> (56 - 8 * i));
    /* Not gcry_create_nonce(): that ends the process if its generator cannot have memory. */
    if (getrandom(bytes + 9, BLOCK, 0) != BLOCK)
        return false;
    memcpy(body, plain, length);
    memset(body + length, (int)(padded - length), padded - length);
    return !gcry_cipher_setiv(engine->cipher, bytes + 9, BLOCK) &&
           !gcry_cipher_encrypt(engine->cipher, body, padded, NULL, 0) &&
           compute_mac(key, bytes, HEAD + padded, body + padded);
}

static pxt_status fernet_seal(void *self, const struct pxt_seal_context *context, const char *plain,
                              size_t plain_length, char *token, size_t *token_length, struct pxt_error *error)
{
    struct fernet *fernet = self;
    struct fernet_engine engine;
    unsigned char room[512];
    size_t size = sealed_bytes(plain_length);
    unsigned char *bytes = size <= sizeof room ? room : malloc(size);
    if (!bytes || !take_engine(&fernet->key[0], &engine)) {
        if (bytes != room)
            free(bytes);
        return fernet->host->fail(fernet->host, error, PXT_ENOMEM, 0, "out of memory for sealing %s", context->field);
    }
    bool good = seal_bytes(&fernet->key[0], &engine, fernet->host->now(fernet->host), plain, plain_length, bytes);
    give_engine(&fernet->key[0], &engine);
    if (good)
        *token_length = fernet_base64url_encode(bytes, size, token);
    explicit_bzero(bytes, size);
    if (bytes != room)
        free(bytes);
    return good ? PXT_OK
                : fernet->host->fail(fernet->host, error, PXT_EINTERNAL, 0, "libgcrypt refused to seal %s",
                                     context->field);
}

/* The MAC first, compared in constant time; only then the padding is looked at. */
static bool open_with(struct fernet_key *key, bool *no_memory, const unsigned char *bytes, size_t size, char *plain,
                      size_t *length)
{
    struct fernet_engine engine;
    unsigned char mac[MAC];
    unsigned different = 0;
    size_t body = size - HEAD - MAC;
    if (!key->present)
        return false;
    if (!take_engine(key, &engine))
        return !(*no_memory = true);
    bool good = compute_mac(key, bytes, size - MAC, mac);
    for (size_t i = 0; i < MAC; i++)
        different |= (unsigned)(mac[i] ^ bytes[size - MAC + i]);
    good = good && !different && !gcry_cipher_setiv(engine.cipher, bytes + 9, BLOCK) &&
           !gcry_cipher_decrypt(engine.cipher, plain, body, bytes + HEAD, body);
    give_engine(key, &engine);
    if (!good)
        return false;
    unsigned padding = (unsigned char)plain[body - 1];
    good = padding >= 1 && padding <= BLOCK;
    for (unsigned i = 0; good && i < padding; i++)
        good = (unsigned char)plain[body - 1 - i] == padding;
    *length = good ? body - padding : 0;
    explicit_bzero(plain + *length, body - *length);
    return good;
}

static pxt_status fernet_open_token(void *self, const struct pxt_seal_context *context, const char *token,
                                    size_t token_length, char *plain, size_t *plain_length, struct pxt_error *error)
{
    struct fernet *fernet = self;
    unsigned char *bytes = malloc(token_length + 3);
    size_t size = 0;
    bool good = false, no_memory = false;
    if (!bytes)
        return fernet->host->fail(fernet->host, error, PXT_ENOMEM, 0, "out of memory for a token");
    if (fernet_base64url_decode(token, token_length, bytes, &size) && size >= HEAD + BLOCK + MAC &&
        bytes[0] == TOKEN_VERSION && (size - HEAD - MAC) % BLOCK == 0)
        for (int i = 0; i < FERNET_KEYS && !good; i++)
            good = open_with(&fernet->key[i], &no_memory, bytes, size, plain, plain_length);
    free(bytes);
    if (!good && no_memory)
        return fernet->host->fail(fernet->host, error, PXT_ENOMEM, 0, "out of memory for opening %s", context->field);
    return good ? PXT_OK
                : fernet->host->fail(
                      fernet->host, error, PXT_EDECRYPT, 0,
                      "the %s of entry %s cannot be opened: it was sealed with another key, or is damaged; "
                      "give that key as previous_key_file or %s",
                      context->field, context->entry_key, "PROXYWHIRL_CACHE_KEY_PREVIOUS");
}

static pxt_status fernet_key_ids(void *self, char *buffer, size_t size, struct pxt_error *error)
{
    struct fernet *fernet = self;
    size_t used = 0;
    if (size < sizeof fernet->key[0].id * FERNET_KEYS)
        return fernet->host->fail(fernet->host, error, PXT_EINVAL, 0, "%zu bytes are too few for key ids", size);
    for (int i = 0; i < FERNET_KEYS; i++) {
        if (!fernet->key[i].present)
            continue;
        if (used)
            buffer[used++] = ',';
        memcpy(buffer + used, fernet->key[i].id, 16);
        used += 16;
    }
    buffer[used] = '\0';
    return PXT_OK;
}

static const struct pxt_encryptor_ops ops = {.size = sizeof ops,
                                             .open = fernet_open,
                                             .close = fernet_close,
                                             .token_size = fernet_token_size,
                                             .seal = fernet_seal,
                                             .open_token = fernet_open_token,
                                             .key_ids = fernet_key_ids};

PXT_PLUGIN(PXT_KIND_ENCRYPTOR, "fernet", "1.0.0", "MIT", "credentials sealed as Fernet tokens", options, &ops);
