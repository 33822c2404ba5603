/* SPDX-License-Identifier: MIT
 *
 * sqlite_damage_test: what the SQLite tiers keep of a damaged file: truncated, with flipped bits in its schema or damaged
 * pages, without space for a new file.
 */
#include "../lib/sqlite_damage_kit.h"
#include <sys/resource.h>

/* ---- truncation ---- */

/* Truncates, and counts the entries that are missing although their page is there. */
static int missing_after_truncation(struct tier *tier, const char *name, const struct image *image, size_t size,
                                    const size_t *place)
{
    int missing = 0;
    bool l3 = tier->l3;
    restore(tier->path, image, size);
    mark(tier->path);
    *tier = opened(l3, name, &fast);
    for (int i = 0; i < ENTRIES; i++)
        missing += place[i] && place[i] / PAGE_SIZE < size / PAGE_SIZE && !has(tier, key_text(i));
    close_tier(tier);
    return missing;
}

static void truncation_keeps_all_intact_entries(bool l3, const char *name)
{
    struct tier tier;
    struct image image = filled(&tier, l3, name);
    int missing = 0, worst = 0, truncations = tap_amount(l3 ? 60 : 300);
    unsigned seed = 7;
    size_t place[ENTRIES];
    for (int i = 0; i < ENTRIES; i++)
        place[i] = find_key(&image, i, 13);
    for (int i = 0; i < truncations; i++) {
        seed = seed * 1103515245 + 12345;
        size_t size = (size_t)(seed >> 4) % image.size;
        int here = missing_after_truncation(&tier, name, &image, size, place);
        worst = here > worst ? here : worst;
        missing += here;
    }
    ok(!missing, "%s: %d truncations keep each entry whose page is there (%d missing, at worst %d)", name, truncations,
       missing, worst);
    is_int(missing_after_truncation(&tier, name, &image, image.size - PAGE_SIZE, place), 0,
           "%s: without the last page all others are kept", name);
    free(image.bytes);
}

/* ---- the text of the schema ---- */

static void flips_in_the_schema_lose_no_entry(bool l3, const char *name)
{
    struct tier tier;
    struct image image = filled(&tier, l3, name);
    char text[60];
    size_t first = 0;
    int refused = 0, incomplete = 0, flips = 0;
    snprintf(text, sizeof text, "CREATE TABLE %s", tier.table);
    for (size_t at = 0; at + strlen(text) < image.size && !first; at++)
        first = memcmp(image.bytes + at, text, strlen(text)) ? 0 : at;
    size_t end = first;
    while (first && memcmp(image.bytes + end, "packed BLOB\n)", 13))
        end++;
    for (size_t at = first; at < end; at += l3 ? 8 : 3, flips++) {
        struct pxt_error error = {.message = ""};
        unsigned char bit = (unsigned char)(1 << (at / 3) % 7);
        image.bytes[at] ^= bit;
        restore(tier.path, &image, image.size);
        image.bytes[at] ^= bit;
        bool refused_here = open_tier(&tier, l3, name, &fast, &error) != PXT_OK;
        refused += refused_here;
        bool lacking = !refused_here && (count(&tier) != ENTRIES || !has(&tier, key_text(0)));
        incomplete += lacking;
        if (lacking)
            diag("byte %zu, bit %02x: entries are missing", at - first, bit);
        if (refused_here)
            diag("byte %zu: %s", at - first, error.message);
        close_tier(&tier);
    }
    ok(flips > 50 && !refused, "%s: of %d flipped bits in the schema none refuses the cache (%d do)", name, flips,
       refused);
    is_int(incomplete, 0, "%s: and all entries are there", name);
    free(image.bytes);
}

/* ---- damage that a call meets ---- */

