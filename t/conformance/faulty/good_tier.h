/* SPDX-License-Identifier: MIT
 *
 * good_tier.h: a correct tier in a list, with places where one fault can be built in: each file beside this defines one
 * FAULT_ and includes it.
 */
#include <locale.h>
#include <proxtier/tier.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct node {
    struct node *next;
    pxt_entry *entry;
};
struct tier {
    const struct pxt_host *host;
    pthread_mutex_t lock;
    struct node *first;
    uint64_t count;
};

#ifdef FAULT_instances_share_entries
static struct tier shared;
#endif

#if defined FAULT_saves_when_closed || defined FAULT_ignores_failed_writes
#define STORE
static void in_home(char path[400], const char *name)
{
    snprintf(path, 400, "%s/%s", getenv("HOME"), name);
}

static void load(struct tier *tier)
{
    static char line[1 << 20];
    char path[400];
    in_home(path, "store");
    FILE *file = fopen(path, "r");
    while (file && fgets(line, sizeof line, file)) {
        struct node *node = calloc(1, sizeof *node);
        size_t length = strcspn(line, "\n");
        line[length] = '\0';
        if (!node || tier->host->json_read(tier->host, line, length, &node->entry, NULL)) {
            free(node);
            continue;
        }
        node->next = tier->first;
        tier->first = node;
        tier->count++;
    }
    if (file)
        fclose(file);
}

static void save(struct tier *tier)
{
    static char line[1 << 20];
    char path[400], path_new[400];
    in_home(path, "store");
    in_home(path_new, "store.new");
    FILE *file = fopen(path_new, "w");
    for (struct node *node = tier->first; file && node; node = node->next) {
        size_t length = tier->host->json_write(node->entry, line, sizeof line);
        fwrite(line, 1, length, file);
        putc('\n', file);
    }
    if (file && (fclose(file) || rename(path_new, path)))
        rename(path_new, path);
}
#endif

#ifdef FAULT_crashes_when_loaded
__attribute__((constructor)) static void crash(void)
{
    raise(SIGSEGV);
}
#endif

static void lock(struct tier *tier)
{
#ifndef FAULT_not_thread_safe
    pthread_mutex_lock(&tier->lock);
#else
    (void)tier;
#endif
}

static void unlock(struct tier *tier)
{
#ifndef FAULT_not_thread_safe
    pthread_mutex_unlock(&tier->lock);
#else
    (void)tier;
#endif
}

static pxt_status tier_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                            struct pxt_error *error)
{
    (void)setup, (void)self, (void)error;
#ifdef FAULT_instances_share_entries
    struct tier *tier = &shared;
#else
    struct tier *tier = calloc(1, sizeof *tier);
    if (!tier)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory");
    pthread_mutex_init(&tier->lock, NULL);
#endif
    tier->host = host;
#ifdef FAULT_hangs_in_open
    for (;;)
        pause();
#endif
#ifdef FAULT_changes_the_locale
    setlocale(LC_ALL, "C.UTF-8");
#endif
#ifdef FAULT_changes_the_folder
    if (chdir("/"))
        return PXT_EIO;
#endif
#ifdef FAULT_changes_the_umask
    umask(0);
#endif
#ifdef FAULT_blocks_a_signal
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
#endif
#ifdef STORE
    load(tier);
#endif
#ifdef FAULT_installs_a_signal_handler
    signal(SIGPIPE, SIG_IGN);
#endif
#ifndef FAULT_leaves_self_unset
    *self = tier;
#endif
#ifdef FAULT_fails_without_an_error
    return PXT_EIO;
#endif
    return PXT_OK;
}

static void tier_close(void *self)
{
    struct tier *tier = self;
#ifdef FAULT_crashes_in_close
    raise(SIGSEGV);
#endif
#ifdef FAULT_saves_when_closed
    save(tier);
#endif
#ifndef FAULT_instances_share_entries
    for (struct node *node = tier->first, *next; node; node = next) {
        next = node->next;
#ifndef FAULT_keeps_entries_after_close
        tier->host->entry_release(node->entry);
#endif
        free(node);
    }
    pthread_mutex_destroy(&tier->lock);
#ifndef FAULT_leaks_its_memory
    free(tier);
#endif
#else
    (void)tier;
#endif
}

