/* SPDX-License-Identifier: MIT
 *
 * tier_kit.c: what the checks of tiers are made of.
 */
#include "tier_kit.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

const struct pxt_tier_ops *tier_ops(const struct subject *subject)
{
    return &subject->tier;
}

/* ---- open ------------------------------------------------------------------------------------------------------- */

static char *lent; /* a page with the setup, which is valid during open only: afterwards it cannot be read */
static size_t lent_size;
static struct sigaction before;

static void tell_use_of_setup(int signal_number, siginfo_t *info, void *context)
{
    (void)context;
    const char *at = info->si_addr;
    expect(info->si_code <= 0 || at < lent || at >= lent + lent_size,
           "it uses the setup of open after open has returned: it is valid during the call only, copy what is needed");
    sigaction(signal_number, &before, NULL); /* for it happens again, unless it was sent */
    if (info->si_code <= 0)
        raise(signal_number);
}

/* Before anything looks at the process. */
static void watch_setup(void)
{
    struct sigaction action = {.sa_sigaction = tell_use_of_setup, .sa_flags = SA_SIGINFO};
    if (lent)
        return;
    lent_size = (size_t)sysconf(_SC_PAGESIZE);
    lent = mmap(NULL, lent_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    expect(lent != MAP_FAILED && !sigaction(SIGSEGV, &action, &before), "the use of a page cannot be watched");
}

static pxt_status open_with(struct subject *subject, const struct pxt_tier_setup *setup, void **self)
{
    expect(!mprotect(lent, lent_size, PROT_READ | PROT_WRITE), "a page cannot be protected");
    memcpy(lent, setup, sizeof *setup);
    calling("open");
    pxt_status status =
        tier_ops(subject)->open(subject->host, (const struct pxt_tier_setup *)(void *)lent, self, &subject->error);
    expect(!mprotect(lent, lent_size, PROT_NONE), "a page cannot be protected");
    return status;
}

void *tier_open(struct subject *subject, const struct pxt_eviction_ops *policy, const struct pxt_trial *trial,
                uint64_t capacity)
{
    void *self = NULL;
    struct pxt_tier_setup setup = {.size = sizeof setup,
                                   .name = "trial",
                                   .settings = pxt_trial_settings(subject->trial),
                                   .max_entries = capacity,
                                   .policy = policy,
                                   .policy_host = trial ? pxt_trial_host(trial) : NULL,
                                   .policy_settings = trial ? pxt_trial_settings(trial) : NULL};
    expect_ok(subject, open_with(subject, &setup, &self), "open");
    expect(self != NULL, "open succeeds, but leaves *self NULL");
    return self;
}

void tier_find_ops(struct subject *subject)
{
    watch_setup();
    subject->tier = *(const struct pxt_tier_ops *)subject->plugin->ops;
    if (!subject->tier.instance_ops)
        return;
    void *self = tier_open(subject, NULL, NULL, 0);
    const struct pxt_tier_ops *own = subject->tier.instance_ops(self);
    void (*close)(void *) = subject->tier.close;
    if (own) {
        memset(&subject->tier, 0, sizeof subject->tier);
        memcpy(&subject->tier, own, own->size < sizeof subject->tier ? own->size : sizeof subject->tier);
    }
    close(self);
}

struct pxt_key key_named(const struct subject *subject, const char *text)
{
    struct pxt_key key;
    subject->host->key_init(&key, text, strlen(text));
    return key;
}

void set_text(struct pxt_draft *draft, enum pxt_field_id field, const char *text)
{
    pxt_draft_set_text(draft, field, text, strlen(text));
}

pxt_entry *entry_named(struct subject *subject, const char *key, int64_t version, pxt_time expires)
{
    struct pxt_draft draft;
    pxt_entry *entry = NULL;
    const struct pxt_host *host = pxt_trial_host(subject->trial); /* the test's own: not counted */
    pxt_draft_init(&draft);
    set_text(&draft, PXT_FIELD_KEY, key);
    set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.7:8080");
    set_text(&draft, PXT_FIELD_SOURCE, "conformance");
    pxt_draft_set_number(&draft, PXT_FIELD_FETCH_TIME, TIME + version);
    pxt_draft_set_number(&draft, PXT_FIELD_LAST_ACCESSED, TIME + version);
    pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, 3600);
    pxt_draft_set_number(&draft, PXT_FIELD_EXPIRES_AT, expires);
    pxt_draft_set_number(&draft, PXT_FIELD_RECOVERY_ATTEMPT, version);
    expect_ok(subject, host->entry_new(host, &draft, &entry, &subject->error), "making an entry");
    return entry;
}

void put_named(struct subject *subject, void *self, const char *key, int64_t version)
{
    pxt_entry *entry = entry_named(subject, key, version, TIME + 3600 * PXT_SECOND);
    calling("put");
    expect_ok(subject, tier_ops(subject)->put(self, entry, &subject->error), "put");
    let_go(entry);
}

