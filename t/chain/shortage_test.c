/* SPDX-License-Identifier: MIT
 *
 * Where an allocation fails, be it libgcrypt's, sqlite's or json-c's, a call works or answers a documented status: the
 * process goes on, the next session works, a put that was acknowledged is not lost, and no memory is. A session is
 * open, put, get, opening of a credential, report, exports, backup, delete and close; each of its allocations is failed in turn,
 * alone or with those after it, in a process of its own.
 */
#include "../lib/short_malloc.h"
#include "../lib/tap.h"
#include <gcrypt.h>
#include <proxtier/proxtier.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PASSED, WRONG_STATUS, NOT_RECOVERED, PUT_LOST, MEMORY_LOST, ENDED, WAITS, OUTCOMES };
static const char *const outcome_name[OUTCOMES] = {
    "passed", "wrong status", "next session fails", "put is not found", "memory lost", "process ended", "tiers wait"};

static char folder[] = "/tmp/proxtier-shortage-XXXXXX";
static const char *shown_call; /* of the last call that was not PXT_OK */
static struct pxt_error shown;

/* Returns whether the status is one that a shortage of memory may lead to. */
static bool allowed(const char *call, pxt_status status, const struct pxt_error *error)
{
    if (!status)
        return true;
    shown_call = call;
    shown = *error;
    return status == PXT_ENOMEM || status == PXT_EUNAVAILABLE;
}

static pxt_status open_cache(pxt_cache **cache, struct pxt_error *error)
{
    static char yaml[600];
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: fernet, key_file: %s/key}\n"
             "tiers: [{plugin: l1_memory, max_entries: 4}, {plugin: l2_jsonl, shards: 1, dir: %s/l2}, "
             "{plugin: l3_sqlite, path: %s/l3.db}]",
             folder, folder, folder);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    return pxt_cache_open(&options, cache, error);
}

static bool use_entry(pxt_cache *cache, const char *key, pxt_entry *entry, struct pxt_error *error)
{
    pxt_secret *secret = NULL;
    struct pxt_report report = {.size = sizeof report, .ok = true, .latency_ms = 5};
    pxt_status status = pxt_cache_open_secret(cache, entry, PXT_FIELD_PASSWORD, &secret, error);
    bool good = allowed("open_secret", status, error) && (status || !strcmp(pxt_secret_text(secret, NULL), "hunter2"));
    pxt_secret_free(secret);
    status = pxt_cache_report(cache, key, &report, NULL, NULL, error);
    return allowed("report", status, error) && good;
}

static bool write_lists(pxt_cache *cache, FILE *sink, struct pxt_error *error)
{
    static const char *const formats[] = {"jsonl", "csv", "hostport-userpass", "3proxy"};
    struct pxt_export_options options = PXT_EXPORT_OPTIONS_INIT;
    bool good = true;
    options.reveal = true;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        options.format = formats[i];
        good = allowed(formats[i], pxt_cache_export_as(cache, sink, &options, NULL, error), error) && good;
    }
    return allowed("backup", pxt_cache_backup(cache, sink, NULL, error), error) && good;
}

/* Puts one entry and uses it. Returns whether all calls answered as they may; `acknowledged` whether the put did. */
static bool use_cache(pxt_cache *cache, FILE *sink, const char *url, bool *acknowledged, struct pxt_error *error)
{
    char key[PXT_KEY_MAX + 1];
    struct pxt_draft draft;
    pxt_entry *entry = NULL;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, url, strlen(url));
    pxt_draft_set_text(&draft, PXT_FIELD_USERNAME, "u", 1);
    pxt_draft_set_text(&draft, PXT_FIELD_PASSWORD, "hunter2", 7);
    pxt_status status = pxt_cache_put(cache, &draft, key, error);
    bool good = allowed("put", status, error);
    *acknowledged = !status;
    if (!status) {
        status = pxt_cache_get(cache, key, &entry, error);
        good = allowed("get", status, error) && good;
        if (entry)
            good = use_entry(cache, key, entry, error) && good;
        pxt_entry_release(entry);
    }
    return write_lists(cache, sink, error) && good;
}

static bool delete_entry(pxt_cache *cache, const char *url, struct pxt_error *error)
{
    char key[17];
    pxt_status status = pxt_key_of_url(url, "u", key, error);
    if (!status)
        status = pxt_cache_delete(cache, key, error);
    return status == PXT_NOT_FOUND || allowed("delete", status, error);
}

static bool session(FILE *sink, bool *acknowledged, struct pxt_error *error)
{
    pxt_cache *cache = NULL;
    bool other;
    *acknowledged = false;
    pxt_status status = open_cache(&cache, error);
    if (status)
        return allowed("open", status, error);
    bool good = use_cache(cache, sink, "http://192.0.2.1:80", acknowledged, error);
    good = use_cache(cache, sink, "http://192.0.2.2:80", &other, error) && good;
    good = delete_entry(cache, "http://192.0.2.2:80", error) && good;
    pxt_cache_close(cache);
    return good;
}

/* A session without a shortage; returns an outcome. The entry must be there first if its put was acknowledged; tiers that
 * could not note what they missed may say that they wait. */
