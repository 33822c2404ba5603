/* SPDX-License-Identifier: MIT
 *
 * l2_jsonl keeps the version of each key, and tombstones: in its index, in its log, through a compaction, and for another
 * instance that reads the same log.
 */
#include "../lib/jsonl_kit.h"

/* An entry of a version; the access count is the version too, if it is small. */
static pxt_entry *entry_of(const char *key, uint64_t version)
{
    pxt_entry *entry = make_entry(&kit.user, key, T0, (int64_t)(version % 1000), T0, T0 + 3600 * PXT_SECOND);
    pxt_entry_set_versions(entry, version, version, 0);
    return entry;
}

static pxt_entry *tombstone_of(const char *text, uint64_t version)
{
    pxt_entry *tombstone = NULL;
    struct pxt_key key = kit_key(text);
    pxt_tombstone_new(&key, version, PXT_REMOVE_HEALTH, T0 + 5, &tombstone, &kit.error);
    return tombstone;
}

static pxt_status put(pxt_entry *entry)
{
    pxt_status status = kit.ops->put(kit.self, entry, &kit.error);
    pxt_entry_release(entry);
    return status;
}

/* "entry VERSION", "tombstone VERSION WHY TIME" or "nothing". */
static const char *state_of(const char *text)
{
    static char state[80];
    struct pxt_key key = kit_key(text);
    pxt_entry *entry = NULL;
    if (kit.ops->get(kit.self, &key, 0, &entry, &kit.error))
        return "nothing";
    long long version = (long long)pxt_entry_number(entry, PXT_FIELD_VERSION);
    if (pxt_entry_number(entry, PXT_FIELD_REMOVED))
        snprintf(state, sizeof state, "tombstone %lld %d %lld", version,
                 (int)pxt_entry_number(entry, PXT_FIELD_REMOVED) - 1,
                 (long long)(pxt_entry_number(entry, PXT_FIELD_FETCH_TIME) - T0));
    else
        snprintf(state, sizeof state, "entry %lld", version);
    pxt_entry_release(entry);
    return state;
}

static char listed[400];

static bool list_version(void *arg, const struct pxt_key *key, uint64_t version)
{
    (void)arg;
    snprintf(listed + strlen(listed), sizeof listed - strlen(listed), "%s=%llu%s ", key->text,
             (unsigned long long)version, kit.ops->contains(kit.self, key, NULL) == PXT_OK ? "" : "-");
    return true;
}

/* The keys of one shard come in the order of its index: these tests list one or two. */
static const char *versions_above(uint64_t above)
{
    *listed = '\0';
    kit.ops->versions(kit.self, above, list_version, NULL, &kit.error);
    return listed;
}

static bool count_entry(void *arg, pxt_entry *entry)
{
    *(int *)arg += pxt_entry_number(entry, PXT_FIELD_REMOVED) ? 100 : 1;
    return true;
}

static int entries_in_each(void)
{
    int count = 0;
    kit.ops->each(kit.self, count_entry, &count, &kit.error);
    return count;
}

static void an_older_version_replaces_nothing(void)
{
    off_t size;
    struct stat file;
    kit_open("stale", "", 0);
    is_int(put(entry_of("k", 20)), PXT_OK, "a put of version 20");
    stat(kit.log, &file);
    size = file.st_size;
    is_int(put(entry_of("k", 19)), PXT_ESTALE, "version 19 is refused");
    is_int(put(tombstone_of("k", 18)), PXT_ESTALE, "so is an older tombstone");
    stat(kit.log, &file);
    is_int(file.st_size, size, "nothing is written");
    is_str(state_of("k"), "entry 20", "the newer one stays");
    is_int(put(entry_of("k", 20)), PXT_OK, "an equal version replaces");
    is_int(put(entry_of("k", 21)), PXT_OK, "so does a newer one");
    is_int(kit_put("k", 7), PXT_OK, "and one whose version is not known");
    is_int(put(entry_of("k", 3)), PXT_OK, "of which nothing is older");
    is_str(state_of("k"), "entry 3", "the last one stands");
    kit_close();
}

