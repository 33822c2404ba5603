/* SPDX-License-Identifier: MIT
 *
 * counting_host.c: a host that stands between the plugin and the real one: it counts the entries that the plugin holds, and
 * makes threads take turns where a plugin that locks too little would be found out. It keeps what the plugin logs and
 * what its errors say, and can give all keys one hash.
 */
#include "suite.h"
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

static struct pxt_host counting;
static const struct pxt_host *real_host;
static _Atomic long holds;
static _Atomic bool yields;

/* The calls of an entry's services come from within a plugin's locks, or from where it should have locked. */
static void take_turns(void)
{
    static _Atomic unsigned calls;
    if (atomic_load_explicit(&yields, memory_order_relaxed) &&
        atomic_fetch_add_explicit(&calls, 1, memory_order_relaxed) % 16 == 0)
        sched_yield();
}

void host_yields(bool yes)
{
    yields = yes;
}

/* ---- what it says ----------------------------------------------------------------------------------------------- */

static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static char said[1 << 16]; /* what comes after that much is left out */
static size_t said_length;

static void note_said(const char *line)
{
    pthread_mutex_lock(&said_lock);
    size_t length = strlen(line);
    if (length + 1 < sizeof said - said_length) {
        memcpy(said + said_length, line, length);
        said_length += length;
        said[said_length++] = '\n';
    }
    pthread_mutex_unlock(&said_lock);
}

const char *said_by_plugin(void)
{
    return said;
}

static _Atomic pxt_time ahead; /* of the clock */

void host_steps_clock(pxt_time by)
{
    ahead += by;
}

static pxt_time now(const struct pxt_host *host)
{
    (void)host;
    return real_host->now(real_host) + ahead;
}

static void log_line(const struct pxt_host *host, enum pxt_log_level level, const char *format, ...)
{
    char line[1000];
    va_list args;
    (void)host;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    note_said(line);
    real_host->log(real_host, level, "%s", line);
}

static pxt_status fail_with(const struct pxt_host *host, struct pxt_error *error, pxt_status status, int system_errno,
                            const char *format, ...)
{
    char line[900];
    va_list args;
    (void)host;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    note_said(line);
    return real_host->fail(real_host, error, status, system_errno, "%s", line);
}

static pxt_status prepare_folder(const struct pxt_host *host, const char *path, struct pxt_error *error)
{
    (void)host;
    return real_host->prepare_folder(real_host, path, error);
}

static pxt_status entry_new(const struct pxt_host *host, const struct pxt_draft *draft, pxt_entry **out,
                            struct pxt_error *error)
{
    (void)host;
    pxt_status status = real_host->entry_new(real_host, draft, out, error);
    holds += status == PXT_OK;
    return status;
}

static pxt_status entry_copy(const struct pxt_host *host, const pxt_entry *entry, const struct pxt_draft *changes,
                             pxt_entry **out, struct pxt_error *error)
{
    (void)host;
    pxt_status status = real_host->entry_copy(real_host, entry, changes, out, error);
    holds += status == PXT_OK;
    return status;
}

static pxt_status json_new(const struct pxt_host *host, const pxt_entry *entry, unsigned flags, char **text,
                           size_t *length, struct pxt_error *error)
{
    (void)host;
    take_turns();
    return real_host->json_new(real_host, entry, flags, text, length, error);
}

static int64_t monotonic(const struct pxt_host *host)
{
    (void)host;
    return real_host->monotonic(real_host);
}

static _Atomic bool deadline_is_over;

void host_has_deadline(bool yes)
{
    deadline_is_over = yes;
}

static const struct pxt_call *call(const struct pxt_host *host)
{
    static const struct pxt_call late = {.size = sizeof late, .deadline = 1};
    (void)host;
    return deadline_is_over ? &late : real_host->call(real_host);
}

static pxt_status json_read(const struct pxt_host *host, const char *text, size_t length, pxt_entry **out,
                            struct pxt_error *error)
{
    (void)host;
    pxt_status status = real_host->json_read(real_host, text, length, out, error);
    holds += status == PXT_OK;
    return status;
}

static pxt_status entry_new_foreign(const struct pxt_host *host, const struct pxt_draft *draft, pxt_entry **out,
                                    struct pxt_error *error)
{
    (void)host;
    pxt_status status = real_host->entry_new_foreign(real_host, draft, out, error);
    holds += status == PXT_OK;
    return status;
}

