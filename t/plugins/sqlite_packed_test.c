/* SPDX-License-Identifier: MIT
 *
 * sqlite_packed_test.c: the column of packed fields: what goes in comes out, in memory and through the tiers; and damaged
 * bytes are never read as something that no packing makes.
 */
#include "../../plugins/tiers/sqlite/packed.h"
#include "../lib/sqlite_kit.h"

/* ---- random entries ---- */

static uint64_t state = 20260102;

static uint64_t random64(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Small numbers and great ones alike. */
static int64_t random_number(uint64_t max)
{
    return (int64_t)(random64() % max >> random64() % 63);
}

static void any_text(char *text, size_t length)
{
    static const char *const characters[] = {"a", " ", "~", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    size_t at = 0;
    while (at < length) {
        const char *character = characters[random64() % 6];
        if (at + strlen(character) > length)
            character = "x";
        memcpy(text + at, character, strlen(character));
        at += strlen(character);
    }
}

static void set_randomly(struct pxt_draft *draft, enum pxt_field_id id, char *room)
{
    const size_t length = (size_t)random_number(id % 3 ? 300 : PXT_TEXT_MAX) + 1;
    switch (host.host.fields[id]->type) {
    case PXT_TYPE_TEXT:
        any_text(room, length);
        pxt_draft_set_text(draft, id, room, length);
        return;
    case PXT_TYPE_SECRET:
        for (size_t i = 0; i < length; i++)
            room[i] = (char)random64();
        pxt_draft_set_token(draft, id, room, length);
        return;
    case PXT_TYPE_TIME:
        pxt_draft_set_number(draft, id, random_number(PXT_TIME_MAX) * (random64() % 4 ? 1 : -1));
        return;
    case PXT_TYPE_HEALTH:
        pxt_draft_set_number(draft, id, (int64_t)(random64() % PXT_HEALTH_COUNT));
        return;
    case PXT_TYPE_BOOL:
        pxt_draft_set_number(draft, id, (int64_t)(random64() % 2));
        return;
    case PXT_TYPE_VERSION:
        pxt_draft_set_number(draft, id, random_number(INT64_MAX));
        return;
    default:
        pxt_draft_set_number(draft, id, random_number((uint64_t)PXT_COUNT_MAX + 1));
    }
}

/* Sets fields or leaves them out. Times in columns are not random, for a REAL has no microseconds of distant times. */
static pxt_entry *random_entry(const char *key)
{
    static char room[PXT_FIELD_COUNT][PXT_TEXT_MAX + 8];
    struct pxt_draft draft;
    draft_of(&draft, key);
    for (int id = 0; id < PXT_FIELD_COUNT; id++) {
        const bool in_column = draft.value[id].set && id != PXT_FIELD_TTL_SECONDS;
        if (!in_column && id != PXT_FIELD_REMOVED && random64() % 3)
            set_randomly(&draft, (enum pxt_field_id)id, room[id]);
    }
    return entry_of(&draft);
}

static void all_entries_come_back(bool l3, const char *name)
{
    enum { BATCH = 100 };
    const int batches = tap_amount(100);
    struct tier tier = opened(l3, name, NULL);
    unsigned differing = 0, missing = 0;
    for (int batch = 0; batch < batches; batch++) {
        pxt_entry *entries[BATCH], *out;
        char key[20];
        for (int i = 0; i < BATCH; i++) {
            snprintf(key, sizeof key, "k%d-%d", batch, i);
            entries[i] = random_entry(key);
        }
        if (tier.ops->put_many(tier.self, entries, BATCH, NULL))
            missing += BATCH;
        for (int i = 0; i < BATCH; i++) {
            snprintf(key, sizeof key, "k%d-%d", batch, i);
            if (get(&tier, key, &out))
                missing++;
            else
                differing += !same(entries[i], out);
            host.host.entry_release(out);
            host.host.entry_release(entries[i]);
        }
    }
    is_int(missing, 0, "%s: %d random entries are there", name, batches * BATCH);
    is_int(differing, 0, "%s: and equal in all fields", name);
    is_int((long long)tier.ops->corruptions(tier.self), 0, "%s: none is taken for damaged", name);
    close_tier(&tier);
}

/* ---- the bytes ---- */

static bool all_packed[PXT_FIELD_COUNT];

static void pack(struct sqlite_packed *packed, const struct pxt_draft *draft)
{
    sqlite_packed_begin(packed);
    for (int id = 0; id < PXT_FIELD_COUNT; id++)
        if (all_packed[id])
            sqlite_packed_add(packed, host.host.fields[id], (enum pxt_field_id)id, &draft->value[id]);
}

static bool unpack(struct pxt_draft *draft, const void *bytes, size_t length)
{
    pxt_draft_init(draft);
    return sqlite_packed_read(bytes, length, host.host.fields, all_packed, draft);
}

static void numbers_take_few_bytes(void)
{
    struct pxt_draft draft, back;
    struct sqlite_packed packed;
    pxt_draft_init(&draft);
    pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, 60);
    pxt_draft_set_number(&draft, PXT_FIELD_RECOVERY_ATTEMPT, 3);
    pxt_draft_set_number(&draft, PXT_FIELD_TOTAL_HEALTH_CHECKS, 0);
    pack(&packed, &draft);
    ok(packed.length == 4 && !memcmp(packed.data, "\x0c\x78\x1c\x06", 4),
       "two bytes for a small number, none for a default");
    sqlite_packed_free(&packed);
    static const int64_t numbers[] = {0, -1, 1, 63, 64, INT64_MAX, -INT64_MAX, INT64_MIN};
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        pxt_draft_init(&draft);
        pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, numbers[i]);
        pack(&packed, &draft);
        wrong +=
            !unpack(&back, packed.data, packed.length) || back.value[PXT_FIELD_TTL_SECONDS].as.number != numbers[i];
        sqlite_packed_free(&packed);
    }
    is_int(wrong, 0, "all integers of 64 bits come back");
    is_int(unpack(&back, "\x0c\x78\x7e\x02\x81\x01\x02hi", 9), true, "fields of a later program are passed over");
    is_int(back.value[PXT_FIELD_TTL_SECONDS].as.number, 60, "... and others read");
}

