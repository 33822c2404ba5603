/* SPDX-License-Identifier: MIT
 *
 * sqlite_select_test: select() of the SQLite tiers tells what a filter over all entries does, in the order asked for; each
 * of its statements walks an index in order; an index is made once, for all processes.
 */
#include "../lib/sqlite_kit.h"
#include <limits.h>
#include <sys/resource.h>

enum { ENTRIES = 500, STATEMENTS = 3000 };
static struct item {
    char key[20], url[80], source[8], country[8], tags[40], scheme[8], host[40];
    bool has_country, has_tags, has_latency, stored;
    unsigned health;
    int64_t failures, latency, used;
    pxt_time accessed, expires;
} items[ENTRIES];

/* ---- random entries and selections ---- */

static uint64_t state = 20251128;
static unsigned below(unsigned n)
{
    state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = (state ^ (state >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    return (unsigned)((z ^ (z >> 31)) % n);
}
static const char *one_of(const char *const *list, unsigned n)
{
    return list[below(n)];
}
#define ONE_OF(...)                                                                                                    \
    one_of((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void make_item(struct item *item, unsigned i)
{
    memset(item, 0, sizeof *item);
    snprintf(item->key, sizeof item->key, below(2) ? "key-%u" : "%016x", i);
    snprintf(item->scheme, sizeof item->scheme, "%s", ONE_OF("http", "https", "socks5"));
    switch (below(4)) {
    case 0:
        snprintf(item->host, sizeof item->host, "%s", ONE_OF("[::1]", "[2001:db8::1]", "localhost", "example.com"));
        break;
    case 1:
        snprintf(item->host, sizeof item->host, "p%u.%s", below(3),
                 ONE_OF("example.com", "a.example.com", "x.y.z.org"));
        break;
    default:
        snprintf(item->host, sizeof item->host, "10.%u.%u.%u", below(2), below(3), below(3));
    }
    snprintf(item->url, sizeof item->url, "%s://%s:%u", item->scheme, item->host, 1000 + below(9));
    snprintf(item->source, sizeof item->source, "%s", ONE_OF("free", "gold", "s'q", "x"));
    if ((item->has_country = below(4)))
        snprintf(item->country, sizeof item->country, "%s", ONE_OF("DE", "de", "US", "no"));
    if ((item->has_tags = below(3)))
        snprintf(item->tags, sizeof item->tags, "%s",
                 ONE_OF("a", "b", "a,b", "ab", "b, a, c", "c,d,e,a", "d,e,f,g,a", "e,e", "f,g,h,i,j,k,b"));
    item->health = below(PXT_HEALTH_COUNT);
    item->failures = below(3) ? below(3) : below(20);
    if ((item->has_latency = below(4)))
        item->latency = below(2) ? (1 + below(4)) * 1000 : 1 + below(3000000);
    item->used = below(2) ? 0 : below(4);
    item->accessed = NOW - below(3) * PXT_SECOND + below(2);
    item->expires = below(5) ? NOW + 1 + below(20) * 60 * PXT_SECOND : NOW - below(3);
}

static void put_item(struct tier *tier, struct item *item)
{
    struct pxt_draft draft;
    draft_of(&draft, item->key);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, item->url, strlen(item->url));
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, item->source, strlen(item->source));
    if (item->has_country)
        pxt_draft_set_text(&draft, PXT_FIELD_COUNTRY, item->country, strlen(item->country));
    if (item->has_tags)
        pxt_draft_set_text(&draft, PXT_FIELD_TAGS, item->tags, strlen(item->tags));
    if (item->has_latency)
        pxt_draft_set_number(&draft, PXT_FIELD_LATENCY, item->latency);
    pxt_draft_set_number(&draft, PXT_FIELD_HEALTH_STATUS, item->health);
    pxt_draft_set_number(&draft, PXT_FIELD_FAILURE_COUNT, item->failures);
    pxt_draft_set_number(&draft, PXT_FIELD_ACCESS_COUNT, item->used);
    pxt_draft_set_number(&draft, PXT_FIELD_LAST_ACCESSED, item->accessed);
    pxt_draft_set_number(&draft, PXT_FIELD_EXPIRES_AT, item->expires);
    struct pxt_error error = {.message = ""};
    pxt_entry *entry = entry_of(&draft);
    if (tier->ops->put(tier->self, entry, &error))
        ok(false, "put %s: %s", item->key, error.message);
    host.host.entry_release(entry);
    item->stored = true;
}

static void put_items(struct tier *tier)
{
    for (unsigned i = 0; i < ENTRIES; i++) {
        make_item(&items[i], i);
        put_item(tier, &items[i]);
    }
}

static void make_selection(struct pxt_selection *selection)
{
    static double latencies[] = {0.001, 1, 2, 3.5, 500, 1500.0005, 3000, 1e12};
    unsigned criteria = below(3) ? 1 : below(4);
    pxt_selection_init(selection);
    if (below(2))
        selection->health = below(3) ? PXT_HEALTH_BIT(below(PXT_HEALTH_COUNT)) : below(64);
    for (unsigned i = 0; i < criteria; i++)
        switch (below(8)) {
        case 0:
            selection->source = ONE_OF("free", "gold", "s'q", "none");
            break;
        case 1:
            selection->scheme = ONE_OF("http", "https", "socks5", "ftp");
            break;
        case 2:
            selection->host = ONE_OF("10.1.*", "10.*", "10.0.2.*", "10.0.2.1", "10.0.2*", "*.example.com",
                                     "*.Example.COM", "*.com", "p?.a.example.com", "*", "p*", "*1", "localhost", "[*",
                                     "[::1]", "*.y.z.org", "*.x.y.z.org", "10.*.1.*", "?0.1.*", "p[1].*", "10.0.0.0.*");
            break;
        case 3:
            selection->country = ONE_OF("DE", "de", "us", "FR");
            break;
        case 4:
            selection->tag = ONE_OF("a", "b", "e", "k", "a,b", "none", "");
            break;
        case 5:
            selection->min_ttl = ONE_OF("a", "b")[0] == 'a' ? 600 : (int64_t)below(2000);
            break;
        case 6:
            selection->max_failures = below(2) ? below(4) : below(20);
            break;
        default:
            selection->max_latency_ms = latencies[below(8)];
        }
}

/* ---- the filter over all ---- */

static bool is_like(const char *pattern, const char *text)
{
    if (!*pattern)
        return !*text;
    if (*pattern == '*')
        return is_like(pattern + 1, text) || (*text && is_like(pattern, text + 1));
    char a = *pattern, b = *text;
    a = (char)(a >= 'A' && a <= 'Z' ? a + 32 : a);
    return b && (a == '?' || a == b) && is_like(pattern + 1, text + 1);
}

static bool has_tag(const char *tags, const char *tag)
{
    size_t length = strlen(tag);
    for (const char *at = tags; length && at; at = strchr(at, ',')) {
        at += *at == ',';
        at += strspn(at, " ");
        if (!strncmp(at, tag, length) && (at[length] == ',' || !at[length]) && !strchr(tag, ','))
            return true;
    }
    return false;
}

static bool matches(const struct item *item, const struct pxt_selection *want, pxt_time now)
{
    char bare[40];
    snprintf(bare, sizeof bare, "%.*s", (int)strcspn(item->host + (item->host[0] == '['), "]"),
             item->host + (item->host[0] == '['));
    return item->stored && item->expires > now && (!want->health || want->health & PXT_HEALTH_BIT(item->health)) &&
           (!want->source || !strcmp(want->source, item->source)) &&
           (!want->scheme || !strcmp(want->scheme, item->scheme)) && (!want->host || is_like(want->host, bare)) &&
           (!want->country ||
            (item->has_country &&
             is_like(want->country, (char[]){(char)(item->country[0] | 32), (char)(item->country[1] | 32), 0}))) &&
           (!want->tag || (item->has_tags && has_tag(item->tags, want->tag))) &&
           (!want->min_ttl || item->expires - now >= want->min_ttl * PXT_SECOND) &&
           (want->max_failures < 0 || item->failures <= want->max_failures) &&
           (want->max_latency_ms < 0 || (item->has_latency && (double)item->latency <= want->max_latency_ms * 1000));
}

static int64_t value_of(const struct item *item, unsigned order)
{
    switch (order) {
    case PXT_ORDER_RING:
        return PXT_RING(key_of(item->key).hash);
    case PXT_ORDER_LEAST_USED:
        return item->used;
    case PXT_ORDER_LEAST_RECENTLY_USED:
        return item->accessed;
    default:
        return item->has_latency ? item->latency : INT64_MAX;
    }
}

struct place {
    int64_t value;
    const char *key;
};
static int by_place(const void *a, const void *b)
{
    const struct place *left = a, *right = b;
    return left->value != right->value ? left->value < right->value ? -1 : 1 : strcmp(left->key, right->key);
}

static size_t filter(const struct pxt_select *select, struct place *out)
{
    size_t n = 0;
    for (unsigned i = 0; i < ENTRIES; i++) {
        struct place place = {value_of(&items[i], select->order), items[i].key};
        struct place from = {select->from, select->after ? select->after->text : ""};
        if (place.value <= select->to && by_place(&place, &from) > 0 &&
            matches(&items[i], select->selection, select->now))
            out[n++] = place;
    }
    qsort(out, n, sizeof *out, by_place);
    return n < select->limit ? n : (size_t)select->limit;
}

/* ---- the comparison ---- */

struct got {
    size_t n, stop_at;
    struct {
        int64_t value;
        char key[20];
    } told[ENTRIES + 1];
};
static bool tell(void *arg, const struct pxt_key *key, int64_t value)
{
    struct got *got = arg;
    if (got->n < ENTRIES) {
        got->told[got->n].value = value;
        snprintf(got->told[got->n].key, sizeof got->told->key, "%s", key->text);
    }
    return ++got->n != got->stop_at;
}

static const char *text_of(const struct pxt_select *select)
{
    static char text[400];
    const struct pxt_selection *s = select->selection;
    snprintf(
        text, sizeof text,
        "order %u from %lld after %s to %lld limit %llu: health %x source %s scheme %s host %s country %s tag %s ttl "
        "%lld failures %lld latency %g",
        select->order, (long long)select->from, select->after ? select->after->text : "-", (long long)select->to,
        (unsigned long long)select->limit, s->health, s->source ? s->source : "-", s->scheme ? s->scheme : "-",
        s->host ? s->host : "-", s->country ? s->country : "-", s->tag ? s->tag : "-", (long long)s->min_ttl,
        (long long)s->max_failures, s->max_latency_ms);
    return text;
}

static bool is_right(struct tier *tier, const struct pxt_select *select)
{
    static struct place want[ENTRIES];
    static struct got got;
    struct pxt_error error = {.message = ""};
    size_t n = filter(select, want);
    got.n = 0;
    got.stop_at = 0;
    pxt_status status = tier->ops->select(tier->self, select, tell, &got, &error);
    bool right = !status && got.n == n;
    for (size_t i = 0; i < n && right; i++)
        right = got.told[i].value == want[i].value && !strcmp(got.told[i].key, want[i].key);
    if (!right)
        diag("%s: status %d %s, told %zu of %zu", text_of(select), status, error.message, got.n, n);
    return right;
}

static void random_window(struct pxt_select *select, struct pxt_key *after)
{
    const struct item *item = &items[below(ENTRIES)];
    select->from = below(3) ? value_of(item, select->order) : INT64_MIN;
    select->to = below(3) ? INT64_MAX : value_of(&items[below(ENTRIES)], select->order);
    select->limit = below(3) ? 1 + below(20) : UINT64_MAX;
    select->after = NULL;
    if (select->from != INT64_MIN && below(2)) {
        *after = key_of(item->key);
        select->after = after;
    }
}

static bool random_select(struct tier *tier)
{
    static const unsigned orders[] = {PXT_ORDER_RING, PXT_ORDER_LEAST_USED, PXT_ORDER_LEAST_RECENTLY_USED,
                                      PXT_ORDER_FASTEST};
    struct pxt_selection selection;
    struct pxt_key after;
    struct pxt_select select = {
        .size = sizeof select, .order = orders[below(4)], .selection = &selection, .now = clock_now};
    make_selection(&selection);
    random_window(&select, &after);
    return is_right(tier, &select);
}

static unsigned wrong_of(struct tier *tier, int rounds)
{
    unsigned wrong = 0;
    for (int i = 0; i < rounds && wrong < 5; i++)
        wrong += !random_select(tier);
    return wrong;
}

/* ---- plans ---- */

static struct {
    unsigned count;
    char *text[STATEMENTS];
} seen;

static int see_statement(unsigned kind, void *arg, void *statement, void *text)
{
    (void)kind;
    (void)arg;
    (void)text;
    const char *sql_text = sqlite3_sql(statement);
    if (!sql_text || !strstr(sql_text, "proxtier_select") || strncmp(sql_text, "SELECT", 6) ||
        strstr(sql_text, "FROM sqlite_schema")) /* that looks for indexes */
        return 0;
    for (unsigned i = 0; i < seen.count; i++)
        if (!strcmp(seen.text[i], sql_text))
            return 0;
    if (seen.count < STATEMENTS)
        seen.text[seen.count++] = strdup(sql_text);
    return 0;
}

static int watch_statements(sqlite3 *db, char **message, const void *api)
{
    (void)message;
    (void)api;
    return sqlite3_trace_v2(db, SQLITE_TRACE_STMT, see_statement, NULL);
}

/* A line of a plan that only says that several statements are joined. */
static bool is_joint(const char *detail)
{
    return !strcmp(detail, "COMPOUND QUERY") || !strcmp(detail, "LEFT-MOST SUBQUERY") || !strcmp(detail, "UNION ALL");
}

/* Each statement but that of rows without a place, of which there are none usually, seeks in an index of its own, or in one
 * for each part. */
static bool plan_is_good(const char *path, const char *statement)
{
    char *text = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", statement);
    sqlite3 *db = open_db(path);
    sqlite3_stmt *plan = NULL;
    unsigned lines = 0, good = 0;
    bool unplaced = strstr(statement, "proxtier_select_unplaced");
    sqlite3_prepare_v2(db, text, -1, &plan, NULL);
    const bool dropped = !plan && strstr(sqlite3_errmsg(db), "no such index"); /* by the same selection, for another */
    while (plan && sqlite3_step(plan) == SQLITE_ROW) {
        const char *detail = (const char *)sqlite3_column_text(plan, 3);
        bool indexed = strstr(detail, "INDEX proxtier_select_");
        if (is_joint(detail))
            continue;
        good += indexed && (unplaced || !strncmp(detail, "SEARCH ", 7));
        lines++;
        if (good < lines)
            diag("%s: %s", statement, detail);
    }
    sqlite3_finalize(plan);
    sqlite3_close(db);
    sqlite3_free(text);
    if (!lines && !dropped)
        diag("%s: no plan", statement);
    return dropped || (lines && good == lines && (lines == 1 || strstr(statement, " UNION ALL ")));
}

static void tells_what_a_filter_does(bool l3, const char *name)
{
    unsigned bad = 0, wrong = 0, explained = 0;
    sqlite3_auto_extension((void (*)(void))watch_statements);
    struct tier tier = opened(l3, name, NULL);
    put_items(&tier);
    for (int i = 0; i < tap_amount(1500) && wrong < 5; i++) {
        wrong += wrong_of(&tier, 1);
        for (; explained < seen.count; explained++) /* now: later its index may have made room for others */
            bad += !plan_is_good(tier.path, seen.text[explained]);
    }
    is_int(wrong, 0, "%s: what a filter over all entries tells, in order", name);
    sqlite3_reset_auto_extension();
    for (unsigned i = 0; i < seen.count; i++)
        free(seen.text[i]);
    ok(seen.count > 100 && !bad, "%s: each of %u statements walks its index in order, %u do not", name, seen.count,
       bad);
    seen.count = 0;
    close_tier(&tier);
}

/* ---- changes ---- */

static void change_some(struct tier *tier)
{
    for (int i = 0; i < ENTRIES / 4; i++) {
        struct item *item = &items[below(ENTRIES)];
        char key[20];
        struct pxt_key removed = key_of(item->key);
        snprintf(key, sizeof key, "%s", item->key);
        if (item->stored && below(2)) {
            pxt_entry *tombstone = NULL;
            bool mark = below(2);
            if (mark && !host.host.tombstone_new(&host.host, &removed, 77, 0, NOW, &tombstone, NULL))
                put(tier, tombstone);
            else
                tier->ops->del(tier->self, &removed, PXT_REMOVE_DELETED, NULL);
            item->stored = false;
        } else {
            bool tombstone = !item->stored;
            make_item(item, (unsigned)(item - items));
            snprintf(item->key, sizeof item->key, "%s", key);
            if (tombstone)
                tier->ops->del(tier->self, &removed, PXT_REMOVE_DELETED, NULL);
            put_item(tier, item);
        }
    }
}

static void follows_changes(bool l3, const char *name)
{
    struct tier tier = opened(l3, name, NULL);
    put_items(&tier);
    unsigned wrong = wrong_of(&tier, tap_amount(120));
    for (int round = 0; round < 5; round++) {
        change_some(&tier);
        wrong += wrong_of(&tier, tap_amount(120));
    }
    is_int(wrong, 0, "%s: after puts, deletes and tombstones too", name);
    clock_now += 700 * PXT_SECOND;
    is_int(wrong_of(&tier, tap_amount(120)), 0, "%s: what has expired meanwhile is not told", name);
    clock_now = NOW;
    close_tier(&tier);
}

/* Another program's rows: without a place in the ring, a health, counts; and with keys that proxtier cannot have. */
static void other_programs_rows_are_placed(bool l3, const char *name)
{
    char text[600];
    struct tier tier = opened(l3, name, NULL);
    put_items(&tier);
    for (int round = 0; round < 2; round++) {
        snprintf(text, sizeof text,
                 "UPDATE %s SET ring=NULL WHERE abs(random())%%2;UPDATE %s SET health_status=NULL WHERE "
                 "health_status='unknown';UPDATE %s SET access_count=NULL WHERE access_count=0;UPDATE %s SET "
                 "failure_count=NULL WHERE failure_count=0",
                 tier.table, tier.table, tier.table, tier.table);
        sql(tier.path, text);
        is_int(wrong_of(&tier, tap_amount(120)), 0, "%s: rows of another program are told, round %d", name, round);
    }
    snprintf(text, sizeof text,
             "INSERT INTO %s(key,proxy_url,source,fetch_time,last_accessed,ttl_seconds,expires_at%s) SELECT "
             "hex(zeroblob(200)),'http://10.0.0.1:1','gold',1,1,60,9e9%s",
             tier.table, l3 ? ",created_at,updated_at" : "", l3 ? ",1,1" : "");
    sql(tier.path, text);
    is_int(wrong_of(&tier, tap_amount(120)), 0, "%s: but not one whose key is too long", name);
    close_tier(&tier);
}

/* A file that was made before there was a ring. */
static void older_files_are_placed(bool l3, const char *name)
{
    char text[300];
    struct tier tier = opened(l3, name, NULL);
    put_items(&tier);
    close_tier(&tier);
    snprintf(text, sizeof text,
             "ALTER TABLE %s DROP COLUMN ring;ALTER TABLE %s DROP COLUMN tags;ALTER TABLE %s DROP COLUMN latency_us",
             tier.table, tier.table, tier.table);
    is_int(sql(tier.path, text), SQLITE_OK, "%s: a file of before", name);
    for (unsigned i = 0; i < ENTRIES; i++)
        items[i].has_tags = items[i].has_latency = false;
    tier = opened(l3, name, NULL);
    is_int(wrong_of(&tier, tap_amount(200)), 0, "%s: its entries are told", name);
    close_tier(&tier);
}

static pxt_status select_source(struct tier *tier, const char *source, uint64_t limit, size_t stop_at, size_t *n,
                                struct pxt_error *error)
{
    struct pxt_selection selection;
    struct got got = {.stop_at = stop_at};
    pxt_selection_init(&selection);
    selection.source = source;
    struct pxt_select select = {
        .size = sizeof select, .selection = &selection, .now = NOW, .from = INT64_MIN, .to = INT64_MAX, .limit = limit};
    pxt_status status = tier->ops->select(tier->self, &select, tell, &got, error);
    *n = got.n;
    return status;
}

static void stops_where_told(bool l3, const char *name)
{
    size_t n = 0;
    struct tier tier = opened(l3, name, NULL);
    for (int i = 0; i < 200; i++) {
        char key[20];
        snprintf(key, sizeof key, "k%d", i);
        put(&tier, simple(key));
    }
    is_int(select_source(&tier, "premium", 150, 0, &n, NULL), PXT_OK, "%s: a selection over several pages", name);
    is_int(n, 150, "%s: ends at its limit", name);
    select_source(&tier, "premium", 1000, 70, &n, NULL);
    is_int(n, 70, "%s: or where the function says so", name);
    close_tier(&tier);
}

static void what_it_cannot_do_it_says(bool l3, const char *name)
{
    struct pxt_selection selection;
    struct pxt_error error = {.message = ""};
    struct got got = {.n = 0};
    size_t n;
    char path[500], place[50];
    struct tier tier = opened(l3, name, NULL);
    pxt_selection_init(&selection);
    struct pxt_select select = {
        .size = sizeof select, .selection = &selection, .order = PXT_ORDER_RANDOM, .now = NOW, .limit = 1};
    selection.min_ttl = 60;
    is_int(tier.ops->select(tier.self, &select, tell, &got, &error), PXT_ENOTSUP, "%s: no picks by time to live", name);
    put(&tier, simple("k"));
    sqlite3 *other = open_db(tier.path);
    sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    close_tier(&tier);
    tier = opened(l3, name, &(struct how){.busy = "100ms"});
    is_int(select_source(&tier, "premium", 1, 0, &n, &error), PXT_ENOTSUP,
           "%s: nor if an index cannot be made: the file is locked", name);
    sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL);
    sqlite3_close(other);
    is_int(select_source(&tier, "premium", 1, 0, &n, &error), PXT_ENOTSUP, "%s: for a minute", name);
    clock_now += 61 * PXT_SECOND;
    is_int(select_source(&tier, "premium", 1, 0, &n, &error), PXT_OK, "%s: then it tries again", name);
    is_int(n, 1, "%s: and tells the entry", name);
    clock_now = NOW;
    close_tier(&tier);
    snprintf(place, sizeof place, "%s-shared", name);
    snprintf(path, sizeof path, "%s/%s", root, place);
    mkdir(path, 0700);
    tier = opened(l3, place, &(struct how){.compatible = "proxywhirl"});
    is_int(select_source(&tier, "premium", 1, 0, &n, &error), PXT_ENOTSUP, "%s: nor beside ProxyWhirl", name);
    close_tier(&tier);
}

/* No file may grow: as on a full disk. */
static void a_full_disk_is_no_fault(bool l3, const char *name)
{
    struct pxt_error error = {.message = ""};
    struct rlimit usual, small;
    size_t n = 0;
    char key[20];
    struct tier tier = opened(l3, name, NULL);
    put_items(&tier);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &usual);
    small = usual;
    small.rlim_cur = 16384;
    setrlimit(RLIMIT_FSIZE, &small);
    pxt_status status = select_source(&tier, "gold", 1, 0, &n, &error);
    setrlimit(RLIMIT_FSIZE, &usual);
    is_int(status, PXT_ENOTSUP, "%s: no index on a full disk: %s", name, error.message);
    snprintf(key, sizeof key, "%s", items[1].key);
    ok(has(&tier, key), "%s: but the entries are there", name);
    clock_now += 61 * PXT_SECOND;
    is_int(select_source(&tier, "gold", 1, 0, &n, &error), PXT_OK, "%s: and once there is room", name);
    is_int(n, 1, "%s: they are told", name);
    clock_now = NOW;
    close_tier(&tier);
}

