/* SPDX-License-Identifier: MIT
 *
 * Two copies of a key are put together: of what was supplied, of what was learnt and of each writer's checks the newer
 * counts.
 */
#include "../lib/tap.h"
#include "base/clock.h"
#include "entry/entry.h"
#include <proxtier/tier.h>

/* A copy in few words; what is 0 or NULL is left as it is by default. */
struct words {
    uint64_t version, supplied, learnt;
    const char *source;
    int health;
    const char *reason, *tallies;
    int64_t checks, failures, hits, last_hit;
    bool evicted, checks_elsewhere;
};

static void set_text(struct pxt_draft *draft, enum pxt_field_id id, const char *text)
{
    if (text)
        pxt_draft_set_text(draft, id, text, strlen(text));
}

static pxt_entry *entry_of(const struct words *words)
{
    struct pxt_draft draft;
    struct pxt_error error = {.message = ""};
    pxt_entry *entry = NULL;
    pxt_draft_init(&draft);
    set_text(&draft, PXT_FIELD_KEY, "k");
    set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80");
    set_text(&draft, PXT_FIELD_SOURCE, words->source ? words->source : "list");
    set_text(&draft, PXT_FIELD_LAST_HEALTH_ERROR, words->reason);
    set_text(&draft, PXT_FIELD_TALLIES, words->tallies);
    pxt_draft_set_number(&draft, PXT_FIELD_FETCH_TIME, 1000);
    pxt_draft_set_number(&draft, PXT_FIELD_LAST_ACCESSED, words->last_hit);
    pxt_draft_set_number(&draft, PXT_FIELD_ACCESS_COUNT, words->hits);
    pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, 60);
    pxt_draft_set_number(&draft, PXT_FIELD_EXPIRES_AT, 60001000);
    pxt_draft_set_number(&draft, PXT_FIELD_HEALTH_STATUS, words->health);
    pxt_draft_set_number(&draft, PXT_FIELD_TOTAL_HEALTH_CHECKS, words->checks);
    pxt_draft_set_number(&draft, PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES, words->failures);
    pxt_draft_set_number(&draft, PXT_FIELD_EVICTED_FROM_L1, words->evicted);
    draft.value[PXT_FIELD_TOTAL_HEALTH_CHECKS].elsewhere = words->checks_elsewhere;
    draft.value[PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES].elsewhere = words->checks_elsewhere;
    if (pxt_entry_new(&draft, &entry, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    pxt_entry_set_versions(entry, words->version, words->supplied, words->learnt);
    return entry;
}

static pxt_entry *a, *b, *both;
static bool merged;

static void merge(const struct words *of_a, const struct words *of_b)
{
    a = entry_of(of_a);
    b = entry_of(of_b);
    is_int(pxt_entry_merge(a, b, &both, &merged, NULL), PXT_OK, "two copies are put together");
}

static void let_go(void)
{
    pxt_entry_release(a);
    pxt_entry_release(b);
    pxt_entry_release(both);
}

/* Whether one copy says it all, whichever comes first. */
static void one_says_it_all(const struct words *whole, const struct words *other, const char *what)
{
    merge(whole, other);
    ok(both == a && !merged, "%s", what);
    let_go();
    merge(other, whole);
    ok(both == b && !merged, "... and the other way round");
    let_go();
}

static void the_newer_copy_says_it_all(void)
{
    struct words old = {.version = 10, .supplied = 10}, new = {.version = 20, .supplied = 20, .source = "new"};
    one_says_it_all(&new, &old, "a later put");
    struct words reported = {.version = 20,
                             .supplied = 10,
                             .learnt = 20,
                             .health = PXT_HEALTH_DEAD,
                             .tallies = "0000beef:1:1",
                             .checks = 1,
                             .failures = 1};
    one_says_it_all(&reported, &old, "a report to the same put");
    struct words again = {.version = 30,
                          .supplied = 30,
                          .learnt = 20,
                          .health = PXT_HEALTH_DEAD,
                          .tallies = "0000beef:1:1",
                          .checks = 1,
                          .failures = 1};
    one_says_it_all(&again, &reported, "a put that keeps what was learnt");
    struct words taught = {.version = 20, .supplied = 20, .health = PXT_HEALTH_DEAD, .reason = "refused"};
    one_says_it_all(&taught, &old, "a put that came with a health of its own");
    merge(&old, &old);
    ok(both == a && !merged, "of two copies that are the same, the first");
    let_go();
}

static void each_is_newer_in_something(void)
{
    struct words put = {.version = 20, .supplied = 20, .learnt = 5, .source = "new", .reason = "old reason"};
    struct words report = {.version = 15, .supplied = 10, .learnt = 15, .source = "old", .health = PXT_HEALTH_DEGRADED};
    for (int turn = 0; turn < 2; turn++) {
        merge(turn ? &report : &put, turn ? &put : &report);
        ok(merged && both != a && both != b, "a put here and a report there");
        is_str(pxt_entry_text(both, PXT_FIELD_SOURCE, NULL), "new", "... what was supplied is of the later put");
        is_int(pxt_entry_number(both, PXT_FIELD_HEALTH_STATUS), PXT_HEALTH_DEGRADED, "... health of the report");
        ok(!pxt_entry_has(both, PXT_FIELD_LAST_HEALTH_ERROR), "... also that it had no reason");
        is_int(pxt_entry_version(both), 20, "... the greater version for now, so that a third copy may come to it");
        is_int(pxt_entry_number(both, PXT_FIELD_SUPPLIED_VERSION), 20, "... the later put's");
        is_int(pxt_entry_number(both, PXT_FIELD_LEARNT_VERSION), 15, "... the later report's");
        let_go();
    }
}

static void tallies_are(const char *of_a, const char *of_b, const char *expected, int64_t checks, int64_t failures)
{
    struct words x = {.version = 2, .supplied = 1, .learnt = 2, .tallies = of_a},
                 y = {.version = 3, .supplied = 1, .learnt = 3, .tallies = of_b};
    merge(&x, &y);
    is_str(pxt_entry_text(both, PXT_FIELD_TALLIES, NULL), expected, "%s and %s", of_a, of_b);
    is_int(pxt_entry_number(both, PXT_FIELD_TOTAL_HEALTH_CHECKS), checks, "... checks in all");
    is_int(pxt_entry_number(both, PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES), failures, "... failures in all");
    let_go();
}

static void no_check_is_lost_or_counted_twice(void)
{
    tallies_are("0000000a:3:1", "0000000b:2:2", "0000000a:3:1;0000000b:2:2", 5, 3);
    tallies_are("0000000a:3:1;0000000b:1:0", "0000000a:2:2;0000000b:2:2", "0000000a:3:1;0000000b:2:2", 5, 3);
    tallies_are("0:9:4;0000000a:3:1", "0:9:4;0000000a:4:1", "0:9:4;0000000a:4:1", 13, 5);
    struct words before = {.version = 1, .supplied = 1, .checks = 7, .failures = 2};
    struct words after = {
        .version = 2, .supplied = 1, .learnt = 2, .checks = 8, .failures = 2, .tallies = "0:7:2;0000000a:1:0"};
    one_says_it_all(&after, &before, "totals from before there were tallies");
    struct words more = before;
    more.checks = 9;
    merge(&before, &more);
    ok(!pxt_entry_has(both, PXT_FIELD_TALLIES), "totals alone need no tallies");
    is_int(pxt_entry_number(both, PXT_FIELD_TOTAL_HEALTH_CHECKS), 9, "... and the greater counts");
    ok(both == b && !merged, "... that copy says it all");
    let_go();
}

static void hits_are_the_greater(void)
{
    struct words x = {.version = 2, .supplied = 2, .hits = 3, .last_hit = 500};
    struct words y = {.version = 1, .supplied = 1, .hits = 10, .last_hit = 400, .evicted = true};
    merge(&x, &y);
    ok(both == a && !merged, "a copy with fewer hits says it all");
    is_int(pxt_entry_number(both, PXT_FIELD_ACCESS_COUNT), 10, "... and gets the other's hits");
    is_int(pxt_entry_number(both, PXT_FIELD_LAST_ACCESSED), 500, "... keeps its later access");
    is_int(pxt_entry_number(both, PXT_FIELD_EVICTED_FROM_L1), 1, "... and was evicted");
    is_int(pxt_entry_take_unflushed_hits(both), 0, "... with nothing to write down for that");
    let_go();
    x.learnt = 1;
    y.learnt = 2;
    merge(&x, &y);
    ok(merged, "where neither says it all");
    is_int(pxt_entry_number(both, PXT_FIELD_ACCESS_COUNT), 10, "... the greater hits");
    is_int(pxt_entry_number(both, PXT_FIELD_LAST_ACCESSED), 500, "... the later access");
    is_int(pxt_entry_number(both, PXT_FIELD_EVICTED_FROM_L1), 1, "... evicted");
    let_go();
}

static void an_older_copy_never_stands_for_both(void)
{
    struct words x = {.version = 9, .supplied = 1}, y = {.version = 5, .supplied = 2, .source = "new"};
    merge(&x, &y);
    ok(merged, "a copy that says it all but is older is made anew");
    is_str(pxt_entry_text(both, PXT_FIELD_SOURCE, NULL), "new", "... with what it says");
    let_go();
}

static void a_field_without_a_place_comes_from_the_other(void)
{
    struct words partial = {.version = 9, .supplied = 9, .checks_elsewhere = true},
                 whole = {.version = 5, .supplied = 5, .checks = 4, .failures = 1};
    merge(&partial, &whole);
    ok(merged && !pxt_entry_is_partial(both), "a copy of a tier with too few columns is completed");
    is_int(pxt_entry_number(both, PXT_FIELD_TOTAL_HEALTH_CHECKS), 4, "... from the other");
    let_go();
    merge(&partial, &partial);
    ok(both == a && pxt_entry_is_partial(both), "two such copies leave it to a third");
    let_go();
}

static void unknown_versions_are_of_the_fetch_time(void)
{
    struct words unknown = {.source = "by hand"};
    struct words older = {.version = (UINT64_C(1000) << PXT_VERSION_SHIFT) - 1, .supplied = 1};
    older.supplied = older.version;
    one_says_it_all(&unknown, &older, "an entry without a version is as new as its fetch_time");
    struct words newer = {.version = (UINT64_C(1000) << PXT_VERSION_SHIFT) + 1};
    newer.supplied = newer.version;
    one_says_it_all(&newer, &unknown, "... and no newer");
    a = entry_of(&unknown);
    is_int(pxt_entry_version(a), 0, "... its version stays unknown");
    is_int(pxt_entry_effective_version(a), INT64_C(1000) << 11, "... and counts as this");
    pxt_entry_release(a);
    struct words reported = {.version = newer.version + 5, .learnt = newer.version + 5, .health = PXT_HEALTH_DEAD};
    newer.source = "put";
    merge(&reported, &newer);
    is_str(pxt_entry_text(both, PXT_FIELD_SOURCE, NULL), "put", "a report to such an entry is no put of it");
    is_int(pxt_entry_number(both, PXT_FIELD_HEALTH_STATUS), PXT_HEALTH_DEAD, "... but a report");
    let_go();
}

static void of_a_tombstone_the_greater_version_wins(void)
{
    struct words entry = {.version = 20, .supplied = 20};
    struct pxt_key key;
    for (uint64_t version = 19; version <= 21; version++) {
        a = entry_of(&entry);
        pxt_entry_key_of(a, &key);
        is_int(pxt_tombstone_new(&key, version, PXT_REMOVE_DELETED, 1000, &b, NULL), PXT_OK, "a tombstone");
        is_int(pxt_entry_merge(a, b, &both, &merged, NULL), PXT_OK, "an entry and a tombstone");
        ok(!merged && both == (version > 20 ? b : a), "version 20 of the entry, %d of the tombstone", (int)version);
        pxt_entry_release(both);
        is_int(pxt_entry_merge(b, a, &both, &merged, NULL), PXT_OK, "a tombstone and an entry");
        ok(!merged && both == (version >= 20 ? b : a), "of equal versions the first one counts");
        let_go();
    }
}

/* Another host has deleted what is reported: the report makes a newer version, but no newer put. */
static void a_report_does_not_outlive_a_delete(void)
{
    struct words entry = {.version = 30, .supplied = 20, .learnt = 30};
    struct pxt_key key;
    for (int why = PXT_REMOVE_DELETED; why <= PXT_REMOVE_HEALTH; why++)
        for (uint64_t version = 19; version <= 21; version++) {
            bool deleted = why == PXT_REMOVE_DELETED && version > entry.supplied;
            a = entry_of(&entry);
            pxt_entry_key_of(a, &key);
            is_int(pxt_tombstone_new(&key, version, (unsigned)why, 1000, &b, NULL), PXT_OK, "a tombstone");
            is_int(pxt_entry_merge(a, b, &both, &merged, NULL), PXT_OK, "and an entry that was reported later");
            ok(merged == deleted && pxt_entry_is_tombstone(both) == deleted, "put at 20, removed at %d because of %d",
               (int)version, why);
            is_int(pxt_entry_version(both), 30, "has the greater version of the two");
            pxt_entry_release(both);
            is_int(pxt_entry_merge(b, a, &both, &merged, NULL), PXT_OK, "the other way round");
            ok(merged == deleted && pxt_entry_is_tombstone(both) == deleted, "it is the same");
            let_go();
        }
}

/* A tombstone that was stamped anew, as another host had reported what was deleted, does not outlive a put that came between. */
static void a_repair_does_not_outlive_a_put(void)
{
    const uint64_t second = (uint64_t)PXT_SECOND << PXT_VERSION_SHIFT;
    for (uint64_t put = 1; put <= 5; put += 2) {
        bool later = put == 3;
        struct words entry = {.version = put * second, .supplied = put * second};
        struct pxt_key key;
        a = entry_of(&entry);
        pxt_entry_key_of(a, &key);
        is_int(pxt_tombstone_new(&key, 4 * second, PXT_REMOVE_DELETED, 2 * PXT_SECOND, &b, NULL), PXT_OK,
               "deleted in second 2, and stamped in second 4");
        is_int(pxt_entry_merge(a, b, &both, &merged, NULL), PXT_OK, "put in second %d", (int)put);
        ok(pxt_entry_is_tombstone(both) == (put == 1), "the later one of the put and the delete counts");
        is_int(merged, later, "in a new version, if it has not the greater one");
        is_int(pxt_entry_version(both), (int64_t)((put < 4 ? 4 : put) * second), "above both");
        let_go();
    }
}

/* ---- any copies, in any order ---- */

static unsigned dice(unsigned sides)
{
    static uint64_t state = 88172645463325252u; /* xorshift */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state % sides);
}

