/* SPDX-License-Identifier: MIT
 *
 * sqlite_index_test: maintenance of the SQLite tiers finds a damaged index and rebuilds it.
 */
#include "../lib/sqlite_damage_kit.h"

/* Maintains as often as a search of all rows needs. */
static void maintain_all(struct tier *tier, pxt_time interval)
{
    for (int i = 0; i < ENTRIES / 50; i++) {
        clock_now += interval;
        tier->ops->maintain(tier->self, NULL);
    }
}

static void few_short_processes_look_for_damage(bool l3, const char *name)
{
    static const pxt_time begin = NOW - NOW % 64;
    struct tier tier;
    struct image image = filled(&tier, l3, name);
    size_t at = find_key(&image, 100, 10);
    image.bytes[at + 2] ^= 4;
    restore(tier.path, &image, at ? image.size : 0);
    clock_now = begin;
    tier = opened(l3, name, NULL);
    clock_now = begin + PXT_SECOND / 11;
    maintain_all(&tier, 64);
    ok(at && !has(&tier, key_text(100)), "%s: a process that lives for less than 100 ms does not look", name);
    clock_now = begin;
    maintain_all(&tier, 64);
    ok(has(&tier, key_text(100)), "%s: but one in 64 does", name);
    close_tier(&tier);
    free(image.bytes);
    clock_now = NOW;
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
        maintain_all(&tier, PXT_SECOND);
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

static void rows_out_of_order_are_salvaged(bool l3, const char *name)
{
    struct tier tier;
    struct image image = filled(&tier, l3, name);
    size_t at = find_rowid(&image, 185);
    image.bytes[at] ^= 0x40;
    restore(tier.path, &image, at ? image.size : 0);
    tier = opened(l3, name, NULL);
    maintain_all(&tier, PXT_SECOND);
    is_int(found("%s.bad-????????T??????Z", tier.path), 1, "%s: maintenance repairs a rowid that is out of order",
           name);
    is_int((long long)tier.ops->corruptions(tier.self), 1, "%s: once", name);
    is_int(count(&tier), ENTRIES, "%s: no entry is lost", name);
    pxt_entry *out = NULL;
    is_int(get(&tier, key_text(184), &out), PXT_OK, "%s: and its entry is found", name);
    host.host.entry_release(out);
    close_tier(&tier);
    free(image.bytes);
}

static struct {
    int here, at_most, in_all; /* REINDEX statements: in this transaction, in one transaction, in all */
} rebuilds;

static int see_statement(unsigned type, void *arg, void *statement, void *text)
{
    (void)type;
    (void)arg;
    (void)text;
    const char *sql_text = sqlite3_sql(statement);
    if (!strncmp(sql_text, "REINDEX", 7)) {
        rebuilds.in_all++;
        if (++rebuilds.here > rebuilds.at_most)
            rebuilds.at_most = rebuilds.here;
    } else if (!strncmp(sql_text, "COMMIT", 6)) {
        rebuilds.here = 0;
    }
    return 0;
}

static int watch_statements(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    (void)message;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, see_statement, NULL);
}

/* Between two transactions other processes can write. */
static void rebuild_takes_a_transaction_for_each_index(bool l3, const char *name)
{
    struct tier tier;
    char text[100];
    struct image image = filled(&tier, l3, name);
    size_t at = find_key(&image, 100, 10);
    image.bytes[at + 2] ^= 4;
    restore(tier.path, &image, at ? image.size : 0);
    memset(&rebuilds, 0, sizeof rebuilds);
    sqlite3_auto_extension((void (*)(void))watch_statements);
    tier = opened(l3, name, NULL);
    sqlite3_reset_auto_extension();
    maintain_all(&tier, PXT_SECOND);
    ok(has(&tier, key_text(100)), "%s: the damaged index is rebuilt", name);
    is_int(rebuilds.at_most, 1, "%s: one index in a transaction", name);
    snprintf(text, sizeof text, "SELECT count(*) FROM sqlite_schema WHERE type='index' AND tbl_name='%s'", tier.table);
    is_int(rebuilds.in_all, atoi(ask(tier.path, text)), "%s: and each index", name);
    close_tier(&tier);
    free(image.bytes);
}

int main(int argc, char **argv)
{
    if (!begin(argc, argv))
        return 1;
    for (int l3 = 0; l3 < 2; l3++) {
        char name[40];
        TEST(flipped_index_is_rebuilt, "index");
        TEST(rows_out_of_order_are_salvaged, "order");
        TEST(rebuild_takes_a_transaction_for_each_index, "rebuild");
        TEST(few_short_processes_look_for_damage, "short");
    }
    return finish();
}
