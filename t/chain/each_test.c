/* SPDX-License-Identifier: MIT
 *
 * Going over all entries gives what can be read, and says so if a tier that could have more could not be asked.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-each-XXXXXX";
static struct pxt_error error;
static pxt_cache *cache;

/* With what the folder has. */
static void reopen_chain(const char *degrade, const char *tiers)
{
    char yaml[1500], with_folder[1200];
    snprintf(with_folder, sizeof with_folder, tiers, folder, folder);
    snprintf(yaml, sizeof yaml, "encryptor: {plugin: plain}\ndegrade: {%s}\ntiers: [%s]", degrade, with_folder);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
}

static void open_chain(const char *degrade, const char *tiers)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        diag("cannot clean up");
    reopen_chain(degrade, tiers);
}

static int put(int from, int to)
{
    int failed = 0;
    for (int i = from; i < to; i++) {
        struct pxt_draft draft;
        char key[20];
        int length = snprintf(key, sizeof key, "key%d", i);
        pxt_draft_init(&draft);
        pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, (size_t)length);
        pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
        failed += pxt_cache_put(cache, &draft, NULL, &error) != PXT_OK;
    }
    return failed;
}

static bool count_one(void *arg, pxt_entry *entry)
{
    (void)entry;
    ++*(int *)arg;
    return true;
}

static bool stop_at_first(void *arg, pxt_entry *entry)
{
    (void)entry;
    ++*(int *)arg;
    return false;
}

/* `wanted` entries come, with PXT_OK, or with a message that has `reason` in it; an export does the same. */
static void walk_gives(int wanted, const char *reason, const char *name)
{
    int count = 0;
    uint64_t exported = 0;
    FILE *nowhere = fopen("/dev/null", "w");
    error.message[0] = '\0';
    pxt_status status = pxt_cache_each(cache, count_one, &count, &error);
    is_int(status, reason ? PXT_EUNAVAILABLE : PXT_OK, "%s: %s", name,
           reason ? "the walk says so" : "the walk is whole");
    is_int(count, wanted, "%s: it gives what can be read", name);
    ok(!reason || strstr(error.message, reason), "%s: the message names the tier: %s", name, error.message);
    status = pxt_cache_export(cache, nowhere, false, &exported, &error);
    is_int(status, reason ? PXT_EUNAVAILABLE : PXT_OK, "%s: and so does an export", name);
    is_int((long long)exported, wanted, "%s: with as many entries", name);
    if (nowhere)
        fclose(nowhere);
}

/* Nothing is removed, and the message has `reason` in it. */
static void clear_is_refused(int left, const char *reason, const char *name)
{
    uint64_t removed = 99;
    int count = 0;
    error.message[0] = '\0';
    is_int(pxt_cache_clear(cache, &removed, &error), PXT_EUNAVAILABLE, "%s: clear is refused", name);
    ok(strstr(error.message, reason), "%s: the message names the tier: %s", name, error.message);
    is_int((long long)removed, 0, "%s: no entry is counted as removed", name);
    pxt_cache_each(cache, count_one, &count, &error);
    is_int(count, left, "%s: and none is removed", name);
}

static void a_tier_that_is_off(void)
{
    open_chain(
        "threshold: 1, backoff: 1h",
        "{plugin: l2_jsonl, dir: %s/l2, max_entries: 4}, {name: archive, plugin: fault, tier: l3_sqlite, tier_options: "
        "'path=%s/l3.db', faults: 'put 11- fail EIO; del 1- fail EIO; put_many 1- fail EIO'}");
    is_int(put(0, 10), 0, "ten entries, of which the first tier keeps four");
    walk_gives(10, NULL, "both tiers on");
    is_int(put(10, 14), 0, "four more"); /* the second fails, and is turned off */
    walk_gives(8, "tier archive is off", "a tier is off");
    clear_is_refused(8, "tier archive is off", "a tier is off");
    int count = 0;
    is_int(pxt_cache_each(cache, stop_at_first, &count, &error), PXT_OK,
           "a walk that its caller ends is not incomplete");
    pxt_cache_close(cache);
}

