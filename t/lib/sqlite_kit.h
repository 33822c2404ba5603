/* SPDX-License-Identifier: MIT
 *
 * sqlite_kit.h: what the tests of the SQLite tiers have in common: the plugins, opened through the ABI alone in a
 * folder of their own; entries; and the database as another program sees it.
 */
#ifndef SQLITE_KIT_H
#define SQLITE_KIT_H

#include "plugin/host.h"
#include "settings/settings.h"
#include "tap.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <proxtier/tier.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW (INT64_C(1767323045) * PXT_SECOND + 123457) /* odd in the last place: truncation would show */

static char folder[] = "/tmp/pxt-sqlite-XXXXXX";
static char root[300];
static const struct pxt_plugin *plugin[2];
static struct pxt_host_instance host;
static pxt_time clock_now = NOW;
static char last_warning[1000];

static __attribute__((unused)) pxt_time fixed_clock(void *arg)
{
    (void)arg;
    return clock_now;
}

static __attribute__((unused)) void hear(void *arg, enum pxt_message_level level, const char *component,
                                         const char *message)
{
    (void)arg;
    if (level == PXT_MESSAGE_WARNING)
        snprintf(last_warning, sizeof last_warning, "%s", message);
    diag("%s: %s", component, message);
}

/* ---- a tier under test ---- */

struct tier {
    const struct pxt_tier_ops *ops;
    struct pxt_settings *settings;
    void *self;
    char path[420]; /* of the database */
    bool l3;
    const char *table;
};
struct how {
    uint64_t capacity;
    const enum pxt_field_id *order;
    const char *busy, *sync, *compatible;
};

static __attribute__((unused)) pxt_status open_tier(struct tier *tier, bool l3, const char *place,
                                                    const struct how *how, struct pxt_error *error)
{
    static struct pxt_eviction_ops policy = {.size = sizeof policy};
    char given[400];
    *tier = (struct tier){.ops = plugin[l3]->ops, .l3 = l3, .table = l3 ? "cache_entries" : "l2_cache"};
    snprintf(given, sizeof given, l3 ? "%s/%s/px.db" : "%s/%s", root, place);
    snprintf(tier->path, sizeof tier->path, l3 ? "%s" : "%s/l2_cache.db", given);
    if (pxt_settings_read(plugin[l3]->options, NULL, NULL, plugin[l3]->name, &tier->settings, error) ||
        pxt_settings_override(tier->settings, l3 ? "path" : "dir", given, "test", error) ||
        pxt_settings_override(tier->settings, "busy_timeout", how && how->busy ? how->busy : "5s", "test", error) ||
        pxt_settings_override(tier->settings, "sync", how && how->sync ? how->sync : "normal", "test", error) ||
        pxt_settings_override(tier->settings, "compatible", how && how->compatible ? how->compatible : "none", "test",
                              error))
        return PXT_ECONFIG;
    policy.order = how ? how->order : NULL;
    struct pxt_tier_setup setup = {.size = sizeof setup,
                                   .name = l3 ? "l3" : "l2",
                                   .settings = tier->settings,
                                   .max_entries = how ? how->capacity : 0,
                                   .policy = how && how->order ? &policy : NULL};
    pxt_status status = tier->ops->open(&host.host, &setup, &tier->self, error);
    if (status)
        tier->self = NULL;
    return status;
}

static __attribute__((unused)) void close_tier(struct tier *tier)
{
    if (tier->self)
        tier->ops->close(tier->self);
    pxt_settings_free(tier->settings);
    tier->self = NULL;
    tier->settings = NULL;
}

static __attribute__((unused)) struct tier opened(bool l3, const char *place, const struct how *how)
{
    struct tier tier;
    struct pxt_error error = {.message = ""};
    if (open_tier(&tier, l3, place, how, &error)) {
        printf("Bail out! cannot open %s: %s\n", place, error.message);
        exit(1);
    }
    return tier;
}

static __attribute__((unused)) struct pxt_key key_of(const char *text)
{
    struct pxt_key key;
    host.host.key_init(&key, text, strlen(text));
    return key;
}

