/* SPDX-License-Identifier: MIT
 *
 * sqlite_versions_test: versions, tombstones, the record of the core and the number of the format, in the SQLite tiers.
 */
#include "../lib/sqlite_kit.h"

static const struct how with_proxywhirl = {.compatible = "proxywhirl"};

static pxt_entry *versioned(const char *key, uint64_t version, const char *source)
{
    struct pxt_draft draft;
    draft_of(&draft, key);
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, source, strlen(source));
    pxt_draft_set_number(&draft, PXT_FIELD_VERSION, (int64_t)version);
    pxt_draft_set_number(&draft, PXT_FIELD_SUPPLIED_VERSION, (int64_t)version);
    return entry_of(&draft);
}

static pxt_entry *tombstone(const char *text, uint64_t version)
{
    pxt_entry *entry = NULL;
    struct pxt_key key = key_of(text);
    if (host.host.tombstone_new(&host.host, &key, version, PXT_REMOVE_DELETED, NOW, &entry, NULL))
        exit(1);
    return entry;
}

/* "entry 7 premium", "tombstone 8", "nothing". */
static const char *stored(struct tier *tier, const char *key)
{
    static char text[200];
    pxt_entry *out;
    pxt_status status = get(tier, key, &out);
    if (status)
        return status == PXT_NOT_FOUND ? "nothing" : "an error";
    long long version = pxt_entry_number(out, PXT_FIELD_VERSION);
    if (pxt_entry_number(out, PXT_FIELD_REMOVED))
        snprintf(text, sizeof text, "tombstone %lld", version);
    else
        snprintf(text, sizeof text, "entry %lld %s", version, pxt_entry_text(out, PXT_FIELD_SOURCE, NULL));
    host.host.entry_release(out);
    return text;
}

static void an_older_version_replaces_nothing(bool l3, const char *name, const struct how *how)
{
    struct tier tier = opened(l3, name, how);
    put(&tier, versioned("k", 7, "seven"));
    is_int(put(&tier, versioned("k", 6, "six")), PXT_ESTALE, "%s: an older entry is refused", name);
    is_str(stored(&tier, "k"), "entry 7 seven", "%s: and changes nothing", name);
    is_int(put(&tier, tombstone("k", 6)), PXT_ESTALE, "%s: an older tombstone is refused", name);
    is_str(stored(&tier, "k"), "entry 7 seven", "%s: and changes nothing", name);
    is_int(put(&tier, versioned("k", 7, "again")), PXT_OK, "%s: an equal version replaces", name);
    is_int(put(&tier, versioned("k", 8, "eight")), PXT_OK, "%s: a newer one", name);
    is_str(stored(&tier, "k"), "entry 8 eight", "%s: is stored", name);
    is_int(put(&tier, versioned("k", 0, "zero")), PXT_OK, "%s: one that is not known replaces", name);
    is_str(stored(&tier, "k"), "entry 0 zero", "%s: and is stored as such", name);
    is_int(put(&tier, versioned("k", (uint64_t)INT64_MAX, "last")), PXT_OK, "%s: 63 bits", name);
    is_str(stored(&tier, "k"), "entry 9223372036854775807 last", "%s: come back", name);
    close_tier(&tier);
}

