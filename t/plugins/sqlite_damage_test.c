/* SPDX-License-Identifier: MIT
 *
 * sqlite_damage_test: what the SQLite tiers keep of a damaged file: truncated, with flipped bits in its schema or in its
 * index, without space for a new file.
 */
#include "../lib/sqlite_kit.h"
#include <sys/resource.h>

enum { ENTRIES = 240, PAGE_SIZE = 4096, TRUNCATIONS = 300 };

static const struct how fast = {.sync = "none"};

struct image {
    unsigned char *bytes;
    size_t size;
};

static const char *key_text(int number)
{
    static char text[20];
    snprintf(text, sizeof text, "key%05d", number);
    return text;
}

static struct image read_image(const char *path)
{
    struct image image = {NULL, 0};
    struct stat file;
    FILE *in = fopen(path, "rb");
    if (in && !fstat(fileno(in), &file) && (image.bytes = malloc((size_t)file.st_size)))
        image.size = fread(image.bytes, 1, (size_t)file.st_size, in);
    if (in)
        fclose(in);
    return image;
}

/* Puts the first `size` bytes in the place of the database, and removes all that is beside it. */
static void restore(const char *path, const struct image *image, size_t size)
{
    char pattern[500];
    glob_t matches = {0};
    snprintf(pattern, sizeof pattern, "%s*", path);
    if (!glob(pattern, 0, NULL, &matches))
        for (size_t i = 0; i < matches.gl_pathc; i++)
            unlink(matches.gl_pathv[i]);
    globfree(&matches);
    FILE *out = fopen(path, "wb");
    if (out) {
        fwrite(image->bytes, 1, size, out);
        fclose(out);
    }
    chmod(path, 0600);
}

/* Marks the path as ours, as the core does. */
static void mark(const char *path)
{
    char name[500];
    snprintf(name, sizeof name, "%s.coherence", path);
    FILE *out = fopen(name, "wb");
    if (out)
        fclose(out);
}

/* Fills a tier, closes it, and returns its file. */
static struct image filled(struct tier *tier, bool l3, const char *name)
{
    pxt_entry *entry[ENTRIES];
    *tier = opened(l3, name, NULL);
    for (int i = 0; i < ENTRIES; i++)
        entry[i] = complete(key_text(i));
    tier->ops->put_many(tier->self, entry, ENTRIES, NULL);
    for (int i = 0; i < ENTRIES; i++)
        host.host.entry_release(entry[i]);
    close_tier(tier);
    return read_image(tier->path);
}

/* The place of a key in a page of a kind: 13, leaf of a table; 10, leaf of an index. 0: in none. */
static size_t find_key(const struct image *image, int number, int kind)
{
    const char *text = key_text(number);
    size_t length = strlen(text);
    for (size_t page = PAGE_SIZE; page + PAGE_SIZE <= image->size; page += PAGE_SIZE)
        for (size_t at = page; image->bytes[page] == kind && at + length <= page + PAGE_SIZE; at++)
            if (!memcmp(image->bytes + at, text, length))
                return at;
    return 0;
}

/* ---- truncation ---- */

/* Truncates, and counts the entries that are missing although their page is there. */
static int missing_after_truncation(struct tier *tier, const char *name, const struct image *image, size_t size)
{
    int missing = 0;
    bool l3 = tier->l3;
    restore(tier->path, image, size);
    mark(tier->path);
    *tier = opened(l3, name, &fast);
    for (int i = 0; i < ENTRIES; i++) {
        size_t at = find_key(image, i, 13);
        missing += at && at / PAGE_SIZE < size / PAGE_SIZE && !has(tier, key_text(i));
    }
    close_tier(tier);
    return missing;
}