void put_numbered(struct subject *subject, void *self, const char *prefix, unsigned n)
{
    enum { BATCH = 100 };
    char key[30];
    for (unsigned from = 0; from < n; from += BATCH) {
        pxt_entry *entry[BATCH];
        unsigned m = n - from < BATCH ? n - from : BATCH;
        for (unsigned i = 0; i < m; i++) {
            snprintf(key, sizeof key, "%s%u", prefix, from + i);
            entry[i] = entry_named(subject, key, from + i, LATER);
        }
        calling(tier_ops(subject)->put_many ? "put_many" : "put");
        if (tier_ops(subject)->put_many)
            expect_ok(subject, tier_ops(subject)->put_many(self, entry, m, &subject->error), "put_many");
        for (unsigned i = 0; i < m; i++)
            if (tier_ops(subject)->put_many)
                let_go(entry[i]);
            else
                expect_ok(subject, put_and_release(subject, self, entry[i]), "put");
    }
}

int64_t version_named(struct subject *subject, void *self, const char *text)
{
    struct pxt_key key = key_named(subject, text), found;
    pxt_entry *entry = NULL;
    calling("get");
    pxt_status status = tier_ops(subject)->get(self, &key, 0, &entry, &subject->error);
    if (status == PXT_NOT_FOUND)
        return -1;
    expect_ok(subject, status, "get");
    expect(entry != NULL, "get of \"%s\" succeeds, but gives no entry", text);
    handed_out();
    subject->host->entry_key(entry, &found);
    expect(!strcmp(found.text, text), "get of \"%s\" gives the entry of \"%s\"", text, found.text);
    int64_t version = subject->host->entry_number(entry, PXT_FIELD_RECOVERY_ATTEMPT);
    let_go(entry);
    return version;
}

uint64_t count_of(struct subject *subject, void *self)
{
    uint64_t count = UINT64_MAX;
    calling("count");
    expect_ok(subject, tier_ops(subject)->count(self, &count, &subject->error), "count");
    return count;
}

pxt_entry *entry_stored(struct subject *subject, void *self, const char *text)
{
    struct pxt_key key = key_named(subject, text);
    pxt_entry *entry = NULL;
    calling("get");
    pxt_status status = tier_ops(subject)->get(self, &key, PXT_GET_PEEK, &entry, &subject->error);
    expect(status != PXT_NOT_FOUND, "get does not find \"%s\", which is stored", text);
    expect_ok(subject, status, "get");
    handed_out();
    return entry;
}

pxt_entry *victim_of_tier(struct subject *subject, void *self)
{
    pxt_entry *victim = NULL;
    calling("victim");
    pxt_status status = tier_ops(subject)->victim(self, 1, &victim, &subject->error);
    if (status == PXT_NOT_FOUND)
        return NULL;
    expect_ok(subject, status, "victim");
    handed_out();
    return victim;
}

pxt_trial *policy_named(struct subject *subject, const char *name)
{
    pxt_trial *trial = NULL;
    expect_ok(subject, pxt_trial_open(NULL, name, NULL, &trial, &subject->error), "loading a policy");
    return trial;
}

pid_t in_another_process(struct subject *subject, void (*work)(struct subject *, void *))
{
    pid_t child = fork();
    if (child)
        return child;
    struct subject other = {.name = subject->name, .options = subject->options};
    subject_open(&other);
    void *self = tier_open(&other, NULL, NULL, 0);
    work(&other, self);
    tier_close(&other, self);
    _exit(0);
}

void wait_for(pid_t child)
{
    int state = 0;
    expect(child > 0 && waitpid(child, &state, 0) == child && state == 0, "another process fails");
}

pxt_status delete_named(struct subject *subject, void *self, const char *text)
{
    struct pxt_key key = key_named(subject, text);
    calling("del");
    return tier_ops(subject)->del(self, &key, PXT_REMOVE_DELETED, &subject->error);
}

pxt_entry *entry_of(struct subject *subject, const char *key, int64_t number, pxt_time expires, uint64_t version)
{
    struct pxt_draft draft;
    pxt_entry *plain = entry_named(subject, key, number, expires), *entry = NULL;
    const struct pxt_host *host = pxt_trial_host(subject->trial);
    pxt_draft_init(&draft);
    host->entry_read(plain, &draft);
    pxt_draft_set_number(&draft, PXT_FIELD_VERSION, (int64_t)version);
    expect_ok(subject, host->entry_new(host, &draft, &entry, &subject->error), "making an entry");
    let_go(plain);
    return entry;
}