static void a_key_has_an_entry_or_a_tombstone(bool l3, const char *name, const struct how *how)
{
    struct tier tier = opened(l3, name, how);
    struct pxt_key key = key_of("k");
    unsigned seen = 0;
    pxt_entry *out;
    uint64_t removed = 0;
    put(&tier, versioned("k", 7, "seven"));
    put(&tier, versioned("other", 7, "seven"));
    is_int(put(&tier, tombstone("k", 8)), PXT_OK, "%s: a tombstone is taken", name);
    is_int(get(&tier, "k", &out), PXT_OK, "%s: and got", name);
    ok(out && pxt_entry_number(out, PXT_FIELD_REMOVED) == 1 + PXT_REMOVE_DELETED &&
           pxt_entry_number(out, PXT_FIELD_FETCH_TIME) == NOW && pxt_entry_number(out, PXT_FIELD_VERSION) == 8,
       "%s: with version, reason and time", name);
    host.host.entry_release(out);
    ok(!has(&tier, "k"), "%s: contains means entries", name);
    is_int(count(&tier), 1, "%s: so does count", name);
    tier.ops->each(tier.self, count_entries, &seen, NULL);
    is_int(seen, 1, "%s: and each", name);
    is_int(put(&tier, versioned("k", 7, "late")), PXT_ESTALE, "%s: an entry older than the tombstone is refused", name);
    is_int(put(&tier, tombstone("k", 5)), PXT_ESTALE, "%s: so is a tombstone", name);
    is_str(stored(&tier, "k"), "tombstone 8", "%s: which stays", name);
    is_int(put(&tier, versioned("k", 9, "back")), PXT_OK, "%s: a newer entry", name);
    is_str(stored(&tier, "k"), "entry 9 back", "%s: takes its place", name);
    is_str(ask(tier.path, "SELECT count(*) FROM proxtier_tombstones"), "0", "%s: and nothing of it is left", name);
    is_int(count(&tier), 2, "%s: it counts again", name);
    put(&tier, tombstone("k", 10));
    is_int(tier.ops->del(tier.self, &key, PXT_REMOVE_DELETED, NULL), PXT_NOT_FOUND, "%s: del removes a tombstone",
           name);
    is_str(stored(&tier, "k"), "nothing", "%s: and leaves nothing", name);
    is_int(tier.ops->del(tier.self, &key, PXT_REMOVE_DELETED, NULL), PXT_NOT_FOUND, "%s: once", name);
    is_int(count(&tier), 1, "%s: the count is right", name);
    put(&tier, tombstone("k", 11));
    tier.ops->clear(tier.self, &removed, NULL);
    is_int((long long)removed, 1, "%s: clear counts entries", name);
    is_str(stored(&tier, "k"), "nothing", "%s: and removes tombstones too", name);
    is_int(put(&tier, tombstone("new", 3)), PXT_OK, "%s: a tombstone of a key that is not stored", name);
    is_str(stored(&tier, "new"), "tombstone 3", "%s: is kept", name);
    close_tier(&tier);
}

static void a_batch_is_stored_as_a_whole(bool l3, const char *name, const struct how *how)
{
    struct tier tier = opened(l3, name, how);
    pxt_entry *good[] = {versioned("a", 5, "a"), tombstone("b", 6), versioned("c", 7, "c")};
    pxt_entry *stale[] = {versioned("a", 8, "a"), tombstone("c", 9), versioned("b", 2, "b")};
    put(&tier, versioned("b", 1, "b"));
    is_int(tier.ops->put_many(tier.self, good, 3, NULL), PXT_OK, "%s: entries and tombstones in one batch", name);
    is_str(stored(&tier, "b"), "tombstone 6", "%s: the tombstone", name);
    is_int(count(&tier), 2, "%s: two entries", name);
    is_int(tier.ops->put_many(tier.self, stale, 3, NULL), PXT_ESTALE, "%s: one that is older", name);
    is_str(stored(&tier, "a"), "entry 5 a", "%s: and nothing is stored", name);
    is_str(stored(&tier, "c"), "entry 7 c", "%s: nothing removed", name);
    is_int(count(&tier), 2, "%s: the count is as before", name);
    for (int i = 0; i < 3; i++) {
        host.host.entry_release(good[i]);
        host.host.entry_release(stale[i]);
    }
    close_tier(&tier);
}

/* What a put remembers of tombstones must not outlive what another process does. */
static void a_tombstone_of_another_process_is_seen(bool l3, const char *name, const struct how *how)
{
    struct tier a = opened(l3, name, how), b = opened(l3, name, how);
    put(&a, versioned("x", 1, "x"));
    put(&a, versioned("x", 2, "x"));
    is_int(put(&b, tombstone("k", 9)), PXT_OK, "%s: a tombstone through another handle", name);
    is_int(put(&a, versioned("k", 8, "late")), PXT_ESTALE, "%s: refuses an older entry", name);
    is_int(put(&a, versioned("k", 10, "new")), PXT_OK, "%s: a newer one is taken", name);
    is_str(stored(&b, "k"), "entry 10 new", "%s: and seen", name);
    is_str(ask(a.path, "SELECT count(*) FROM proxtier_tombstones"), "0", "%s: without the tombstone", name);
    close_tier(&a);
    close_tier(&b);
}

