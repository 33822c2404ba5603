/* SPDX-License-Identifier: MIT
 *
 * tier_touch.c: what a tier promises of accesses: touch and settle.
 */
#include "tier_kit.h"
#include <string.h>

static void touch(struct subject *subject, void *self, const struct pxt_touch *touches, size_t n)
{
    calling("touch");
    expect_ok(subject, tier_ops(subject)->touch(self, touches, n, &subject->error), "touch");
}

static void touch_once(struct subject *subject, void *self, const char *text, uint64_t hits, pxt_time at, bool evicted)
{
    struct pxt_touch one = {
        .key = key_named(subject, text), .hits = hits, .last_accessed = at, .evicted_from_l1 = evicted};
    touch(subject, self, &one, 1);
}

static int64_t number_of(struct subject *subject, void *self, const char *text, enum pxt_field_id field)
{
    pxt_entry *entry = entry_stored(subject, self, text);
    int64_t number = subject->host->entry_number(entry, field);
    let_go(entry);
    return number;
}

static void expect_hits(struct subject *subject, void *self, const char *text, int64_t hits, const char *when)
{
    int64_t count = number_of(subject, self, text, PXT_FIELD_ACCESS_COUNT);
    expect(count == hits, "%s access_count is %lld, not %lld", when, (long long)count, (long long)hits);
}

static void touch_adds_accesses(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    put_numbered(subject, self, "f", 5);
    struct pxt_touch touches[] = {
        {.key = key_named(subject, "f3"), .hits = 7, .last_accessed = TIME + 9 * PXT_SECOND},
        {.key = key_named(subject, "unknown"), .hits = 1, .last_accessed = TIME},
        {.key = key_named(subject, "f3"), .hits = 5, .last_accessed = TIME + 8 * PXT_SECOND},
        {.key = key_named(subject, "f4"), .hits = 1, .last_accessed = PXT_TIME_NONE},
    };
    touch(subject, self, touches, 4);
    touch(subject, self, touches, 0);
    expect(count_of(subject, self) == 5, "touch of an unknown key stores one");
    expect_hits(subject, self, "f3", 12, "a key is touched by 7 hits and, in the same call, by 5:");
    expect(number_of(subject, self, "f3", PXT_FIELD_LAST_ACCESSED) == TIME + 9 * PXT_SECOND,
           "touch does not leave the later of two times in last_accessed");
    expect_hits(subject, self, "f4", 1, "touched without a time");
    expect(number_of(subject, self, "f4", PXT_FIELD_LAST_ACCESSED) == TIME + 4,
           "touch with PXT_TIME_NONE changes last_accessed");
    touch_once(subject, self, "f3", 1, TIME, false);
    expect_hits(subject, self, "f3", 13, "touched once more");
    expect(number_of(subject, self, "f3", PXT_FIELD_LAST_ACCESSED) == TIME + 9 * PXT_SECOND,
           "touch sets last_accessed back to an earlier time");
    tier_close(subject, self);
}

static void touch_sets_the_flag(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    put_numbered(subject, self, "f", 2);
    touch_once(subject, self, "f1", 1, TIME, true);
    expect(number_of(subject, self, "f1", PXT_FIELD_EVICTED_FROM_L1) == 1, "touch does not set evicted_from_l1");
    touch_once(subject, self, "f1", 1, TIME, false);
    expect(number_of(subject, self, "f1", PXT_FIELD_EVICTED_FROM_L1) == 1,
           "touch without evicted_from_l1 clears the flag that another one has set");
    expect(number_of(subject, self, "f0", PXT_FIELD_EVICTED_FROM_L1) == 0, "touch sets the flag of another key");
    tier_close(subject, self);
}