static void damage_is_repaired_within_the_call(bool l3, const char *name)
{
    struct tier tier;
    struct pxt_error error = {.message = ""};
    struct image image = filled(&tier, l3, name);
    unsigned seen = 0;
    overwrite_page(&image, find_key(&image, 120, 13));
    restore(tier.path, &image, image.size);
    tier = opened(l3, name, NULL);
    is_int(tier.ops->each(tier.self, count_entries, &seen, &error), PXT_OK, "%s: a walk over a damaged page: %s", name,
           error.message);
    is_int((long long)tier.ops->corruptions(tier.self), 1, "%s: it met the damage", name);
    ok(seen < ENTRIES && seen > ENTRIES - 40, "%s: and goes on behind it (%u entries)", name, seen);
    is_int(count(&tier), seen, "%s: none was seen twice, none is left out", name);
    close_tier(&tier);
    restore(tier.path, &image, image.size);
    tier = opened(l3, name, NULL);
    is_int(put(&tier, complete(key_text(120))), PXT_OK, "%s: a put to a damaged page is answered", name);
    ok(has(&tier, key_text(120)) && tier.ops->corruptions(tier.self) == 1, "%s: and stored", name);
    close_tier(&tier);
    free(image.bytes);
}

/* A flipped bit in an indexed column: the row is unreadable, and cannot be moved, for the index does not lead to it. */
static void unmovable_row_is_repaired_within_the_call(bool l3, const char *name)
{
    struct tier tier;
    struct pxt_error error = {.message = ""};
    struct image image = filled(&tier, l3, name);
    unsigned seen = 0;
    size_t at = find_key(&image, 120, 13);
    double expires_at = (double)(NOW + 3600 * PXT_SECOND) / (double)PXT_SECOND;
    uint64_t bits;
    unsigned char stored[8];
    memcpy(&bits, &expires_at, sizeof bits);
    for (int i = 0; i < 8; i++)
        stored[i] = (unsigned char)(bits >> (56 - 8 * i));
    while (at && memcmp(image.bytes + at, stored, sizeof stored))
        at++;
    image.bytes[at] ^= 0x20; /* its exponent */
    restore(tier.path, &image, at ? image.size : 0);
    tier = opened(l3, name, NULL);
    is_int(tier.ops->each(tier.self, count_entries, &seen, &error), PXT_OK, "%s: a walk over an unmovable row: %s",
           name, error.message);
    is_int(seen, ENTRIES - 1, "%s: finds all others", name);
    is_int(count(&tier), ENTRIES - 1, "%s: which are kept", name);
    close_tier(&tier);
    free(image.bytes);
}

/* ---- what was learnt about the proxies ---- */

enum { CHECKS = 6, CHECKED = 40 };

static int count_walked(struct tier *tier)
{
    unsigned seen = 0;
    return tier->ops->each(tier->self, count_entries, &seen, NULL) ? -1 : (int)seen;
}

/* Entries that differ in any field from complete(). */
static int count_changed(struct tier *tier)
{
    int changed = 0;
    for (int i = 0; i < ENTRIES; i++) {
        pxt_entry *out = NULL, *whole = complete(key_text(i));
        changed += !get(tier, key_text(i), &out) && !same(out, whole);
        host.host.entry_release(out);
        host.host.entry_release(whole);
    }
    return changed;
}

/* Damages the name of the main table in the text of the schema. */
static void damage_schema(const struct tier *tier, struct image *image)
{
    char text[60];
    snprintf(text, sizeof text, "CREATE TABLE %s", tier->table);
    image->bytes[find_in_page(image, 0, text) + strlen(text) - 1] ^= 4;
}

static void salvage_keeps_all_fields(bool l3, const char *name)
{
    struct tier tier;
    struct image image = filled(&tier, l3, name);
    for (int second = 0; second < 2; second++) {
        if (second)
            damage_schema(&tier, &image);
        else
            overwrite_page(&image, find_key(&image, 120, 13));
        restore(tier.path, &image, image.size);
        tier = opened(l3, name, &fast);
        int kept = count_walked(&tier);
        ok(kept > ENTRIES - 40 && kept < ENTRIES, "%s: the entries of sound pages are kept (%d)", name, kept);
        is_int(count_changed(&tier), 0, "%s: with all their fields%s", name, second ? ", under a damaged schema" : "");
        close_tier(&tier);
    }
    free(image.bytes);
}

