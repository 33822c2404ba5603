/* SPDX-License-Identifier: MIT
 *
 * encryptor_secrets.c: what an encryptor promises to someone who looks for secrets, or makes tokens up.
 */
#include "suite.h"
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct pxt_seal_context context = {sizeof context, 0, "some key", "password"};
static const char secret[] = "correct horse battery staple";
enum { LENGTH = sizeof secret - 1, TOKEN_ROOM = 16384, PIECE = 8 };

static const struct pxt_encryptor_ops *ops_of(const struct subject *subject)
{
    return subject->plugin->ops;
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

/* Into `token`, of TOKEN_ROOM bytes; returns its length. */
static size_t seal(struct subject *subject, void *self, char *token)
{
    size_t length = 0;
    calling("seal");
    expect(ops_of(subject)->token_size(self, LENGTH) <= TOKEN_ROOM, "token_size says more than %d for %d bytes",
           TOKEN_ROOM, LENGTH);
    expect_ok(subject, ops_of(subject)->seal(self, &context, secret, LENGTH, token, &length, &subject->error), "seal");
    return length;
}

/* ---- nonces ----------------------------------------------------------------------------------------------------- */

static uint64_t hash_of(const char *bytes, size_t length)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

enum { TOKENS = 200000, EACH = 500 };

/* Hashes of tokens of one text in one place: two of them are the same only if the nonce is. */
static size_t seal_many(struct subject *subject, void *self, uint64_t *hashes, size_t n, double seconds)
{
    static char token[TOKEN_ROOM];
    double end = seconds_now() + seconds;
    size_t i = 0;
    for (; i < n && (i < EACH || seconds_now() < end); i++) {
        size_t length = seal(subject, self, token);
        hashes[i] = hash_of(token, length);
    }
    return i;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void expect_different(uint64_t *hashes, size_t n, const char *where)
{
    qsort(hashes, n, sizeof *hashes, compare);
    for (size_t i = 1; i < n; i++)
        expect(hashes[i] != hashes[i - 1], "of %zu tokens of one text, %s, two are the same: its nonce is used twice",
               n, where);
}

static void uses_no_nonce_twice(struct subject *subject)
{
    static uint64_t hashes[TOKENS];
    void *self = open_it(subject);
    size_t n = seal_many(subject, self, hashes, TOKENS, 3.0);
    expect_different(hashes, n, "sealed by one instance");
    ops_of(subject)->close(self);
}

/* Sends the hashes of EACH tokens of an instance of another process. */
static pid_t seal_elsewhere(struct subject *subject, int channel)
{
    static uint64_t hashes[EACH];
    pid_t child = fork();
    if (child)
        return child;
    struct subject other = {.name = subject->name, .options = subject->options};
    calling("load");
    subject_open(&other);
    seal_many(&other, open_it(&other), hashes, EACH, 0);
    _exit(write(channel, hashes, sizeof hashes) != sizeof hashes);
}

static void instances_use_other_nonces(struct subject *subject)
{
    enum { PLACES = 4 };
    static uint64_t hashes[PLACES * EACH];
    int channel[2];
    void *self = open_it(subject); /* first: it makes the key that all have */
    seal_many(subject, self, hashes, EACH, 0);
    void *other = open_it(subject);
    seal_many(subject, other, hashes + EACH, EACH, 0);
    for (int i = 2; i < PLACES; i++) {
        int state = 0;
        char *to = (char *)(hashes + i * EACH);
        size_t had = 0, want = EACH * sizeof *hashes;
        expect(!pipe(channel), "no pipe");
        pid_t child = seal_elsewhere(subject, channel[1]);
        close(channel[1]);
        for (ssize_t n = 1; had < want && n > 0; had += n > 0 ? (size_t)n : 0)
            n = read(channel[0], to + had, want - had);
        close(channel[0]);
        expect(child > 0 && waitpid(child, &state, 0) == child && state == 0 && had == want,
               "another process that seals fails");
    }
    expect_different(hashes, PLACES * EACH, "sealed by several instances with the same key");
    ops_of(subject)->close(other);
    ops_of(subject)->close(self);
}

/* ---- what it says ----------------------------------------------------------------------------------------------- */

static void expect_unsaid(const char *bytes, size_t length, const char *what)
{
    const char *all = said_by_plugin();
    for (size_t i = 0; i + PIECE <= length; i++)
        expect(!memmem(all, strlen(all), bytes + i, PIECE), "it puts a part of %s into a log line or an error", what);
}

static void says_no_secrets(struct subject *subject)
{
    static char token[TOKEN_ROOM], plain[TOKEN_ROOM];
    struct pxt_seal_context elsewhere = {sizeof elsewhere, 0, "another key", "username"};
    size_t plain_length, length;
    void *self = open_it(subject);
    length = seal(subject, self, token);
    calling("open_token");
    expect_ok(subject,
              ops_of(subject)->open_token(self, &context, token, length, plain, &plain_length, &subject->error),
              "open_token");
    ops_of(subject)->open_token(self, &elsewhere, token, length, plain, &plain_length, &subject->error);
    for (size_t at = 0; at < length; at++) {
        token[at] ^= 1;
        ops_of(subject)->open_token(self, &context, token, length, plain, &plain_length, &subject->error);
        token[at] ^= 1;
    }
    expect_unsaid(secret, LENGTH, "the text");
    expect_unsaid(token, length, "a token");
    ops_of(subject)->close(self);
}

/* ---- keys ------------------------------------------------------------------------------------------------------- */

struct key_files {
    struct subject *subject;
    unsigned count;
    const char *ids;
};

static void expect_private(const char *path, const struct stat *file, void *arg)
{
    struct key_files *files = arg;
    const char *name = strrchr(path, '/');
    files->count++;
    expect(!(file->st_mode & 077), "the file %s, which it made, can be read or written by others (mode %04o)",
           name ? name + 1 : path, (unsigned)file->st_mode & 07777);
}

static void make_public(const char *path, const struct stat *file, void *arg)
{
    (void)arg;
    expect(!chmod(path, file->st_mode | 044), "the mode of a file cannot be changed");
}

static void keeps_its_key_to_itself(struct subject *subject)
{
    static char token[TOKEN_ROOM];
    struct key_files files = {.subject = subject};
    void *self = open_it(subject);
    seal(subject, self, token);
    ops_of(subject)->close(self);
    each_file(expect_private, &files);
    if (!files.count)
        skip_check("it makes no file below $HOME: its key is given, or elsewhere");
    each_file(make_public, NULL);
    calling("open");
    pxt_status status =
        ops_of(subject)->open(subject->host, pxt_trial_settings(subject->trial), &self, &subject->error);
    expect(status != PXT_OK, "it takes a key from a file that others can read");
    expect(status == PXT_EACCES, "with a key file that others can read open gives %s, not PXT_EACCES",
           pxt_status_name(status));
}

/* No part of the file may stand in the names of keys, be it as it is or in hexadecimal. */
static void expect_unnamed(const char *path, const struct stat *file, void *arg)
{
    struct key_files *files = arg;
    unsigned char bytes[256];
    (void)file;
    FILE *stream = fopen(path, "re");
    size_t n = stream ? fread(bytes, 1, sizeof bytes, stream) : 0;
    for (size_t i = 0; i + PIECE <= n; i++) {
        char hex[2 * PIECE + 1];
        for (size_t j = 0; j < PIECE; j++)
            snprintf(hex + 2 * j, 3, "%02x", bytes[i + j]);
        expect(!memmem(files->ids, strlen(files->ids), bytes + i, PIECE) && !strcasestr(files->ids, hex),
               "key_ids gives a part of the key");
    }
    if (stream)
        fclose(stream);
}

static void names_keys_only(struct subject *subject)
{
    char ids[1000 + 64], small[66], token[TOKEN_ROOM];
    void *self = open_it(subject);
    seal(subject, self, token);
    memset(ids, '?', sizeof ids);
    calling("key_ids");
    expect_ok(subject, ops_of(subject)->key_ids(self, ids, 1000, &subject->error), "key_ids");
    expect(memchr(ids, '\0', 1000) != NULL, "key_ids gives a text without a final NUL");
    struct key_files files = {.subject = subject, .ids = ids};
    each_file(expect_unnamed, &files);
    for (const char *at = subject->options; at && strlen(at) >= PIECE; at++) {
        char piece[PIECE + 1] = "";
        memcpy(piece, at, PIECE);
        expect(!strstr(ids, piece) || strchr(piece, '='), "key_ids gives a part of an option");
    }
    memset(small, '?', sizeof small);
    pxt_status status = ops_of(subject)->key_ids(self, small + 1, 1, &subject->error);
    expect(!*ids || status == PXT_EINVAL, "key_ids with room for 1 byte gives %s, not PXT_EINVAL",
           pxt_status_name(status));
    expect(small[0] == '?' && small[2] == '?', "key_ids writes beyond the size that it was told");
    ops_of(subject)->close(self);
}

/* ---- tokens that were made up ----------------------------------------------------------------------------------- */

static void refuses_any_bytes(struct subject *subject)
{
    static const size_t lengths[] = {0, 1, 2, 15, 16, 33, 64, 100, 1000, 4096, 16384, 16385, 100000};
    uint64_t dice = 7;
    void *self = open_it(subject);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
        for (int kind = 0; kind < 4; kind++) { /* of any bytes, of zeros, of letters, of hexadecimal digits */
            char *token = malloc(lengths[i] + 1),
                 *plain = malloc(lengths[i] + 1); /* so small that a reader beyond is seen */
            expect(token && plain, "out of memory");
            for (size_t at = 0; at < lengths[i]; at++) {
                dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407u;
                unsigned char byte = (unsigned char)(dice >> 56);
                token[at] = (char)(kind == 0   ? byte
                                   : kind == 1 ? 0
                                   : kind == 2 ? 'A' + byte % 26
                                               : "0123456789abcdef"[byte % 16]);
            }
            size_t length = 0;
            calling("open_token, of bytes that were made up");
            pxt_status status =
                ops_of(subject)->open_token(self, &context, token, lengths[i], plain, &length, &subject->error);
            expect(status == PXT_EDECRYPT, "a token of %zu bytes that were made up gives %s, not PXT_EDECRYPT",
                   lengths[i], pxt_status_name(status));
            free(token);
            free(plain);
        }
    ops_of(subject)->close(self);
}

static void a_refusal_gives_nothing(struct subject *subject)
{
    static char token[TOKEN_ROOM], plain[TOKEN_ROOM];
    void *self = open_it(subject);
    size_t length = seal(subject, self, token), plain_length;
    for (size_t at = 0; at < length; at++) {
        memset(plain, 0, sizeof plain);
        token[at] ^= 1;
        calling("open_token");
        expect(ops_of(subject)->open_token(self, &context, token, length, plain, &plain_length, &subject->error) ==
                   PXT_EDECRYPT,
               "a changed token is not refused with PXT_EDECRYPT");
        token[at] ^= 1;
        for (size_t i = 0; i + PIECE <= LENGTH; i++)
            expect(!memmem(plain, sizeof plain, secret + i, PIECE),
                   "it refuses a changed token, and leaves the text in the memory for it");
    }
    ops_of(subject)->close(self);
}

/* ---- what applies ----------------------------------------------------------------------------------------------- */

static const char *hides_nothing(const struct subject *subject)
{
    return ops_of(subject)->flags & PXT_ENCRYPTOR_CLEAR ? "it does not claim to hide the text" : NULL;
}

static const char *names_no_keys(const struct subject *subject)
{
    return ops_of(subject)->key_ids ? NULL : "it leaves out key_ids";
}

const struct check encryptor_secret_checks[] = {
    {"uses no nonce twice", uses_no_nonce_twice, hides_nothing},
    {"instances and processes use different nonces", instances_use_other_nonces, hides_nothing},
    {"says no secret in log lines and errors", says_no_secrets, hides_nothing},
    {"keeps its key to itself", keeps_its_key_to_itself, hides_nothing},
    {"key_ids names keys, and tells no key", names_keys_only, names_no_keys},
    {"refuses any bytes that it did not seal", refuses_any_bytes, hides_nothing},
    {"a refusal gives nothing away", a_refusal_gives_nothing, hides_nothing},
    {NULL, NULL, NULL}};
