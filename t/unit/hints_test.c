/* SPDX-License-Identifier: MIT
 *
 * Hints remember which keys a tier lacks, by key up to a bound of puts, and removals whatever their number.
 */
#include "../lib/tap.h"
#include "base/key.h"
#include "shared/hints.h"

static struct pxt_key key_of(const char *text)
{
    struct pxt_key key;
    pxt_key_init(&key, text, strlen(text));
    return key;
}

static enum pxt_hint_added add(struct pxt_hints *hints, const char *text, bool removal)
{
    struct pxt_key key = key_of(text);
    return pxt_hints_add(hints, &key, removal);
}

static enum pxt_hint_key has(struct pxt_hints *hints, const char *text)
{
    struct pxt_key key = key_of(text);
    return pxt_hints_has(hints, &key);
}

static bool done(struct pxt_hints *hints, const char *text)
{
    struct pxt_key key = key_of(text);
    return pxt_hints_done(hints, &key);
}

static bool overflowed(struct pxt_hints *hints)
{
    unsigned count;
    return pxt_hints_overflowed(hints, &count);
}

static unsigned overflow_count(struct pxt_hints *hints)
{
    unsigned count;
    pxt_hints_overflowed(hints, &count);
    return count;
}

static void a_hinted_key_does_not_count_until_it_is_done(void)
{
    struct pxt_hints hints = {0};
    char text[PXT_KEY_MAX + 1];
    struct pxt_key key;
    pxt_hints_init(&hints, "l2", 10);
    is_int(has(&hints, "a"), PXT_KEY_VALID, "without hints each key counts");
    ok(!pxt_hints_pending(&hints) && !pxt_hints_any(&hints, text, &key), "and no hint is pending");
    is_int(add(&hints, "a", false), PXT_HINT_ADDED, "a hint of a put is added");
    is_int(add(&hints, "a", false), PXT_HINT_KNOWN, "the same hint again adds nothing");
    is_int(has(&hints, "a"), PXT_KEY_HINTED, "the key does not count");
    is_int(has(&hints, "b"), PXT_KEY_VALID, "other keys do");
    is_int(pxt_hints_pending(&hints), 1, "one hint is pending");
    ok(pxt_hints_any(&hints, text, &key) && !strcmp(text, "a") && key.length == 1, "and can be asked for");
    ok(!done(&hints, "b") && done(&hints, "a") && !done(&hints, "a"), "done tells whether there was a hint");
    is_int(has(&hints, "a"), PXT_KEY_VALID, "a key that is done counts again");
    pxt_hints_destroy(&hints);
}

static void a_removal_outweighs_a_put(void)
{
    struct pxt_hints hints = {0};
    struct pxt_keymap puts;
    bool removals;
    pxt_hints_init(&hints, "l2", 10);
    add(&hints, "a", false);
    is_int(add(&hints, "a", true), PXT_HINT_ADDED, "a removal after a put is a new hint");
    is_int(add(&hints, "a", false), PXT_HINT_KNOWN, "a put after a removal is not");
    add(&hints, "b", false);
    ok(pxt_hints_puts(&hints, &puts, &removals), "the keys of puts are copied");
    struct pxt_key b = key_of("b");
    ok(removals && puts.count == 1 && pxt_keymap_find(&puts, &b), "without that of the removal, which is reported");
    pxt_keymap_free(&puts);
    pxt_hints_destroy(&hints);
}

static void too_many_puts_overflow_and_removals_are_kept(void)
{
    struct pxt_hints hints = {0};
    pxt_hints_init(&hints, "l2", 3);
    add(&hints, "gone", true);
    add(&hints, "a", false);
    add(&hints, "b", false);
    add(&hints, "c", false);
    is_int(add(&hints, "d", false), PXT_HINT_OVERFLOWED, "one put more than the bound overflows");
    ok(overflowed(&hints) && overflow_count(&hints) == 1, "a full resync is due");
    is_int(has(&hints, "a"), PXT_KEY_UNKNOWN, "each key may be old");
    is_int(has(&hints, "gone"), PXT_KEY_HINTED, "the removal is still known");
    is_int(add(&hints, "e", false), PXT_HINT_KNOWN, "the resync that is due covers further puts");
    is_int(add(&hints, "f", true), PXT_HINT_ADDED, "but no removal");
    is_int(pxt_hints_pending(&hints), 3, "two removals and the resync are pending");
    pxt_hints_destroy(&hints);
}

