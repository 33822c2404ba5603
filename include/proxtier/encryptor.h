/* SPDX-License-Identifier: MIT
 *
 * encryptor.h: the ABI of encryptors: how credentials are sealed at rest.
 *
 * All operations are called from many threads at once.
 */
#ifndef PROXTIER_ENCRYPTOR_H
#define PROXTIER_ENCRYPTOR_H

#include <proxtier/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Where a credential stands. An authenticated cipher may bind the token to it, so that a token moved to another
 * entry or field is refused. */
struct pxt_seal_context {
    uint32_t size;
    uint32_t reserved;
    const char *entry_key;
    const char *field; /* "username" or "password" */
};

#define PXT_ENCRYPTOR_CLEAR 1u /* does not hide: its tokens are the plain text */
#define PXT_ENCRYPTOR_BINDS 2u /* refuses a token that was moved to another entry or field */

struct pxt_encryptor_ops {
    uint32_t size;  /* sizeof(struct pxt_encryptor_ops) at compile time */
    uint32_t flags; /* PXT_ENCRYPTOR_* */
    /* Opens the encryptor; finds its keys by its settings. `*self` must not be NULL. */
    pxt_status (*open)(const struct pxt_host *host, const struct pxt_settings *settings, void **self,
                       struct pxt_error *error);
    /* Wipes keys and closes. */
    void (*close)(void *self);
    /* The largest token for a plain text of `plain_length` bytes. */
    size_t (*token_size)(void *self, size_t plain_length);
    /* Seals. `token` has room for token_size(); `*token_length` receives the bytes used. Tokens are printable ASCII
     * unless the encryptor's manual says otherwise. */
    pxt_status (*seal)(void *self, const struct pxt_seal_context *context, const char *plain, size_t plain_length,
                       char *token, size_t *token_length, struct pxt_error *error);
    /* Opens a token. `plain` is secret memory with room for `token_length` bytes. PXT_EDECRYPT where it was not sealed
     * with a known key, was changed, or was moved. */
    pxt_status (*open_token)(void *self, const struct pxt_seal_context *context, const char *token, size_t token_length,
                             char *plain, size_t *plain_length, struct pxt_error *error);
    /* Names of the keys that tokens can be opened with, current first, as text that is no secret, separated by commas.
     * NULL operation: none. */
    pxt_status (*key_ids)(void *self, char *buffer, size_t size, struct pxt_error *error);
};

#ifdef __cplusplus
}
#endif
#endif
