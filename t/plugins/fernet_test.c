/* SPDX-License-Identifier: MIT
 *
 * The fernet encryptor: the specification's vectors, tampering, rotation, and keys from files.
 */
#include "../lib/plugin_user.h"
#include "../lib/tap.h"
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SPEC_KEY "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
static const struct pxt_seal_context context = {.size = sizeof context, .entry_key = "k", .field = "password"};

struct open_encryptor {
    struct plugin_user user;
    const struct pxt_encryptor_ops *ops;
    void *self;
    pxt_status status;
};

static void open_it(struct open_encryptor *it, const char *yaml)
{
    use_plugin(&it->user, "fernet", yaml);
    it->ops = it->user.module->ops;
    it->self = NULL;
    it->status = it->ops->open(&it->user.host.host, it->user.settings, &it->self, &it->user.error);
}

static void close_it(struct open_encryptor *it)
{
    if (!it->status)
        it->ops->close(it->self);
    leave_plugin(&it->user);
}

static pxt_status open_token(struct open_encryptor *it, const char *token, size_t length, char *plain, size_t *out)
{
    return it->ops->open_token(it->self, &context, token, length, plain, out, &it->user.error);
}

/* From the specification: with no limit on age the two that are only too old or too new are good ones. */
static void the_vectors_of_the_specification(void)
{
    static const struct {
        const char *what, *token;
        bool good;
    } vectors[] = {
        {"verify",
         "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==", true},
        {"incorrect mac",
         "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykQUFBQUFBQUFBQQ==", false},
        {"too short", "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPA==", false},
        {"invalid base64",
         "%%%%%%%%%%%%%AECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==", false},
        {"size no multiple of the block",
         "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPOm73QeoCk9uGib28Xe5vz6oxq5nmxbx_v7mrfyudzUm", false},
        {"padding error",
         "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0ODz4LEpdELGQAad7aNEHbf-JkLPIpuiYRLQ3RtXatOYREu2FWke6CnJNYIbkuKNqOhw==", false},
        {"far future",
         "gAAAAAAdwStRAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAnja1xKYyhd-Y6mSkTOyTGJmw2Xc2a6kBd-iX9b_qXQcw==", true},
        {"expired",
         "gAAAAAAdwJ6xAAECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAl1-szkFVzXTuGb4hR8AKtwcaX1YdykRtfsH-p1YsUD2Q==", true},
        {"incorrect IV",
         "gAAAAAAdwJ6xBQECAwQFBgcICQoLDA0OD3HkMATM5lFqGaerZ-fWPAkLhFLHpGtDBRLRTZeUfWgHSv49TF2AUEZ1TIvcZjK1zQ==",
         false}};
    struct open_encryptor it;
    char plain[200];
    size_t length;
    setenv("PROXYWHIRL_CACHE_ENCRYPTION_KEY", SPEC_KEY, 1);
    open_it(&it, "{}");
    is_int(it.status, PXT_OK, "a key from the environment");
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        pxt_status status = open_token(&it, vectors[i].token, strlen(vectors[i].token), plain, &length);
        is_int(status, vectors[i].good ? PXT_OK : PXT_EDECRYPT, "%s", vectors[i].what);
    }
    open_token(&it, vectors[0].token, strlen(vectors[0].token), plain, &length);
    ok(length == 5 && !memcmp(plain, "hello", 5), "the token of the specification says hello");
    ok(!strstr(it.user.error.message, SPEC_KEY), "no message tells the key");
    close_it(&it);
}

static void every_changed_bit_is_noticed(void)
{
    struct open_encryptor it;
    char token[400], plain[400];
    size_t length, plain_length;
    int accepted = 0;
    open_it(&it, "{}");
    is_int(it.ops->seal(it.self, &context, "p:a/s?s#w \"d'\\", 14, token, &length, &it.user.error), PXT_OK, "sealed");
    ok(length <= it.ops->token_size(it.self, 14), "within the size promised");
    token[length] = '\0';
    ok(!strstr(token, "s#w"), "the token does not have the plain text");
    is_int(open_token(&it, token, length, plain, &plain_length), PXT_OK, "opened");
    ok(plain_length == 14 && !memcmp(plain, "p:a/s?s#w \"d'\\", 14), "the same");
    for (size_t i = 0; i < length; i++)
        for (int bit = 0; bit < 8; bit++) {
            token[i] = (char)(token[i] ^ 1 << bit);
            accepted += open_token(&it, token, length, plain, &plain_length) == PXT_OK;
            token[i] = (char)(token[i] ^ 1 << bit);
        }
    is_int(accepted, 0, "no bit of a token can be changed");
    for (size_t cut = 0; cut < length; cut++)
        accepted += open_token(&it, token, cut, plain, &plain_length) == PXT_OK;
    is_int(accepted, 0, "no part of a token is a token");
    close_it(&it);
}

