/* SPDX-License-Identifier: MIT
 *
 * judge.c: judges answers and tiers. Changes are numbered in the order of their calls, which is that of their versions: a
 * change holds the lock of its key from its first access to a tier to its last.
 */
#include "judge.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void judge_wrong(struct promises *promises, const char *format, ...)
{
    va_list args;
    if (*promises->wrong)
        return;
    va_start(args, format);
    vsnprintf(promises->wrong, sizeof promises->wrong, format, args);
    va_end(args);
}

unsigned judge_begin_change(struct promises *promises, unsigned key, bool is_delete)
{
    promises->change[++promises->changes] = (struct change){.key = key, .is_delete = is_delete};
    return promises->changes;
}

void judge_start(const struct promises *promises, struct start *start)
{
    memcpy(start->acked, promises->acked, sizeof start->acked);
    memcpy(start->seen, promises->seen, sizeof start->seen);
    for (unsigned c = 0; c < CHANGES; c++)
        start->expired[c] = promises->change[c].expired;
}

/* Nothing at all is dead too. */
static bool is_dead(const struct promises *promises, unsigned change)
{
    return !change || promises->change[change].is_delete || promises->change[change].expired;
}

/* Returns the first change of a key after `promised` that may be why a reader finds nothing; 0: none. */
static unsigned find_removal(const struct promises *promises, unsigned key, unsigned promised, unsigned not_this)
{
    for (unsigned c = promised + 1; c <= promises->changes; c++) {
        const struct change *change = &promises->change[c];
        if (change->key == key && c != not_this && is_dead(promises, c) && !change->nothing)
            return c;
    }
    return 0;
}

static unsigned later(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* What is wrong with an answer; NULL: nothing. */
static const char *breach(const struct promises *promises, unsigned key, unsigned told, unsigned promised,
                          unsigned not_this)
{
    if (told)
        return told >= promised ? NULL : "an older one is back";
    return is_dead(promises, promised) || find_removal(promises, key, promised, not_this) ? NULL : "it is gone";
}

static void judge_read(struct promises *promises, const struct start *start, unsigned key, unsigned told,
                       unsigned not_this)
{
    unsigned acked = start->acked[key], promised = later(acked, start->seen[key]);
    const char *what = breach(promises, key, told, promised, not_this);
    if (told && (promises->change[told].key != key || promises->change[told].is_delete || start->expired[told]))
        judge_wrong(promises, "key %u: change %u was told, which is dead or of another key", key, told);
    if (what)
        judge_wrong(promises, "%s: key %u, change %u was told after change %u: %s",
                    breach(promises, key, told, acked, not_this) ? "P1" : "P2", key, told, promised, what);
    if (!told && !is_dead(promises, promised))
        told = find_removal(promises, key, promised, not_this);
    promises->seen[key] = later(promises->seen[key], told);
}

void judge_change(struct promises *promises, const struct start *start, unsigned change, pxt_status status)
{
    unsigned key = promises->change[change].key;
    if (status == PXT_OK) {
        promises->acked[key] = later(promises->acked[key], change);
    } else if (status == PXT_NOT_FOUND && promises->change[change].is_delete) {
        promises->change[change].nothing = true;
        judge_read(promises, start, key, 0, change);
    } else if (status == PXT_NOT_FOUND) {
        judge_wrong(promises, "a put answers NOT_FOUND");
    }
}

void judge_get(struct promises *promises, const struct start *start, unsigned key, pxt_status status, unsigned told,
               bool kept)
{
    if (status == PXT_OK && !told)
        judge_wrong(promises, "key %u: a get gives an entry of no change", key);
    else if (status == PXT_OK || status == PXT_NOT_FOUND)
        judge_read(promises, start, key, told, 0);
    else if (status != PXT_EUNAVAILABLE && status != PXT_EBUSY && status != PXT_EIO)
        judge_wrong(promises, "key %u: a get answers status %d", key, (int)status);
    if (kept)
        promises->kept[key] = later(promises->kept[key], told);
}

void judge_list(struct promises *promises, const struct start *start, const unsigned told[SHELF_KEYS],
                const unsigned times[SHELF_KEYS])
{
    for (unsigned k = 0; k < SHELF_KEYS; k++) {
        const char *what = breach(promises, k, told[k], start->acked[k], 0);
        if (what || times[k] > 1)
            judge_wrong(promises, "P5: a list gives key %u %u times, as change %u, after change %u: %s", k, times[k],
                        told[k], start->acked[k], what ? what : "");
    }
}

/* ---- tiers ------------------------------------------------------------------------------------------------------- */

static const struct copy *copy_in(unsigned tier, unsigned key)
{
    return newest_image(&replay_board->shelf[tier].place[key]);
}

static bool has_dead(const struct promises *promises, const struct copy *copy)
{
    return copy->tombstone || is_dead(promises, copy->change);
}

static void judge_clear(struct promises *promises, unsigned tier, bool slowest, unsigned key)
{
    const struct copy *copy = copy_in(tier, key);
    unsigned told = later(promises->acked[key], promises->seen[key]);
    bool true_ = copy->version ? copy->change >= told
                               : !slowest || is_dead(promises, told) || find_removal(promises, key, told, 0);
    if (!true_)
        judge_wrong(promises, "P3: tier %u is not in doubt, and has change %u of key %u, of which change %u was told",
                    tier, copy->change, key, told);
}

static void judge_agreement(struct promises *promises, unsigned tiers, unsigned key)
{
    const struct copy *newest = copy_in(0, key);
    for (unsigned t = 1; t < tiers; t++)
        newest = copy_in(t, key)->version > newest->version ? copy_in(t, key) : newest;
    for (unsigned t = 0; t < tiers; t++) {
        const struct copy *copy = copy_in(t, key);
        bool may_lack = t + 1 < tiers || !newest->version || has_dead(promises, newest);
        if (copy->version != newest->version && (copy->version || !may_lack))
            judge_wrong(promises, "P3: nothing is in doubt, and tier %u has change %u of key %u, another one change %u",
                        t, copy->change, key, newest->change);
        else if (copy->version && copy->change != newest->change)
            judge_wrong(promises, "two changes of key %u, %u and %u, have one version", key, copy->change,
                        newest->change);
    }
}

void judge_tiers(struct promises *promises, unsigned tiers, unsigned doubt)
{
    bool lost = false; /* damage that was not noticed yet */
    for (unsigned t = 0; t < tiers; t++)
        lost |= replay_board->shelf[t].damaged;
    for (unsigned k = 0; k < SHELF_KEYS; k++) {
        for (unsigned t = 0; t < tiers; t++)
            if (!(doubt >> t & 1) && !replay_board->shelf[t].damaged)
                judge_clear(promises, t, t + 1 == tiers, k);
        if (!doubt && !lost)
            judge_agreement(promises, tiers, k);
    }
}

void judge_lost(struct promises *promises, unsigned tiers, unsigned key)
{
    unsigned left = 0;
    for (unsigned t = 0; t < tiers; t++)
        left = later(left, copy_in(t, key)->change);
    if (promises->acked[key] > left || promises->seen[key] > left)
        promises->acked[key] = promises->seen[key] = promises->kept[key] = 0;
}

void judge_power(struct promises *promises, bool level_power)
{
    if (!level_power) {
        memset(promises->acked, 0, sizeof promises->acked);
        memset(promises->kept, 0, sizeof promises->kept);
    }
    memcpy(promises->seen, promises->kept, sizeof promises->seen);
}