static int whole_session(FILE *sink, bool must_be_there)
{
    char key[17];
    bool acknowledged;
    struct pxt_error error;
    pxt_cache *cache = NULL;
    pxt_entry *entry = NULL;
    shown_call = NULL;
    if (!allowed("open", open_cache(&cache, &error), &error) || !cache)
        return NOT_RECOVERED;
    pxt_status status = pxt_key_of_url("http://192.0.2.1:80", "u", key, &error);
    if (!status)
        status = pxt_cache_get(cache, key, &entry, &error);
    pxt_entry_release(entry);
    if (must_be_there && status) {
        shown_call = "get";
        shown = error;
    }
    pxt_cache_close(cache);
    if (must_be_there && status)
        return status == PXT_EUNAVAILABLE ? WAITS : PUT_LOST;
    return session(sink, &acknowledged, &error) && acknowledged && !shown_call ? PASSED : NOT_RECOVERED;
}

static int short_session(FILE *sink, unsigned long first, unsigned long length)
{
    bool acknowledged;
    struct pxt_error error;
    short_malloc_set(first, length);
    bool good = session(sink, &acknowledged, &error);
    short_malloc_set(0, 0);
    return good ? whole_session(sink, acknowledged) : WRONG_STATUS;
}

static int twice(FILE *sink, unsigned long first, unsigned long length)
{
    int outcome = short_session(sink, first, length);
    long live = short_malloc_live();
    if (!outcome)
        outcome = short_session(sink, first, length);
    shown_call = outcome ? shown_call : NULL;
    return outcome || short_malloc_live() <= live ? outcome : MEMORY_LOST;
}

/* Runs a case in a child, with files of its own. */
static int in_child(unsigned long first, unsigned long length)
{
    int state = 0;
    fflush(stdout);
    pid_t child = fork();
    if (!child) {
        alarm(120);
        FILE *sink = fopen("/dev/null", "w");
        if (!sink || !freopen("/dev/null", "w", stderr))
            _exit(ENDED);
        int outcome = twice(sink, first, length);
        if (outcome)
            diag("allocation %lu: %s: %s: %s", first, outcome_name[outcome], shown_call ? shown_call : "-",
                 shown_call ? shown.message : "-");
        fflush(stdout);
        _exit(outcome);
    }
    waitpid(child, &state, 0);
    if (WIFEXITED(state))
        return WEXITSTATUS(state);
    diag("allocation %lu: signal %d", first, WTERMSIG(state));
    return ENDED;
}

static void empty_folder(void)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s/l2* %s/l3*", folder, folder);
    if (system(command))
        diag("cannot clean up");
}

/* Fails allocations of a session in turn, `length` at a time. */
static void sweep(unsigned long total, unsigned long length, int cases, const char *name)
{
    unsigned seen[OUTCOMES] = {0};
    unsigned long step = total / (unsigned long)cases + 1;
    for (unsigned long first = 0; first < total; first += step) {
        empty_folder();
        seen[in_child(first, length)]++;
    }
    diag("%s: %u cases passed, in %u tiers wait", name, seen[PASSED], seen[WAITS]);
    for (int i = PASSED + 1; i <= ENDED; i++)
        is_int(seen[i], 0, "%s: %s: none", name, outcome_name[i]);
}

/* libgcrypt's start and its test of AES end the process or refuse AES for good if memory runs out within them; the core
 * and fernet ask for that memory before (see gcrypt_start_test). Here libgcrypt has been used. */
static void use_libgcrypt(void)
{
    gcry_cipher_hd_t cipher;
    static const char key[16];
    gcry_check_version(NULL);
    gcry_control(GCRYCTL_DISABLE_SECMEM, 0);
    gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    if (!gcry_cipher_open(&cipher, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_CBC, 0)) {
        gcry_cipher_setkey(cipher, key, sizeof key);
        gcry_cipher_close(cipher);
    }
}

/* Returns how many allocations a session makes; the files are as at the start of a case. */
static unsigned long count_session(void)
{
    unsigned long *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t child = fork();
    if (!child) {
        bool acknowledged;
        struct pxt_error error;
        FILE *sink = fopen("/dev/null", "w");
        short_malloc_set(0, 0);
        bool good = session(sink, &acknowledged, &error) && acknowledged && !shown_call;
        *shared = good ? short_malloc_count() : 0;
        if (!good)
            diag("%s: %s", shown_call, shown.message);
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    return *shared;
}

static void write_key(void)
{
    char path[60];
    snprintf(path, sizeof path, "%s/key", folder);
    FILE *file = fopen(path, "w");
    if (!file || fputs("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=\n", file) < 0 || fclose(file) || chmod(path, 0600))
        diag("cannot write %s", path);
}

int main(void)
{
    if (!short_malloc_works()) {
        skip("this malloc() cannot be replaced: a sanitizer or valgrind has its own", 1);
        return tap_done();
    }
    if (!mkdtemp(folder))
        return 1;
    write_key();
    use_libgcrypt();
    unsigned long total = count_session();
    ok(total, "a session without a shortage works, with %lu allocations", total);
    sweep(total, 1, tap_amount(140), "one allocation fails");
    sweep(total, 4, tap_amount(50), "four fail");
    sweep(total, ~0UL / 2, tap_amount(50), "all from one on fail");
    char command[60];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) ? 1 : tap_done();
}
