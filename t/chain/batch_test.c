/* SPDX-License-Identifier: MIT
 *
 * Many entries at once: a tier with a capacity is filled as far as it has room, where a slower one has them all; what no one
 * has asked for yet pushes nothing out, and nothing old is left behind.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>

enum { MANY = 400, TTL = 100000 };
static char folder[] = "/tmp/proxtier-batch-XXXXXX";
static struct pxt_error error;
static pxt_cache *cache;
static pxt_time ahead; /* of the clock */

static pxt_time clock_ahead(void *arg)
{
    (void)arg;
    return pxt_cache_now(NULL) + ahead;
}

static void open_chain(const char *tiers)
{
    char yaml[1000], with_folder[800];
    snprintf(with_folder, sizeof with_folder, tiers, folder, folder);
    snprintf(yaml, sizeof yaml, "encryptor: {plugin: plain}\ntiers: [%s]", with_folder);
    struct pxt_cache_options options = {
        .size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml, .clock = clock_ahead};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
}

static void close_and_remove(const char *files)
{
    char command[100];
    pxt_cache_close(cache);
    snprintf(command, sizeof command, "rm -rf %s/%s", folder, files);
    if (system(command))
        diag("cannot clean up");
}

static void close_chain(void)
{
    close_and_remove("*");
}

static pxt_status put_batch(const char *prefix, int64_t version)
{
    static struct pxt_draft drafts[MANY];
    static char keys[MANY][20];
    for (int i = 0; i < MANY; i++) {
        snprintf(keys[i], sizeof keys[i], "%s%d", prefix, i);
        pxt_draft_init(&drafts[i]);
        pxt_draft_set_text(&drafts[i], PXT_FIELD_KEY, keys[i], strlen(keys[i]));
        pxt_draft_set_text(&drafts[i], PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
        pxt_draft_set_number(&drafts[i], PXT_FIELD_TTL_SECONDS, TTL + version); /* a put takes it over */
    }
    return pxt_cache_put_many(cache, drafts, MANY, NULL, NULL, &error);
}

/* How many of them are there in this version. */
static int found(const char *prefix, int64_t version)
{
    int count = 0;
    for (int i = 0; i < MANY; i++) {
        char key[20];
        pxt_entry *entry = NULL;
        snprintf(key, sizeof key, "%s%d", prefix, i);
        if (pxt_cache_get(cache, key, &entry, &error) == PXT_OK)
            count += pxt_entry_number(entry, PXT_FIELD_TTL_SECONDS) - TTL == version;
        pxt_entry_release(entry);
    }
    return count;
}

static unsigned tier_of(const char *key)
{
    pxt_entry *entry = NULL;
    unsigned tier = 99;
    pxt_cache_get_from(cache, key, &entry, &tier, &error);
    pxt_entry_release(entry);
    return tier;
}

static void it_fills_and_pushes_nothing_out(void)
{
    struct pxt_draft draft;
    open_chain("{plugin: l1_memory, shards: 1, max_entries: 10}, {plugin: l2_jsonl, max_entries: 50, dir: %s/l2}, "
               "{plugin: l3_sqlite, path: %s/l3.db}");
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, "hot", 3);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_cache_put(cache, &draft, NULL, &error);
    is_int(put_batch("cold", 1), PXT_OK, "a batch larger than two tiers");
    is_int(tier_of("hot"), 0, "leaves in memory what was there");
    struct pxt_stats stats;
    pxt_stats_init(&stats);
    pxt_cache_stats(cache, &stats, &error);
    is_int((long long)stats.tier[0].size, 10, "memory is full");
    is_int((long long)stats.tier[1].size, 50, "so is the second");
    is_int((long long)stats.tier[2].size, MANY + 1, "the last has all");
    is_int((long long)(stats.tier[0].evictions_policy + stats.tier[1].evictions_policy), 0, "no one had to leave");
    is_int(put_batch("cold", 2), PXT_OK, "the same once more, newer");
    is_int(tier_of("cold0"), 0, "what memory had of it, it has");
    is_int(found("cold", 2), MANY, "no tier has kept an older one");
    close_chain();
}

static void without_coherence_nothing_old_is_left_either(void)
{
    open_chain("{name: a, plugin: l1_memory, shards: 1, max_entries: 30}, {name: b, plugin: l1_memory}");
    put_batch("k", 1);
    put_batch("k", 2);
    is_int(found("k", 2), MANY, "two tiers in memory: all are new");
    close_chain();
}

static void without_room_below_it_goes_to_memory(void)
{
    open_chain("{plugin: l1_memory, shards: 1, max_entries: 500}, {plugin: l2_jsonl, max_entries: 50, dir: %s/l2}");
    put_batch("old", 1);
    put_batch("new", 1);
    is_int(found("new", 1), MANY, "a batch that no slower tier can have whole pushes others out, as single puts do");
    close_chain();
}

