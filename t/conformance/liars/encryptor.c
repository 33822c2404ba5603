/* SPDX-License-Identifier: MIT
 *
 * encryptor.c: an encryptor with a key file. Its cipher is a toy, but keeps the form of one: a nonce, a stream made of key and
 * nonce, and a sum of all with the key. Without LIE it keeps all promises; with LIE it breaks the one that is named so.
 *
 * A token is the nonce, the sum, and the text under the stream, in hexadecimal.
 */
#include "lies.h"
#include <fcntl.h>
#include <proxtier/encryptor.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY = 32, NONCE = 16, SUM = 16, HEAD = NONCE + SUM };

struct encryptor {
    const struct pxt_host *host;
    unsigned char key[KEY];
    uint64_t sealed;
};

static pxt_status make_key(struct encryptor *own, const char *path, struct pxt_error *error)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, lies("makes_a_public_key_file") ? 0644 : 0600);
    bool good = fd >= 0 && getrandom(own->key, KEY, 0) == KEY && write(fd, own->key, KEY) == KEY;
    if (fd >= 0 && close(fd))
        good = false;
    return good ? PXT_OK : own->host->fail(own->host, error, PXT_EIO, 0, "cannot make the key file %s", path);
}

static pxt_status read_key(struct encryptor *own, struct pxt_error *error)
{
    char path[500];
    struct stat file;
    mkdir(getenv("HOME"), 0700); /* where it is missing */
    snprintf(path, sizeof path, "%s/liar.key", getenv("HOME"));
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return make_key(own, path, error);
    bool good = !fstat(fd, &file) && read(fd, own->key, KEY) == KEY;
    close(fd);
    if (!good)
        return own->host->fail(own->host, error, PXT_ECONFIG, 0, "cannot read the key file %s", path);
    if (file.st_mode & 077 && !lies("takes_a_public_key_file") && !lies("makes_a_public_key_file"))
        return own->host->fail(own->host, error, PXT_EACCES, 0, "others can read %s: chmod 600 it", path);
    return PXT_OK;
}

static void close_it(void *self)
{
    explicit_bzero(self, sizeof(struct encryptor));
    free(self);
}

static pxt_status open_it(const struct pxt_host *host, const struct pxt_settings *settings, void **self,
                          struct pxt_error *error)
{
    (void)settings;
    struct encryptor *own = calloc(1, sizeof *own);
    if (!own)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory");
    own->host = host;
    pxt_status status = read_key(own, error);
    if (status)
        close_it(own);
    else
        *self = own;
    return status;
}

static size_t token_size(void *self, size_t plain_length)
{
    (void)self;
    return 2 * (HEAD + plain_length);
}

/* ---- the toy ---------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t state, unsigned char byte)
{
    state = (state ^ byte) * UINT64_C(0xbf58476d1ce4e5b9);
    return state ^ state >> 29;
}

static uint64_t mix_all(uint64_t state, const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        state = mix(state, bytes[i]);
    return state;
}

static void apply_stream(const struct encryptor *own, const unsigned char *nonce, unsigned char *bytes, size_t length)
{
    uint64_t state = mix_all(mix_all(1, own->key, KEY), nonce, NONCE);
    for (size_t i = 0; i < length; i++) {
        state = mix(state, (unsigned char)i);
        bytes[i] ^= (unsigned char)(state >> 32);
    }
}

static void sum_of(const struct encryptor *own, const struct pxt_seal_context *context, const unsigned char *nonce,
                   const unsigned char *bytes, size_t length, unsigned char sum[SUM])
{
    for (unsigned half = 0; half < 2; half++) {
        uint64_t state = mix_all(mix(2, (unsigned char)half), own->key, KEY);
        state = mix_all(state, (const unsigned char *)context->entry_key, strlen(context->entry_key) + 1);
        state = mix_all(state, (const unsigned char *)context->field, strlen(context->field) + 1);
        state = mix_all(mix_all(state, nonce, NONCE), bytes, length);
        state = mix_all(state, own->key, KEY);
        memcpy(sum + 8 * half, &state, 8);
    }
}

static bool make_nonce(struct encryptor *own, unsigned char nonce[NONCE])
{
    if (getrandom(nonce, NONCE, 0) != NONCE)
        return false;
    own->sealed++;
    if (lies("nonces_count_from_zero")) {
        memset(nonce, 0, NONCE);
        memcpy(nonce, &own->sealed, sizeof own->sealed);
    }
    if (lies("nonces_have_16_bits"))
        memset(nonce + 2, 0, NONCE - 2);
    return true;
}

/* ---- seal and open ---------------------------------------------------------------------------------------------- */