/* A copy as a chain may have it: what it says follows from its versions. */
static pxt_entry *any_copy(void)
{
    static const char *const sources[] = {"s0", "s1", "s2", "s3"};
    char tallies[60];
    unsigned supplied = 1 + dice(3), learnt = dice(4), one = dice(3), two = dice(3);
    struct words words = {.supplied = supplied,
                          .learnt = learnt,
                          .version = (supplied > learnt ? supplied : learnt) + dice(2),
                          .source = sources[supplied],
                          .health = (int)(learnt ? learnt : supplied),
                          .reason = learnt % 2 ? "refused" : NULL,
                          .hits = dice(4),
                          .last_hit = dice(4),
                          .checks = one + two,
                          .failures = one / 2 + two / 2};
    snprintf(tallies, sizeof tallies, "00000001:%u:%u;00000002:%u:%u", one, one / 2, two, two / 2);
    words.tallies = one && two ? tallies : NULL;
    return entry_of(&words);
}

static pxt_entry *together(pxt_entry *x, pxt_entry *y)
{
    pxt_entry *out = NULL;
    bool made;
    if (pxt_entry_merge(x, y, &out, &made, NULL)) {
        printf("Bail out! out of memory\n");
        exit(1);
    }
    if (made) /* as the chain does */
        pxt_entry_set_versions(out, 100, (uint64_t)pxt_entry_number(out, PXT_FIELD_SUPPLIED_VERSION),
                               (uint64_t)pxt_entry_number(out, PXT_FIELD_LEARNT_VERSION));
    return out;
}

