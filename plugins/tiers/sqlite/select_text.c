/* SPDX-License-Identifier: MIT
 *
 * select_text.c: the indexes of select(), and the statements over them.
 *
 * Parts of an URL and of a list of tags are expressions of SQLite's own functions, so that any program that writes to the
 * file keeps their indexes. A statement must repeat them to the letter.
 */
#include "select.h"
#include <stdlib.h>

/* "http://192.0.2.1:8080": the host without its port, and that of IPv6 without brackets. */
#define HOST                                                                                                           \
    "trim(substr(proxy_url,instr(proxy_url,'://')+3,length(rtrim(proxy_url,'0123456789'))-instr(proxy_url,'://')-3),"  \
    "'[]')"
/* Words with a comma, and perhaps a blank, between them. */
#define TAGS "replace(replace(tags,', ',','),' ,',',')"
#define SCHEME "substr(proxy_url,1,instr(proxy_url,':')-1)"

/* "a.b.c" at its n-th dot: the text behind that. */
static void add_behind(struct sqlite_text *text, const char *whole, char mark, unsigned n)
{
    if (!n) {
        sqlite_text_add(text, "%s", whole);
        return;
    }
    sqlite_text_add(text, "substr(");
    add_behind(text, whole, mark, n - 1);
    sqlite_text_add(text, ",instr(");
    add_behind(text, whole, mark, n - 1);
    sqlite_text_add(text, ",'%c')+1)", mark);
}

/* The first n labels: what is left of the host without what stands behind them. */
static void add_left(struct sqlite_text *text, unsigned n)
{
    sqlite_text_add(text, "substr(" HOST ",1,length(" HOST ")-length(");
    add_behind(text, HOST, '.', n);
    sqlite_text_add(text, "))");
}

/* "a.b.c" to "a.b.": characters that are no dot are trimmed away from the right; and so n times. */
static void add_without_right(struct sqlite_text *text, unsigned n)
{
    if (n > 1) {
        sqlite_text_add(text, "rtrim(rtrim(");
        add_without_right(text, n - 1);
        sqlite_text_add(text, ",'.'),replace(" HOST ",'.',''))");
    } else {
        sqlite_text_add(text, "rtrim(" HOST ",replace(" HOST ",'.',''))");
    }
}

static void add_right(struct sqlite_text *text, unsigned n)
{
    sqlite_text_add(text, "substr(" HOST ",length(");
    add_without_right(text, n);
    sqlite_text_add(text, "))");
}

static void add_tag(struct sqlite_text *text, unsigned n)
{
    sqlite_text_add(text, "substr(");
    add_behind(text, "(" TAGS "||',')", ',', n - 1);
    sqlite_text_add(text, ",1,instr(");
    add_behind(text, "(" TAGS "||',')", ',', n - 1);
    sqlite_text_add(text, ",',')-1)");
}

/* The criterion as an expression. False: the set has none: it is a condition of its index. */
static bool add_criterion(struct sqlite_text *text, struct select_set set)
{
    switch ((enum select_kind)set.kind) {
    case SELECT_SOURCE:
        sqlite_text_add(text, "source");
        return true;
    case SELECT_SCHEME:
        sqlite_text_add(text, SCHEME);
        return true;
    case SELECT_COUNTRY:
        sqlite_text_add(text, "country COLLATE NOCASE");
        return true;
    case SELECT_FAILURES:
        sqlite_text_add(text, "failure_count");
        return true;
    case SELECT_HOST:
        sqlite_text_add(text, HOST);
        return true;
    case SELECT_LEFT:
        add_left(text, set.degree);
        return true;
    case SELECT_RIGHT:
        add_right(text, set.degree);
        return true;
    case SELECT_TAG:
        add_tag(text, set.degree);
        return true;
    case SELECT_TTL_PART:
        sqlite_text_add(text, "ring>>%d", SELECT_PART_SHIFT);
        return true;
    default:
        return false;
    }
}

#define MORE_COMMAS_THAN "length(tags)-length(replace(tags,',',''))>%u"

/* The condition of the index, and of each statement over it. False: it has none. */
static bool add_condition(struct sqlite_text *text, struct select_set set)
{
    switch ((enum select_kind)set.kind) {
    case SELECT_COUNTRY:
        sqlite_text_add(text, "country IS NOT NULL");
        return true;
    case SELECT_TAG:
        if (set.degree == 1)
            sqlite_text_add(text, "tags IS NOT NULL");
        else
            sqlite_text_add(text, MORE_COMMAS_THAN, set.degree - 2u);
        return true;
    case SELECT_TAGS:
        sqlite_text_add(text, MORE_COMMAS_THAN, SELECT_TAG_MAX - 1u);
        return true;
    case SELECT_LATENCY:
        sqlite_text_add(text, "latency_us<=%lld", (long long)select_latency_of(set.degree));
        return true;
    case SELECT_UNPLACED:
        sqlite_text_add(text, "(ring IS NULL OR health_status IS NULL OR access_count IS NULL OR failure_count IS "
                              "NULL)");
        return true;
    default:
        return false;
    }
}