static void what_no_packing_makes_is_refused(void)
{
    static const struct {
        const char *bytes, *what;
        size_t length;
    } cases[] = {{"\x0c\xf8", "a number that does not end", 2},
                 {"\x0c", "a field without a value", 1},
                 {"\x0c\xf8\x00", "a number that could be shorter", 3},
                 {"\x0c\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02", "a number of more than 64 bits", 11},
                 {"\x0c\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "one of eleven bytes", 12},
                 {"\x0d\x01x", "a text where there is to be a number", 3},
                 {"\x20\x02", "a number where there is to be a text", 2},
                 {"\x21\x03no", "a text that is shorter than it says", 4},
                 {"\x0c\x78\x0c\x78", "a field that comes twice", 4},
                 {"\x1c\x06\x0c\x78", "fields that are not in order", 4},
                 {"\x32\x02", "a field that is never stored", 2}};
    struct pxt_draft draft;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        ok(!unpack(&draft, cases[i].bytes, cases[i].length), "refused: %s", cases[i].what);
}

/* Whether a draft packs to the same bytes, but for items that need not be there: defaults, and fields of later programs. */
static bool is_packed_as(const struct pxt_draft *draft, const unsigned char *bytes, size_t length)
{
    struct sqlite_packed packed;
    pack(&packed, draft);
    bool same_bytes = packed.length == length && !memcmp(packed.data, bytes, length), shorter = packed.length < length;
    sqlite_packed_free(&packed);
    return same_bytes || shorter;
}

/* The bytes are copied to the end of a block of just their size, so that valgrind and ASan see what reads behind them. */
static void damage_is_never_misread(void)
{
    pxt_entry *entry = complete("k");
    struct pxt_draft draft, back;
    struct sqlite_packed packed;
    unsigned misread = 0, accepted = 0;
    pxt_draft_init(&draft);
    host.host.entry_read(entry, &draft);
    pack(&packed, &draft);
    ok(packed.length > 100 && unpack(&back, packed.data, packed.length), "an entry with all fields: %zu bytes",
       packed.length);
    for (size_t length = 0; length <= packed.length; length++) {
        unsigned char *bytes = malloc(length + !length);
        memcpy(bytes, packed.data, length);
        for (size_t bit = 0; bit < 8 * length || !bit; bit++) {
            if (length)
                bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
            const bool read = unpack(&back, bytes, length);
            accepted += read;
            misread += read && !is_packed_as(&back, bytes, length);
            if (length)
                bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
        free(bytes);
    }
    is_int(misread, 0, "of each truncation with each bit flipped, what is read is what the bytes say");
    ok(accepted > 0, "some of them say another value (%u)", accepted);
    sqlite_packed_free(&packed);
    host.host.entry_release(entry);
}

/* ---- a damaged column in a file ---- */

static bool spoil(sqlite3 *db, sqlite3_stmt *update, const unsigned char *bytes, size_t length)
{
    sqlite3_bind_blob(update, 1, bytes, (int)length, SQLITE_STATIC);
    const bool done = sqlite3_step(update) == SQLITE_DONE && sqlite3_changes(db) == 1;
    sqlite3_reset(update);
    return done;
}

static void damaged_rows_are_set_aside(bool l3, const char *name)
{
    char text[200];
    unsigned char bytes[400];
    unsigned neither = 0, unspoilt = 0;
    uint64_t aside = 0;
    struct tier tier = opened(l3, name, NULL);
    put(&tier, complete("k"));
    snprintf(text, sizeof text, "SELECT packed FROM %s", tier.table);
    sqlite3 *db = open_db(tier.path);
    sqlite3_stmt *row = NULL, *update = NULL;
    sqlite3_prepare_v2(db, text, -1, &row, NULL);
    size_t length = sqlite3_step(row) == SQLITE_ROW ? (size_t)sqlite3_column_bytes(row, 0) : 0;
    ok(length > 100 && length <= sizeof bytes, "%s: %zu bytes", name, length);
    memcpy(bytes, sqlite3_column_blob(row, 0), length);
    sqlite3_finalize(row);
    snprintf(text, sizeof text, "UPDATE %s SET packed=?1 WHERE key='k'", tier.table);
    sqlite3_prepare_v2(db, text, -1, &update, NULL);
    for (size_t i = 0; i < 9 * length; i += 5) {
        const size_t bit = i - length;
        pxt_entry *out;
        if (i >= length)
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        unspoilt += !spoil(db, update, bytes, i < length ? i : length);
        if (i >= length)
            bytes[bit / 8] ^= (unsigned char)(1u << bit % 8);
        const uint64_t before = tier.ops->corruptions(tier.self);
        const pxt_status status = get(&tier, "k", &out);
        host.host.entry_release(out);
        if (status == PXT_NOT_FOUND && tier.ops->corruptions(tier.self) == before + 1) {
            aside++;
            put(&tier, complete("k"));
        } else {
            neither += status != PXT_OK;
        }
    }
    sqlite3_finalize(update);
    sqlite3_close(db);
    is_int(neither + unspoilt, 0, "%s: a damaged row is an entry, or set aside", name);
    snprintf(text, sizeof text,
             "SELECT count(*)=%llu AND count(packed)=count(*) AND count(proxy_url)=count(*) FROM "
             "proxtier_quarantine",
             (unsigned long long)aside);
    is_str(ask(tier.path, text), "1", "%s: with all that it has", name);
    ok(aside > 20, "%s: %llu were set aside", name, (unsigned long long)aside);
    snprintf(text, sizeof text, "UPDATE %s SET packed=3", tier.table);
    sql(tier.path, text);
    pxt_entry *out;
    is_int(get(&tier, "k", &out), PXT_NOT_FOUND, "%s: a number in the place of the bytes is no tombstone", name);
    is_int((long long)tier.ops->corruptions(tier.self), (long long)aside + 1, "%s: but damage", name);
    host.host.entry_release(out);
    close_tier(&tier);
}

int main(int argc, char **argv)
{
    char name[100];
    if (!begin(argc, argv))
        return 1;
    for (int id = 0; id < PXT_FIELD_COUNT; id++)
        all_packed[id] = id != PXT_FIELD_REMOVED;
    numbers_take_few_bytes();
    what_no_packing_makes_is_refused();
    damage_is_never_misread();
    for (int l3 = 0; l3 < 2; l3++) {
        TEST(all_entries_come_back, "random");
        TEST(damaged_rows_are_set_aside, "damaged");
    }
    return finish();
}