static void a_previous_key_still_opens(void)
{
    struct open_encryptor it;
    char token[400], plain[400], ids[64];
    size_t length, plain_length;
    open_it(&it, "{}");
    it.ops->seal(it.self, &context, "old", 3, token, &length, &it.user.error);
    close_it(&it);
    setenv("PROXYWHIRL_CACHE_ENCRYPTION_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 1);
    open_it(&it, "{}");
    is_int(open_token(&it, token, length, plain, &plain_length), PXT_EDECRYPT, "another key does not open it");
    close_it(&it);
    setenv("PROXYWHIRL_CACHE_KEY_PREVIOUS", SPEC_KEY, 1);
    open_it(&it, "{}");
    is_int(open_token(&it, token, length, plain, &plain_length), PXT_OK, "as the previous key it does");
    is_int(it.ops->key_ids(it.self, ids, sizeof ids, &it.user.error), PXT_OK, "keys have names");
    is_int(strlen(ids), 33, "two of them");
    close_it(&it);
    unsetenv("PROXYWHIRL_CACHE_KEY_PREVIOUS");
    unsetenv("PROXYWHIRL_CACHE_ENCRYPTION_KEY");
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *file = fopen(path, "w");
    fputs(text, file);
    fclose(file);
    chmod(path, mode);
}

static void a_key_file_must_be_private_and_whole(void)
{
    struct open_encryptor it;
    char path[100], yaml[200];
    snprintf(path, sizeof path, "%s/key", test_folder());
    snprintf(yaml, sizeof yaml, "{key_file: %s}", path);
    write_file(path, SPEC_KEY "\n", 0644);
    open_it(&it, yaml);
    is_int(it.status, PXT_EACCES, "a key file that others can read is refused");
    ok(strstr(it.user.error.message, "chmod 600"), "... with the remedy");
    close_it(&it);
    chmod(path, 0600);
    open_it(&it, yaml);
    is_int(it.status, PXT_OK, "a private one is taken");
    close_it(&it);
    write_file(path, "too short\n", 0600);
    open_it(&it, yaml);
    is_int(it.status, PXT_ECONFIG, "a malformed key is refused");
    ok(strstr(it.user.error.message, path) && !strstr(it.user.error.message, "too short"),
       "... by its file, not itself");
    close_it(&it);
    snprintf(yaml, sizeof yaml, "{key_command: 'echo " SPEC_KEY "'}");
    open_it(&it, yaml);
    is_int(it.status, PXT_OK, "a key from a command");
    close_it(&it);
    open_it(&it, "{key_command: 'exit 3'}");
    is_int(it.status, PXT_ECONFIG, "a command that fails");
    close_it(&it);
}

/* The commands end by themselves after a while, so that without the limit the test fails and does not hang. */
static void a_command_that_does_not_end_is_given_up(void)
{
    static const char *const commands[] = {"sleep 4; echo " SPEC_KEY, "echo " SPEC_KEY "; exec >&-; sleep 4",
                                           "echo " SPEC_KEY "; sleep 4"};
    for (unsigned i = 0; i < 3; i++) {
        struct open_encryptor it;
        char yaml[300];
        snprintf(yaml, sizeof yaml, "{key_command: '%s', key_command_timeout: 200ms}", commands[i]);
        open_it(&it, yaml);
        is_int(it.status, PXT_EBUSY, "a command that does not end in time: %s", commands[i]);
        ok(strstr(it.user.error.message, "200 ms") && strstr(it.user.error.message, "key_command_timeout"),
           "the message names the limit and the option: %s", it.user.error.message);
        close_it(&it);
    }
}

static void a_key_is_made_once_by_whoever_comes_first(void)
{
    struct open_encryptor it;
    char path[100], yaml[200], token[200], plain[200];
    size_t length, plain_length;
    struct stat file;
    int good = 0, state;
    snprintf(path, sizeof path, "%s/made/fernet.key", test_folder());
    snprintf(yaml, sizeof yaml, "{auto_key_file: %s}", path);
    for (int i = 0; i < 4; i++)
        if (!fork()) {
            open_it(&it, yaml);
            _exit(it.status != PXT_OK);
        }
    while (wait(&state) > 0)
        good += state == 0;
    is_int(good, 4, "four processes at once all have a key");
    ok(!stat(path, &file) && (file.st_mode & 0777) == 0600, "its file is private");
    open_it(&it, yaml);
    it.ops->seal(it.self, &context, "x", 1, token, &length, &it.user.error);
    close_it(&it);
    open_it(&it, yaml);
    is_int(open_token(&it, token, length, plain, &plain_length), PXT_OK, "tomorrow it is the same key");
    close_it(&it);
}

static void python_reads_what_we_write(void)
{
    struct open_encryptor it;
    char token[400], command[900];
    size_t length;
    if (system("python3 -c 'import cryptography.fernet' 2>/dev/null")) {
        skip("python3-cryptography is not installed", 1);
        return;
    }
    setenv("PROXYWHIRL_CACHE_ENCRYPTION_KEY", SPEC_KEY, 1);
    open_it(&it, "{}");
    it.ops->seal(it.self, &context, "interop", 7, token, &length, &it.user.error);
    snprintf(command, sizeof command,
             "python3 -c 'from cryptography.fernet import Fernet; assert Fernet(b\"%s\").decrypt(b\"%.*s\") == "
             "b\"interop\"'",
             SPEC_KEY, (int)length, token);
    is_int(system(command), 0, "Python's cryptography opens our token");
    close_it(&it);
    unsetenv("PROXYWHIRL_CACHE_ENCRYPTION_KEY");
}

int main(void)
{
    the_vectors_of_the_specification();
    every_changed_bit_is_noticed();
    a_previous_key_still_opens();
    a_key_file_must_be_private_and_whole();
    a_command_that_does_not_end_is_given_up();
    a_key_is_made_once_by_whoever_comes_first();
    python_reads_what_we_write();
    return tap_done();
}