static void a_batch_with_an_older_version_stores_nothing(void)
{
    struct stat before, after;
    kit_open("batch", "", 0);
    put(entry_of("b", 20));
    stat(kit.log, &before);
    pxt_entry *batch[] = {entry_of("a", 30), entry_of("b", 19), entry_of("c", 30)};
    is_int(kit.ops->put_many(kit.self, batch, 3, &kit.error), PXT_ESTALE, "one of three is older");
    stat(kit.log, &after);
    is_int(after.st_size, before.st_size, "nothing is written");
    ok(after.st_ino == before.st_ino, "the log is the same file");
    is_int(kit_count(), 1, "and no other is stored");
    pxt_entry_release(batch[1]);
    batch[1] = entry_of("a", 29);
    is_int(kit.ops->put_many(kit.self, batch, 3, &kit.error), PXT_ESTALE, "one is older than another of the batch");
    is_int(kit_count(), 1, "nothing is stored");
    is_str(state_of("a"), "nothing", "not even the newer");
    pxt_entry_release(batch[1]);
    batch[1] = tombstone_of("b", 21);
    is_int(kit.ops->put_many(kit.self, batch, 3, &kit.error), PXT_OK, "a batch with a tombstone");
    is_str(state_of("b"), "tombstone 21 3 5", "stores it");
    is_int(kit_count(), 2, "and the entries");
    for (int i = 0; i < 3; i++)
        pxt_entry_release(batch[i]);
    kit_close();
}

static void check_tombstone(const char *when)
{
    is_str(state_of("gone"), "tombstone 11 3 5", "%s: get gives the tombstone", when);
    is_str(state_of("stays"), "entry 12", "%s: and the entry", when);
    is_int(kit_count(), 1, "%s: only the entry counts", when);
    is_int(entries_in_each(), 1, "%s: each passes the tombstone over", when);
    is_str(versions_above(10), "gone=11- stays=12 ", "%s: versions has both", when);
    is_str(versions_above(11), "stays=12 ", "%s: ... above a version", when);
}

static void a_tombstone_stays(void)
{
    kit_open("tombstone", "", 0);
    put(entry_of("gone", 10));
    put(entry_of("stays", 12));
    is_int(put(tombstone_of("gone", 11)), PXT_OK, "a tombstone is put");
    check_tombstone("at once");
    kit_close();
    kit_open("tombstone", "", 0);
    check_tombstone("read again");
    for (int i = 0; i < 600; i++)
        put(entry_of("stays", 12));
    kit.ops->maintain(kit.self, &kit.error);
    struct stat file;
    ok(!stat(kit.log, &file) && file.st_size < 2000, "the log is compacted");
    check_tombstone("after a compaction");
    kit_close();
    kit_open("tombstone", "", 0);
    check_tombstone("read after the compaction");
    is_int(put(entry_of("gone", 10)), PXT_ESTALE, "an older copy does not come back");
    is_int(put(entry_of("gone", 13)), PXT_OK, "a newer entry replaces the tombstone");
    is_str(state_of("gone"), "entry 13", "and is there");
    is_int(kit_count(), 2, "and counts");
    is_int(kit.ops->corruptions(kit.self), 0, "no line counts as damaged");
    kit_close();
}

static void a_tombstone_is_not_in_the_policy(void)
{
    pxt_entry *victim = NULL;
    kit_open("policy", "", 10);
    put(entry_of("a", 1));
    put(entry_of("b", 2));
    kit.ops->victim(kit.self, 0, &victim, &kit.error);
    is_str(victim ? pxt_entry_key(victim) : "none", "a", "a is the first victim");
    pxt_entry_release(victim);
    put(tombstone_of("a", 3));
    victim = NULL;
    kit.ops->victim(kit.self, 0, &victim, &kit.error);
    is_str(victim ? pxt_entry_key(victim) : "none", "b", "a tombstone is none");
    pxt_entry_release(victim);
    put(entry_of("a", 4));
    victim = NULL;
    kit.ops->victim(kit.self, 0, &victim, &kit.error);
    is_str(victim ? pxt_entry_key(victim) : "none", "b", "what replaces a tombstone comes in as new");
    pxt_entry_release(victim);
    put(tombstone_of("a", 5));
    put(tombstone_of("b", 6));
    victim = NULL;
    is_int(kit.ops->victim(kit.self, 0, &victim, &kit.error), PXT_NOT_FOUND, "tombstones alone have no victim");
    kit_close();
    kit_open("policy", "", 10);
    is_int(kit.ops->victim(kit.self, 0, &victim, &kit.error), PXT_NOT_FOUND, "... also when the log is read again");
    kit_close();
}

