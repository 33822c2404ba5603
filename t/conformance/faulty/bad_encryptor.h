/* SPDX-License-Identifier: MIT
 *
 * bad_encryptor.h: one that turns bits over, with a checksum of its own: no cipher, but enough to show faults with.
 */
#include <proxtier/encryptor.h>
#include <stdlib.h>
#include <string.h>

static pxt_status open_it(const struct pxt_host *host, const struct pxt_settings *settings, void **self,
                          struct pxt_error *error)
{
    (void)settings, (void)error;
    *self = (void *)(uintptr_t)host;
    return PXT_OK;
}

static void close_it(void *self)
{
    (void)self;
}

static size_t token_size(void *self, size_t plain_length)
{
    (void)self;
#ifdef FAULT_token_is_longer_than_said
    return plain_length;
#endif
    return plain_length + 9;
}

static unsigned char sum_of(const char *token, size_t length)
{
    unsigned char sum = 1;
    for (size_t i = 0; i < length; i++)
        sum = (unsigned char)(sum * 31 + (unsigned char)token[i]);
    return sum;
}

static pxt_status seal(void *self, const struct pxt_seal_context *context, const char *plain, size_t plain_length,
                       char *token, size_t *token_length, struct pxt_error *error)
{
#ifdef FAULT_threads_share_a_buffer
    static char shared[2 * PXT_SECRET_MAX];
    char *mine = token;
    token = shared;
#endif
    static _Atomic unsigned last;
    unsigned number = ++last;
    (void)self, (void)context, (void)error;
    memset(token, 0, 8);
    token[0] = (char)number;
    token[1] = (char)(number >> 8);
    for (size_t i = 0; i < plain_length; i++)
#ifdef FAULT_token_holds_the_text
        token[8 + i] = plain[i];
#else
        token[8 + i] = (char)(plain[i] ^ (0x5A + (int)i + token[0]));
#endif
    token[8 + plain_length] = (char)sum_of(token, 8 + plain_length);
    *token_length = plain_length + 9;
#ifdef FAULT_threads_share_a_buffer
    memcpy(mine, token, *token_length);
#endif
    return PXT_OK;
}

static pxt_status open_token(void *self, const struct pxt_seal_context *context, const char *token, size_t token_length,
                             char *plain, size_t *plain_length, struct pxt_error *error)
{
    const struct pxt_host *host = self;
    (void)context;
    if (token_length < 9 || (unsigned char)token[token_length - 1] != sum_of(token, token_length - 1))
#ifndef FAULT_opens_changed_tokens
        return host->fail(host, error, PXT_EDECRYPT, 0, "the token was changed");
#else
        (void)host, (void)error;
#endif
    *plain_length = token_length < 9 ? 0 : token_length - 9;
    for (size_t i = 0; i < *plain_length; i++)
#ifdef FAULT_token_holds_the_text
        plain[i] = token[8 + i];
#else
        plain[i] = (char)(token[8 + i] ^ (0x5A + (int)i + token[0]));
#endif
#ifdef FAULT_opens_to_other_text
    if (*plain_length > 100)
        plain[50] ^= 1;
#endif
    return PXT_OK;
}

#ifdef FAULT_says_that_it_binds
#define FLAGS PXT_ENCRYPTOR_BINDS
#else
#define FLAGS 0
#endif
static const struct pxt_encryptor_ops ops = {.size = sizeof ops,
                                             .flags = FLAGS,
                                             .open = open_it,
                                             .close = close_it,
                                             .token_size = token_size,
                                             .seal = seal,
                                             .open_token = open_token};

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
PXT_PLUGIN(PXT_KIND_ENCRYPTOR, TEXT(NAME), "1.0", "MIT", "an encryptor with one fault", NULL, &ops);