static bool say_the_same(const pxt_entry *x, const pxt_entry *y)
{
    struct pxt_draft of_x, of_y;
    pxt_draft_init(&of_x);
    pxt_draft_init(&of_y);
    pxt_entry_read(x, &of_x);
    pxt_entry_read(y, &of_y);
    for (int id = 0; id < PXT_FIELD_COUNT; id++) {
        const struct pxt_value *v = &of_x.value[id], *w = &of_y.value[id];
        bool text = id == PXT_FIELD_TALLIES || id == PXT_FIELD_SOURCE || id == PXT_FIELD_LAST_HEALTH_ERROR;
        bool same =
            v->set == w->set && (!v->set || (text ? v->length == w->length && !memcmp(v->as.text, w->as.text, v->length)
                                                  : id == PXT_FIELD_KEY || id == PXT_FIELD_PROXY_URL ||
                                                        id == PXT_FIELD_VERSION || v->as.number == w->as.number));
        if (!same) {
            diag("field %d differs", id);
            return false;
        }
    }
    return true;
}

static pxt_entry *three_together(pxt_entry *x, pxt_entry *y, pxt_entry *z)
{
    pxt_entry *two = together(x, y), *three = together(two, z);
    pxt_entry_release(two);
    return three;
}

static void the_order_does_not_matter(void)
{
    unsigned differing = 0, again = 0;
    for (int n = 0; n < tap_amount(3000); n++) {
        pxt_entry *x = any_copy(), *y = any_copy(), *z = any_copy();
        pxt_entry *first = three_together(x, y, z), *second = three_together(z, y, x), *third = three_together(y, x, z);
        pxt_entry *once_more = NULL;
        bool made = true;
        differing += !say_the_same(first, second) || !say_the_same(first, third);
        if (pxt_entry_merge(first, x, &once_more, &made, NULL) == PXT_OK)
            again += made && pxt_entry_version(first) >= pxt_entry_version(x);
        pxt_entry_release(once_more);
        pxt_entry_release(first);
        pxt_entry_release(second);
        pxt_entry_release(third);
        pxt_entry_release(x);
        pxt_entry_release(y);
        pxt_entry_release(z);
    }
    is_int(differing, 0, "three copies say the same in any order");
    is_int(again, 0, "what they say together says it all when it meets one of them again");
}

int main(void)
{
    the_order_does_not_matter();
    the_newer_copy_says_it_all();
    each_is_newer_in_something();
    no_check_is_lost_or_counted_twice();
    hits_are_the_greater();
    an_older_copy_never_stands_for_both();
    a_field_without_a_place_comes_from_the_other();
    unknown_versions_are_of_the_fetch_time();
    of_a_tombstone_the_greater_version_wins();
    a_report_does_not_outlive_a_delete();
    a_repair_does_not_outlive_a_put();
    return tap_done();
}