static pxt_status json_read_foreign(const struct pxt_host *host, const char *text, size_t length, pxt_entry **out,
                                    struct pxt_error *error)
{
    (void)host;
    pxt_status status = real_host->json_read_foreign(real_host, text, length, out, error);
    holds += status == PXT_OK;
    return status;
}

static pxt_status tombstone_new(const struct pxt_host *host, const struct pxt_key *key, uint64_t version, unsigned why,
                                pxt_time at, pxt_entry **out, struct pxt_error *error)
{
    (void)host;
    pxt_status status = real_host->tombstone_new(real_host, key, version, why, at, out, error);
    holds += status == PXT_OK;
    return status;
}

/* ---- keys ------------------------------------------------------------------------------------------------------- */

static bool one_hash;

void host_gives_one_hash(void)
{
    one_hash = true;
}

static void hash_again(struct pxt_key *key)
{
    if (one_hash)
        key->hash = 42;
}

static void key_init(struct pxt_key *key, const char *text, size_t length)
{
    real_host->key_init(key, text, length);
    hash_again(key);
}

static void entry_key(const pxt_entry *entry, struct pxt_key *key)
{
    take_turns();
    real_host->entry_key(entry, key);
    hash_again(key);
}

/* ---- entries ---------------------------------------------------------------------------------------------------- */

static int64_t entry_number(const pxt_entry *entry, enum pxt_field_id field)
{
    take_turns();
    return real_host->entry_number(entry, field);
}

static void entry_read(const pxt_entry *entry, struct pxt_draft *draft)
{
    take_turns();
    real_host->entry_read(entry, draft);
}

static size_t json_write(const pxt_entry *entry, char *buffer, size_t capacity)
{
    take_turns();
    return real_host->json_write(entry, buffer, capacity);
}

static pxt_entry *entry_hold(pxt_entry *entry)
{
    take_turns();
    holds++;
    return real_host->entry_hold(entry);
}

static void entry_release(pxt_entry *entry)
{
    take_turns();
    holds -= entry != NULL;
    real_host->entry_release(entry);
}

static pxt_entry *entry_acquire(pxt_entry *const *place)
{
    pxt_entry *entry = real_host->entry_acquire(place);
    holds += entry != NULL;
    return entry;
}

static pxt_entry *entry_acquire_key(pxt_entry *const *place, const struct pxt_key *key)
{
    struct pxt_key real; /* with its own hash, by which the real host compares */
    take_turns();
    real_host->key_init(&real, key->text, key->length);
    pxt_entry *entry = real_host->entry_acquire_key(place, &real);
    holds += entry != NULL;
    return entry;
}

static pxt_status tier_open(const struct pxt_host *host, const char *plugin, const struct pxt_option_value *options,
                            const struct pxt_tier_setup *setup, const struct pxt_host *lower_host,
                            struct pxt_lower_tier **out, struct pxt_error *error)
{
    (void)host;
    return real_host->tier_open(real_host, plugin, options, setup, lower_host, out, error);
}

static void changed(const struct pxt_host *host, const struct pxt_key *key)
{
    struct pxt_key real; /* with its own hash */
    (void)host;
    if (key)
        real_host->key_init(&real, key->text, key->length);
    real_host->changed(real_host, key ? &real : NULL);
}

static void available(const struct pxt_host *host, bool is_there)
{
    (void)host;
    real_host->available(real_host, is_there);
}

const struct pxt_host *counting_host(const struct pxt_host *real)
{
    real_host = real;
    counting = *real;
    counting.now = now;
    counting.log = log_line;
    counting.fail = fail_with;
    counting.prepare_folder = prepare_folder;
    counting.monotonic = monotonic;
    counting.call = call;
    counting.entry_new = entry_new;
    counting.entry_copy = entry_copy;
    counting.json_new = json_new;
    counting.json_read = json_read;
    counting.entry_new_foreign = entry_new_foreign;
    counting.json_read_foreign = json_read_foreign;
    counting.tombstone_new = tombstone_new;
    counting.key_init = key_init;
    counting.entry_key = entry_key;
    counting.entry_number = entry_number;
    counting.entry_read = entry_read;
    counting.json_write = json_write;
    counting.entry_hold = entry_hold;
    counting.entry_release = entry_release;
    counting.entry_acquire = entry_acquire;
    counting.entry_acquire_key = entry_acquire_key;
    counting.tier_open = tier_open;
    counting.changed = changed;
    counting.available = available;
    return &counting;
}

long holds_of_plugin(void)
{
    return holds;
}

void handed_out(void)
{
    holds--;
}

void let_go(pxt_entry *entry)
{
    real_host->entry_release(entry);
}
