/* SPDX-License-Identifier: MIT
 *
 * A store has entries that a host changed whose clock is far ahead. They are served and can be changed, also blindly; but
 * the versions of other entries do not follow them.
 */
#include "../lib/tap.h"
#include <proxtier/admin.h>
#include <proxtier/proxtier.h>
#include <unistd.h>

enum { TTL = 100000 };
static const pxt_time year = 365 * 86400 * PXT_SECOND;
static char folder[] = "/tmp/proxtier-skew-XXXXXX";
static struct pxt_error error;
static pxt_time ahead; /* of the clock */
static unsigned warnings;

static pxt_time clock_ahead(void *arg)
{
    (void)arg;
    return pxt_cache_now(NULL) + ahead;
}

static void count_warning(void *arg, enum pxt_message_level level, const char *component, const char *message)
{
    (void)arg;
    (void)component;
    warnings += level == PXT_MESSAGE_WARNING && strstr(message, "ahead of this one") != NULL;
}

/* Opens a cache with a log, with a database, or with both. */
static pxt_cache *open_pool(bool log, bool database)
{
    char yaml[1000], first[200] = "", second[200] = "";
    pxt_cache *cache = NULL;
    if (log)
        snprintf(first, sizeof first, "{name: first, plugin: l2_jsonl, shards: 1, dir: %s/l2},", folder);
    if (database)
        snprintf(second, sizeof second, "{name: second, plugin: l3_sqlite, path: %s/l3.db}", folder);
    snprintf(yaml, sizeof yaml, "encryptor: {plugin: plain}\nhealth: {invalidate: false}\ntiers: [%s %s]", first,
             second);
    struct pxt_cache_options options = {.size = sizeof options,
                                        .flags = PXT_OPEN_NO_JANITOR,
                                        .config_text = yaml,
                                        .clock = clock_ahead,
                                        .log = count_warning,
                                        .log_level = PXT_MESSAGE_WARNING};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

static void draft_of(struct pxt_draft *draft, const char *key, int64_t what)
{
    pxt_draft_init(draft);
    pxt_draft_set_text(draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_number(draft, PXT_FIELD_TTL_SECONDS, TTL + what); /* a put takes it over */
}

static void put(pxt_cache *into, const char *key, int64_t what)
{
    struct pxt_draft draft;
    draft_of(&draft, key, what);
    if (pxt_cache_put(into, &draft, NULL, &error))
        diag("put: %s", error.message);
}

/* What was put, or the status with its sign changed. `*version` (NULL is allowed) is that of the entry. */
static int64_t get(pxt_cache *from, const char *key, int64_t *version)
{
    pxt_entry *entry = NULL;
    pxt_status status = pxt_cache_get(from, key, &entry, &error);
    if (status)
        return -(int64_t)status;
    int64_t what = pxt_entry_number(entry, PXT_FIELD_TTL_SECONDS) - TTL;
    if (version)
        *version = pxt_entry_number(entry, PXT_FIELD_VERSION);
    pxt_entry_release(entry);
    return what;
}

static uint64_t skewed(pxt_cache *cache)
{
    struct pxt_stats stats = {.size = sizeof stats};
    return pxt_cache_stats(cache, &stats, &error) ? UINT64_MAX : stats.skewed;
}

static bool add_ahead(void *arg, const struct pxt_member *member)
{
    *(uint64_t *)arg += member->ahead;
    return true;
}

static void remove_pages(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -f %s/*.page", folder);
    if (system(command))
        exit(1);
}

/* A host whose clock is a year ahead has filled the database. */
static pxt_cache *open_after_another_host(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s/*", folder);
    if (system(command))
        exit(1);
    ahead = year;
    pxt_cache *cache = open_pool(false, true);
    put(cache, "a", 1), put(cache, "b", 1), put(cache, "c", 1), put(cache, "d", 1);
    pxt_cache_close(cache);
    remove_pages(); /* another host has its own */
    ahead = 0;
    warnings = 0;
    return open_pool(true, true);
}

static void changes_go_on(void)
{
    int64_t old, new, other;
    uint64_t found = 0;
    struct pxt_draft drafts[2];
    struct pxt_report report = {.size = sizeof report, .ok = true, .latency_ms = 1};
    pxt_cache *cache = open_after_another_host();
    is_int(get(cache, "a", &old), 1, "an entry that is a year ahead is served");
    pxt_cache_members(cache, add_ahead, &found, &error);
    is_int(found, 8, "the members tell how many versions are ahead: four entries in each of two");
    is_int(skewed(cache), 0, "no change has met one");
    put(cache, "a", 2);
    is_int(get(cache, "a", &new), 2, "a put of it counts");
    ok(new > old, "its version is greater");
    put(cache, "other", 1);
    get(cache, "other", &other);
    ok(other < old, "the version of another entry is not ahead");
    is_int(skewed(cache), 1, "the change is counted");
    is_int(pxt_cache_delete(cache, "b", &error), PXT_OK, "delete");
    is_int(get(cache, "b", NULL), -PXT_NOT_FOUND, "takes it away");
    is_int(pxt_cache_report(cache, "c", &report, NULL, NULL, &error), PXT_OK, "report");
    draft_of(&drafts[0], "d", 2);
    draft_of(&drafts[1], "c", 2);
    is_int(pxt_cache_put_many(cache, drafts, 2, NULL, NULL, &error), PXT_OK, "a batch of two");
    is_int(get(cache, "d", NULL), 2, "counts");
    is_int(get(cache, "c", NULL), 2, "for both");
    is_int(skewed(cache), 5, "all are counted");
    is_int(warnings, 1, "and told once");
    pxt_cache_tick(cache, NULL, NULL);
    pxt_cache_close(cache);
    cache = open_pool(true, true);
    is_int(get(cache, "a", NULL), 2, "after a restart the put counts");
    is_int(get(cache, "b", NULL), -PXT_NOT_FOUND, "and the delete");
    put(cache, "later", 1);
    get(cache, "later", &other);
    ok(other < old, "versions are not ahead");
    pxt_cache_close(cache);
}

/* A change that does not see the version which it replaces is newer nevertheless. */
static void blind_changes_count(bool new_page)
{
    pxt_cache *both = open_after_another_host();
    get(both, "a", NULL), get(both, "b", NULL);
    pxt_cache_tick(both, NULL, NULL);
    pxt_cache_close(both);
    pxt_cache *less = open_pool(false, true); /* the log misses this */
    for (int i = 0; i < 3; i++)
        put(less, "a", 2), put(less, "b", 2);
    pxt_cache_tick(less, NULL, NULL);
    pxt_cache_close(less);
    if (new_page)
        remove_pages();
    less = open_pool(true, false); /* does not see it */
    put(less, "a", 3);
    is_int(pxt_cache_delete(less, "b", &error), PXT_OK, "%s: a blind delete is taken",
           new_page ? "with a new page" : "with the page");
    pxt_cache_close(less);
    both = open_pool(true, true);
    pxt_cache_tick(both, NULL, NULL);
    is_int(get(both, "a", NULL), 3, "a blind put is newer than what it did not see");
    is_int(get(both, "b", NULL), -PXT_NOT_FOUND, "and a blind delete");
    pxt_cache_close(both);
}

int main(void)
{
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    changes_go_on();
    blind_changes_count(false);
    blind_changes_count(true);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) ? 1 : tap_done();
}