static void a_removal_leaves_nothing_and_says_why(void)
{
    size_t length;
    struct pxt_key key = kit_key("k");
    kit_open("removal", "", 0);
    put(entry_of("k", 5));
    is_int(kit.ops->del(kit.self, &key, PXT_REMOVE_POLICY, &kit.error), PXT_OK, "an entry is evicted");
    is_str(state_of("k"), "nothing", "nothing is left of it");
    is_str(versions_above(0), "", "no version either");
    put(tombstone_of("k", 6));
    is_int(kit.ops->del(kit.self, &key, PXT_REMOVE_EXPIRED, &kit.error), PXT_NOT_FOUND, "a tombstone is removed");
    is_str(versions_above(0), "", "nothing is left of it");
    char *log = kit_read(kit.log, &length);
    ok(strstr(log, "{\"deleted\": \"k\", \"why\": \"evicted\", \"crc32\": "), "the log says that it was evicted");
    ok(strstr(log, "{\"deleted\": \"k\", \"version\": 6, \"why\": \"failed\", \"at\": "
                   "\"2026-01-01T00:00:00.000005+00:00\", \"crc32\": "),
       "and of the tombstone version, reason and time");
    free(log);
    kit_close();
    kit_open("removal", "", 0);
    is_str(versions_above(0), "", "... and read again there is nothing");
    kit_close();
}

static void deletions_are_read_in_any_order_and_spelling(void)
{
    kit_open("spelling", "", 0);
    put(entry_of("old", 5));
    kit_append(
        "{\"deleted\": \"old\"}\n"
        "{ \"deleted\":\"any\" , \"at\":\"2026-01-01T02:00:00.000007+02:00\",\"why\":\"expired\",\"version\" :8 }\n"
        "{\"deleted\": \"zulu\", \"version\": 9, \"at\": \"2026-01-01T00:00:01Z\"}\n");
    is_str(state_of("old"), "nothing", "a deletion of an earlier version removes");
    is_str(state_of("any"), "tombstone 8 2 7", "members may stand in any order, times have any offset");
    is_str(state_of("zulu"), "tombstone 9 0 1000000", "a reason may be missing");
    is_int(kit.ops->corruptions(kit.self), 0, "no line is damaged");
    kit_append("{\"deleted\": \"odd\", \"version\": 9, \"why\": \"bored\"}\n");
    is_str(state_of("odd"), "nothing", "a line with an unknown reason is no tombstone");
    is_int(kit.ops->corruptions(kit.self), 1, "... but damaged");
    kit_close();
}

static void versions_of_other_programs_lines(void)
{
    static const char line[] =
        "{\"key\": \"%s\", \"proxy_url\": \"http://h:1\", \"source\": \"%s\", \"fetch_time\": "
        "\"2026-01-01T00:00:00+00:00\", \"last_accessed\": \"2026-01-01T00:00:00+00:00\", \"access_count\": 0, "
        "\"ttl_seconds\": 3600, \"expires_at\": \"2027-01-01T00:00:00+00:00\"%s}\n";
    char text[900];
    kit_open("foreign", "", 0);
    snprintf(text, sizeof text, line, "plain", "s", "");
    kit_append(text);
    is_str(versions_above(50), "plain=0 ", "a line without version has version 0");
    is_int(put(entry_of("plain", 51)), PXT_OK, "any version replaces it");
    snprintf(text, sizeof text, line, "own", "s", ", \"version\": 52");
    kit_append(text);
    is_str(versions_above(51), "own=52 ", "a version is read without checksum too");
    snprintf(text, sizeof text, line, "text", "\\\", \\\"version\\\": 60, \\\"x\\\": ", ", \"version\": 53");
    kit_append(text);
    is_str(versions_above(52), "text=53 ", "... and not from a text");
    snprintf(text, sizeof text, line, "nest", "s", ", \"version\": 54, \"other\": {\"a\": 1, \"version\": 70}");
    kit_append(text);
    is_str(versions_above(53), "nest=54 ", "... nor from an object in the line");
    is_int(put(entry_of("great", UINT64_C(9000000000000000001))), PXT_OK, "a great version");
    is_str(versions_above(60), "great=9000000000000000001 ", "is kept exactly");
    kit_close();
    kit_open("foreign", "", 0);
    is_str(versions_above(60), "great=9000000000000000001 ", "... and read exactly");
    kit_close();
}

static char expired[100];

static void note_expired(void *arg, const struct pxt_key *key)
{
    (void)arg;
    snprintf(expired + strlen(expired), sizeof expired - strlen(expired), "%s ", key->text);
}

static uint64_t expire(pxt_time now, uint64_t up_to, size_t limit)
{
    uint64_t removed = 99;
    *expired = '\0';
    kit.ops->expire(kit.self, now, up_to, limit, note_expired, NULL, &removed, &kit.error);
    return removed;
}

