/* SPDX-License-Identifier: MIT
 *
 * sqlite_picks_test: random picks of the SQLite tiers are even, whatever indexes have the entries that match: each place of a
 * tag has one of its own.
 */
#include "../lib/sqlite_kit.h"

enum { NUMBERS = 200, PICKS = 10000 };
static unsigned picked[NUMBERS];

static bool count_pick(void *arg, const struct pxt_key *key, int64_t value)
{
    (void)arg;
    (void)value;
    picked[atoi(key->text + 1)]++;
    return true;
}

static pxt_status pick(struct tier *tier, const struct pxt_selection *selection)
{
    struct pxt_select select = {
        .size = sizeof select, .selection = selection, .order = PXT_ORDER_RANDOM, .now = NOW, .limit = PICKS};
    memset(picked, 0, sizeof picked);
    return tier->ops->select(tier->self, &select, count_pick, NULL, NULL);
}

static void put_number(struct tier *tier, int number, const char *tags, int64_t failures, unsigned health)
{
    struct pxt_draft draft;
    char key[20];
    snprintf(key, sizeof key, "k%d", number);
    draft_of(&draft, key);
    if (tags)
        pxt_draft_set_text(&draft, PXT_FIELD_TAGS, tags, strlen(tags));
    pxt_draft_set_number(&draft, PXT_FIELD_FAILURE_COUNT, failures);
    pxt_draft_set_number(&draft, PXT_FIELD_HEALTH_STATUS, health);
    put(tier, entry_of(&draft));
}

/* Whether the numbers from 0 on that `step` divides, below `end`, were picked and no others, with the same chance each. A bound of
 * six standard deviations is passed once in 10^4 runs of all these tests. */
static void are_even(const char *name, int end, int step)
{
    const double average = (double)PICKS * step / end;
    unsigned others = 0, odd = 0;
    for (int i = 0; i < NUMBERS; i++) {
        const bool wanted = i < end && i % step == 0;
        const double off = picked[i] - average;
        others += wanted ? 0 : picked[i];
        odd += wanted && off * off > 36 * average;
    }
    if (!ok(!others && !odd, "%s", name))
        diag("%u picks of others; %u entries were picked too seldom or too often", others, odd);
}

static void an_empty_tier_has_none(bool l3, const char *name)
{
    struct pxt_selection selection;
    struct tier tier = opened(l3, name, NULL);
    pxt_selection_init(&selection);
    selection.tag = "wanted";
    is_int(pick(&tier, &selection), PXT_OK, "%s: picks from an empty tier", name);
    for (int i = 0; i < NUMBERS; i++)
        picked[0] += i ? picked[i] : 0;
    is_int(picked[0], 0, "%s: tell nothing", name);
    close_tier(&tier);
}

/* The even numbers have the tag: at one of all places, twice, or among more tags than have an index. */
static void of_a_tag(bool l3, const char *name)
{
    static const char *const tags[] = {
        "wanted",           "b,wanted",         "wanted,b,wanted", "b,c,wanted",
        "wanted,b,c,d,e,f", "b,c,d,e,f,wanted", "b, c, d, wanted", "b,wanted,c,d,e,wanted"};
    char line[100];
    struct pxt_selection selection;
    struct tier tier = opened(l3, name, NULL);
    for (int i = 0; i < NUMBERS; i++)
        put_number(&tier, i, i % 2 ? "other" : tags[i / 2 % 8], 0, i % 3 ? PXT_HEALTH_HEALTHY : PXT_HEALTH_DEGRADED);
    pxt_selection_init(&selection);
    selection.tag = "wanted";
    is_int(pick(&tier, &selection), PXT_OK, "%s: picks of a tag", name);
    snprintf(line, sizeof line, "%s: are even, wherever an entry has the tag", name);
    are_even(line, NUMBERS, 2);
    selection.health = PXT_HEALTH_BIT(PXT_HEALTH_HEALTHY) | PXT_HEALTH_BIT(PXT_HEALTH_DEGRADED);
    is_int(pick(&tier, &selection), PXT_OK, "%s: of two healths too", name);
    snprintf(line, sizeof line, "%s: are as even", name);
    are_even(line, NUMBERS, 2);
    selection.source = "premium"; /* as all have */
    selection.health = 0;
    is_int(pick(&tier, &selection), PXT_OK, "%s: of a tag and a source", name);
    snprintf(line, sizeof line, "%s: likewise", name);
    are_even(line, NUMBERS, 2);
    close_tier(&tier);
}

static void of_a_number_of_failures(bool l3, const char *name)
{
    char line[100];
    struct pxt_selection selection;
    struct tier tier = opened(l3, name, NULL);
    for (int i = 0; i < NUMBERS; i++) /* three in four of those that match have none */
        put_number(&tier, i, NULL, i % 2 ? 4 + i % 9 : i % 8 ? 0 : 3, PXT_HEALTH_HEALTHY);
    pxt_selection_init(&selection);
    selection.max_failures = 3;
    selection.health = PXT_HEALTH_BIT(PXT_HEALTH_HEALTHY);
    is_int(pick(&tier, &selection), PXT_OK, "%s: picks of those with at most three failures", name);
    snprintf(line, sizeof line, "%s: are even", name);
    are_even(line, NUMBERS, 2);
    close_tier(&tier);
}