struct seen {
    struct tier *tier;
    unsigned count, odd;
    uint64_t sum;
    unsigned stop_at;
};

static bool see(void *arg, const struct pxt_key *key, uint64_t version)
{
    struct seen *seen = arg;
    seen->count++;
    seen->sum += version;
    /* The walk holds nothing that would block a put. */
    if (seen->tier && seen->count % 400 == 1)
        seen->odd += put(seen->tier, versioned(key->text, version + 1, "meanwhile")) != PXT_OK;
    return seen->count != seen->stop_at;
}

static void versions_above_are_listed(bool l3, const char *name, const struct how *how)
{
    struct tier tier = opened(l3, name, how);
    struct seen all = {0}, above = {0}, stopped = {.stop_at = 3}, changing = {.tier = &tier};
    pxt_entry *batch[1200];
    for (unsigned i = 0; i < 1200; i++) {
        char key[20];
        snprintf(key, sizeof key, "key%u", i);
        batch[i] = i < 600 ? versioned(key, i, "s") : tombstone(key, i);
    }
    tier.ops->put_many(tier.self, batch, 1200, NULL);
    for (unsigned i = 0; i < 1200; i++)
        host.host.entry_release(batch[i]);
    is_int(tier.ops->versions(tier.self, 0, see, &all, NULL), PXT_OK, "%s: versions", name);
    ok(all.count == 1200 && all.sum == 1199 * 1200 / 2, "%s: of all entries and tombstones (%u)", name, all.count);
    tier.ops->versions(tier.self, 589, see, &above, NULL);
    is_int(above.count, 611, "%s: those above, and the one that is not known", name);
    tier.ops->versions(tier.self, 0, see, &stopped, NULL);
    is_int(stopped.count, 3, "%s: until the caller has enough", name);
    is_int(tier.ops->versions(tier.self, 0, see, &changing, NULL), PXT_OK, "%s: while others put", name);
    is_int(changing.odd, 0, "%s: who need not wait", name);
    close_tier(&tier);
}

static void note_key(void *arg, const struct pxt_key *key)
{
    char *told = arg;
    strcat(told, key->text);
}

static void only_what_all_tiers_know_expires(bool l3, const char *name, const struct how *how)
{
    struct tier tier = opened(l3, name, how);
    char told[100] = "";
    uint64_t removed = 0;
    pxt_time late = NOW + 7200 * PXT_SECOND;
    put(&tier, versioned("a", 5, "s"));
    put(&tier, versioned("b", 6, "s"));
    put(&tier, versioned("z", 0, "s"));
    put(&tier, tombstone("c", 5));
    put(&tier, tombstone("d", 6));
    is_int(tier.ops->expire(tier.self, late, 5, 100, note_key, told, &removed, NULL), PXT_OK, "%s: expire", name);
    is_int((long long)removed, 3, "%s: up to a version: two entries and a tombstone", name);
    ok(!strcmp(told, "az") || !strcmp(told, "za"), "%s: of which the entries are told (%s)", name, told);
    is_str(stored(&tier, "d"), "tombstone 6", "%s: a later tombstone stays", name);
    is_str(stored(&tier, "b"), "entry 6 s", "%s: and a later entry", name);
    is_int(count(&tier), 1, "%s: one is left", name);
    told[0] = '\0';
    tier.ops->expire(tier.self, NOW, 6, 1, note_key, told, &removed, NULL);
    ok(removed == 1 && !*told, "%s: no more than asked for, tombstones included", name);
    is_str(stored(&tier, "d"), "nothing", "%s: the tombstone is gone", name);
    is_str(stored(&tier, "b"), "entry 6 s", "%s: the entry has time left", name);
    tier.ops->expire(tier.self, late, UINT64_MAX, 10, note_key, told, &removed, NULL);
    is_int((long long)removed, 1, "%s: then it goes as well", name);
    close_tier(&tier);
}