/* ---- several processes ---- */

static int select_in_child(bool l3, const char *name)
{
    size_t n = 0;
    struct tier tier = opened(l3, name, &(struct how){.busy = "60s"});
    bool right = !select_source(&tier, "premium", UINT64_MAX, 0, &n, NULL) && n == 300;
    close_tier(&tier);
    return right ? 0 : 1;
}

static void processes_make_an_index_once(bool l3, const char *name)
{
    enum { CHILDREN = 4 };
    pid_t child[CHILDREN];
    int right = 0;
    char text[200];
    struct tier tier = opened(l3, name, NULL);
    for (int i = 0; i < 300; i++) {
        char key[20];
        snprintf(key, sizeof key, "k%d", i);
        put(&tier, simple(key));
    }
    for (int i = 0; i < CHILDREN; i++)
        if (!(child[i] = fork()))
            _exit(select_in_child(l3, name));
    for (int i = 0; i < CHILDREN; i++) {
        int status = 1;
        waitpid(child[i], &status, 0);
        right += status == 0;
    }
    is_int(right, CHILDREN, "%s: each of %d processes tells all", name, CHILDREN);
    snprintf(text, sizeof text, "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'proxtier_select_source%%'");
    is_str(ask(tier.path, text), "1", "%s: through one index", name);
    size_t n = 0;
    is_int(select_source(&tier, "premium", 1000, 0, &n, NULL), PXT_OK, "%s: and so does one that was open before",
           name);
    is_int(n, 300, "%s: all of them", name);
    sql(tier.path, "DROP INDEX proxtier_select_source0_ring");
    is_int(select_source(&tier, "premium", 1000, 0, &n, NULL), PXT_OK, "%s: an index that is gone is made again", name);
    is_int(n, 300, "%s: for all", name);
    close_tier(&tier);
}