/* Another program changes rows. */
static void update(const struct tier *tier, bool l3, const char *what)
{
    char text[200];
    snprintf(text, sizeof text, "UPDATE %s SET %s", l3 ? "cache_entries" : "l2_cache", what);
    sql(tier->path, text);
}

static bool count_key(void *arg, const struct pxt_key *key, int64_t value)
{
    (void)key;
    (void)value;
    ++*(unsigned *)arg;
    return true;
}

/* Walks in an order: the first walk notes which indexes have nothing, the third leaves them out. */
static unsigned walked_by(const struct tier *tier, const struct pxt_selection *selection, enum pxt_order order)
{
    const struct pxt_select select = {.size = sizeof select,
                                      .order = order,
                                      .selection = selection,
                                      .now = NOW,
                                      .to = INT64_MAX,
                                      .limit = UINT64_MAX};
    unsigned found = 0;
    for (int i = 0; i < 3; i++) {
        found = 0;
        tier->ops->select(tier->self, &select, count_key, &found, NULL);
    }
    return found;
}

static unsigned walked(const struct tier *tier, const struct pxt_selection *selection)
{
    return walked_by(tier, selection, PXT_ORDER_RING);
}

/* Which places of a tag have entries is read from the indexes in the order of the ring. */
static void where_an_index_is_taken_away(bool l3, const char *name)
{
    struct pxt_selection selection;
    struct tier tier = opened(l3, name, NULL);
    for (int i = 0; i < NUMBERS; i++)
        put_number(&tier, i, "b,wanted", 0, PXT_HEALTH_HEALTHY);
    pxt_selection_init(&selection);
    selection.tag = "wanted";
    is_int(walked(&tier, &selection), NUMBERS, "%s: a walk in the order of the ring", name);
    is_int(walked_by(&tier, &selection, PXT_ORDER_LEAST_USED), NUMBERS, "%s: and in another one", name);
    sql(tier.path, "DROP INDEX proxtier_select_tag4_ring");
    is_int(walked_by(&tier, &selection, PXT_ORDER_LEAST_USED), NUMBERS,
           "%s: the same when an index of the ring has made room for others", name);
    is_int(walked(&tier, &selection), NUMBERS, "%s: and in the order of the ring", name);
    close_tier(&tier);
}

/* Indexes without an entry are left out, as long as nothing is written. */
static void of_what_is_new(bool l3, const char *name)
{
    char line[100];
    struct pxt_selection selection;
    struct tier tier = opened(l3, name, NULL);
    for (int i = 0; i < 100; i++)
        put_number(&tier, i, "wanted", 0, PXT_HEALTH_HEALTHY);
    pxt_selection_init(&selection);
    selection.tag = "wanted";
    pick(&tier, &selection);
    snprintf(line, sizeof line, "%s: picks where all have the tag at one place", name);
    are_even(line, 100, 1);
    is_int(walked(&tier, &selection), 100, "%s: and a walk", name);
    for (int i = 100; i < 150; i++)
        put_number(&tier, i, "b,c,wanted", 0, PXT_HEALTH_HEALTHY);
    is_int(walked(&tier, &selection), 150, "%s: a walk after a put with the tag elsewhere", name);
    pick(&tier, &selection);
    snprintf(line, sizeof line, "%s: and after a put with the tag elsewhere", name);
    are_even(line, 150, 1);
    for (int i = 150; i < NUMBERS; i++)
        put_number(&tier, i, NULL, 0, PXT_HEALTH_HEALTHY);
    update(&tier, l3, "tags='b,wanted' WHERE tags IS NULL");
    is_int(walked(&tier, &selection), NUMBERS, "%s: a walk after another program's update", name);
    pick(&tier, &selection);
    snprintf(line, sizeof line, "%s: and after another program's", name);
    are_even(line, NUMBERS, 1);
    update(&tier, l3, "tags=CASE WHEN CAST(substr(key,2) AS INTEGER)%20 THEN 'b' ELSE 'b,c,d,e,f,wanted' END");
    pick(&tier, &selection);
    snprintf(line, sizeof line, "%s: and where few are left", name);
    are_even(line, NUMBERS, 20);
    close_tier(&tier);
}

int main(int argc, char **argv)
{
    if (!begin(argc, argv))
        return 1;
    for (int l3 = 0; l3 < 2; l3++) {
        char name[40];
        TEST(an_empty_tier_has_none, "empty");
        TEST(of_a_tag, "tag");
        TEST(of_a_number_of_failures, "failures");
        TEST(of_what_is_new, "new");
        TEST(where_an_index_is_taken_away, "away");
    }
    return finish();
}
