/* SPDX-License-Identifier: MIT
 *
 * select_walk.c: a walk through one set or several, in order. Each stream is a statement over an index; the next key is the
 * first of the heads of the streams.
 */
#include "select.h"
#include <stdlib.h>
#include <string.h>

enum { KEPT_MAX = 64 }; /* statements of a connection that wait for another walk */

/* ---- kept statements ---- */

static bool same_set(const struct select_set *a, const struct select_set *b)
{
    return a->kind == b->kind && a->degree == b->degree && a->order == b->order && a->health == b->health;
}

/* Takes one out that is not in use, if there are too many: the one used least recently. */
static struct select_statement *drop_oldest(struct connection *connection)
{
    struct select_statement **oldest = NULL;
    unsigned n = 0;
    for (struct select_statement **at = &connection->selects; *at; at = &(*at)->next) {
        n++;
        if (!(*at)->busy)
            oldest = at;
    }
    if (n < KEPT_MAX || !oldest)
        return calloc(1, sizeof **oldest);
    struct select_statement *dropped = *oldest;
    *oldest = dropped->next;
    sqlite3_finalize(dropped->statement);
    return dropped;
}

static int prepare(struct store *store, struct connection *connection, struct select_set set, enum select_form form,
                   struct select_statement **out)
{
    sqlite3_stmt *statement = NULL;
    char *text = sqlite_select_query(&store->schema, set, form);
    int rc =
        text ? sqlite3_prepare_v3(connection->db, text, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) : SQLITE_NOMEM;
    free(text);
    if (rc != SQLITE_OK)
        return rc;
    struct select_statement *kept = drop_oldest(connection);
    if (!kept) {
        sqlite3_finalize(statement);
        return SQLITE_NOMEM;
    }
    *kept = (struct select_statement){
        .next = connection->selects, .set = set, .form = form, .busy = true, .statement = statement};
    connection->selects = kept;
    *out = kept;
    return SQLITE_OK;
}

int sqlite_select_statement(struct store *store, struct connection *connection, struct select_set set,
                            enum select_form form, struct select_statement **out)
{
    for (struct select_statement **at = &connection->selects; *at; at = &(*at)->next) {
        struct select_statement *kept = *at;
        if (kept->busy || kept->form != form || !same_set(&kept->set, &set))
            continue;
        *at = kept->next;
        kept->next = connection->selects;
        kept->busy = true;
        connection->selects = kept;
        *out = kept;
        return SQLITE_OK;
    }
    return prepare(store, connection, set, form, out);
}

/* ---- streams ---- */

static void bind_text(sqlite3_stmt *statement, enum select_parameter at, const char *text, int length)
{
    if (text)
        sqlite3_bind_text(statement, at, text, length, SQLITE_STATIC);
    else
        sqlite3_bind_null(statement, at);
}

static void bind_number(sqlite3_stmt *statement, enum select_parameter at, int64_t number)
{
    if (number < 0)
        sqlite3_bind_null(statement, at);
    else
        sqlite3_bind_int64(statement, at, number);
}

/* A condition that the set says is left out. */
static void bind_filters(const struct select_walk *walk, sqlite3_stmt *statement)
{
    const struct select_plan *plan = walk->plan;
    const struct pxt_selection *selection = plan->selection;
    enum select_kind kind = (enum select_kind)walk->candidate->kind;
    bool host_left = !(walk->candidate->exact && (kind == SELECT_HOST || kind == SELECT_LEFT || kind == SELECT_RIGHT));
    bind_text(statement, SELECT_P_SOURCE, kind == SELECT_SOURCE ? NULL : selection->source, -1);
    bind_text(statement, SELECT_P_SCHEME, kind == SELECT_SCHEME ? NULL : selection->scheme, -1);
    bind_text(statement, SELECT_P_COUNTRY, kind == SELECT_COUNTRY ? NULL : selection->country, -1);
    bind_text(statement, SELECT_P_HOST, selection->host && host_left ? plan->glob : NULL, -1);
    bind_text(statement, SELECT_P_TAG, selection->tag ? plan->tag : NULL, -1);
    bind_number(statement, SELECT_P_FAILURES, kind == SELECT_FAILURES ? -1 : selection->max_failures);
    bind_number(statement, SELECT_P_LATENCY, plan->latency);
}

