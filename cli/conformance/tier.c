/* SPDX-License-Identifier: MIT
 *
 * tier.c: what every tier promises with its seven operations.
 */
#include "suite.h"
#include "tier_kit.h"
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the year 2096: a store that keeps seconds as a double has it to the microsecond. */
#define FAR_TIME (INT64_C(4000000000) * PXT_SECOND)

/* ---- what checks are made of (tier_kit.h) ----------------------------------------------------------------------- */

const struct pxt_tier_ops *tier_ops(const struct subject *subject)
{
    return subject->plugin->ops;
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
    calling("open");
    expect_ok(subject, tier_ops(subject)->open(subject->host, &setup, &self, &subject->error), "open");
    expect(self != NULL, "open succeeds, but leaves *self NULL");
    return self;
}

struct pxt_key key_named(const struct subject *subject, const char *text)
{
    struct pxt_key key;
    subject->host->key_init(&key, text, strlen(text));
    return key;
}

static void set_text(struct pxt_draft *draft, enum pxt_field_id field, const char *text)
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

pxt_status delete_named(struct subject *subject, void *self, const char *text)
{
    struct pxt_key key = key_named(subject, text);
    calling("del");
    return tier_ops(subject)->del(self, &key, PXT_REMOVE_DELETED, &subject->error);
}

void tier_close(struct subject *subject, void *self)
{
    calling("close");
    tier_ops(subject)->close(self);
}

static const char *volatile_tier(const struct subject *subject)
{
    return tier_ops(subject)->flags & PXT_TIER_DURABLE ? NULL : "it is not durable";
}

static const char *serialised(const struct subject *subject)
{
    return tier_ops(subject)->flags & PXT_TIER_CONCURRENT ? NULL : "it does not lock itself: the core does";
}

static const char *private_tier(const struct subject *subject)
{
    return tier_ops(subject)->flags & PXT_TIER_SHARED ? NULL : "it is not shared";
}

/* ---- checks ----------------------------------------------------------------------------------------------------- */

static void opens_empty(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    expect(count_of(subject, self) == 0, "a new one counts %llu entries", (unsigned long long)count_of(subject, self));
    expect(version_named(subject, self, "nobody") == -1, "get of a key that was never put finds something");
    expect(delete_named(subject, self, "nobody") == PXT_NOT_FOUND,
           "del of a key that was never put is not PXT_NOT_FOUND");
    tier_close(subject, self);
}

static void gives_back_every_field(struct subject *subject)
{
    static char long_text[PXT_TEXT_MAX + 1], token[5000];
    size_t fields;
    const struct pxt_field *field = pxt_fields(&fields);
    struct pxt_draft draft, back;
    const struct pxt_host *host = pxt_trial_host(subject->trial);
    pxt_entry *entry = NULL, *got = NULL;
    void *self = tier_open(subject, NULL, NULL, 0);
    pxt_draft_init(&draft);
    memset(long_text, 'x', PXT_TEXT_MAX);
    memset(token, 'T', sizeof token);
    for (size_t i = 0; i < PXT_FIELD_COUNT; i++) {
        enum pxt_field_id id = (enum pxt_field_id)i;
        if (field[i].type == PXT_TYPE_SECRET)
            pxt_draft_set_token(&draft, id, token, sizeof token);
        else if (field[i].type == PXT_TYPE_TEXT)
            set_text(&draft, id,
                     i == PXT_FIELD_LAST_HEALTH_ERROR ? long_text : "\"quoted\\ gr\xc3\xbcn \xf0\x9f\x98\x80");
        else
            pxt_draft_set_number(&draft, id,
                                 field[i].type == PXT_TYPE_TIME     ? FAR_TIME + (int64_t)i
                                 : field[i].type == PXT_TYPE_COUNT  ? PXT_COUNT_MAX - (int64_t)i
                                 : field[i].type == PXT_TYPE_HEALTH ? PXT_HEALTH_DEAD
                                                                    : 1);
    }
    set_text(&draft, PXT_FIELD_KEY, "every field");
    expect_ok(subject, host->entry_new(host, &draft, &entry, &subject->error), "making an entry");
    calling("put");
    expect_ok(subject, tier_ops(subject)->put(self, entry, &subject->error),
              "put of an entry with every field at its limit");
    struct pxt_key key = key_named(subject, "every field");
    calling("get");
    expect_ok(subject, tier_ops(subject)->get(self, &key, PXT_GET_PEEK, &got, &subject->error), "get");
    handed_out();
    pxt_draft_init(&back);
    subject->host->entry_read(got, &back);
    for (size_t i = 0; i < PXT_FIELD_COUNT; i++) {
        const struct pxt_value *a = &draft.value[i], *b = &back.value[i];
        bool bytes = field[i].type == PXT_TYPE_TEXT || field[i].type == PXT_TYPE_SECRET;
        bool same = a->set == b->set && (bytes ? a->length == b->length && !memcmp(a->as.text, b->as.text, a->length)
                                               : a->as.number == b->as.number);
        expect(same, "the field %s comes back changed", field[i].name);
    }
    let_go(got);
    let_go(entry);
    tier_close(subject, self);
}