/* Beside ProxyWhirl l2_sqlite has health columns in a table of their own. */
static void damaged_health_costs_no_entry(bool l3, const char *name)
{
    static const struct how shared = {.sync = "none", .compatible = "proxywhirl"};
    struct tier tier;
    struct image image = filled_as(&tier, l3, name, &shared);
    size_t at = find_text(&image, key_text(120), 10, "timed out");
    overwrite_page(&image, at);
    restore(tier.path, &image, at ? image.size : 0);
    tier = opened(l3, name, &shared);
    is_int(count_walked(&tier), ENTRIES, "%s: a damaged page of health columns costs no entry", name);
    int changed = count_changed(&tier);
    ok(changed > 0 && changed < 80, "%s: the entries of other pages keep their health (%d do not)", name, changed);
    char wanted[60];
    snprintf(wanted, sizeof wanted, "without their health: %d", changed);
    ok(strstr(last_warning, wanted) != NULL, "%s: the message says \"%s\"", name, wanted);
    close_tier(&tier);
    free(image.bytes);
}

static struct image with_history(struct tier *tier, bool l3, const char *name)
{
    struct image image = filled(tier, l3, name);
    free(image.bytes);
    *tier = opened(l3, name, &fast);
    for (int i = 0; i < CHECKS * CHECKED; i++) {
        char url[60];
        snprintf(url, sizeof url, "http://check/%05d/%d", i % CHECKED, i / CHECKED);
        struct pxt_check check = {.size = sizeof check,
                                  .key = key_of(key_text(i % CHECKED)),
                                  .time = NOW + i,
                                  .status = PXT_HEALTH_DEGRADED,
                                  .response_time_ms = 12.5,
                                  .error_message = i % 2 ? "slow" : NULL,
                                  .check_url = url};
        tier->ops->check_add(tier->self, &check, 0, NULL);
    }
    close_tier(tier);
    return read_image(tier->path);
}

struct seen_checks {
    int number, newest, wrong, count;
};

static bool see_check(void *arg, const struct pxt_check *check)
{
    struct seen_checks *seen = arg;
    char url[60];
    int i = (int)(check->time - NOW);
    snprintf(url, sizeof url, "http://check/%05d/%d", seen->number, i / CHECKED);
    seen->wrong += i % CHECKED != seen->number || i >= seen->newest || strcmp(check->check_url, url) ||
                   check->status != PXT_HEALTH_DEGRADED || check->response_time_ms < 12.5 ||
                   check->response_time_ms > 12.5 || !check->error_message != !(i % 2);
    seen->newest = i;
    seen->count++;
    return true;
}

/* Reads all histories. `*missing`: checks of entries that are there; `*wrong`: checks that were changed. */
static int count_checks(struct tier *tier, int *missing, int *wrong)
{
    int count = 0;
    *missing = *wrong = 0;
    for (int i = 0; i < CHECKED; i++) {
        struct seen_checks seen = {.number = i, .newest = CHECKS * CHECKED};
        struct pxt_key key = key_of(key_text(i));
        tier->ops->check_each(tier->self, &key, see_check, &seen, NULL);
        *missing += has(tier, key_text(i)) ? CHECKS - seen.count : 0;
        *wrong += seen.wrong;
        count += seen.count;
    }
    return count;
}

static int salvaged_checks(struct tier *tier, const char *name, const struct image *image, int *missing)
{
    int wrong;
    char wanted[60];
    restore(tier->path, image, image->size);
    *tier = opened(true, name, &fast);
    count_walked(tier);
    int kept = count_checks(tier, missing, &wrong);
    is_int(wrong, 0, "%s: the checks are as they were", name);
    snprintf(wanted, sizeof wanted, "health checks kept: %d,", kept);
    ok(strstr(last_warning, wanted) != NULL, "%s: the message says \"%s\"", name, wanted);
    return kept;
}