static struct node **place_of(struct tier *tier, const struct pxt_key *key)
{
    struct node **place = &tier->first;
    for (; *place; place = &(*place)->next) {
        struct pxt_key other;
        tier->host->entry_key((*place)->entry, &other);
#ifdef FAULT_looks_at_eight_bytes_of_a_key
        if (!strncmp(other.text, key->text, 8))
#else
        if (!strcmp(other.text, key->text))
#endif
            break;
    }
    return place;
}

static pxt_status tier_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                           struct pxt_error *error)
{
    struct tier *tier = self;
    (void)flags, (void)error;
#ifdef FAULT_prints
    printf("get %s\n", key->text);
#endif
#ifdef FAULT_hangs_in_get
    for (;;)
        pause();
#endif
    lock(tier);
    struct node *node = *place_of(tier, key);
    if (node)
        *out = tier->host->entry_hold(node->entry);
#ifdef FAULT_holds_once_too_often
    if (node)
        tier->host->entry_hold(node->entry);
#endif
    unlock(tier);
#ifdef FAULT_says_ok_for_a_missing_key
    return PXT_OK;
#endif
    return node ? PXT_OK : PXT_NOT_FOUND;
}

#ifdef FAULT_loses_a_field
static pxt_entry *without_source(struct tier *tier, pxt_entry *entry)
{
    struct pxt_draft draft;
    pxt_entry *copy = NULL;
    pxt_draft_init(&draft);
    tier->host->entry_read(entry, &draft);
    pxt_draft_set_number(&draft, PXT_FIELD_TOTAL_HEALTH_CHECKS, 0);
    tier->host->entry_new(tier->host, &draft, &copy, NULL);
    return copy;
}
#endif

static pxt_status tier_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    struct tier *tier = self;
    struct pxt_key key;
    tier->host->entry_key(entry, &key);
#ifdef FAULT_leaks_with_each_put
    volatile char *lost = malloc(200); /* or a compiler sees that no one needs it */
    if (lost)
        *lost = 1;
#endif
    lock(tier);
    struct node **place = place_of(tier, &key);
    pxt_status status = PXT_OK;
    if (!*place && (*place = calloc(1, sizeof **place)))
        tier->count++;
#ifdef FAULT_keeps_the_first_of_two_puts
    else if (*place) {
        unlock(tier);
        return PXT_OK;
    }
#endif
    if (!*place) {
        status = tier->host->fail(tier->host, error, PXT_ENOMEM, 0, "no memory");
    } else {
        tier->host->entry_release((*place)->entry);
#ifdef FAULT_loses_a_field
        (*place)->entry = without_source(tier, entry);
#else
        (*place)->entry = tier->host->entry_hold(entry);
#endif
    }
#ifdef FAULT_counts_every_put
    tier->count++;
#endif
#ifdef FAULT_ignores_failed_writes
    save(tier);
#endif
    unlock(tier);
    return status;
}

static pxt_status tier_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)why, (void)error;
#ifdef FAULT_deletes_nothing
    return PXT_OK;
#endif
    lock(tier);
    struct node **place = place_of(tier, key), *node = *place;
    if (node) {
        *place = node->next;
        tier->count--;
        tier->host->entry_release(node->entry);
        free(node);
#ifdef FAULT_ignores_failed_writes
        save(tier);
#endif
    }
    unlock(tier);
#ifdef FAULT_says_ok_when_nothing_was_deleted
    return PXT_OK;
#endif
    return node ? PXT_OK : PXT_NOT_FOUND;
}

static pxt_status tier_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct tier *tier = self;
    pxt_entry *entries[4096];
    size_t n = 0;
    bool go_on = true;
    (void)error;
    lock(tier);
    for (struct node *node = tier->first; node && n < 4096; node = node->next)
        entries[n++] = tier->host->entry_hold(node->entry);
#ifndef FAULT_calls_back_under_its_lock
    unlock(tier);