/* Touch changes two fields and a flag. */
static void touch_changes_nothing_else(struct subject *subject)
{
    size_t fields;
    const struct pxt_field *field = pxt_fields(&fields);
    struct pxt_draft before, after;
    void *self = tier_open(subject, NULL, NULL, 0);
    put_version(subject, self, "k", 3, VERSION);
    pxt_entry *old = entry_stored(subject, self, "k");
    pxt_draft_init(&before);
    subject->host->entry_read(old, &before);
    touch_once(subject, self, "k", 2, LATER, true);
    pxt_entry *new = entry_stored(subject, self, "k");
    pxt_draft_init(&after);
    subject->host->entry_read(new, &after);
    for (size_t i = 0; i < PXT_FIELD_COUNT; i++) {
        const struct pxt_value *a = &before.value[i], *b = &after.value[i];
        bool bytes = field[i].type == PXT_TYPE_TEXT || field[i].type == PXT_TYPE_SECRET;
        bool touched = i == PXT_FIELD_ACCESS_COUNT || i == PXT_FIELD_LAST_ACCESSED || i == PXT_FIELD_EVICTED_FROM_L1;
        bool same = a->set == b->set && (bytes ? a->length == b->length && !memcmp(a->as.text, b->as.text, a->length)
                                               : a->as.number == b->as.number);
        expect(same || touched, "touch changes the field %s", field[i].name);
    }
    let_go(old);
    let_go(new);
    tier_close(subject, self);
}

/* ---- from several threads and processes ------------------------------------------------------------------------- */

static unsigned touches_each;

static void touch_many_times(struct subject *subject, unsigned number, void *self)
{
    (void)number;
    for (unsigned i = 0; i < touches_each; i++)
        touch_once(subject, self, "k", 1, TIME + (int64_t)i, false);
}

static void touches_of_threads_add_up(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    touches_each = rounds(100, 20, 16);
    put_named(subject, self, "k", 1);
    unsigned threads = in_many_threads(subject, touch_many_times, self);
    expect_hits(subject, self, "k", threads * touches_each, "touched by many threads at once,");
    tier_close(subject, self);
}

static void touch_in_a_process(struct subject *subject, void *self)
{
    touch_many_times(subject, 0, self);
}

static void touches_of_processes_add_up(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    touches_each = rounds(200, 40, 2);
    put_named(subject, self, "k", 1);
    pid_t child = in_another_process(subject, touch_in_a_process);
    touch_in_a_process(subject, self);
    wait_for(child);
    tier_close(subject, self);
    self = tier_open(subject, NULL, NULL, 0);
    expect_hits(subject, self, "k", 2 * touches_each, "touched by two processes at once, and opened again,");
    tier_close(subject, self);
}

/* ---- settle ----------------------------------------------------------------------------------------------------- */

static void settled_counts_are_exact(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    put_numbered(subject, self, "f", 5);
    for (int i = 0; i < 1000; i++)
        version_named(subject, self, "f2");
    for (int i = 0; i < 10; i++)
        let_go(entry_stored(subject, self, "f2")); /* with PXT_GET_PEEK */
    struct pxt_key key = key_named(subject, "f2");
    if (tier_ops(subject)->contains)
        expect_ok(subject, tier_ops(subject)->contains(self, &key, &subject->error), "contains");
    calling("settle");
    expect_ok(subject, tier_ops(subject)->settle(self, &subject->error), "settle");
    expect_hits(subject, self, "f2", 1000, "after 1000 hits, 10 gets with PXT_GET_PEEK and settle,");
    tier_close(subject, self);
}

/* ---- what applies ----------------------------------------------------------------------------------------------- */

static const char *without_touch(const struct subject *subject)
{
    return tier_ops(subject)->touch ? NULL : "it leaves touch to the core";
}

static const char *without_settle(const struct subject *subject)
{
    return tier_ops(subject)->settle ? NULL : "it leaves settle to the core";
}

static const char *without_touch_in_threads(const struct subject *subject)
{
    const char *why = without_touch(subject);
    return why ? why : serialised(subject);
}

static const char *without_touch_in_processes(const struct subject *subject)
{
    const char *why = without_touch(subject);
    return why ? why : private_tier(subject);
}

const struct check tier_touch_checks[] = {
    {"touch adds accesses, to what is stored", touch_adds_accesses, without_touch},
    {"touch sets evicted_from_l1, and never clears it", touch_sets_the_flag, without_touch},
    {"touch changes nothing else", touch_changes_nothing_else, without_touch},
    {"touches of many threads add up", touches_of_threads_add_up, without_touch_in_threads},
    {"touches of two processes add up", touches_of_processes_add_up, without_touch_in_processes},
    {"settled counts are exact", settled_counts_are_exact, without_settle},
    {NULL, NULL, NULL}};
