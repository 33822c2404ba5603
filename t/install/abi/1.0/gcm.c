/* SPDX-License-Identifier: MIT
 *
 * gcm: an encryptor. AES-256-GCM (NIST SP 800-38D) by libgcrypt: a token is nonce, cipher text and tag in hexadecimal, and
 * bound to the entry and field that it belongs to, so that one that was moved is refused.
 *
 * The key is 32 bytes in a file that only its owner may read; where there is none it is made, once.
 *
 *   cc -shared -fPIC $(pkg-config --cflags proxtier-plugin libgcrypt) -o gcm.so gcm.c $(pkg-config --libs libgcrypt)
 *   and in proxtier.yaml:  encryptor: {plugin: gcm}
 */
#include <errno.h>
#include <fcntl.h>
#include <gcrypt.h>
#include <libgen.h>
#include <proxtier/encryptor.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY = 32, NONCE = 12, TAG = 16 };

struct gcm {
    const struct pxt_host *host;
    unsigned char key[KEY];
};

static const struct pxt_option options[] = {{"key_file", PXT_OPTION_PATH, "${config}/gcm.key", 0, 0, NULL,
                                             "the key: 32 bytes; made where there is no such file"},
                                            {NULL, PXT_OPTION_TEXT, NULL, 0, 0, NULL, NULL}};

static pxt_status make_key(struct gcm *gcm, const char *path, struct pxt_error *error)
{
    const struct pxt_host *host = gcm->host;
    char folder[4096];
    if (strlen(path) >= sizeof folder)
        return host->fail(host, error, PXT_EINVAL, 0, "key_file: the path is too long");
    strcpy(folder, path);
    pxt_status status = host->prepare_folder(host, dirname(folder), error);
    if (status)
        return status;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return host->fail(host, error, host->status_of_errno(errno), errno, "cannot make the key file %s", path);
    gcry_randomize(gcm->key, KEY, GCRY_VERY_STRONG_RANDOM);
    bool good = write(fd, gcm->key, KEY) == KEY && !fsync(fd);
    good = !close(fd) && good;
    if (!good)
        return host->fail(host, error, PXT_EIO, errno, "cannot write the key file %s", path);
    host->log(host, PXT_LOG_NOTICE, "a key was made in %s: keep it, without it credentials cannot be opened", path);
    return PXT_OK;
}

static pxt_status read_key(struct gcm *gcm, const char *path, struct pxt_error *error)
{
    const struct pxt_host *host = gcm->host;
    struct stat file;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return make_key(gcm, path, error);
    if (fd < 0)
        return host->fail(host, error, host->status_of_errno(errno), errno, "cannot open the key file %s", path);
    pxt_status status = PXT_OK;
    if (fstat(fd, &file) || (file.st_mode & 077))
        status = host->fail(host, error, PXT_EACCES, 0, "the key file %s can be read by others: chmod 600 it", path);
    else if (read(fd, gcm->key, KEY) != KEY || file.st_size != KEY)
        status = host->fail(host, error, PXT_EDECRYPT, 0, "the key file %s does not hold 32 bytes", path);
    close(fd);
    return status;
}

static void gcm_close(void *self)
{
    struct gcm *gcm = self;
    explicit_bzero(gcm, sizeof *gcm);
    free(gcm);
}

static pxt_status gcm_open(const struct pxt_host *host, const struct pxt_settings *settings, void **self,
                           struct pxt_error *error)
{
    struct gcm *gcm = calloc(1, sizeof *gcm);
    if (!gcm)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory for a key");
    gcm->host = host;
    pxt_status status = read_key(gcm, host->setting_text(settings, "key_file"), error);
    if (status)
        gcm_close(gcm);
    else
        *self = gcm;
    return status;
}

static size_t gcm_token_size(void *self, size_t plain_length)
{
    (void)self;
    return 2 * (NONCE + plain_length + TAG);
}