static void writers_do_not_disturb(bool l3, const char *name)
{
    struct tier tier = opened(l3, name, NULL);
    unsigned wrong = 0;
    put_items(&tier);
    pid_t child = fork();
    if (!child) {
        struct tier own = opened(l3, name, NULL);
        for (unsigned i = 0; i < 2000; i++) {
            char key[30];
            snprintf(key, sizeof key, "other-%u", i % 50);
            struct pxt_key removed = key_of(key);
            if (i % 3)
                put(&own, simple(key));
            else
                own.ops->del(own.self, &removed, PXT_REMOVE_DELETED, NULL);
        }
        close_tier(&own);
        _exit(0);
    }
    int status = 0;
    while (!waitpid(child, &status, WNOHANG)) {
        size_t n = 0;
        wrong += select_source(&tier, "gold", 1000, 0, &n, NULL) != PXT_OK;
        wrong += wrong_of(&tier, 0) != 0;
        static struct place want[ENTRIES];
        struct pxt_selection selection;
        pxt_selection_init(&selection);
        selection.source = "gold";
        struct pxt_select select = {.size = sizeof select,
                                    .selection = &selection,
                                    .now = NOW,
                                    .from = INT64_MIN,
                                    .to = INT64_MAX,
                                    .limit = 1000};
        wrong += n != filter(&select, want);
    }
    is_int(status, 0, "%s: another process writes", name);
    is_int(wrong, 0, "%s: what stays is told all the time", name);
    close_tier(&tier);
}