static void salvage_keeps_the_history(bool l3, const char *name)
{
    struct tier tier;
    int missing;
    struct image image = with_history(&tier, l3, name);
    overwrite_page(&image, find_key(&image, 120, 13));
    is_int(salvaged_checks(&tier, name, &image, &missing), CHECKS * CHECKED,
           "%s: a damaged page of entries costs no check of other entries", name);
    close_tier(&tier);
    damage_schema(&tier, &image);
    is_int(salvaged_checks(&tier, name, &image, &missing), CHECKS * CHECKED, "%s: nor does a damaged schema", name);
    close_tier(&tier);
    free(image.bytes);
}

static void damaged_history_costs_no_entry(bool l3, const char *name)
{
    struct tier tier;
    int missing;
    struct image image = with_history(&tier, l3, name);
    overwrite_page(&image, find_text(&image, "http://check/00020/3", 13, ""));
    salvaged_checks(&tier, name, &image, &missing);
    is_int(count(&tier), ENTRIES, "%s: a damaged page of checks costs no entry", name);
    ok(missing > 0 && missing < CHECKS * CHECKED / 2, "%s: and only its own checks (%d)", name, missing);
    close_tier(&tier);
    free(image.bytes);
}

/* ---- rowids ---- */

static bool count_to_limit(void *arg, pxt_entry *entry)
{
    (void)entry;
    return ++*(unsigned *)arg < 10 * ENTRIES;
}

static unsigned walk_to_limit(struct tier *tier)
{
    unsigned seen = 0;
    tier->ops->each(tier->self, count_to_limit, &seen, NULL);
    return seen;
}

static void flipped_rowid_costs_no_entry(bool l3, const char *name)
{
    /* To a rowid behind all others, to that of the row before, and to one far before. */
    static const struct {
        size_t byte;
        unsigned char bit;
    } flips[] = {{0, 0x40}, {1, 1}, {0, 1}};
    struct tier tier;
    struct image image = filled(&tier, l3, name);
    size_t at = find_rowid(&image, 185);
    for (int i = 0; i < 3; i++) {
        pxt_entry *out = NULL;
        image.bytes[at + flips[i].byte] ^= flips[i].bit;
        restore(tier.path, &image, at ? image.size : 0);
        image.bytes[at + flips[i].byte] ^= flips[i].bit;
        tier = opened(l3, name, NULL);
        is_int(get(&tier, key_text(184), &out), PXT_OK, "%s %d: the entry of a damaged rowid is found", name, i);
        host.host.entry_release(out);
        is_int(walk_to_limit(&tier), ENTRIES, "%s %d: no other entry is lost", name, i);
        is_int((long long)tier.ops->corruptions(tier.self), 1, "%s %d: the damage is repaired once", name, i);
        char wanted[60];
        snprintf(wanted, sizeof wanted, "entries kept: %d, lost: 0", ENTRIES);
        ok(strstr(last_warning, wanted) != NULL, "%s %d: the message says \"%s\": %s", name, i, wanted, last_warning);
        close_tier(&tier);
    }
    free(image.bytes);
}

static void walk_over_flipped_rowids_ends(bool l3, const char *name)
{
    enum { PAGE_OF_WALK = 256, MORE = 60 };
    struct tier tier;
    struct image image = filled(&tier, l3, name);
    free(image.bytes);
    tier = opened(l3, name, NULL);
    for (int i = 0; i < MORE; i++)
        put(&tier, complete(key_text(ENTRIES + i)));
    close_tier(&tier);
    image = read_image(tier.path);
    size_t at = find_rowid(&image, PAGE_OF_WALK);
    image.bytes[at] ^= 2; /* the last row of a page of the walk gets the rowid 0: the walk would begin again */
    restore(tier.path, &image, at ? image.size : 0);
    tier = opened(l3, name, NULL);
    unsigned seen = walk_to_limit(&tier);
    ok(seen >= ENTRIES + MORE - 1 && seen <= ENTRIES + MORE,
       "%s: a walk over a rowid that leads back ends (%u entries)", name, seen);
    is_int(count(&tier), ENTRIES + MORE, "%s: no entry is lost", name);
    close_tier(&tier);
    free(image.bytes);
}