static void the_record_is_kept(bool l3, const char *name, const struct how *how)
{
    struct tier tier = opened(l3, name, how);
    char text[PXT_RECORD_MAX + 1], longest[PXT_RECORD_MAX + 2] = "";
    is_int(tier.ops->record_get(tier.self, text, NULL), PXT_NOT_FOUND, "%s: no record yet", name);
    is_int(tier.ops->record_put(tier.self, "one\n", NULL), PXT_OK, "%s: a record", name);
    memset(longest, 'x', PXT_RECORD_MAX);
    is_int(tier.ops->record_put(tier.self, longest, NULL), PXT_OK, "%s: another, the longest", name);
    close_tier(&tier);
    tier = opened(l3, name, how);
    is_int(tier.ops->record_get(tier.self, text, NULL), PXT_OK, "%s: after an open", name);
    ok(!strcmp(text, longest), "%s: is the last one", name);
    longest[PXT_RECORD_MAX] = 'x';
    is_int(tier.ops->record_put(tier.self, longest, NULL), PXT_EINVAL, "%s: a longer one is refused", name);
    close_tier(&tier);
}

static void synced_is_said_of_sync_full_only(bool l3, const char *name)
{
    for (int i = 0; i < 2; i++) {
        struct tier tier = opened(l3, name, &(struct how){.sync = i ? "full" : "normal"});
        const struct pxt_tier_ops *own = tier.ops->instance_ops(tier.self);
        ok(own->flags & PXT_TIER_VERSIONS, "%s: compares versions", name);
        is_int((own->flags & PXT_TIER_SYNCED) != 0, i, "%s: synced with sync: %s", name, i ? "full" : "normal");
        close_tier(&tier);
    }
}

/* ---- the format ---- */

static unsigned long sum_of(const char *path)
{
    unsigned long sum = 5381;
    FILE *in = fopen(path, "rb");
    for (int c; in && (c = getc(in)) != EOF;)
        sum = sum * 33 + (unsigned)c;
    if (in)
        fclose(in);
    return sum;
}

static void a_newer_format_is_refused(bool l3, const char *name)
{
    struct tier tier = opened(l3, name, NULL);
    struct pxt_error error = {.message = ""};
    put(&tier, versioned("k", 7, "seven"));
    is_str(ask(tier.path, "PRAGMA user_version"), "2", "%s: the file has a format", name);
    is_str(ask(tier.path, "PRAGMA application_id"), "1886942257", "%s: and says whose", name);
    close_tier(&tier);
    sql(tier.path, "PRAGMA user_version=3");
    unsigned long before = sum_of(tier.path);
    is_int(open_tier(&tier, l3, name, NULL, &error), PXT_ECONFIG, "%s: a newer one is refused", name);
    ok(strstr(error.message, "format 3") && strstr(error.message, "up to 2") &&
           strstr(error.message, "upgrade proxtier"),
       "%s: with both numbers and a remedy: %s", name, error.message);
    close_tier(&tier);
    is_int((long long)sum_of(tier.path), (long long)before, "%s: and not changed by a byte", name);
    sql(tier.path, "PRAGMA user_version=2");
    tier = opened(l3, name, NULL);
    is_str(stored(&tier, "k"), "entry 7 seven", "%s: all is still there", name);
    close_tier(&tier);
}

static void a_file_of_our_own_is_not_shared(bool l3, const char *name)
{
    struct tier tier = opened(l3, name, NULL);
    struct pxt_error error = {.message = ""};
    put(&tier, versioned("k", 7, "seven"));
    close_tier(&tier);
    unsigned long before = sum_of(tier.path);
    is_int(open_tier(&tier, l3, name, &with_proxywhirl, &error), PXT_ECONFIG, "%s: is refused", name);
    ok(strstr(error.message, "ProxyWhirl") && strstr(error.message, "remove that option"), "%s: with a remedy: %s",
       name, error.message);
    close_tier(&tier);
    is_int((long long)sum_of(tier.path), (long long)before, "%s: and not changed", name);
}