static pxt_status seal(void *self, const struct pxt_seal_context *context, const char *plain, size_t plain_length,
                       char *token, size_t *token_length, struct pxt_error *error)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[HEAD + PXT_SECRET_MAX];
    struct encryptor *own = self;
    if (plain_length > PXT_SECRET_MAX || !make_nonce(own, bytes))
        return own->host->fail(own->host, error, PXT_EINTERNAL, 0, "cannot seal");
    if (lies("logs_the_text"))
        own->host->log(own->host, PXT_LOG_DEBUG, "sealing %.*s", (int)plain_length, plain);
    memcpy(bytes + HEAD, plain, plain_length);
    apply_stream(own, bytes, bytes + HEAD, plain_length);
    sum_of(own, context, bytes, bytes + HEAD, plain_length, bytes + NONCE);
    for (size_t i = 0; i < HEAD + plain_length; i++) {
        token[2 * i] = digits[bytes[i] >> 4];
        token[2 * i + 1] = digits[bytes[i] & 15];
    }
    *token_length = 2 * (HEAD + plain_length);
    return PXT_OK;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* False where the token is not hexadecimal, or too short. */
static bool read_token(const char *token, size_t token_length, unsigned char *bytes)
{
    for (size_t i = 0; i < token_length / 2; i++) {
        int high = digit(token[2 * i]), low = digit(token[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return token_length % 2 == 0 && token_length >= 2 * HEAD;
}

static pxt_status open_token(void *self, const struct pxt_seal_context *context, const char *token, size_t token_length,
                             char *plain, size_t *plain_length, struct pxt_error *error)
{
    struct encryptor *own = self;
    const struct pxt_host *host = own->host;
    unsigned char sum[SUM], *bytes = calloc(1, token_length / 2 + 1);
    if (lies("breaks_at_a_long_token") && token_length > 16384)
        abort();
    if (!bytes)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory");
    bool good = read_token(token, token_length, bytes);
    size_t length = good ? token_length / 2 - HEAD : 0;
    if (good)
        sum_of(own, context, bytes, bytes + HEAD, length, sum);
    good = good && !memcmp(sum, bytes + NONCE, SUM);
    if (length && (good || lies("leaves_the_text_that_it_refuses") || lies("says_the_text_in_errors"))) {
        apply_stream(own, bytes, bytes + HEAD, length);
        memcpy(plain, bytes + HEAD, length);
    }
    *plain_length = length;
    explicit_bzero(bytes, token_length / 2 + 1);
    free(bytes);
    if (!good && lies("says_the_text_in_errors"))
        return host->fail(host, error, PXT_EDECRYPT, 0, "cannot open %.*s", (int)length, plain);
    if (!good && lies("says_tokens_in_errors"))
        return host->fail(host, error, PXT_EDECRYPT, 0, "cannot open %.*s", (int)token_length, token);
    return good ? PXT_OK : host->fail(host, error, PXT_EDECRYPT, 0, "another key, or a changed or moved token");
}

static pxt_status key_ids(void *self, char *buffer, size_t size, struct pxt_error *error)
{
    struct encryptor *own = self;
    char id[2 * KEY + 1];
    uint64_t name = mix_all(3, own->key, KEY);
    snprintf(id, sizeof id, "%08x", (unsigned)(name >> 32));
    for (size_t i = 0; i < KEY && lies("names_keys_by_their_bytes"); i++)
        snprintf(id + 2 * i, 3, "%02X", own->key[i]);
    if (strlen(id) + 1 > size && !lies("key_ids_ignores_the_size"))
        return own->host->fail(own->host, error, PXT_EINVAL, 0, "no room for the name of the key");
    memcpy(buffer, id, strlen(id) + 1);
    return PXT_OK;
}

static const struct pxt_encryptor_ops ops = {.size = sizeof ops,
                                             .flags = PXT_ENCRYPTOR_BINDS,
                                             .open = open_it,
                                             .close = close_it,
                                             .token_size = token_size,
                                             .seal = seal,
                                             .open_token = open_token,
                                             .key_ids = key_ids};

PXT_PLUGIN(PXT_KIND_ENCRYPTOR, "liar_encryptor", "1.0", "MIT", "an encryptor with the fault that LIE names", NULL,
           &ops);