/* A handle for each call: they are not thread-safe, and cost less than a microsecond. */
static gcry_error_t start(const struct gcm *gcm, const struct pxt_seal_context *context, const unsigned char *nonce,
                          gcry_cipher_hd_t *cipher)
{
    gcry_error_t problem = gcry_cipher_open(cipher, GCRY_CIPHER_AES256, GCRY_CIPHER_MODE_GCM, 0);
    if (problem)
        return problem;
    problem = gcry_cipher_setkey(*cipher, gcm->key, KEY);
    if (!problem)
        problem = gcry_cipher_setiv(*cipher, nonce, NONCE);
    /* The final NUL of the key divides the two. */
    if (!problem)
        problem = gcry_cipher_authenticate(*cipher, context->entry_key, strlen(context->entry_key) + 1);
    if (!problem)
        problem = gcry_cipher_authenticate(*cipher, context->field, strlen(context->field));
    if (problem)
        gcry_cipher_close(*cipher);
    return problem;
}

static pxt_status gcm_seal(void *self, const struct pxt_seal_context *context, const char *plain, size_t plain_length,
                           char *token, size_t *token_length, struct pxt_error *error)
{
    static const char digits[] = "0123456789abcdef";
    const struct gcm *gcm = self;
    const struct pxt_host *host = gcm->host;
    gcry_cipher_hd_t cipher;
    size_t size = NONCE + plain_length + TAG;
    unsigned char *bytes = malloc(size);
    if (!bytes)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory for a token");
    gcry_create_nonce(bytes, NONCE);
    gcry_error_t problem = start(gcm, context, bytes, &cipher);
    if (!problem) {
        problem = plain_length ? gcry_cipher_encrypt(cipher, bytes + NONCE, plain_length, plain, plain_length) : 0;
        if (!problem)
            problem = gcry_cipher_gettag(cipher, bytes + NONCE + plain_length, TAG);
        gcry_cipher_close(cipher);
    }
    for (size_t i = 0; !problem && i < size; i++) {
        token[2 * i] = digits[bytes[i] >> 4];
        token[2 * i + 1] = digits[bytes[i] & 15];
    }
    free(bytes);
    *token_length = 2 * size;
    return problem ? host->fail(host, error, PXT_EINTERNAL, 0, "cannot seal: %s", gcry_strerror(problem)) : PXT_OK;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static pxt_status gcm_open_token(void *self, const struct pxt_seal_context *context, const char *token,
                                 size_t token_length, char *plain, size_t *plain_length, struct pxt_error *error)
{
    const struct gcm *gcm = self;
    const struct pxt_host *host = gcm->host;
    gcry_cipher_hd_t cipher;
    size_t size = token_length / 2, length = size - NONCE - TAG;
    bool good = token_length % 2 == 0 && size >= NONCE + TAG;
    unsigned char *bytes = malloc(size ? size : 1);
    if (!bytes)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory for a token");
    for (size_t i = 0; good && i < size; i++) {
        int high = digit(token[2 * i]), low = digit(token[2 * i + 1]);
        good = high >= 0 && low >= 0;
        if (good)
            bytes[i] = (unsigned char)(high << 4 | low);
    }
    if (good && !start(gcm, context, bytes, &cipher)) {
        good = (!length || !gcry_cipher_decrypt(cipher, plain, length, bytes + NONCE, length)) &&
               !gcry_cipher_checktag(cipher, bytes + NONCE + length, TAG);
        gcry_cipher_close(cipher);
        if (!good)
            explicit_bzero(plain, length);
    } else {
        good = false;
    }
    free(bytes);
    *plain_length = good ? length : 0;
    return good ? PXT_OK
                : host->fail(host, error, PXT_EDECRYPT, 0,
                             "a credential cannot be opened: it was sealed with another key, changed, or moved");
}

static const struct pxt_encryptor_ops ops = {.size = sizeof ops,
                                             .flags = PXT_ENCRYPTOR_BINDS,
                                             .open = gcm_open,
                                             .close = gcm_close,
                                             .token_size = gcm_token_size,
                                             .seal = gcm_seal,
                                             .open_token = gcm_open_token};

PXT_PLUGIN(PXT_KIND_ENCRYPTOR, "gcm", "1.0", "MIT", "AES-256-GCM, bound to entry and field", options, &ops);
