/* SPDX-License-Identifier: MIT
 *
 * tier.c: what every tier promises with its seven operations.
 */
#include "progress_page.h"
#include "tier_kit.h"
#include <stdlib.h>
#include <string.h>

/* In the year 2096: a store that keeps seconds as a double has it to the microsecond. */
#define FAR_TIME (INT64_C(4000000000) * PXT_SECOND)

/* How long a call takes: by it the other checks choose how much they do. */
static void measure(struct subject *subject, void *self)
{
    enum { CALLS = 9 };
    double start = seconds_now();
    for (int i = 0; i < CALLS / 3; i++) {
        put_named(subject, self, "measured", i);
        version_named(subject, self, "measured");
        expect_ok(subject, delete_named(subject, self, "measured"), "del");
    }
    progress_page->call_seconds = (seconds_now() - start) / CALLS;
}

static void opens_empty(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    uint64_t count = count_of(subject, self);
    expect(count == 0, "a new tier counts %llu entries", (unsigned long long)count);
    expect(version_named(subject, self, "nobody") == -1, "get of a key that was never put finds something");
    expect(delete_named(subject, self, "nobody") == PXT_NOT_FOUND,
           "del of a key that was never put is not PXT_NOT_FOUND");
    measure(subject, self);
    tier_close(subject, self);
}

/* For a look at the store before a check, where one has failed. */
static void is_empty(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    expect(count_of(subject, self) == 0,
           "the store has entries before a check begins, so it is not below $HOME: name a command that empties it by "
           "--reset");
    tier_close(subject, self);
}

const struct check tier_is_empty = {"the store is empty before a check", is_empty, NULL};

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
        if (id == PXT_FIELD_REMOVED) /* it would be a tombstone */
            pxt_draft_set_number(&draft, id, 0);
        else if (field[i].type == PXT_TYPE_SECRET)
            pxt_draft_set_token(&draft, id, token, sizeof token);
        else if (field[i].type == PXT_TYPE_TEXT)
            set_text(&draft, id,
                     i == PXT_FIELD_LAST_HEALTH_ERROR ? long_text : "\"quoted\\ gr\xc3\xbcn \xf0\x9f\x98\x80");
        else
            pxt_draft_set_number(&draft, id,
                                 field[i].type == PXT_TYPE_TIME      ? FAR_TIME + (int64_t)i
                                 : field[i].type == PXT_TYPE_COUNT   ? PXT_COUNT_MAX - (int64_t)i
                                 : field[i].type == PXT_TYPE_VERSION ? INT64_MAX - (int64_t)i
                                 : field[i].type == PXT_TYPE_HEALTH  ? PXT_HEALTH_DEAD
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
        expect(version_named(subject, self, keys[i]) == i,
               "the key \"%.30s\" gives the entry of another key, or no entry", keys[i]);
    for (int i = 0; i < N; i++)
        expect_ok(subject, delete_named(subject, self, keys[i]), "del");
    expect(count_of(subject, self) == 0, "after all entries were deleted some remain");
    tier_close(subject, self);
}

/* More than a batch, a page or a thousand of anything. */
enum { MANY = 2500, FEW = 1100 };

struct walk {
    struct subject *subject;
    void *self;
    unsigned seen[MANY], calls, stop_after;
};

static bool note(void *arg, pxt_entry *entry)
{
    struct walk *walk = arg;
    struct pxt_key key;
    walk->subject->host->entry_key(entry, &key);
    unsigned i = (unsigned)atoi(key.text + 1);
    expect(key.text[0] == 'w' && i < MANY, "each gives the key \"%s\", which was not put", key.text);
    walk->seen[i]++;
    return ++walk->calls != walk->stop_after;
}

static void walk_over(struct walk *walk, void *self, const char *call)
{
    calling(call);
    expect_ok(walk->subject, tier_ops(walk->subject)->each(self, note, walk, &walk->subject->error), "each");
}

static void walks_over_all(struct subject *subject)
{
    static struct walk walk, short_walk;
    void *self = tier_open(subject, NULL, NULL, 0);
    unsigned n = rounds(MANY, FEW, tier_ops(subject)->put_many ? 0 : 1);
    walk = (struct walk){.subject = subject};
    short_walk = (struct walk){.subject = subject, .stop_after = 5};
    put_numbered(subject, self, "w", n);
    walk_over(&walk, self, "each");
    for (unsigned i = 0; i < n; i++)
        expect(walk.seen[i] == 1, "of %u entries each gives the one of number %u %u times", n, i, walk.seen[i]);
    walk_over(&short_walk, self, "each, whose function returns false");
    expect(short_walk.calls == 5, "each goes on after its function returned false");
    tier_close(subject, self);
}

static bool expect_newest(void *arg, pxt_entry *entry)
{
    struct walk *walk = arg;
    int64_t version = walk->subject->host->entry_number(entry, PXT_FIELD_RECOVERY_ATTEMPT);
    expect(version == 1000, "each gives an entry that was replaced");
    return note(arg, entry);
}