static void bind_place(const struct select_walk *walk, sqlite3_stmt *statement, const struct select_place *place,
                       unsigned order)
{
    if (walk->nth)
        sqlite3_bind_int(statement, SELECT_P_AFTER, place->after_length);
    else
        sqlite3_bind_text(statement, SELECT_P_AFTER, place->after, place->after_length, SQLITE_STATIC);
    if (order == PXT_ORDER_LEAST_RECENTLY_USED) {
        sqlite3_bind_double(statement, SELECT_P_FROM, sqlite_seconds_of(place->from));
        sqlite3_bind_double(statement, SELECT_P_TO, sqlite_seconds_of(place->to));
    } else {
        sqlite3_bind_int64(statement, SELECT_P_FROM, place->from);
        sqlite3_bind_int64(statement, SELECT_P_TO, place->to);
    }
}

static int64_t value_of(const struct select_walk *walk, const struct select_statement *kept)
{
    if (walk->unknown || sqlite3_column_type(kept->statement, 1) == SQLITE_NULL)
        return INT64_MAX;
    return kept->set.order == PXT_ORDER_LEAST_RECENTLY_USED ? sqlite_time_of(sqlite3_column_double(kept->statement, 1))
                                                            : sqlite3_column_int64(kept->statement, 1);
}

static void leave(struct select_stream *stream)
{
    if (stream->kept) {
        sqlite3_reset(stream->kept->statement);
        stream->kept->busy = false;
    }
    stream->kept = NULL;
}

static pxt_status to_next_row(struct select_walk *walk, struct select_stream *stream, struct pxt_error *error)
{
    struct select_statement *kept = stream->kept;
    int rc = sqlite3_step(kept->statement);
    if (rc == SQLITE_ROW)
        return PXT_OK;
    if (rc == SQLITE_ERROR) { /* the schema has changed, and has the index no longer */
        walk->missing = kept->set;
        sqlite3_reset(kept->statement);
        return PXT_ENOTSUP;
    }
    pxt_status status =
        rc == SQLITE_DONE ? PXT_OK : sqlite_fail(walk->store, walk->connection->db, rc, error, "select entries");
    leave(stream);
    return status;
}

bool sqlite_select_walk_key(struct select_stream *stream)
{
    stream->key = (const char *)sqlite3_column_text(stream->kept->statement, 0);
    stream->length = sqlite3_column_bytes(stream->kept->statement, 0);
    return stream->key && stream->length > 0 && stream->length <= PXT_KEY_MAX;
}

pxt_status sqlite_select_walk_step(struct select_walk *walk, struct select_stream *stream, struct pxt_error *error)
{
    pxt_status status;
    bool is_key = false;
    while (!is_key && !(status = to_next_row(walk, stream, error)) && stream->kept)
        is_key = sqlite_select_walk_key(stream);
    if (is_key)
        stream->value = value_of(walk, stream->kept);
    return is_key ? PXT_OK : status;
}

pxt_status sqlite_select_walk_next_place(struct select_walk *walk, struct select_stream *stream,
                                         struct pxt_error *error)
{
    pxt_status status = to_next_row(walk, stream, error);
    if (!status && stream->kept)
        stream->value = sqlite3_column_int64(stream->kept->statement, 1);
    return status;
}

pxt_status sqlite_select_walk_open(struct select_walk *walk, struct select_set set, int health, int64_t number,
                                   const struct select_place *place, struct pxt_error *error)
{
    static const char *const healths[] = {
#define X(id, name) name,
        PXT_HEALTHS(X)
#undef X
    };
    enum select_form form = walk->sets       ? walk->filtered ? SELECT_SETS_FILTERED : SELECT_SETS
                            : walk->nth      ? walk->filtered ? SELECT_NTH_FILTERED : SELECT_NTH
                            : walk->unknown  ? walk->filtered ? SELECT_UNKNOWN_FILTERED : SELECT_UNKNOWN_LAST
                            : walk->filtered ? SELECT_FILTERED
                                             : SELECT_PLAIN;
    struct select_stream *stream = &walk->stream[walk->streams++];
    *stream = (struct select_stream){.kept = NULL};
    int rc = sqlite_select_statement(walk->store, walk->connection, set, form, &stream->kept);
    if (rc == SQLITE_ERROR) {
        walk->missing = set;
        return PXT_ENOTSUP;
    }
    if (rc != SQLITE_OK)
        return sqlite_fail(walk->store, walk->connection->db, rc, error, "prepare a selection");
    sqlite3_stmt *statement = stream->kept->statement;
    bind_place(walk, statement, place, set.order);
    sqlite3_bind_double(statement, SELECT_P_EXPIRES, walk->any_ttl ? walk->plan->expires_any : walk->plan->expires);
    if (set.health)
        sqlite3_bind_text(statement, SELECT_P_HEALTH, healths[health], -1, SQLITE_STATIC);
    if (walk->sets)
        sqlite3_bind_int64(statement, SELECT_P_SETS, walk->sets);
    if (set.kind == SELECT_FAILURES || set.kind == SELECT_TTL_PART)
        sqlite3_bind_int64(statement, SELECT_P_VALUE, number);
    else if (walk->candidate->text)
        sqlite3_bind_text(statement, SELECT_P_VALUE, walk->candidate->text, walk->candidate->length, SQLITE_STATIC);
    if (walk->filtered)
        bind_filters(walk, statement);
    else if (set.kind == SELECT_LATENCY)
        sqlite3_bind_int64(statement, SELECT_P_LATENCY, walk->plan->latency);
    else if (set.kind == SELECT_TAGS || (set.kind == SELECT_TAG && walk->sets))
        bind_text(statement, SELECT_P_TAG, walk->plan->tag, -1);
    return sqlite_select_walk_step(walk, stream, error);
}