static const char *const order_columns[] = {[PXT_ORDER_RING] = "ring",
                                            [PXT_ORDER_LEAST_USED] = "access_count",
                                            [PXT_ORDER_LEAST_RECENTLY_USED] = "last_accessed",
                                            [PXT_ORDER_FASTEST] = "latency_us"};

/* Entries that have long to live, the one that expires first, first: not in the order asked for. */
static bool is_by_expiry(struct select_set set)
{
    return set.kind == SELECT_TTL || set.kind == SELECT_TTL_PART;
}

/* What a condition of the set looks at, besides. */
static const char *more_columns(struct select_set set)
{
    return set.kind == SELECT_LATENCY && set.order != PXT_ORDER_FASTEST ? ",latency_us"
           : set.kind == SELECT_TAGS                                    ? ",tags"
                                                                        : "";
}

void sqlite_select_add_name(struct sqlite_text *text, struct select_set set)
{
    static const char *const names[SELECT_KINDS] = {"all",     "source", "scheme",   "country", "failures",
                                                    "host",    "left",   "right",    "tag",     "tags",
                                                    "latency", "ttl",    "ttl_part", "unplaced"};
    sqlite_text_add(text, "proxtier_select_");
    if (set.kind == SELECT_UNPLACED)
        sqlite_text_add(text, "%s", names[set.kind]);
    else
        sqlite_text_add(text, "%s%u_%s%s", names[set.kind], set.degree, set.health ? "health_" : "",
                        order_columns[set.order]);
}

char *sqlite_select_index(const struct sqlite_schema *schema, struct select_set set)
{
    struct sqlite_text text = {0};
    sqlite_text_add(&text, "CREATE INDEX IF NOT EXISTS ");
    sqlite_select_add_name(&text, set);
    sqlite_text_add(&text, " ON %s(", schema->layout->table);
    if (set.kind == SELECT_UNPLACED) {
        sqlite_text_add(&text, "key)");
    } else {
        if (set.health)
            sqlite_text_add(&text, "health_status,");
        if (add_criterion(&text, set))
            sqlite_text_add(&text, ",");
        if (is_by_expiry(set))
            sqlite_text_add(&text, "expires_at,%s,key)", order_columns[set.order]);
        else
            sqlite_text_add(&text, "%s,key,expires_at%s)", order_columns[set.order], more_columns(set));
    }
    size_t before = text.length;
    sqlite_text_add(&text, " WHERE ");
    if (!add_condition(&text, set) && !text.failed)
        text.data[before] = '\0';
    return sqlite_text_take(&text);
}

static void add_filters(struct sqlite_text *text)
{
    sqlite_text_add(text, " AND (?%d IS NULL OR latency_us<=?%d)", SELECT_P_LATENCY, SELECT_P_LATENCY);
    sqlite_text_add(text, " AND (?%d IS NULL OR source=?%d)", SELECT_P_SOURCE, SELECT_P_SOURCE);
    sqlite_text_add(text, " AND (?%d IS NULL OR " SCHEME "=?%d)", SELECT_P_SCHEME, SELECT_P_SCHEME);
    sqlite_text_add(text, " AND (?%d IS NULL OR country=?%d COLLATE NOCASE)", SELECT_P_COUNTRY, SELECT_P_COUNTRY);
    sqlite_text_add(text, " AND (?%d IS NULL OR instr(','||" TAGS "||',',?%d)>0)", SELECT_P_TAG, SELECT_P_TAG);
    sqlite_text_add(text, " AND (?%d IS NULL OR " HOST " GLOB ?%d)", SELECT_P_HOST, SELECT_P_HOST);
    sqlite_text_add(text, " AND (?%d IS NULL OR failure_count<=?%d)", SELECT_P_FAILURES, SELECT_P_FAILURES);
}

/* The beginning of a statement over the index of a set. `bit`: the number of the set among several; < 0: it is alone. */
static void add_select(struct sqlite_text *text, const struct sqlite_schema *schema, struct select_set set, int bit)
{
    sqlite_text_add(text, "SELECT key,%s FROM %s INDEXED BY ", order_columns[set.order], schema->layout->table);
    sqlite_select_add_name(text, set);
    sqlite_text_add(text, " WHERE ");
    if (bit >= 0) /* a constant to SQLite, which looks at it before it opens the index */
        sqlite_text_add(text, "?%d>>%d&1 AND ", SELECT_P_SETS, bit);
    if (add_condition(text, set))
        sqlite_text_add(text, " AND ");
    if (set.health)
        sqlite_text_add(text, "health_status=?%d AND ", SELECT_P_HEALTH);
    if (!add_criterion(text, set))
        return;
    if (set.kind == SELECT_FAILURES && bit >= 0)
        sqlite_text_add(text, "=%d AND ", bit);
    else
        sqlite_text_add(text, "=?%d AND ", SELECT_P_VALUE);
}