static void walks_over_the_newest(struct subject *subject)
{
    static struct walk walk;
    char key[20];
    void *self = tier_open(subject, NULL, NULL, 0);
    walk = (struct walk){.subject = subject};
    put_numbered(subject, self, "w", WALK);
    for (int i = 0; i < WALK; i++) {
        snprintf(key, sizeof key, "w%d", i);
        if (i % 2)
            put_named(subject, self, key, 1000);
        else
            expect_ok(subject, delete_named(subject, self, key), "del");
    }
    calling("each");
    expect_ok(subject, tier_ops(subject)->each(self, expect_newest, &walk, &subject->error), "each");
    for (int i = 0; i < WALK; i++)
        expect(walk.seen[i] == (i % 2 != 0), "each gives %s %u times",
               i % 2 ? "an entry that was replaced" : "an entry that was deleted", walk.seen[i]);
    tier_close(subject, self);
}

static bool ask_others(void *arg, pxt_entry *entry)
{
    struct walk *walk = arg;
    char text[20];
    note(arg, entry);
    if (walk->calls > 20)
        return true;
    calling("get, in the function of each");
    snprintf(text, sizeof text, "w%u", WALK - walk->calls);
    struct pxt_key key = key_named(walk->subject, text);
    pxt_entry *other = NULL;
    expect_ok(walk->subject, tier_ops(walk->subject)->get(walk->self, &key, 0, &other, &walk->subject->error), "get");
    handed_out();
    let_go(other);
    calling("count, in the function of each");
    uint64_t count;
    expect_ok(walk->subject, tier_ops(walk->subject)->count(walk->self, &count, &walk->subject->error), "count");
    if (!tier_ops(walk->subject)->contains)
        return true;
    calling("contains, in the function of each");
    expect_ok(walk->subject, tier_ops(walk->subject)->contains(walk->self, &key, &walk->subject->error), "contains");
    return true;
}

static void may_be_asked_during_a_walk(struct subject *subject)
{
    static struct walk walk;
    void *self = tier_open(subject, NULL, NULL, 0);
    walk = (struct walk){.subject = subject, .self = self};
    put_numbered(subject, self, "w", WALK);
    expect_ok(subject, tier_ops(subject)->each(self, ask_others, &walk, &subject->error), "each");
    for (int i = 0; i < WALK; i++)
        expect(walk.seen[i] == 1, "an entry is given %u times", walk.seen[i]);
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
    static struct walk walk;
    void *self = tier_open(subject, NULL, NULL, 0);
    walk = (struct walk){.subject = subject, .self = self};
    put_numbered(subject, self, "w", WALK);
    calling("each, whose function calls the tier");
    expect_ok(subject, tier_ops(subject)->each(self, change_others, &walk, &subject->error), "each");
    for (int i = 0; i < WALK - 20; i++)
        expect(walk.seen[i] == 1, "an entry that was not touched is given %u times", walk.seen[i]);
    tier_close(subject, self);
}

enum { USED = 60 };

/* All operations of a tier, but for those that need more than it alone. */
static void use_all(struct subject *subject)
{
    static struct walk walk;
    char key[30];
    uint64_t removed;
    const struct pxt_tier_ops *tier = tier_ops(subject);
    unsigned n = rounds(USED, 6, 40);
    void *self = tier_open(subject, NULL, NULL, 0);
    walk = (struct walk){.subject = subject};
    for (unsigned i = 0; i < n; i++) {
        snprintf(key, sizeof key, "w%u", i);
        put_named(subject, self, key, i);
        put_named(subject, self, key, i + 1);
        version_named(subject, self, key);
        version_named(subject, self, "missing");
    }
    walk_over(&walk, self, "each");
    for (unsigned i = 0; i < n; i += 2) {
        snprintf(key, sizeof key, "w%u", i);
        delete_named(subject, self, key);
    }
    calling("maintain, sync or clear");
    if (tier->maintain)
        expect_ok(subject, tier->maintain(self, &subject->error), "maintain");
    if (tier->sync)
        expect_ok(subject, tier->sync(self, &subject->error), "sync");
    if (tier->clear)
        expect_ok(subject, tier->clear(self, &removed, &subject->error), "clear");
    put_numbered(subject, self, "w", 5); /* for close */
    expect_close_on_exec();
    tier_close(subject, self);
}

static void releases_every_entry(struct subject *subject)
{
    use_all(subject);
    expect(holds_of_plugin() == 0,
           "after close it has taken %ld references to entries more (or fewer) than it has released",
           holds_of_plugin());
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
    expect_process_unchanged(use_all, subject);
}

static void leaves_nothing_behind(struct subject *subject)
{
    open_and_close(subject); /* what it opens once, for all instances, stays */
    expect_nothing_left(use_all, subject);
}

const struct check tier_checks[] = {
    {"opens empty, and counts 0 entries", opens_empty, NULL},
    {"gives back every field, at its limits", gives_back_every_field, NULL},
    {"replaces, deletes and counts", replaces_and_deletes, NULL},
    {"takes any key", takes_any_key, NULL},
    {"each gives every entry once, and stops when its function returns false", walks_over_all, NULL},
    {"each gives what is stored now", walks_over_the_newest, NULL},
    {"may be asked during a walk", may_be_asked_during_a_walk, serialised},
    {"may be changed during a walk", may_be_changed_during_a_walk, serialised},
    {"releases every entry", releases_every_entry, NULL},
    {"frees its memory", frees_its_memory, NULL},
    {"changes nothing of the process: signals, locale, environment, folder, umask", changes_nothing_of_the_process,
     NULL},
    {"closes its descriptors, also when another program is executed, and ends its threads", leaves_nothing_behind,
     NULL},
    {NULL, NULL, NULL}};