/* Whether the walk looks at a set of several. */
static bool is_open(const struct select_walk *walk, unsigned number)
{
    return !walk->only || walk->only >> number & 1;
}

/* The sets of one health, or of any: for each number of failures, or place of the tag. */
static pxt_status open_sets(struct select_walk *walk, struct select_set set, int health,
                            const struct select_place *place, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    if (walk->sets)
        return sqlite_select_walk_open(walk, set, health, 0, place, error);
    if (set.kind == SELECT_FAILURES) {
        for (int64_t n = 0; n <= walk->plan->selection->max_failures && !status; n++)
            if (is_open(walk, (unsigned)n))
                status = sqlite_select_walk_open(walk, set, health, n, place, error);
        return status;
    }
    if (set.kind != SELECT_TAG)
        return sqlite_select_walk_open(walk, set, health, 0, place, error);
    for (set.degree = 1; set.degree <= SELECT_TAG_MAX && !status; set.degree++)
        if (is_open(walk, set.degree - 1u))
            status = sqlite_select_walk_open(walk, set, health, 0, place, error);
    set.kind = SELECT_TAGS;
    set.degree = 0;
    return status || !is_open(walk, SELECT_TAG_MAX) ? status
                                                    : sqlite_select_walk_open(walk, set, health, 0, place, error);
}

pxt_status sqlite_select_walk_begin(struct select_walk *walk, const struct select_place *place, unsigned order,
                                    struct pxt_error *error)
{
    struct select_set set = {.kind = walk->candidate->kind,
                             .degree = walk->candidate->degree,
                             .order = (uint8_t)order,
                             .health = walk->plan->health != 0};
    pxt_status status = PXT_OK;
    walk->streams = 0;
    if (!set.health)
        return open_sets(walk, set, 0, place, error);
    for (int health = 0; health < PXT_HEALTH_COUNT && !status; health++)
        if (walk->plan->health & PXT_HEALTH_BIT(health))
            status = open_sets(walk, set, health, place, error);
    return status;
}

pxt_status sqlite_select_walk_nth(struct select_walk *walk, const struct select_place *place, unsigned n,
                                  struct pxt_error *error)
{
    const struct select_place at = {.from = place->from, .to = place->to, .after_length = (int)n};
    walk->nth = true;
    pxt_status status = sqlite_select_walk_begin(walk, &at, PXT_ORDER_RING, error);
    walk->nth = false;
    return status;
}

static bool is_before(const struct select_stream *a, const struct select_stream *b)
{
    if (a->value != b->value)
        return a->value < b->value;
    int order = memcmp(a->key, b->key, (size_t)(a->length < b->length ? a->length : b->length));
    return order ? order < 0 : a->length < b->length;
}

struct select_stream *sqlite_select_walk_head(struct select_walk *walk)
{
    struct select_stream *head = NULL;
    for (unsigned i = 0; i < walk->streams; i++)
        if (walk->stream[i].kept && (!head || is_before(&walk->stream[i], head)))
            head = &walk->stream[i];
    return head;
}

void sqlite_select_walk_end(struct select_walk *walk)
{
    for (unsigned i = 0; i < walk->streams; i++)
        leave(&walk->stream[i]);
    walk->streams = 0;
}