static void a_tier_that_is_absent(void)
{
    open_chain("threshold: 3", "{plugin: l2_jsonl, dir: %s/l2}, {name: archive, plugin: l9_nowhere, required: false}");
    put(0, 3);
    walk_gives(3, "tier archive is absent", "the plugin of a tier is missing");
    clear_is_refused(3, "tier archive is absent", "the plugin of a tier is missing");
    pxt_cache_close(cache);
    open_chain("threshold: 3",
               "{plugin: l2_jsonl, dir: %s/l2}, {name: archive, plugin: l9_nowhere, required: false, max_entries: 0}");
    put(0, 3);
    walk_gives(3, NULL, "a tier without capacity is absent");
    is_int(pxt_cache_clear(cache, NULL, &error), PXT_OK, "a tier without capacity is absent: the others are cleared");
    walk_gives(0, NULL, "cleared");
    pxt_cache_close(cache);
}

/* Has six entries in the database, of which the first tier keeps two; then a folder stands in the way of the database. */
static void a_tier_that_cannot_be_opened(const char *archive, const char *what)
{
    char tiers[800], command[200];
    snprintf(tiers, sizeof tiers, "{plugin: l2_jsonl, dir: %%s/l2, max_entries: 2}, %s", archive);
    open_chain("threshold: 3", tiers);
    is_int(put(0, 6), 0, "%s: six entries", what);
    pxt_cache_close(cache);
    snprintf(command, sizeof command, "cd %s && mv l3.db kept && mkdir l3.db", folder);
    if (system(command))
        diag("cannot move the database");
    reopen_chain("threshold: 3", tiers);
    walk_gives(2, "tier archive is absent", what);
    clear_is_refused(2, "tier archive is absent", what);
    pxt_cache_close(cache);
    snprintf(command, sizeof command, "cd %s && rmdir l3.db && mv kept l3.db", folder);
    if (system(command))
        diag("cannot move the database back");
    reopen_chain("threshold: 3", tiers);
    walk_gives(6, NULL, what);
    is_int(pxt_cache_clear(cache, NULL, &error), PXT_OK, "%s: when it is back, all can be cleared", what);
    walk_gives(0, NULL, what);
    pxt_cache_close(cache);
}

static void tiers_in_doubt(void)
{
    open_chain("threshold: 100",
               "{name: near, plugin: fault, tier: l2_jsonl, tier_options: 'dir=%s/l2', faults: put 1-4 fail EIO}, "
               "{name: far, plugin: fault, tier: l3_sqlite, tier_options: 'path=%s/l3.db', faults: put 5-8 fail EIO}");
    is_int(put(0, 4), 0, "four entries that one tier has");
    walk_gives(4, NULL, "a tier is in doubt, the other has all");
    is_int(put(4, 8), 0, "and four that only the other has");
    walk_gives(8, NULL, "both tiers are in doubt, and answer");
    pxt_cache_close(cache);
}

static void a_tier_that_is_written_behind(void)
{
    open_chain("threshold: 3",
               "{plugin: l2_jsonl, dir: %s/l2}, {plugin: l3_sqlite, path: %s/l3.db, write_behind: true}");
    put(0, 5);
    walk_gives(5, NULL, "a tier is written behind");
    pxt_cache_close(cache);
}

int main(void)
{
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    a_tier_that_is_off();
    a_tier_that_is_absent();
    a_tier_that_cannot_be_opened("{name: archive, required: false, plugin: l3_sqlite, path: %s/l3.db}", "a database");
    a_tier_that_cannot_be_opened("{name: archive, required: false, plugin: fault, tier: l3_sqlite, tier_options: "
                                 "'path=%s/l3.db', faults: put 99 fail}",
                                 "a stacked tier");
    tiers_in_doubt();
    a_tier_that_is_written_behind();
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) | tap_done();
}
