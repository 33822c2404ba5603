/* SPDX-License-Identifier: MIT
 *
 * sqlite_select_index_test: maintenance finds rows that an index of selections lacks; and there are not too many indexes.
 */
#include "../lib/sqlite_kit.h"

static void run_sql(const char *path, const char *text)
{
    sqlite3 *db = open_db(path);
    char *message = NULL;
    if (sqlite3_exec(db, text, NULL, NULL, &message))
        diag("%s: %s", text, message ? message : "");
    sqlite3_free(message);
    sqlite3_close(db);
}

/* An index that lacks a row without any damage that SQLite sees: it is made with a condition, which the schema forgets. */
static void spoil(const char *path, const char *index)
{
    char query[200], definition[3000], text[7000];
    snprintf(query, sizeof query, "SELECT sql FROM sqlite_schema WHERE name='%s'", index);
    snprintf(definition, sizeof definition, "%s", ask(path, query));
    const char *also = strstr(definition, " WHERE ") ? " AND" : " WHERE";
    snprintf(text, sizeof text,
             "DROP INDEX %s;%s%s key<>'k7';PRAGMA writable_schema=ON;"
             "UPDATE sqlite_schema SET sql=replace(sql,'%s key<>''k7''','') WHERE name='%s';"
             "PRAGMA writable_schema=RESET",
             index, definition, also, also, index);
    run_sql(path, text);
}

static bool count_one(void *arg, const struct pxt_key *key, int64_t value)
{
    (void)key, (void)value;
    ++*(unsigned *)arg;
    return true;
}

static unsigned matches(struct tier *tier, const struct pxt_selection *selection)
{
    unsigned told = 0;
    struct pxt_select select = {.size = sizeof select,
                                .order = PXT_ORDER_RING,
                                .selection = selection,
                                .now = NOW,
                                .to = INT64_MAX,
                                .limit = 100};
    return tier->ops->select(tier->self, &select, count_one, &told, NULL) ? 0 : told;
}

enum { ENTRIES = 20 };

static void fill(struct tier *tier)
{
    for (int i = 0; i < ENTRIES; i++) {
        struct pxt_draft draft;
        char key[20];
        snprintf(key, sizeof key, "k%d", i);
        draft_of(&draft, key);
        pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, "premium", 7);
        pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
        pxt_draft_set_text(&draft, PXT_FIELD_TAGS, "a", 1);
        pxt_draft_set_text(&draft, PXT_FIELD_COUNTRY, "DE", 2);
        put(tier, entry_of(&draft));
    }
}

static void rows_that_an_index_lacks_are_found(bool l3, const char *name)
{
    static const char *const made[] = {"proxtier_select_source0_ring", "proxtier_select_tag1_ring",
                                       "proxtier_select_left2_ring", "proxtier_select_country0_ring"};
    struct pxt_selection selection[4];
    struct tier tier = opened(l3, name, NULL);
    fill(&tier);
    for (int i = 0; i < 4; i++)
        pxt_selection_init(&selection[i]);
    selection[0].source = "premium";
    selection[1].tag = "a";
    selection[2].host = "192.0.*";
    selection[3].country = "de";
    for (int i = 0; i < 4; i++) {
        is_int(matches(&tier, &selection[i]), ENTRIES, "%s: %s has all rows", name, made[i]);
        close_tier(&tier);
        spoil(tier.path, made[i]);
        tier = opened(l3, name, NULL);
        is_int(matches(&tier, &selection[i]), ENTRIES - 1, "%s: now it lacks one", name);
        for (int second = 0; second < 60; second++) { /* each looks at one of the indexes */
            clock_now += PXT_SECOND;
            tier.ops->maintain(tier.self, NULL);
        }
        clock_now = NOW;
        is_int(matches(&tier, &selection[i]), ENTRIES, "%s: maintenance rebuilds it", name);
        is_int((long long)tier.ops->corruptions(tier.self), 1, "%s: and counts that", name);
    }
    close_tier(&tier);
}

static void the_oldest_index_makes_room(bool l3, const char *name)
{
    enum { MOST = 64 };
    char text[200];
    struct pxt_selection selection;
    struct tier tier = opened(l3, name, NULL);
    fill(&tier);
    pxt_selection_init(&selection);
    is_int(matches(&tier, &selection), ENTRIES, "%s: any entry", name);
    close_tier(&tier);
    for (int i = 0; i < MOST; i++) {
        snprintf(text, sizeof text, "CREATE INDEX proxtier_select_x%d ON %s(key)", i, tier.table);
        run_sql(tier.path, text);
    }
    selection.source = "premium";
    tier = opened(l3, name, NULL);
    is_int(matches(&tier, &selection), ENTRIES, "%s: a selection when there are %d indexes", name, MOST);
    close_tier(&tier);
    is_int(atoi(ask(tier.path, "SELECT count(*) FROM sqlite_schema WHERE name GLOB 'proxtier_select_x*'")), MOST - 1,
           "%s: one of them made room", name);
    is_int(atoi(ask(tier.path, "SELECT count(*) FROM sqlite_schema WHERE name='proxtier_select_x0'")), 0,
           "%s: the oldest", name);
    is_int(atoi(ask(tier.path, "SELECT count(*) FROM sqlite_schema WHERE name='proxtier_select_all0_ring'")), 1,
           "%s: and not that of any entry", name);
}

int main(int argc, char **argv)
{
    if (!begin(argc, argv))
        return 1;
    for (int l3 = 0; l3 < 2; l3++) {
        char name[40];
        TEST(rows_that_an_index_lacks_are_found, "lacks");
        TEST(the_oldest_index_makes_room, "many");
    }
    return finish();
}
