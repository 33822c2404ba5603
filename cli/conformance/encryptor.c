/* SPDX-License-Identifier: MIT
 *
 * encryptor.c: what an encryptor promises.
 */
#include "suite.h"
#include <stdlib.h>
#include <string.h>

enum { LONGEST = PXT_SECRET_MAX, GUARD = 64, PATTERN = 0xA5 };
static const struct pxt_seal_context context = {sizeof context, 0, "some key", "password"};

static const struct pxt_encryptor_ops *ops_of(const struct subject *subject)
{
    return subject->plugin->ops;
}

static const char *hides_nothing(const struct subject *subject)
{
    return ops_of(subject)->flags & PXT_ENCRYPTOR_CLEAR ? "it does not claim to hide the text" : NULL;
}

static const char *does_not_bind(const struct subject *subject)
{
    return ops_of(subject)->flags & PXT_ENCRYPTOR_BINDS ? NULL : "it does not claim to bind tokens to their place";
}

static void *open_it(struct subject *subject)
{
    void *self = NULL;
    calling("open");
    expect_ok(subject, ops_of(subject)->open(subject->host, pxt_trial_settings(subject->trial), &self, &subject->error),
              "open");
    expect(self != NULL, "open succeeds, but leaves *self NULL");
    return self;
}

/* The token, malloc()ed. */
static char *seal(struct subject *subject, void *self, const char *plain, size_t length, size_t *token_length)
{
    calling("seal");
    size_t room = ops_of(subject)->token_size(self, length);
    char *token = malloc(room + GUARD);
    expect(token != NULL, "out of memory");
    memset(token, PATTERN, room + GUARD);
    *token_length = 0;
    expect_ok(subject, ops_of(subject)->seal(self, &context, plain, length, token, token_length, &subject->error),
              "seal");
    expect(*token_length <= room, "a token has %zu bytes, token_size said %zu", *token_length, room);
    for (int i = 0; i < GUARD; i++)
        expect((unsigned char)token[room + (size_t)i] == PATTERN, "seal writes beyond what token_size said");
    return token;
}

static pxt_status open_token(struct subject *subject, void *self, const struct pxt_seal_context *where,
                             const char *token, size_t length, char *plain, size_t *plain_length)
{
    calling("open_token");
    return ops_of(subject)->open_token(self, where, token, length, plain, plain_length, &subject->error);
}

static void gives_back_what_it_sealed(struct subject *subject)
{
    static const size_t lengths[] = {1, 15, 16, 17, 255, LONGEST};
    static char plain[LONGEST], back[4 * LONGEST];
    void *self = open_it(subject);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t token_length, length = 0;
        for (size_t j = 0; j < lengths[i]; j++)
            plain[j] = (char)(j * 7 + i);
        char *token = seal(subject, self, plain, lengths[i], &token_length);
        expect(token_length <= sizeof back, "a token of %zu bytes has %zu", lengths[i], token_length);
        expect_ok(subject, open_token(subject, self, &context, token, token_length, back, &length), "open_token");
        expect(length == lengths[i] && !memcmp(plain, back, length), "%zu bytes come back changed", lengths[i]);
        free(token);
    }
    ops_of(subject)->close(self);
}

static void tokens_hide_the_text(struct subject *subject)
{
    static const char plain[] = "correct horse battery staple";
    size_t length, other_length;
    void *self = open_it(subject);
    char *token = seal(subject, self, plain, sizeof plain - 1, &length);
    for (size_t i = 0; i + 6 <= sizeof plain - 1; i++)
        expect(!memmem(token, length, plain + i, 6), "the token holds a part of the text");
    char *other = seal(subject, self, plain, sizeof plain - 1, &other_length);
    expect(length != other_length || memcmp(token, other, length), "the same text gives the same token twice");
    free(token);
    free(other);
    ops_of(subject)->close(self);
}