#endif
    for (size_t i = 0; i < n; i++) {
#ifdef FAULT_skips_the_last_in_each
        go_on = go_on && i + 1 < n;
#endif
        bool more = go_on && fn(arg, entries[i]);
#ifdef FAULT_gives_one_twice_in_each
        more = more && (i != 1 || fn(arg, entries[i]));
#endif
#ifndef FAULT_does_not_stop_each
        go_on = more;
#else
        (void)more;
#endif
        tier->host->entry_release(entries[i]);
    }
#ifdef FAULT_calls_back_under_its_lock
    unlock(tier);
#endif
    return PXT_OK;
}

static pxt_status tier_count(void *self, uint64_t *out, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    lock(tier);
    *out = tier->count;
    unlock(tier);
    return PXT_OK;
}

static pxt_status tier_clear(void *self, uint64_t *removed, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    lock(tier);
    *removed = tier->count;
#ifdef FAULT_clear_leaves_one
    struct node **from = tier->first ? &tier->first->next : &tier->first;
#else
    struct node **from = &tier->first;
#endif
    while (*from) {
        struct node *node = *from;
        *from = node->next;
        tier->host->entry_release(node->entry);
        free(node);
    }
    tier->count = tier->first != NULL;
    unlock(tier);
    return PXT_OK;
}

static pxt_status tier_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
#ifdef FAULT_put_many_drops_the_last
    n -= n > 0;
#endif
    for (size_t i = 0; i < n && !status; i++)
        status = tier_put(self, entries[i], error);
    return status;
}

static pxt_status tier_touch(void *self, const struct pxt_touch *const *touches, size_t n, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    lock(tier);
    for (size_t i = 0; i < n; i++) {
        struct node *node = *place_of(tier, &touches[i]->key);
        if (node)
#ifdef FAULT_touch_counts_one_hit
            tier->host->entry_touch(node->entry, 1, touches[i]->last_accessed);
#else
            tier->host->entry_touch(node->entry, touches[i]->hits, touches[i]->last_accessed);
#endif
    }
    unlock(tier);
    return PXT_OK;
}

static pxt_status tier_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                              uint64_t *removed, struct pxt_error *error)
{
    struct tier *tier = self;
    (void)error;
    *removed = 0;
#ifdef FAULT_expires_a_microsecond_late
    now--;
#endif
    for (;;) {
        lock(tier);
        struct node **place = &tier->first;
        while (*place && (tier->host->entry_number((*place)->entry, PXT_FIELD_EXPIRES_AT) > now ||
                          (uint64_t)tier->host->entry_number((*place)->entry, PXT_FIELD_VERSION) > up_to))
            place = &(*place)->next;
        struct node *node = *place;
#ifndef FAULT_expires_beyond_the_limit
        if (*removed == limit)
            node = NULL;
#else
        (void)limit;
#endif
        if (node) {
            *place = node->next;
            tier->count--;
        }
        unlock(tier);
        if (!node)
            return PXT_OK;
        struct pxt_key key;
        tier->host->entry_key(node->entry, &key);
#ifndef FAULT_expires_silently
        fn(arg, &key);
#else
        (void)fn, (void)arg;
#endif
        ++*removed;
        tier->host->entry_release(node->entry);
        free(node);
    }
}

#if defined FAULT_says_durable_and_forgets || defined STORE
#define FLAGS PXT_TIER_DURABLE
#else
#define FLAGS PXT_TIER_CONCURRENT
#endif

static const struct pxt_tier_ops ops = {.size = sizeof ops,
                                        .flags = FLAGS,
                                        .open = tier_open,
                                        .close = tier_close,
                                        .get = tier_get,
                                        .put = tier_put,
                                        .del = tier_del,
                                        .each = tier_each,
                                        .count = tier_count,
                                        .clear = tier_clear,
                                        .put_many = tier_put_many,
                                        .touch = tier_touch,
                                        .expire = tier_expire};

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
PXT_PLUGIN(PXT_KIND_TIER, TEXT(NAME), "1.0", "MIT", "a tier with one fault", NULL, &ops);