static void replaces_and_deletes(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    put_named(subject, self, "k", 1);
    put_named(subject, self, "k", 2);
    expect(version_named(subject, self, "k") == 2, "after a second put the first entry is given");
    expect(count_of(subject, self) == 1, "after two puts of one key count is %llu",
           (unsigned long long)count_of(subject, self));
    expect_ok(subject, delete_named(subject, self, "k"), "del");
    expect(version_named(subject, self, "k") == -1, "a deleted entry is found");
    expect(count_of(subject, self) == 0, "after del count is %llu", (unsigned long long)count_of(subject, self));
    expect(delete_named(subject, self, "k") == PXT_NOT_FOUND, "a second del is not PXT_NOT_FOUND");
    put_named(subject, self, "k", 3);
    expect(version_named(subject, self, "k") == 3, "an entry put after del is not found");
    tier_close(subject, self);
}

static void takes_any_key(struct subject *subject)
{
    char longest[PXT_KEY_MAX + 1], other[PXT_KEY_MAX + 1];
    memset(longest, 'k', PXT_KEY_MAX);
    longest[PXT_KEY_MAX] = '\0';
    strcpy(other, longest);
    other[PXT_KEY_MAX - 1] = 'j';
    const char *const keys[] = {"a",           "A",        "..",          "/", "a/b",   "quote\"",
                                "back\\slash", "per%cent", "gr\xc3\xbcn", " ", longest, other};
    enum { N = sizeof keys / sizeof *keys };
    void *self = tier_open(subject, NULL, NULL, 0);
    for (int i = 0; i < N; i++)
        put_named(subject, self, keys[i], i);
    expect(count_of(subject, self) == N, "%d different keys are counted as %llu", N,
           (unsigned long long)count_of(subject, self));
    for (int i = 0; i < N; i++)
        expect(version_named(subject, self, keys[i]) == i, "the key \"%.30s\" gives another's entry, or none", keys[i]);
    for (int i = 0; i < N; i++)
        expect_ok(subject, delete_named(subject, self, keys[i]), "del");
    expect(count_of(subject, self) == 0, "after deleting all, some are left");
    tier_close(subject, self);
}

struct walk {
    struct subject *subject;
    void *self;
    unsigned seen[WALK], calls, stop_after;
};

static bool note(void *arg, pxt_entry *entry)
{
    struct walk *walk = arg;
    struct pxt_key key;
    walk->subject->host->entry_key(entry, &key);
    unsigned i = (unsigned)atoi(key.text + 1);
    expect(key.text[0] == 'w' && i < WALK, "each gives the key \"%s\", which was not put", key.text);
    walk->seen[i]++;
    return ++walk->calls != walk->stop_after;
}

static void walks_over_all(struct subject *subject)
{
    struct walk walk = {.subject = subject}, short_walk = {.subject = subject, .stop_after = 5};
    char key[20];
    void *self = tier_open(subject, NULL, NULL, 0);
    for (int i = 0; i < WALK; i++) {
        snprintf(key, sizeof key, "w%d", i);
        put_named(subject, self, key, i);
    }
    calling("each");
    expect_ok(subject, tier_ops(subject)->each(self, note, &walk, &subject->error), "each");
    for (int i = 0; i < WALK; i++)
        expect(walk.seen[i] == 1, "each gives an entry %u times", walk.seen[i]);
    expect_ok(subject, tier_ops(subject)->each(self, note, &short_walk, &subject->error), "each");
    expect(short_walk.calls == 5, "each goes on after its function returned false");
    tier_close(subject, self);
}