/* ---- damage ---- */

/* Overwrites the page where an index begins. */
static void break_index(const char *path, const char *index)
{
    char text[200];
    snprintf(text, sizeof text,
             "SELECT rootpage*(SELECT page_size FROM pragma_page_size) FROM sqlite_schema WHERE name='%s'", index);
    sql(path, "PRAGMA wal_checkpoint(TRUNCATE)");
    long end = atol(ask(path, text)), size = atol(ask(path, "PRAGMA page_size"));
    char *zeros = calloc(1, (size_t)size);
    int fd = open(path, O_WRONLY);
    ok(zeros && fd >= 0 && end > 0 && pwrite(fd, zeros, (size_t)size, end - size) == size, "%s: a broken index", index);
    close(fd);
    free(zeros);
}

static void damage_is_mended(bool l3, const char *name)
{
    size_t n = 0;
    struct tier tier = opened(l3, name, NULL);
    for (int i = 0; i < 300; i++) {
        char key[20];
        snprintf(key, sizeof key, "k%d", i);
        put(&tier, simple(key));
    }
    select_source(&tier, "premium", 1000, 0, &n, NULL);
    is_int(n, 300, "%s: all are told", name);
    close_tier(&tier);
    break_index(tier.path, "proxtier_select_source0_ring");
    tier = opened(l3, name, NULL);
    is_int(select_source(&tier, "premium", 1000, 0, &n, NULL), PXT_OK, "%s: after damage too", name);
    is_int(n, 300, "%s: all of them", name);
    is_int(count(&tier), 300, "%s: no entry is lost", name);
    close_tier(&tier);
}

int main(int argc, char **argv)
{
    if (!begin(argc, argv))
        return 1;
    for (int l3 = 0; l3 < 2; l3++) {
        char name[40];
        TEST(tells_what_a_filter_does, "filter");
        TEST(follows_changes, "changes");
        TEST(other_programs_rows_are_placed, "placed");
        TEST(older_files_are_placed, "older");
        TEST(stops_where_told, "stops");
        TEST(a_full_disk_is_no_fault, "full");
        TEST(what_it_cannot_do_it_says, "cannot");
        TEST(processes_make_an_index_once, "processes");
        TEST(writers_do_not_disturb, "writers");
        TEST(damage_is_mended, "damage");
    }
    return finish();
}