/* The end of its conditions. */
static void add_conditions(struct sqlite_text *text, struct select_set set, bool filtered)
{
    sqlite_text_add(text, " AND expires_at>=?%d", SELECT_P_EXPIRES);
    if (filtered)
        add_filters(text);
    else if (set.kind == SELECT_LATENCY)
        sqlite_text_add(text, " AND latency_us<=?%d", SELECT_P_LATENCY);
    else if (set.kind == SELECT_TAGS)
        sqlite_text_add(text, " AND instr(','||" TAGS "||',',?%d)>0", SELECT_P_TAG);
}

static void add_part(struct sqlite_text *text, const struct sqlite_schema *schema, struct select_set set, int bit,
                     bool filtered)
{
    add_select(text, schema, set, bit);
    sqlite_text_add(text, "%s>=?%d AND %s<=?%d", order_columns[set.order], SELECT_P_FROM, order_columns[set.order],
                    SELECT_P_TO);
    add_conditions(text, set, filtered);
}

/* All sets of a criterion, one after the other. */
static void add_sets(struct sqlite_text *text, const struct sqlite_schema *schema, struct select_set set, bool filtered)
{
    if (set.kind == SELECT_FAILURES) {
        for (int n = 0; n <= SELECT_FAILURES_MAX; n++) {
            sqlite_text_add(text, n ? " UNION ALL " : "");
            add_part(text, schema, set, n, filtered);
        }
        return;
    }
    for (set.degree = 1; set.degree <= SELECT_TAG_MAX; set.degree++) {
        add_part(text, schema, set, set.degree - 1, filtered);
        sqlite_text_add(text, " UNION ALL ");
    }
    set.kind = SELECT_TAGS;
    set.degree = 0;
    add_part(text, schema, set, SELECT_TAG_MAX, filtered);
}

static void add_nth(struct sqlite_text *text, const struct sqlite_schema *schema, struct select_set set, bool filtered)
{
    add_part(text, schema, set, -1, filtered);
    sqlite_text_add(text, " ORDER BY %s,key LIMIT 1 OFFSET ?%d", order_columns[set.order], SELECT_P_AFTER);
}

/* All rows that lack something, or all that live long enough, or of those the one behind a number of others; in no order. */
static void add_unordered(struct sqlite_text *text, const struct sqlite_schema *schema, struct select_set set,
                          enum select_form form)
{
    if (set.kind != SELECT_UNPLACED) {
        add_select(text, schema, set, -1);
        sqlite_text_add(text, "expires_at>=?%d", SELECT_P_EXPIRES);
        if (form == SELECT_NTH)
            sqlite_text_add(text, " LIMIT 1 OFFSET ?%d", SELECT_P_AFTER);
        return;
    }
    sqlite_text_add(text, "SELECT rowid,key FROM %s INDEXED BY ", schema->layout->table);
    sqlite_select_add_name(text, set);
    sqlite_text_add(text, " WHERE ");
    add_condition(text, set);
}

static void add_ordered(struct sqlite_text *text, const struct sqlite_schema *schema, struct select_set set,
                        bool unknown, bool filtered)
{
    const char *order = order_columns[set.order];
    add_select(text, schema, set, -1);
    if (unknown)
        sqlite_text_add(text, "%s IS NULL AND key>?%d", order, SELECT_P_AFTER);
    else
        sqlite_text_add(text, "(%s,key)>(?%d,?%d) AND %s<=?%d", order, SELECT_P_FROM, SELECT_P_AFTER, order,
                        SELECT_P_TO);
    add_conditions(text, set, filtered);
    sqlite_text_add(text, " ORDER BY %s%skey", unknown ? "" : order, unknown ? "" : ",");
}

char *sqlite_select_query(const struct sqlite_schema *schema, struct select_set set, enum select_form form)
{
    const bool filtered = form == SELECT_FILTERED || form == SELECT_UNKNOWN_FILTERED || form == SELECT_NTH_FILTERED ||
                          form == SELECT_SETS_FILTERED;
    struct sqlite_text text = {0};
    if (set.kind == SELECT_UNPLACED || is_by_expiry(set))
        add_unordered(&text, schema, set, form);
    else if (form == SELECT_NTH || form == SELECT_NTH_FILTERED)
        add_nth(&text, schema, set, filtered);
    else if (form == SELECT_SETS || form == SELECT_SETS_FILTERED)
        add_sets(&text, schema, set, filtered);
    else
        add_ordered(&text, schema, set, form == SELECT_UNKNOWN_LAST || form == SELECT_UNKNOWN_FILTERED, filtered);
    return sqlite_text_take(&text);
}