static void a_shared_file_becomes_our_own(bool l3, const char *name)
{
    char text[400];
    struct tier tier = opened(l3, name, &with_proxywhirl);
    pxt_entry *full = complete("full"), *out;
    tier.ops->put(tier.self, full, NULL);
    put(&tier, versioned("k", 7, "seven"));
    put(&tier, tombstone("gone", 8));
    put(&tier, versioned("replaced", 9, "ours"));
    snprintf(text, sizeof text,
             "CREATE TEMP TABLE t AS SELECT * FROM %s WHERE key='replaced';INSERT OR REPLACE INTO %s SELECT * FROM t",
             tier.table, tier.table);
    sql(tier.path, text);
    is_str(stored(&tier, "replaced"), "entry 0 ours", "%s: what ProxyWhirl replaced has no version", name);
    snprintf(
        text, sizeof text,
        "CREATE TEMP TABLE t AS SELECT * FROM %s WHERE key='k';UPDATE t SET key='gone';INSERT INTO %s SELECT * FROM t",
        tier.table, tier.table);
    sql(tier.path, text);
    is_str(stored(&tier, "gone"), "entry 0 seven", "%s: what it put again is there", name);
    put(&tier, tombstone("gone", 10));
    close_tier(&tier);
    tier = opened(l3, name, NULL);
    is_str(stored(&tier, "k"), "entry 7 seven", "%s: versions are taken over", name);
    is_str(stored(&tier, "replaced"), "entry 0 ours", "%s: and not made up", name);
    is_str(stored(&tier, "gone"), "tombstone 10", "%s: tombstones as well", name);
    get(&tier, "full", &out);
    ok(out && same(full, out), "%s: all fields are", name);
    host.host.entry_release(out);
    host.host.entry_release(full);
    is_str(ask(tier.path, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'proxtier%_back' OR name LIKE "
                          "'proxtier_l3_extra%'"),
           "0", "%s: and what only a shared file needs is gone", name);
    is_str(ask(tier.path, "PRAGMA user_version"), "2", "%s: it has our format", name);
    close_tier(&tier);
}

static void copy_fixture(bool l3, const char *name)
{
    const char *source = getenv("abs_top_srcdir");
    char command[1000];
    make_place(name);
    snprintf(command, sizeof command, "umask 077 && cat %s/t/plugins/fixtures/before_versions/%s >%s/%s/%s",
             source ? source : ".", l3 ? "px.db" : "l2_cache.db", root, name, l3 ? "px.db" : "l2_cache.db");
    if (system(command)) {
        printf("Bail out! cannot copy the fixture\n");
        exit(1);
    }
}

static void a_file_of_before_versions_is_upgraded(bool l3, const char *name)
{
    char text[600], before[4000];
    copy_fixture(l3, name);
    struct tier tier = {.table = l3 ? "cache_entries" : "l2_cache"};
    snprintf(tier.path, sizeof tier.path, "%s/%s/%s", root, name, l3 ? "px.db" : "l2_cache.db");
    snprintf(
        text, sizeof text,
        "SELECT key||proxy_url||source||fetch_time||expires_at||access_count||health_status||failure_count FROM %s "
        "ORDER BY key",
        tier.table);
    snprintf(before, sizeof before, "%s", ask(tier.path, text));
    ok(strlen(before) > 300, "%s: the fixture has entries", name);
    tier = opened(l3, name, NULL);
    is_str(ask(tier.path, text), before, "%s: they are as before", name);
    is_int(count(&tier), 4, "%s: all", name);
    pxt_entry *out;
    get(&tier, "own-key", &out);
    int64_t fetched = out ? pxt_entry_number(out, PXT_FIELD_FETCH_TIME) : 0;
    ok(out && pxt_entry_number(out, PXT_FIELD_VERSION) == fetched << 11 &&
           pxt_entry_number(out, PXT_FIELD_SUPPLIED_VERSION) == fetched << 11 &&
           pxt_entry_number(out, PXT_FIELD_LEARNT_VERSION) == fetched << 11,
       "%s: their versions follow from the time", name);
    ok(out && pxt_entry_number(out, PXT_FIELD_TOTAL_HEALTH_CHECKS) == 2, "%s: health is kept", name);
    host.host.entry_release(out);
    is_str(ask(tier.path, "PRAGMA user_version"), "2", "%s: it has a format", name);
    is_int(put(&tier, versioned("own-key", (uint64_t)(fetched << 11) - 1, "older")), PXT_ESTALE,
           "%s: what is older is refused", name);
    close_tier(&tier);
}

/* ---- damage ---- */