static bool change_others(void *arg, pxt_entry *entry)
{
    struct walk *walk = arg;
    char key[20];
    note(arg, entry);
    if (walk->calls < 20) { /* comes and goes meanwhile */
        snprintf(key, sizeof key, "w%u", WALK - walk->calls);
        delete_named(walk->subject, walk->self, key);
        put_named(walk->subject, walk->self, key, 1);
    }
    return true;
}

static void may_be_changed_during_a_walk(struct subject *subject)
{
    char key[20];
    void *self = tier_open(subject, NULL, NULL, 0);
    struct walk walk = {.subject = subject, .self = self};
    for (int i = 0; i < WALK; i++) {
        snprintf(key, sizeof key, "w%d", i);
        put_named(subject, self, key, i);
    }
    calling("each, whose function calls the tier");
    expect_ok(subject, tier_ops(subject)->each(self, change_others, &walk, &subject->error), "each");
    for (int i = 0; i < WALK - 20; i++)
        expect(walk.seen[i] == 1, "an entry that no one touched is given %u times", walk.seen[i]);
    tier_close(subject, self);
}

static void keeps_entries_when_closed(struct subject *subject)
{
    char key[20];
    void *self = tier_open(subject, NULL, NULL, 0);
    for (int i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "r%d", i);
        put_named(subject, self, key, i);
    }
    expect_ok(subject, delete_named(subject, self, "r7"), "del");
    put_named(subject, self, "r8", 1000);
    tier_close(subject, self);
    self = tier_open(subject, NULL, NULL, 0);
    expect(count_of(subject, self) == 49, "49 entries were there, %llu are after opening it again",
           (unsigned long long)count_of(subject, self));
    expect(version_named(subject, self, "r7") == -1, "a deleted entry is back after opening it again");
    expect(version_named(subject, self, "r8") == 1000, "a replaced entry is back after opening it again");
    expect(version_named(subject, self, "r49") == 49, "an entry is gone after opening it again");
    tier_close(subject, self);
}

struct worker {
    struct subject subject;
    void *self;
    unsigned number;
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    char key[30];
    for (int i = 0; i < 400; i++) {
        snprintf(key, sizeof key, "t%u-%d", worker->number, i % 20);
        put_named(&worker->subject, worker->self, key, i);
        expect(version_named(&worker->subject, worker->self, key) == i, "a thread does not read what it wrote");
        if (i % 5 == 4) {
            expect_ok(&worker->subject, delete_named(&worker->subject, worker->self, key),
                      "del by one of many threads");
            expect(version_named(&worker->subject, worker->self, key) == -1, "a thread reads what it deleted");
        }
    }
    return NULL;
}

static void works_for_sixteen_threads(struct subject *subject)
{
    static struct worker worker[16];
    pthread_t thread[16];
    void *self = tier_open(subject, NULL, NULL, 0);
    for (unsigned i = 0; i < 16; i++) {
        worker[i] = (struct worker){.subject = *subject, .self = self, .number = i};
        expect(!pthread_create(&thread[i], NULL, work, &worker[i]), "a thread cannot be started");
    }
    for (unsigned i = 0; i < 16; i++)
        pthread_join(thread[i], NULL);
    expect(count_of(subject, self) == 16 * 16, "16 threads leave 256 entries, %llu are counted",
           (unsigned long long)count_of(subject, self));
    tier_close(subject, self);
}

static void works_for_two_processes(struct subject *subject)
{
    char key[30];
    int state = 0;
    void *self = tier_open(subject, NULL, NULL, 0);
    put_named(subject, self, "before", 1);
    pid_t child = fork();
    if (!child) {
        struct subject other = {.name = subject->name, .options = subject->options};
        subject_open(&other);
        void *mine = tier_open(&other, NULL, NULL, 0);
        expect(version_named(&other, mine, "before") == 1, "a second process does not see an entry");
        for (int i = 0; i < 200; i++) {
            snprintf(key, sizeof key, "c%d", i);
            put_named(&other, mine, key, i);
        }
        expect_ok(&other, delete_named(&other, mine, "before"), "del by another process");
        tier_close(&other, mine);
        _exit(0);
    }
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof key, "p%d", i);
        put_named(subject, self, key, i);
    }
    expect(waitpid(child, &state, 0) == child && state == 0, "the second process fails");
    expect(version_named(subject, self, "before") == -1, "what another process deleted is found");
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof key, "c%d", i);
        expect(version_named(subject, self, key) == i, "what another process put is not found");
        snprintf(key, sizeof key, "p%d", i);
        expect(version_named(subject, self, key) == i, "what this process put is lost beside another's");
    }
    tier_close(subject, self);
}

