/* SPDX-License-Identifier: MIT
 *
 * sqlite_salvage_test: a salvage of an SQLite tier beside writers of other processes.
 */
#include "../lib/sqlite_damage_kit.h"
#include <semaphore.h>

/* ---- a writer beside a salvage ---- */

static struct {
    struct tier other;
    pthread_t salvager, thread;
    bool wait, reading, met, acknowledged;
    sem_t begun;
} beside;

static void *write_beside(void *arg)
{
    (void)arg;
    beside.acknowledged = put(&beside.other, simple("beside")) == PXT_OK;
    return NULL;
}

/* When the salvage has read all rows another process writes: at once, or it waits for the lock until the end. */
static int see_statement(unsigned type, void *arg, void *statement, void *text)
{
    const char *sql_text = sqlite3_sql(statement);
    bool salvager = pthread_equal(pthread_self(), beside.salvager);
    (void)type;
    (void)arg;
    (void)text;
    if (salvager && strstr(sql_text, " m NOT INDEXED WHERE m.rowid>=?1")) {
        beside.reading = true;
    } else if (salvager && beside.reading && !beside.met && !strcmp(sql_text, "COMMIT")) {
        beside.met = true;
        if (!beside.wait)
            write_beside(NULL);
        else if (!pthread_create(&beside.thread, NULL, write_beside, NULL))
            sem_wait(&beside.begun);
    } else if (!salvager && !strcmp(sql_text, "BEGIN IMMEDIATE")) {
        sem_post(&beside.begun);
    }
    return 0;
}

static int watch_statements(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    (void)message;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, see_statement, NULL);
}

static void salvage_beside_a_writer(bool l3, const char *name, bool wait)
{
    struct tier tier;
    struct image image = filled(&tier, l3, name);
    overwrite_page(&image, find_key(&image, 120, 13));
    restore(tier.path, &image, image.size);
    beside.salvager = pthread_self();
    beside.wait = wait;
    beside.reading = beside.met = beside.acknowledged = false;
    sem_init(&beside.begun, 0, 0);
    sqlite3_auto_extension((void (*)(void))watch_statements);
    beside.other = opened(l3, name, &(struct how){.busy = wait ? "60s" : "1ms", .sync = "none"});
    tier = opened(l3, name, &fast);
    unsigned seen = 0;
    tier.ops->each(tier.self, count_entries, &seen, NULL);
    if (wait && beside.met)
        pthread_join(beside.thread, NULL);
    sqlite3_reset_auto_extension();
    ok(beside.met && found("%s.bad-????????T??????Z", tier.path) == 1, "%s: another process writes during a salvage",
       name);
    if (wait)
        ok(beside.acknowledged, "%s: a writer that waits for the end of the salvage can write", name);
    ok(!beside.acknowledged || has(&tier, "beside"), "%s: an acknowledged entry is in the new file", name);
    is_int(put(&beside.other, simple("after")), PXT_OK, "%s: afterwards it writes", name);
    ok(has(&tier, "after"), "%s: to the new file", name);
    close_tier(&beside.other);
    close_tier(&tier);
    sem_destroy(&beside.begun);
    free(image.bytes);
}

static void writes_during_a_salvage_are_kept(bool l3, const char *name)
{
    salvage_beside_a_writer(l3, name, false);
}

static void writes_that_wait_for_a_salvage_are_kept(bool l3, const char *name)
{
    salvage_beside_a_writer(l3, name, true);
}

int main(int argc, char **argv)
{
    if (!begin(argc, argv))
        return 1;
    for (int l3 = 0; l3 < 2; l3++) {
        char name[40];
        TEST(writes_during_a_salvage_are_kept, "during");
        TEST(writes_that_wait_for_a_salvage_are_kept, "wait");
    }
    return finish();
}
