/* SPDX-License-Identifier: MIT
 *
 * plain: no encryption, the token is the credential. For users whose disks are encrypted; it must be chosen by name.
 */
#include <proxtier/encryptor.h>
#include <string.h>

static pxt_status plain_open(const struct pxt_host *host, const struct pxt_settings *settings, void **self,
                             struct pxt_error *error)
{
    (void)settings;
    (void)error;
    host->log(host, PXT_LOG_NOTICE, "credentials are stored in plain text, as the configuration asks");
    *self = (void *)(uintptr_t)host;
    return PXT_OK;
}

static void plain_close(void *self)
{
    (void)self;
}

static size_t plain_token_size(void *self, size_t plain_length)
{
    (void)self;
    return plain_length;
}

static pxt_status plain_seal(void *self, const struct pxt_seal_context *context, const char *plain, size_t plain_length,
                             char *token, size_t *token_length, struct pxt_error *error)
{
    (void)self;
    (void)context;
    (void)error;
    memcpy(token, plain, plain_length);
    *token_length = plain_length;
    return PXT_OK;
}

static pxt_status plain_open_token(void *self, const struct pxt_seal_context *context, const char *token,
                                   size_t token_length, char *plain, size_t *plain_length, struct pxt_error *error)
{
    return plain_seal(self, context, token, token_length, plain, plain_length, error);
}

static const struct pxt_encryptor_ops ops = {.size = sizeof ops,
                                             .flags = PXT_ENCRYPTOR_CLEAR,
                                             .open = plain_open,
                                             .close = plain_close,
                                             .token_size = plain_token_size,
                                             .seal = plain_seal,
                                             .open_token = plain_open_token};

PXT_PLUGIN(PXT_KIND_ENCRYPTOR, "plain", "1.0.0", "MIT", "credentials in plain text", NULL, &ops);
