/* SPDX-License-Identifier: MIT
 *
 * tier_secrets.c: what a tier promises of the secret that its options give it: a password of its server, say.
 */
#include "tier_kit.h"
#include <stdlib.h>
#include <string.h>

enum { LEAST = 8 }; /* a shorter one may stand anywhere by chance */

/* An option for a secret that is given; NULL: there is none. */
static const char *secret_of(const struct subject *subject, size_t *length)
{
    for (size_t i = 0; pxt_plugin_option(subject->plugin, i); i++) {
        const struct pxt_option *option = pxt_plugin_option(subject->plugin, i);
        const char *secret = option->type == PXT_OPTION_SECRET
                                 ? pxt_trial_host(subject->trial)
                                       ->setting_secret(pxt_trial_settings(subject->trial), option->name, length)
                                 : NULL;
        if (secret && *length >= LEAST)
            return secret;
    }
    return NULL;
}

struct search {
    const char *secret;
    size_t length;
};

static void expect_not_in_file(const char *path, const struct stat *file, void *arg)
{
    const struct search *search = arg;
    FILE *stream = fopen(path, "rb");
    char *bytes = stream ? malloc((size_t)file->st_size + 1) : NULL;
    size_t n = bytes ? fread(bytes, 1, (size_t)file->st_size, stream) : 0;
    bool found = bytes && memmem(bytes, n, search->secret, search->length);
    free(bytes);
    if (stream)
        fclose(stream);
    expect(!found, "it writes its secret to %s", path);
}

static void says_no_secret(struct subject *subject)
{
    struct search search = {NULL, 0};
    void *self = tier_open(subject, NULL, NULL, 0);
    search.secret = secret_of(subject, &search.length);
    if (!search.secret)
        skip_check("no secret of eight bytes and more is given: --options NAME=file:PATH");
    put_named(subject, self, "k", 1);
    version_named(subject, self, "k");
    version_named(subject, self, "missing");
    delete_named(subject, self, "k");
    delete_named(subject, self, "k");
    expect(!memmem(said_by_plugin(), strlen(said_by_plugin()), search.secret, search.length),
           "it writes its secret into a log line or an error");
    each_file(expect_not_in_file, &search);
    tier_close(subject, self);
}

static const char *without_secret(const struct subject *subject)
{
    for (size_t i = 0; pxt_plugin_option(subject->plugin, i); i++)
        if (pxt_plugin_option(subject->plugin, i)->type == PXT_OPTION_SECRET)
            return NULL;
    return "it has no option for a secret";
}

const struct check tier_secret_checks[] = {
    {"writes the secret of its options into no log line, error or file", says_no_secret, without_secret},
    {NULL, NULL, NULL}};