static void puts_during_a_resync_are_hinted(void)
{
    struct pxt_hints hints = {0};
    pxt_hints_init(&hints, "l2", 2);
    pxt_hints_apply(&hints, PXT_HINT_OVERFLOW, NULL);
    pxt_hints_apply(&hints, PXT_HINT_RESYNC_BEGIN, NULL);
    is_int(add(&hints, "a", false), PXT_HINT_ADDED, "the resync may have passed the key: it is hinted");
    add(&hints, "b", false);
    pxt_hints_apply(&hints, PXT_HINT_RESYNC_END, NULL);
    ok(!overflowed(&hints) && has(&hints, "a") == PXT_KEY_HINTED, "after the resync the hint is still there");
    is_int(has(&hints, "z"), PXT_KEY_VALID, "and other keys count");
    is_int(add(&hints, "c", false), PXT_HINT_OVERFLOWED, "the bound holds as before");
    is_int(overflow_count(&hints), 2, "the overflows are counted");
    pxt_hints_destroy(&hints);
}

static void removals_have_a_bound_too(void)
{
    struct pxt_hints hints = {0};
    char text[16];
    unsigned added = 0;
    pxt_hints_init(&hints, "l2", 1);
    for (int i = 0; i < 100; i++) {
        snprintf(text, sizeof text, "k%d", i);
        added += add(&hints, text, true) == PXT_HINT_ADDED;
    }
    is_int(added, 100, "a hundred removals for each put are kept");
    is_int(add(&hints, "more", true), PXT_HINT_TOO_MANY_REMOVALS, "one more is refused");
    ok(!overflowed(&hints), "which is no overflow: a resync could not tell");
    pxt_hints_destroy(&hints);
}

static void events_of_a_log_are_applied(void)
{
    struct pxt_hints hints = {0};
    pxt_hints_init(&hints, "l2", 2);
    pxt_hints_apply(&hints, PXT_HINT_PUT, "a");
    pxt_hints_apply(&hints, PXT_HINT_PUT, "b");
    pxt_hints_apply(&hints, PXT_HINT_PUT, "c");
    ok(!overflowed(&hints), "the process that wrote the log decides when hints overflow, not the reader");
    pxt_hints_apply(&hints, PXT_HINT_REMOVAL, "a");
    pxt_hints_apply(&hints, PXT_HINT_DONE, "b");
    is_int(has(&hints, "b"), PXT_KEY_VALID, "a key that is done in the log counts");
    is_int(pxt_hints_pending(&hints), 2, "the others are pending");
    pxt_hints_apply(&hints, PXT_HINT_ALL_DONE, NULL);
    is_int(pxt_hints_pending(&hints), 0, "all can be done at once");
    pxt_hints_apply(&hints, PXT_HINT_PUT, "");
    pxt_hints_apply(&hints, PXT_HINT_PUT, NULL);
    is_int(pxt_hints_pending(&hints), 0, "an event without its key is ignored");
    pxt_hints_apply(&hints, PXT_HINT_OVERFLOW, NULL);
    pxt_hints_apply(&hints, PXT_HINT_REMOVAL, "a");
    pxt_hints_clear(&hints);
    ok(!pxt_hints_pending(&hints) && !overflowed(&hints), "clear forgets them all");
    pxt_hints_destroy(&hints);
}

int main(void)
{
    a_hinted_key_does_not_count_until_it_is_done();
    a_removal_outweighs_a_put();
    too_many_puts_overflow_and_removals_are_kept();
    puts_during_a_resync_are_hinted();
    removals_have_a_bound_too();
    events_of_a_log_are_applied();
    return tap_done();
}