static __attribute__((unused)) void draft_of(struct pxt_draft *draft, const char *key)
{
    pxt_draft_init(draft);
    pxt_draft_set_text(draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:8080", 21);
    pxt_draft_set_text(draft, PXT_FIELD_SOURCE, "premium", 7);
    pxt_draft_set_number(draft, PXT_FIELD_FETCH_TIME, NOW);
    pxt_draft_set_number(draft, PXT_FIELD_LAST_ACCESSED, NOW + 1);
    pxt_draft_set_number(draft, PXT_FIELD_TTL_SECONDS, 3600);
    pxt_draft_set_number(draft, PXT_FIELD_EXPIRES_AT, NOW + 3600 * PXT_SECOND);
}

static __attribute__((unused)) pxt_entry *entry_of(const struct pxt_draft *draft)
{
    pxt_entry *entry = NULL;
    struct pxt_error error;
    if (host.host.entry_new(&host.host, draft, &entry, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return entry;
}

static __attribute__((unused)) pxt_entry *simple(const char *key)
{
    struct pxt_draft draft;
    draft_of(&draft, key);
    return entry_of(&draft);
}

/* With every field set to something that is not its default, but for that of a tombstone. */
static __attribute__((unused)) pxt_entry *complete(const char *key)
{
    struct pxt_draft draft;
    draft_of(&draft, key);
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, "d\xc3\xb6 \xf0\x9f\x98\x80", 8);
    for (int id = 0; id < PXT_FIELD_COUNT; id++) {
        if (draft.value[id].set || id == PXT_FIELD_REMOVED)
            continue;
        switch (host.host.fields[id]->type) {
        case PXT_TYPE_TEXT:
            pxt_draft_set_text(&draft, (enum pxt_field_id)id, "timed out", 9);
            break;
        case PXT_TYPE_SECRET:
            pxt_draft_set_token(&draft, (enum pxt_field_id)id, id == PXT_FIELD_USERNAME ? "gAAAuser" : "gAAApass", 8);
            break;
        case PXT_TYPE_TIME:
            pxt_draft_set_number(&draft, (enum pxt_field_id)id, NOW + 7 * id);
            break;
        case PXT_TYPE_COUNT:
            pxt_draft_set_number(&draft, (enum pxt_field_id)id, PXT_COUNT_MAX - id);
            break;
        case PXT_TYPE_VERSION:
            pxt_draft_set_number(&draft, (enum pxt_field_id)id, INT64_MAX - id);
            break;
        case PXT_TYPE_HEALTH:
            pxt_draft_set_number(&draft, (enum pxt_field_id)id, PXT_HEALTH_DEAD);
            break;
        case PXT_TYPE_BOOL:
            pxt_draft_set_number(&draft, (enum pxt_field_id)id, 1);
        }
    }
    return entry_of(&draft);
}

static __attribute__((unused)) pxt_status put(struct tier *tier, pxt_entry *entry)
{
    struct pxt_error error = {.message = ""};
    pxt_status status = tier->ops->put(tier->self, entry, &error);
    if (status)
        diag("%s", error.message);
    host.host.entry_release(entry);
    return status;
}

static __attribute__((unused)) pxt_status get(struct tier *tier, const char *text, pxt_entry **out)
{
    struct pxt_error error = {.message = ""};
    struct pxt_key key = key_of(text);
    *out = NULL;
    pxt_status status = tier->ops->get(tier->self, &key, 0, out, &error);
    if (status > PXT_NOT_FOUND)
        diag("%s", error.message);
    return status;
}

static __attribute__((unused)) bool has(struct tier *tier, const char *text)
{
    struct pxt_key key = key_of(text);
    return tier->ops->contains(tier->self, &key, NULL) == PXT_OK;
}

static __attribute__((unused)) long long count(struct tier *tier)
{
    uint64_t n = 0;
    return tier->ops->count(tier->self, &n, NULL) ? -1 : (long long)n;
}

/* Whether two entries are equal in all fields. */
static __attribute__((unused)) bool same(const pxt_entry *a, const pxt_entry *b)
{
    char left[20000], right[20000];
    size_t n = host.host.json_write(a, left, sizeof left), m = host.host.json_write(b, right, sizeof right);
    if (n == m && n <= sizeof left && !memcmp(left, right, n))
        return true;
    diag("%.*s", (int)n, left);
    diag("%.*s", (int)m, right);
    return false;
}

/* ---- the file, as another program sees it ---- */

static __attribute__((unused)) sqlite3 *open_db(const char *path)
{
    sqlite3 *db = NULL;
    if (sqlite3_open(path, &db)) {
        printf("Bail out! cannot open %s\n", path);
        exit(1);
    }
    sqlite3_busy_timeout(db, 5000);
    return db;
}

static __attribute__((unused)) int sql(const char *path, const char *text)
{
    char *message = NULL;
    sqlite3 *db = open_db(path);
    int rc = sqlite3_exec(db, text, NULL, NULL, &message);
    if (rc)
        diag("%s: %s", text, message);
    sqlite3_free(message);
    sqlite3_close(db);
    return rc;
}

/* The first column of all rows, joined by commas. */
static __attribute__((unused)) const char *ask(const char *path, const char *text)
{
    static char answer[8000];
    sqlite3 *db = open_db(path);
    sqlite3_stmt *statement = NULL;
    answer[0] = '\0';
    if (sqlite3_prepare_v2(db, text, -1, &statement, NULL) != SQLITE_OK)
        snprintf(answer, sizeof answer, "%s", sqlite3_errmsg(db));
    while (statement && sqlite3_step(statement) == SQLITE_ROW) {
        const unsigned char *value = sqlite3_column_text(statement, 0);
        size_t at = strlen(answer);
        snprintf(answer + at, sizeof answer - at, "%s%s", at ? "," : "", value ? (const char *)value : "NULL");
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return answer;
}

static __attribute__((unused)) void make_place(const char *place)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s", root, place);
    mkdir(path, 0700);
}

static __attribute__((unused)) unsigned found(const char *pattern_format, const char *path)
{
    char pattern[500];
    glob_t matches = {0};
    snprintf(pattern, sizeof pattern, pattern_format, path);
    unsigned n = glob(pattern, 0, NULL, &matches) ? 0 : (unsigned)matches.gl_pathc;
    globfree(&matches);
    return n;
}

static __attribute__((unused)) bool count_entries(void *arg, pxt_entry *entry)
{
    (void)entry;
    ++*(unsigned *)arg;
    return true;
}

/* ---- setting up and cleaning away ---- */

static __attribute__((unused)) const struct pxt_plugin *load(const char *where, const char *name)
{
    static const char *const build[] = {"plugins/.libs", "../plugins/.libs", "plugins/tiers/.libs", ".libs", NULL};
    char path[600];
    void *handle = NULL;
    for (int i = 0; !handle && (where ? !i : build[i] != NULL); i++) {
        snprintf(path, sizeof path, "%s/%s.so", where ? where : build[i], name);
        if (!access(path, R_OK) && !(handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)))
            diag("%s", dlerror());
    }
    const struct pxt_plugin *found_plugin = handle ? dlsym(handle, "pxt_plugin") : NULL;
    if (!found_plugin) {
        printf("Bail out! no %s.so: give the folder that has it\n", name);
        exit(1);
    }
    return found_plugin;
}

static __attribute__((unused)) int remove_one(const char *path, const struct stat *file, int type, struct FTW *ftw)
{
    (void)file;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* The folder of the plugins: the first argument, else $PROXTIER_PLUGIN_PATH, else where the build puts them. */
static __attribute__((unused)) bool begin(int argc, char **argv)
{
    static struct pxt_logger logger = {.fn = hear, .level = PXT_MESSAGE_INFO};
    static struct pxt_clock clock = {.fn = fixed_clock};
    const char *where = argc > 1 ? argv[1] : getenv("PROXTIER_PLUGIN_PATH");
    plugin[0] = load(where, "l2_sqlite");
    plugin[1] = load(where, "l3_sqlite");
    if (!mkdtemp(folder))
        return false;
    snprintf(root, sizeof root, "%s", folder);
    pxt_host_init(&host, "sqlite", &logger, &clock);
    return true;
}

static __attribute__((unused)) int finish(void)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return tap_done();
}

/* Runs a test in a place named for it; `l3` and `name` stand in the caller. */
#define TEST(function, place) (snprintf(name, sizeof name, "%s-%s", l3 ? "l3" : "l2", place), function(l3, name))

#endif