/* All pointers of the table's inner pages lead to its first leaf, and the last one of each to the page itself. */
static void lead_in_circles(struct image *image)
{
    for (size_t page = PAGE_SIZE; page + PAGE_SIZE <= image->size; page += PAGE_SIZE) {
        unsigned char *bytes = image->bytes + page;
        unsigned cells = bytes[3] * 256u + bytes[4];
        if (bytes[0] != 5)
            continue;
        for (unsigned cell = 1; cell < cells; cell++)
            memcpy(bytes + bytes[12 + 2 * cell] * 256u + bytes[13 + 2 * cell], bytes + bytes[12] * 256u + bytes[13], 4);
        for (unsigned i = 0; i < 4; i++)
            bytes[8 + i] = (unsigned char)((page / PAGE_SIZE + 1) >> (24 - 8 * i));
    }
}

static void pointers_in_circles_end(bool l3, const char *name)
{
    struct tier tier;
    struct image image = filled(&tier, l3, name);
    lead_in_circles(&image);
    restore(tier.path, &image, image.size);
    alarm(120);
    tier = opened(l3, name, &fast);
    unsigned seen = walk_to_limit(&tier);
    alarm(0);
    ok(seen > 0 && seen < ENTRIES / 2, "%s: a salvage of pointers that lead back ends (%u entries)", name, seen);
    is_int(count(&tier), seen, "%s: with each entry of the first leaf once", name);
    char wanted[60];
    snprintf(wanted, sizeof wanted, "entries kept: %u, lost: %u", seen, ENTRIES - seen);
    ok(strstr(last_warning, wanted) != NULL, "%s: the message says \"%s\": %s", name, wanted, last_warning);
    close_tier(&tier);
    free(image.bytes);
}

/* ---- no space ---- */

static void salvage_without_space_is_tried_again(bool l3, const char *name)
{
    struct tier tier;
    struct rlimit before, small;
    struct pxt_error error = {.message = ""};
    struct image image = filled(&tier, l3, name);
    overwrite_page(&image, find_key(&image, 120, 13));
    restore(tier.path, &image, image.size - PAGE_SIZE);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 65536;
    setrlimit(RLIMIT_FSIZE, &small);
    pxt_status status = open_tier(&tier, l3, name, NULL, &error);
    setrlimit(RLIMIT_FSIZE, &before); /* before a line is printed: the limit is for the output as well */
    is_int(status, PXT_ENOSPC, "%s: a salvage without space says so", name);
    ok(strstr(error.message, tier.path) && strstr(error.message, "stays"), "%s: %s", name, error.message);
    close_tier(&tier);
    struct image after = read_image(tier.path);
    ok(after.size == image.size - PAGE_SIZE && !memcmp(after.bytes, image.bytes, after.size),
       "%s: the damaged file is as it was", name);
    is_int(found("%s.*", tier.path), 0, "%s: nothing is left beside it", name);
    tier = opened(l3, name, NULL);
    ok(count(&tier) > ENTRIES - 60, "%s: with space again its entries are salvaged (%lld)", name, count(&tier));
    is_int(found("%s.bad-????????T??????Z", tier.path), 1, "%s: and the damaged file is kept aside", name);
    close_tier(&tier);
    free(image.bytes);
    free(after.bytes);
}

int main(int argc, char **argv)
{
    if (!begin(argc, argv))
        return 1;
    for (int l3 = 0; l3 < 2; l3++) {
        char name[40];
        TEST(truncation_keeps_all_intact_entries, "truncated");
        TEST(flips_in_the_schema_lose_no_entry, "schema");
        TEST(damage_is_repaired_within_the_call, "call");
        TEST(unmovable_row_is_repaired_within_the_call, "unmovable");
        TEST(flipped_rowid_costs_no_entry, "rowid");
        TEST(walk_over_flipped_rowids_ends, "walk");
        TEST(pointers_in_circles_end, "circles");
        TEST(salvage_keeps_all_fields, "fields");
        if (l3) {
            TEST(salvage_keeps_the_history, "history");
            TEST(damaged_history_costs_no_entry, "checks");
        } else {
            TEST(damaged_health_costs_no_entry, "health");
        }
        TEST(salvage_without_space_is_tried_again, "full");
    }
    return finish();
}