static void only_what_is_dead_up_to_a_version_expires(void)
{
    pxt_time later = T0 + 7200 * PXT_SECOND;
    kit_open("expire", "", 0);
    kit_put("zero", 0);
    put(entry_of("ten", 10));
    put(entry_of("twenty", 20));
    put(tombstone_of("dead15", 15));
    put(tombstone_of("dead25", 25));
    is_int(expire(T0, 14, 10), 0, "before their time nothing goes");
    is_int(expire(T0 + 4, 15, 10), 0, "nor what is known as dead for a microsecond more");
    is_int(expire(T0 + 5, 15, 10), 1, "but a tombstone");
    is_str(expired, "", "... of which nothing is said");
    is_int(expire(later, 9, 10), 1, "a version that is not known is the oldest");
    is_str(expired, "zero ", "... and its key is told");
    is_int(expire(later, 10, 10), 1, "one up to the version");
    is_str(expired, "ten ", "... not the later ones");
    is_str(state_of("twenty"), "entry 20", "an expired entry of a later version stays");
    is_str(state_of("dead25"), "tombstone 25 3 5", "so does a later tombstone");
    is_int(expire(later, 30, 1), 1, "no more than the limit");
    is_int(expire(later, 30, 10), 1, "and then the rest");
    is_str(versions_above(0), "", "nothing is left");
    kit_close();
    kit_open("expire", "", 0);
    is_str(versions_above(0), "", "... nor when it is read again");
    kit_close();
}

static void accesses_keep_the_version(void)
{
    kit_open("touch", "", 0);
    put(entry_of("k", 10));
    put(tombstone_of("t", 11));
    const struct pxt_touch *touches[] = {
        &(struct pxt_touch){.size = sizeof(struct pxt_touch), .key = kit_key("k"), .hits = 3, .last_accessed = T0 + 1},
        &(struct pxt_touch){.size = sizeof(struct pxt_touch), .key = kit_key("t"), .hits = 3, .last_accessed = T0 + 1}};
    is_int(kit.ops->touch(kit.self, touches, 2, &kit.error), PXT_OK, "accesses are written");
    is_int(kit_get("k"), 13, "they count");
    is_str(state_of("k"), "entry 10", "the version stays");
    is_str(state_of("t"), "tombstone 11 3 5", "a tombstone has none");
    kit_close();
}

static void a_record_is_kept_beside_the_entries(void)
{
    char text[PXT_RECORD_MAX + 1], *large = calloc(1, PXT_RECORD_MAX + 2);
    kit_open("record", "", 0);
    is_int(kit.ops->record_get(kit.self, text, &kit.error), PXT_NOT_FOUND, "there is no record at first");
    is_int(kit.ops->record_put(kit.self, "one\ntwo\n", &kit.error), PXT_OK, "one is put");
    is_int(kit.ops->record_get(kit.self, text, &kit.error), PXT_OK, "and got");
    is_str(text, "one\ntwo\n", "as it was put");
    memset(large, 'x', PXT_RECORD_MAX + 1);
    is_int(kit.ops->record_put(kit.self, large, &kit.error), PXT_EINVAL, "a record has a greatest length");
    large[PXT_RECORD_MAX] = '\0';
    is_int(kit.ops->record_put(kit.self, large, &kit.error), PXT_OK, "which may be used");
    kit_close();
    kit_open("record", "", 0);
    is_int(kit.ops->record_get(kit.self, text, &kit.error), PXT_OK, "another instance has it");
    is_str(text, large, "as a whole");
    is_int(kit.ops->record_put(kit.self, "short", &kit.error), PXT_OK, "a short one after a long one");
    kit.ops->record_get(kit.self, text, &kit.error);
    is_str(text, "short", "leaves nothing of it");
    kit_close();
    free(large);
}

static void the_flags_say_what_is_synced(void)
{
    kit_open("flags", "", 0);
    ok(!(kit.ops->instance_ops(kit.self)->flags & PXT_TIER_SYNCED), "without sync: full a put is not synced");
    ok(kit.ops->instance_ops(kit.self)->flags & PXT_TIER_VERSIONS, "versions are compared");
    kit_close();
    kit_open("flags", ", sync: full", 0);
    ok(kit.ops->instance_ops(kit.self)->flags & PXT_TIER_SYNCED, "with it, it is");
    kit_close();
}

int main(void)
{
    test_folder();
    an_older_version_replaces_nothing();
    a_batch_with_an_older_version_stores_nothing();
    a_tombstone_stays();
    a_tombstone_is_not_in_the_policy();
    a_removal_leaves_nothing_and_says_why();
    deletions_are_read_in_any_order_and_spelling();
    versions_of_other_programs_lines();
    only_what_is_dead_up_to_a_version_expires();
    accesses_keep_the_version();
    a_record_is_kept_beside_the_entries();
    the_flags_say_what_is_synced();
    return tap_done();
}