static void a_changed_token_is_refused(struct subject *subject)
{
    static const char plain[] = "tamper with me";
    char back[4096];
    size_t length, plain_length;
    void *self = open_it(subject);
    char *token = seal(subject, self, plain, sizeof plain - 1, &length);
    for (size_t bit = 0; bit < length * 8; bit++) {
        token[bit / 8] = (char)(token[bit / 8] ^ (1 << bit % 8));
        pxt_status status = open_token(subject, self, &context, token, length, back, &plain_length);
        expect(status == PXT_EDECRYPT, "with bit %zu of byte %zu changed it gives %s, not PXT_EDECRYPT", bit % 8,
               bit / 8, pxt_status_name(status));
        token[bit / 8] = (char)(token[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t cut = 0; cut < length; cut++)
        expect(open_token(subject, self, &context, token, cut, back, &plain_length) == PXT_EDECRYPT,
               "cut to %zu bytes it is not refused", cut);
    expect_ok(subject, open_token(subject, self, &context, token, length, back, &plain_length),
              "open_token, unchanged");
    free(token);
    ops_of(subject)->close(self);
}

static void a_moved_token_is_refused(struct subject *subject)
{
    struct pxt_seal_context other_entry = {sizeof other_entry, 0, "another key", "password"};
    struct pxt_seal_context other_field = {sizeof other_field, 0, "some key", "username"};
    char back[4096];
    size_t length, plain_length;
    void *self = open_it(subject);
    char *token = seal(subject, self, "move me", 7, &length);
    expect(open_token(subject, self, &other_entry, token, length, back, &plain_length) == PXT_EDECRYPT,
           "a token of another entry is opened");
    expect(open_token(subject, self, &other_field, token, length, back, &plain_length) == PXT_EDECRYPT,
           "a token of another field is opened");
    free(token);
    ops_of(subject)->close(self);
}

/* A new home has a new key, unless the options name one. */
static void another_key_opens_nothing(struct subject *subject)
{
    char home[400], back[4096];
    size_t length, plain_length;
    void *self = open_it(subject);
    char *token = seal(subject, self, "mine", 4, &length);
    snprintf(home, sizeof home, "%s/other", getenv("HOME"));
    expect(!setenv("HOME", home, 1), "the home cannot be changed");
    struct subject second = {.name = subject->name, .options = subject->options};
    subject_open(&second);
    void *other = open_it(&second);
    expect(open_token(&second, other, &context, token, length, back, &plain_length) == PXT_EDECRYPT,
           "with another key the token is opened");
    free(token);
    ops_of(subject)->close(other);
    ops_of(subject)->close(self);
}

static const char *has_given_keys(const struct subject *subject)
{
    return hides_nothing(subject) ? hides_nothing(subject)
           : subject->options     ? "its key is given by the options"
                                  : NULL;
}

static void seal_and_open(struct subject *subject, unsigned number, void *self)
{
    char plain[200], back[4096];
    /* It calls no one where threads could be made to take turns: only time makes them meet. */
    double end = seconds_now() + 0.5;
    for (int i = 0; i < 300 || seconds_now() < end; i++) {
        size_t token_length, length = 0;
        size_t plain_length = (size_t)snprintf(plain, sizeof plain, "thread %u seals %d %*s", number, i, i % 100, "");
        char *token = seal(subject, self, plain, plain_length, &token_length);
        expect_ok(subject, open_token(subject, self, &context, token, token_length, back, &length),
                  "open_token in one of many threads");
        expect(length == plain_length && !memcmp(plain, back, length),
               "a thread does not get back the text that it sealed");
        free(token);
    }
}

static void works_for_sixteen_threads(struct subject *subject)
{
    void *self = open_it(subject);
    in_many_threads(subject, seal_and_open, self);
    ops_of(subject)->close(self);
}

static void changes_nothing_of_the_process(struct subject *subject)
{
    expect_process_unchanged(gives_back_what_it_sealed, subject);
}

static void leaves_nothing_behind(struct subject *subject)
{
    gives_back_what_it_sealed(subject); /* what it opens once, for all instances, stays */
    expect_nothing_left(gives_back_what_it_sealed, subject);
}

static void frees_its_memory(struct subject *subject)
{
    expect_no_growth(gives_back_what_it_sealed, subject, 16000, "use");
}

const struct check encryptor_checks[] = {
    {"gives back the text that it sealed", gives_back_what_it_sealed, NULL},
    {"tokens hide the text", tokens_hide_the_text, hides_nothing},
    {"a changed token is refused, whichever bit", a_changed_token_is_refused, hides_nothing},
    {"a moved token is refused", a_moved_token_is_refused, does_not_bind},
    {"another key opens nothing", another_key_opens_nothing, has_given_keys},
    {"works for sixteen threads", works_for_sixteen_threads, NULL},
    {"frees its memory", frees_its_memory, NULL},
    {"changes nothing of the process: signals, locale, environment, folder, umask", changes_nothing_of_the_process,
     NULL},
    {"closes its descriptors, and ends its threads", leaves_nothing_behind, NULL},
    {NULL, NULL, NULL}};