static void truncation_keeps_all_intact_entries(bool l3, const char *name)
{
    struct tier tier;
    struct image image = filled(&tier, l3, name);
    int missing = 0, worst = 0, truncations = l3 ? TRUNCATIONS / 5 : TRUNCATIONS;
    unsigned seed = 7;
    for (int i = 0; i < truncations; i++) {
        seed = seed * 1103515245 + 12345;
        size_t size = (size_t)(seed >> 4) % image.size;
        int here = missing_after_truncation(&tier, name, &image, size);
        worst = here > worst ? here : worst;
        missing += here;
    }
    ok(!missing, "%s: %d truncations keep each entry whose page is there (%d missing, at worst %d)", name, truncations,
       missing, worst);
    is_int(missing_after_truncation(&tier, name, &image, image.size - PAGE_SIZE), 0,
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
    while (first && memcmp(image.bytes + end, "\n)", 2))
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

/* ---- the index of the keys ---- */

static void maintain_all(struct tier *tier)
{
    for (int i = 0; i < ENTRIES / 50; i++)
        tier->ops->maintain(tier->self, NULL);
}

static void flipped_index_is_rebuilt(bool l3, const char *name)
{
    struct tier tier;
    struct image image = filled(&tier, l3, name);
    char text[100];
    unsigned seen = 0;
    pxt_entry *out = NULL;
    size_t at = find_key(&image, 100, 10);
    image.bytes[at + 2] ^= 4;
    for (int second = 0; second < 2; second++) {
        restore(tier.path, &image, at ? image.size : 0);
        tier = opened(l3, name, NULL);
        ok(at && !has(&tier, key_text(100)), "%s: a flipped bit in the index hides an entry", name);
        if (second)
            is_int(put(&tier, simple(key_text(100))), PXT_OK, "%s: which is stored a second time", name);
        maintain_all(&tier);
        is_int(get(&tier, key_text(100), &out), PXT_OK, "%s: maintenance finds it again", name);
        if (second)
            is_int(out ? pxt_entry_number(out, PXT_FIELD_TOTAL_HEALTH_CHECKS) : -1, 0, "%s: as it was stored last",
                   name);
        host.host.entry_release(out);
        seen = 0;
        tier.ops->each(tier.self, count_entries, &seen, NULL);
        is_int(seen, ENTRIES, "%s: each entry is there once", name);
        is_int(count(&tier), ENTRIES, "%s: and counted once", name);
        is_int((long long)tier.ops->corruptions(tier.self), 1, "%s: the damage is counted", name);
        snprintf(text, sizeof text, "SELECT count(DISTINCT key) FROM %s NOT INDEXED", tier.table);
        is_int(atoi(ask(tier.path, text)), ENTRIES, "%s: no key has two rows", name);
        close_tier(&tier);
    }
    free(image.bytes);
}

/* ---- damage that a call meets ---- */

static void damage_is_repaired_within_the_call(bool l3, const char *name)
{
    struct tier tier;
    struct pxt_error error = {.message = ""};
    struct image image = filled(&tier, l3, name);
    unsigned seen = 0;
    size_t page = find_key(&image, 120, 13) / PAGE_SIZE * PAGE_SIZE;
    memset(image.bytes + page, 0x55, PAGE_SIZE);
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

/* ---- no space ---- */

static void salvage_without_space_is_tried_again(bool l3, const char *name)
{
    struct tier tier;
    struct rlimit before, small;
    struct pxt_error error = {.message = ""};
    struct image image = filled(&tier, l3, name);
    memset(image.bytes + find_key(&image, 120, 13) / PAGE_SIZE * PAGE_SIZE, 0x55, PAGE_SIZE);
    restore(tier.path, &image, image.size - PAGE_SIZE);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 65536;
    setrlimit(RLIMIT_FSIZE, &small);
    is_int(open_tier(&tier, l3, name, NULL, &error), PXT_ENOSPC, "%s: a salvage without space says so", name);
    setrlimit(RLIMIT_FSIZE, &before);
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
        TEST(flipped_index_is_rebuilt, "index");
        TEST(damage_is_repaired_within_the_call, "call");
        TEST(salvage_without_space_is_tried_again, "full");
    }
    return finish();
}
