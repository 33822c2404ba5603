/* SPDX-License-Identifier: MIT
 *
 * tier.c: what every tier promises with its seven operations.
 */
#include "suite.h"
#include "tier_kit.h"
#include <stdlib.h>
#include <string.h>

/* In the year 2096: a store that keeps seconds as a double has it to the microsecond. */
#define FAR_TIME (INT64_C(4000000000) * PXT_SECOND)

static void opens_empty(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    expect(count_of(subject, self) == 0, "a new tier counts %llu entries", (unsigned long long)count_of(subject, self));
    expect(version_named(subject, self, "nobody") == -1, "get of a key that was never put finds something");
    expect(delete_named(subject, self, "nobody") == PXT_NOT_FOUND,
           "del of a key that was never put is not PXT_NOT_FOUND");
    tier_close(subject, self);
}

static void gives_back_every_field(struct subject *subject)
{
    static char long_text[PXT_TEXT_MAX + 1], token[5000];
    size_t fields;
    const struct pxt_field *const *field = pxt_fields(&fields);
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
        else if (field[i]->type == PXT_TYPE_SECRET)
            pxt_draft_set_token(&draft, id, token, sizeof token);
        else if (field[i]->type == PXT_TYPE_TEXT)
            set_text(&draft, id,
                     i == PXT_FIELD_LAST_HEALTH_ERROR ? long_text : "\"quoted\\ gr\xc3\xbcn \xf0\x9f\x98\x80");
        else
            pxt_draft_set_number(&draft, id,
                                 field[i]->type == PXT_TYPE_TIME      ? FAR_TIME + (int64_t)i
                                 : field[i]->type == PXT_TYPE_COUNT   ? PXT_COUNT_MAX - (int64_t)i
                                 : field[i]->type == PXT_TYPE_VERSION ? INT64_MAX - (int64_t)i
                                 : field[i]->type == PXT_TYPE_HEALTH  ? PXT_HEALTH_DEAD
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
        bool bytes = field[i]->type == PXT_TYPE_TEXT || field[i]->type == PXT_TYPE_SECRET;
        bool same = a->set == b->set && (bytes ? a->length == b->length && !memcmp(a->as.text, b->as.text, a->length)
                                               : a->as.number == b->as.number);
        expect(same, "the field %s comes back changed", field[i]->name);
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
        expect(walk.seen[i] == 1, "an entry that was not touched is given %u times", walk.seen[i]);
    tier_close(subject, self);
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

const struct check tier_checks[] = {
    {"opens empty, and counts 0 entries", opens_empty, NULL},
    {"gives back every field, at its limits", gives_back_every_field, NULL},
    {"replaces, deletes and counts", replaces_and_deletes, NULL},
    {"takes any key", takes_any_key, NULL},
    {"each gives every entry once, and stops when its function returns false", walks_over_all, NULL},
    {"may be changed during a walk", may_be_changed_during_a_walk, serialised},
    {"releases every entry", releases_every_entry, NULL},
    {"frees its memory", frees_its_memory, NULL},
    {"changes nothing of the process: signals, locale, folder, umask", changes_nothing_of_the_process, NULL},
    {NULL, NULL, NULL}};