/* The clock was set back, and the page is lost; and what is stored is not seen before the batch is written. */
static void a_newer_version_in_a_tier_does_not_win(void)
{
    ahead = 3600 * PXT_SECOND;
    open_chain("{plugin: l3_sqlite, path: %s/l3.db}");
    put_batch("k", 1);
    close_and_remove("*.page");
    ahead = 0;
    open_chain("{plugin: l2_jsonl, dir: %s/l2}, {plugin: fault, tier: l3_sqlite, tier_options: 'path=%s/l3.db', "
               "faults: 'versions 1 fail; get 1 fail'}");
    is_int(put_batch("k", 2), PXT_OK, "a batch that is older than what a tier has, by a clock that was set back");
    is_int(found("k", 2), MANY, "is what counts");
    pxt_cache_tick(cache, NULL, NULL);
    is_int(found("k", 2), MANY, "also when the tiers are made equal");
    close_chain();
}

/* A program that was built with a shorter, or a longer, struct. */
static void counts_fit_the_struct_of_the_caller(void)
{
    union {
        struct pxt_warm_counts counts;
        unsigned char byte[sizeof(struct pxt_warm_counts) + 16];
    } room;
    char path[100];
    snprintf(path, sizeof path, "%s/list", folder);
    FILE *list = fopen(path, "w");
    if (!list || fputs("http://192.0.2.1:80\nhttp://192.0.2.2:80\n", list) < 0 || fclose(list))
        exit(1);
    open_chain("{plugin: l1_memory}");
    memset(&room, 0xaa, sizeof room);
    room.counts.size = offsetof(struct pxt_warm_counts, updated);
    is_int(pxt_cache_warm(cache, path, NULL, &room.counts, &error), PXT_OK,
           "a list is loaded, with room for one count");
    is_int((int64_t)room.counts.loaded, 2, "that is filled");
    is_int(room.byte[offsetof(struct pxt_warm_counts, updated)], 0xaa, "what is behind it is not");
    memset(&room, 0xaa, sizeof room);
    room.counts.size = sizeof room;
    is_int(pxt_cache_warm(cache, path, NULL, &room.counts, &error), PXT_OK, "with room for more than there is");
    is_int((int64_t)room.counts.updated, 2, "all are filled");
    is_int(room.byte[sizeof room - 1], 0, "the others are 0");
    room.counts.size = 0;
    is_int(pxt_cache_warm(cache, path, NULL, &room.counts, &error), PXT_EINVAL, "a struct without its size is refused");
    close_chain();
}

/* Puts three drafts of so many fields each, one after the other; returns how many of them can be got. */
static int put_and_count(size_t fields)
{
    enum { DRAFTS = 3, MORE = 8 };
    static const char *const keys[DRAFTS] = {"a", "b", "c"};
    static uint64_t room[DRAFTS * (sizeof(struct pxt_draft) + MORE * sizeof(struct pxt_value)) / sizeof(uint64_t)];
    const size_t length = offsetof(struct pxt_draft, value) + fields * sizeof(struct pxt_value);
    int found = 0;
    open_chain("{plugin: l1_memory}");
    memset(room, 0, sizeof room);
    for (size_t i = 0; i < DRAFTS; i++) {
        struct pxt_draft draft;
        pxt_draft_init(&draft);
        pxt_draft_set_text(&draft, PXT_FIELD_KEY, keys[i], 1);
        pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
        draft.field_count = (uint32_t)fields;
        memcpy((char *)room + i * length, &draft, length < sizeof draft ? length : sizeof draft);
    }
    is_int(pxt_cache_put_many(cache, (const struct pxt_draft *)(const void *)room, DRAFTS, NULL, NULL, &error), PXT_OK,
           "drafts of %zu fields are stored", fields);
    for (size_t i = 0; i < DRAFTS; i++) {
        pxt_entry *entry = NULL;
        found += pxt_cache_get(cache, keys[i], &entry, &error) == PXT_OK;
        pxt_entry_release(entry);
    }
    close_chain();
    return found;
}

static void drafts_are_as_long_as_they_were_for_the_program(void)
{
    is_int(put_and_count(PXT_FIELD_COUNT), 3, "drafts of this version are all stored");
    is_int(put_and_count(PXT_FIELD_COUNT - 2), 3, "those of a program that knows fewer fields, too");
    is_int(put_and_count(PXT_FIELD_COUNT + 2), 3, "and those of one that knows more");
}

int main(void)
{
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    it_fills_and_pushes_nothing_out();
    without_coherence_nothing_old_is_left_either();
    without_room_below_it_goes_to_memory();
    a_newer_version_in_a_tier_does_not_win();
    counts_fit_the_struct_of_the_caller();
    drafts_are_as_long_as_they_were_for_the_program();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) | tap_done();
}