/* Page 1 is left alone: all of the schema is there. */
static void a_salvage_keeps_versions_and_tombstones(bool l3, const char *name, const struct how *how)
{
    struct tier tier = opened(l3, name, how);
    for (unsigned i = 0; i < 300; i++) {
        char key[20];
        snprintf(key, sizeof key, "key%03u", i);
        put(&tier, i % 3 ? versioned(key, 1000 + i, "s") : tombstone(key, 1000 + i));
    }
    tier.ops->record_put(tier.self, "checkpoint 5\n", NULL);
    close_tier(&tier);
    char text[300], page[PXT_RECORD_MAX + 1];
    snprintf(text, sizeof text, "SELECT rootpage FROM sqlite_schema WHERE name='sqlite_autoindex_%s_1'", tier.table);
    long root_page = atol(ask(tier.path, text));
    FILE *file = fopen(tier.path, "r+b");
    if (file) {
        fseek(file, (root_page - 1) * 4096, SEEK_SET);
        for (int i = 0; i < 4096; i++)
            putc(0x55, file);
        fclose(file);
    }
    tier = opened(l3, name, how);
    is_str(stored(&tier, "key001"), "entry 1001 s", "%s: an entry keeps its version", name);
    is_int((long long)tier.ops->corruptions(tier.self), 1, "%s: through a salvage", name);
    is_str(stored(&tier, "key003"), "tombstone 1003", "%s: a tombstone stays one", name);
    struct seen seen = {0};
    tier.ops->versions(tier.self, 0, see, &seen, NULL);
    ok(seen.count == 300 && seen.sum == 300 * 1000 + 299 * 300 / 2, "%s: all are there (%u)", name, seen.count);
    is_int(tier.ops->record_get(tier.self, page, NULL), PXT_NOT_FOUND,
           "%s: but for the record, which a store that may have lost something cannot trust", name);
    close_tier(&tier);
}

static void unreadable_tombstones_cost_no_entry(bool l3, const char *name, const struct how *how)
{
    struct tier tier = opened(l3, name, how);
    put(&tier, versioned("k", 7, "s"));
    put(&tier, tombstone("gone", 8));
    close_tier(&tier);
    long root_page = atol(ask(tier.path, "SELECT rootpage FROM sqlite_schema WHERE name='proxtier_tombstones'"));
    FILE *file = fopen(tier.path, "r+b");
    if (file) {
        fseek(file, (root_page - 1) * 4096, SEEK_SET);
        for (int i = 0; i < 4096; i++)
            putc(0x55, file);
        fclose(file);
    }
    tier = opened(l3, name, how);
    last_warning[0] = '\0';
    is_str(stored(&tier, "gone"), "nothing", "%s: what cannot be read is gone", name);
    ok(strstr(last_warning, "some tombstones may be lost") != NULL, "%s: and that is told: %s", name, last_warning);
    is_str(stored(&tier, "k"), "entry 7 s", "%s: the entries are kept", name);
    is_int(put(&tier, tombstone("gone", 9)), PXT_OK, "%s: and tombstones are taken again", name);
    close_tier(&tier);
}

/* ---- all of them ---- */

static void in_both_modes(bool l3)
{
    static const struct {
        const char *name;
        void (*test)(bool l3, const char *name, const struct how *how);
    } tests[] = {{"older", an_older_version_replaces_nothing},
                 {"tombstones", a_key_has_an_entry_or_a_tombstone},
                 {"batch", a_batch_is_stored_as_a_whole},
                 {"others", a_tombstone_of_another_process_is_seen},
                 {"versions", versions_above_are_listed},
                 {"expire", only_what_all_tiers_know_expires},
                 {"record", the_record_is_kept},
                 {"salvage", a_salvage_keeps_versions_and_tombstones},
                 {"unreadable", unreadable_tombstones_cost_no_entry}};
    char name[100];
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        for (int shared = 0; shared < 2; shared++) {
            snprintf(name, sizeof name, "%s-%s%s", l3 ? "l3" : "l2", tests[i].name, shared ? "-shared" : "");
            tests[i].test(l3, name, shared ? &with_proxywhirl : NULL);
        }
}

int main(int argc, char **argv)
{
    char name[100];
    if (!begin(argc, argv))
        return 1;
    for (int l3 = 0; l3 < 2; l3++) {
        in_both_modes(l3);
        TEST(synced_is_said_of_sync_full_only, "synced");
        TEST(a_newer_format_is_refused, "newer");
        TEST(a_file_of_our_own_is_not_shared, "own");
        TEST(a_shared_file_becomes_our_own, "shared");
        TEST(a_file_of_before_versions_is_upgraded, "before");
    }
    return finish();
}
