/* SPDX-License-Identifier: MIT
 *
 * foreign.h: entries that another program wrote, ProxyWhirl above all, which has wider limits than the field table.
 */
#ifndef PXT_FOREIGN_H
#define PXT_FOREIGN_H

#include <proxtier/plugin.h>

/* Seals the credentials of a draft that are in the clear, for the entry `key`. `*tokens` is for pxt_free(). */
typedef pxt_status pxt_seal_fn(void *arg, const char *key, struct pxt_draft *draft, char **tokens,
                               struct pxt_error *error);
struct pxt_foreign {
    pxt_seal_fn *seal; /* NULL: there is no encryptor, and a URL with credentials cannot be read */
    void *seal_arg;
    const char *changed; /* NULL before; receives which value was changed first, if one was */
};

/*
 * Makes an entry as pxt_entry_new() does, but of values that another program holds valid: texts are clipped, what no
 * text may have is blanked out, counts are clamped, credentials in the URL are split off and sealed.
 * PXT_EINVAL: it is no entry. PXT_ENOTSUP: it is one that cannot be had here (its key or URL is no key or URL of
 * proxtier's, its credentials cannot be sealed): it must stay where it is stored.
 */
pxt_status pxt_entry_new_foreign(const struct pxt_draft *draft, struct pxt_foreign *foreign, pxt_entry **out,
                                 struct pxt_error *error);
/* The same from one line of JSON: see pxt_json_read(). */
pxt_status pxt_json_read_foreign(const char *text, size_t length, struct pxt_foreign *foreign, pxt_entry **out,
                                 struct pxt_error *error);

#endif