static void instances_are_their_own(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0), *other = tier_open(subject, NULL, NULL, 0);
    put_named(subject, self, "k", 1);
    expect(version_named(subject, other, "k") == -1, "one instance gives what was put into another");
    tier_close(subject, self);
    put_named(subject, other, "k", 2);
    expect(version_named(subject, other, "k") == 2, "closing one instance breaks another");
    tier_close(subject, other);
}

static void use_all(struct subject *subject)
{
    char key[30];
    struct walk walk = {.subject = subject};
    void *self = tier_open(subject, NULL, NULL, 0);
    for (int i = 0; i < WALK; i++) {
        snprintf(key, sizeof key, "w%d", i);
        put_named(subject, self, key, i);
        put_named(subject, self, key, i + 1);
        version_named(subject, self, key);
        version_named(subject, self, "missing");
    }
    tier_ops(subject)->each(self, note, &walk, &subject->error);
    for (int i = 0; i < WALK; i += 2) {
        snprintf(key, sizeof key, "w%d", i);
        delete_named(subject, self, key);
    }
    tier_close(subject, self);
}

static void lets_go_of_every_entry(struct subject *subject)
{
    use_all(subject);
    expect(holds_of_plugin() == 0, "after close it holds %ld entries too many or too few", holds_of_plugin());
}

static void open_and_close(struct subject *subject)
{
    tier_close(subject, tier_open(subject, NULL, NULL, 0));
}

static void frees_its_memory(struct subject *subject)
{
    expect_no_growth(open_and_close, subject, 150000, "open and close");
    expect_no_growth(use_all, subject, 150000, "use of all operations");
}

static void changes_nothing_of_the_process(struct subject *subject)
{
    struct sigaction handler[32], now;
    char folder[1000], folder_now[1000], locale[200];
    for (int i = 1; i < 32; i++)
        sigaction(i, NULL, &handler[i]);
    snprintf(locale, sizeof locale, "%s", setlocale(LC_ALL, NULL));
    expect(getcwd(folder, sizeof folder) != NULL, "the working directory is unknown");
    mode_t mask = umask(022);
    umask(mask);
    use_all(subject);
    for (int i = 1; i < 32; i++) {
        sigaction(i, NULL, &now);
        expect(now.sa_handler == handler[i].sa_handler, "it changes the handler of signal %d", i);
    }
    expect(!strcmp(locale, setlocale(LC_ALL, NULL)), "it changes the locale");
    expect(getcwd(folder_now, sizeof folder_now) && !strcmp(folder, folder_now), "it changes the working directory");
    mode_t mask_now = umask(mask);
    expect(mask == mask_now, "it changes the umask");
}

const struct check tier_checks[] = {
    {"opens empty, and says so", opens_empty, NULL},
    {"gives back every field, at its limits", gives_back_every_field, NULL},
    {"replaces, deletes and counts", replaces_and_deletes, NULL},
    {"takes any key", takes_any_key, NULL},
    {"each gives every entry once, and stops when told", walks_over_all, NULL},
    {"may be changed during a walk", may_be_changed_during_a_walk, serialised},
    {"keeps entries when it is closed", keeps_entries_when_closed, volatile_tier},
    {"works for sixteen threads", works_for_sixteen_threads, serialised},
    {"works for two processes", works_for_two_processes, private_tier},
    {"instances are their own", instances_are_their_own, shares_by_options},
    {"lets go of every entry", lets_go_of_every_entry, NULL},
    {"frees its memory", frees_its_memory, NULL},
    {"changes nothing of the process: signals, locale, folder, umask", changes_nothing_of_the_process, NULL},
    {NULL, NULL, NULL}};