pxt_entry *tombstone_of(struct subject *subject, const char *text, uint64_t version)
{
    struct pxt_key key = key_named(subject, text);
    pxt_entry *entry = NULL;
    const struct pxt_host *host = pxt_trial_host(subject->trial);
    expect_ok(subject, host->tombstone_new(host, &key, version, PXT_REMOVE_HEALTH, TIME - 5, &entry, &subject->error),
              "making a tombstone");
    return entry;
}

pxt_status put_and_release(struct subject *subject, void *self, pxt_entry *entry)
{
    calling("put");
    pxt_status status = tier_ops(subject)->put(self, entry, &subject->error);
    let_go(entry);
    return status;
}

void put_version(struct subject *subject, void *self, const char *key, int64_t number, uint64_t version)
{
    expect_ok(subject, put_and_release(subject, self, entry_of(subject, key, number, LATER, version)), "put");
}

void put_tombstone(struct subject *subject, void *self, const char *key, uint64_t version)
{
    expect_ok(subject, put_and_release(subject, self, tombstone_of(subject, key, version)), "put of a tombstone");
}

struct found look(struct subject *subject, void *self, const char *text)
{
    struct pxt_key key = key_named(subject, text), own;
    struct found found = {0};
    pxt_entry *entry = NULL;
    calling("get");
    pxt_status status = tier_ops(subject)->get(self, &key, PXT_GET_PEEK, &entry, &subject->error);
    if (status == PXT_NOT_FOUND)
        return found;
    expect_ok(subject, status, "get");
    handed_out();
    subject->host->entry_key(entry, &own);
    expect(!strcmp(own.text, text), "get of \"%s\" gives the entry of \"%s\"", text, own.text);
    found.there = true;
    found.version = (uint64_t)subject->host->entry_number(entry, PXT_FIELD_VERSION);
    found.removed = subject->host->entry_number(entry, PXT_FIELD_REMOVED);
    found.number = subject->host->entry_number(entry, PXT_FIELD_RECOVERY_ATTEMPT);
    found.time = subject->host->entry_number(entry, PXT_FIELD_FETCH_TIME);
    let_go(entry);
    return found;
}

void expect_entry(struct subject *subject, void *self, const char *key, int64_t number, uint64_t version,
                  const char *when)
{
    struct found found = look(subject, self, key);
    expect(found.there, "%s get finds nothing", when);
    expect(!found.removed, "%s get gives a tombstone", when);
    expect(found.number == number, "%s get gives another entry of the key", when);
    expect(found.version == version, "%s the version of the entry is %llu, not %llu", when,
           (unsigned long long)found.version, (unsigned long long)version);
}

void expect_tombstone(struct subject *subject, void *self, const char *key, uint64_t version, const char *when)
{
    struct found found = look(subject, self, key);
    expect(found.there, "%s get does not find the tombstone", when);
    expect(found.removed != 0, "%s get gives an entry that is no tombstone", when);
    expect(found.version == version, "%s the version of the tombstone is %llu, not %llu", when,
           (unsigned long long)found.version, (unsigned long long)version);
    expect(found.removed == PXT_REMOVE_HEALTH + 1, "%s the reason of the tombstone is %lld, not %d", when,
           (long long)found.removed, PXT_REMOVE_HEALTH + 1);
    expect(found.time == TIME - 5, "%s the time of the tombstone has changed", when);
}

void tier_close(struct subject *subject, void *self)
{
    calling("close");
    tier_ops(subject)->close(self);
}

#define NEEDS(operation)                                                                                               \
    const char *without_##operation(const struct subject *subject)                                                     \
    {                                                                                                                  \
        return tier_ops(subject)->operation ? NULL : "it leaves " #operation " to the core";                           \
    }
NEEDS(clear)
NEEDS(put_many)
NEEDS(expire)
NEEDS(victim)

const char *volatile_tier(const struct subject *subject)
{
    return tier_ops(subject)->flags & PXT_TIER_DURABLE ? NULL : "it is not durable";
}

const char *serialised(const struct subject *subject)
{
    return tier_ops(subject)->flags & PXT_TIER_CONCURRENT ? NULL : "it does not lock itself: the core does";
}

const char *private_tier(const struct subject *subject)
{
    return tier_ops(subject)->flags & PXT_TIER_SHARED ? NULL : "it is not shared";
}

const char *shares_by_options(const struct subject *subject)
{
    const uint32_t kept = PXT_TIER_DURABLE | PXT_TIER_SHARED;
    return tier_ops(subject)->flags & kept ? "with the same options it is the same store" : NULL;
}

const char *without_tombstones(const struct subject *subject)
{
    const struct pxt_tier_ops *tier = tier_ops(subject);
    if (!(tier->flags & PXT_TIER_DURABLE))
        return "it is not durable";
    return tier->expire && !tier->versions ? "it expires by itself, but does not list versions" : NULL;
}
