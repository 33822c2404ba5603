/* SPDX-License-Identifier: MIT
 *
 * select.h: how select() finds keys.
 *
 * A set is the entries that agree in one criterion, with a health or without: an index has them in the asked order, with
 * all that a walk looks at. A walk goes through one set, or through several at once (each health; each place of
 * a tag), always to the next key in order. What else is asked of an entry is a condition of the walk. So the steps of a
 * walk are as many as its set has entries, and no list is kept.
 *
 * Each index costs each put, so it is made for the first selection that needs it.
 */
#ifndef SQLITE_SELECT_H
#define SQLITE_SELECT_H

#include "store.h"

enum select_kind {
    SELECT_ALL,
    SELECT_SOURCE,
    SELECT_SCHEME,
    SELECT_COUNTRY,
    SELECT_FAILURES, /* up to `degree` failures */
    SELECT_HOST,     /* the whole host */
    SELECT_LEFT,     /* `degree` labels at the left end of the host, and the dot behind each */
    SELECT_RIGHT,    /* `degree` labels at the right end, and the dot before each */
    SELECT_TAG,      /* as tag number `degree` */
    SELECT_TAGS,     /* entries with more than SELECT_TAG_MAX tags */
    SELECT_LATENCY,  /* latencies up to select_latency_of(degree) */
    SELECT_TTL,      /* by the time of expiry, not in order */
    SELECT_TTL_PART, /* likewise, of one of the 1024 parts of the ring */
    SELECT_UNPLACED, /* rows that a program without select() wrote: no place, or nothing where a default should be */
    SELECT_KINDS
};
enum {
    SELECT_LABEL_MAX = 3,
    SELECT_TAG_MAX = 4,
    SELECT_FAILURES_MAX = 7,
    SELECT_LATENCY_MAX = 17,
    SELECT_PART_SHIFT = 53
};

/* An index, and a statement over it. */
struct select_set {
    uint8_t kind, degree;
    uint8_t order; /* enum pxt_order */
    bool health;   /* of one health */
};
enum select_form {
    SELECT_PLAIN,
    SELECT_FILTERED,
    SELECT_UNKNOWN_LAST,
    SELECT_UNKNOWN_FILTERED,
    SELECT_NTH, /* only one, behind a number of others; from a place on, without a key */
    SELECT_NTH_FILTERED,
    SELECT_SETS, /* all sets of a tag, one after the other; from a place on, without a key */
    SELECT_SETS_FILTERED
};

/* Parameters of the statements; those from SOURCE on are conditions of FILTERED, NULL: none. */
enum select_parameter {
    SELECT_P_HEALTH = 1,
    SELECT_P_VALUE, /* of the criterion of the set */
    SELECT_P_FROM,
    SELECT_P_AFTER, /* the key; of SELECT_NTH, how many are passed over */
    SELECT_P_TO,
    SELECT_P_EXPIRES, /* at the earliest */
    SELECT_P_LATENCY, /* of SELECT_LATENCY and FILTERED */
    SELECT_P_SOURCE,
    SELECT_P_SCHEME,
    SELECT_P_COUNTRY,
    SELECT_P_TAG, /* with a comma before and behind it; of SELECT_TAGS, too */
    SELECT_P_HOST,
    SELECT_P_FAILURES,
    SELECT_P_SETS, /* of SELECT_SETS, a bit for each set that is looked at */
    SELECT_P_END
};

static inline int64_t select_latency_of(unsigned degree)
{
    return INT64_C(1000) << degree;
}

/* So many indexes are kept, but for those of any entry: if one more is made, the one made first is dropped. */
enum { SELECT_INDEXES_MAX = 64 };

/* A statement that a connection keeps for walks. */
struct select_statement {
    struct select_statement *next; /* the one used before it */
    struct select_set set;
    enum select_form form;
    bool busy;
    unsigned sets, version; /* select_sets.c: of the selection with the hash, at the data version */
    uint64_t hash;
    sqlite3_stmt *statement;
};

/* select_text.c: the SQL; for free(). NULL: out of memory. */
char *sqlite_select_query(const struct sqlite_schema *schema, struct select_set set, enum select_form form);
char *sqlite_select_index(const struct sqlite_schema *schema, struct select_set set);
/* Adds the name of the index. */
void sqlite_select_add_name(struct sqlite_text *text, struct select_set set);

/* select_index.c: makes the index of a set if there is none. PXT_ENOTSUP: it cannot be made now: the disk is full, say. No
 * connection is held. */
pxt_status sqlite_select_make_index(struct store *store, struct select_set set, struct pxt_error *error);
/* Gives each row of SELECT_UNPLACED what it lacks. */
pxt_status sqlite_select_place_rows(struct store *store, struct pxt_error *error);

/* select_plan.c: a selection as the sets that a walk can go through. */
enum { SELECT_CANDIDATES_MAX = 9 };
struct select_candidate {
    uint8_t kind, degree;
    bool exact; /* the set says all of its criterion, so that no condition is left of it */
    const char *text;
    int length;
};
struct select_plan {
    bool impossible; /* nothing can match */
    unsigned health; /* a set; 0: any */
    uint64_t order;
    double expires;     /* at the earliest, in seconds */
    double expires_any; /* if any time to live will do */
    const struct pxt_selection *selection;
    int64_t latency; /* at most; < 0: any */
    char host[256], glob[800], tag[PXT_KEY_MAX + 3];
    struct select_candidate candidate[SELECT_CANDIDATES_MAX];
    unsigned candidates; /* one at least */
};
/* False: a text in it is too long. */
bool sqlite_select_plan(struct select_plan *plan, const struct pxt_select *select);

/* select_walk.c: a walk through a candidate, on a connection. */
enum { SELECT_STREAMS_MAX = PXT_HEALTH_COUNT * (SELECT_TAG_MAX + 1) };
struct select_stream {
    struct select_statement *kept; /* NULL: at its end */
    int64_t value;
    const char *key;
    int length;
};
struct select_place {
    int64_t from, to;
    char after[PXT_KEY_MAX + 1]; /* "": none */
    int after_length;
};
struct select_walk {
    struct store *store;
    struct connection *connection;
    const struct select_plan *plan;
    const struct select_candidate *candidate;
    bool filtered, unknown;    /* unknown: the entries without a latency, which come last */
    bool nth;                  /* the match number `after_length` of a place is asked for */
    unsigned sets;             /* one stream has several sets, each a bit; 0: no */
    unsigned only;             /* a bit for each set that is looked at; 0: all */
    bool any_ttl;              /* as if no time to live were asked for */
    struct select_set missing; /* the index that is to be made, after PXT_ENOTSUP */
    unsigned streams;
    struct select_stream stream[SELECT_STREAMS_MAX];
};
/* Opens one stream more, of a health where the set has one, and of a number where that is its criterion. PXT_ENOTSUP: the
 * index `missing` is not there. The walk must be ended in any case. */
pxt_status sqlite_select_walk_open(struct select_walk *walk, struct select_set set, int health, int64_t number,
                                   const struct select_place *place, struct pxt_error *error);
/* Opens one stream of the candidate, which has no other, at the match number `n` from the place on, counted from 0. */
pxt_status sqlite_select_walk_nth(struct select_walk *walk, const struct select_place *place, unsigned n,
                                  struct pxt_error *error);
/* Opens all streams of the candidate, at the place. */
pxt_status sqlite_select_walk_begin(struct select_walk *walk, const struct select_place *place, unsigned order,
                                    struct pxt_error *error);
/* The first stream in order; valid until the next step of it. NULL: all are at their end. */
struct select_stream *sqlite_select_walk_head(struct select_walk *walk);
pxt_status sqlite_select_walk_step(struct select_walk *walk, struct select_stream *stream, struct pxt_error *error);
/* The same, but the key is not read, and may be one that no entry has. */
pxt_status sqlite_select_walk_next_place(struct select_walk *walk, struct select_stream *stream,
                                         struct pxt_error *error);
/* Reads it then. False: no entry can have that key, which is another program's. */
bool sqlite_select_walk_key(struct select_stream *stream);
void sqlite_select_walk_end(struct select_walk *walk);
/* Gives a kept statement, to be given back by `busy = false` after a reset. An SQLite code; SQLITE_ERROR: its index is
 * missing. */
int sqlite_select_statement(struct store *store, struct connection *connection, struct select_set set,
                            enum select_form form, struct select_statement **out);

/* A call of select(), and the page that it has found. */
enum { SELECT_PAGE = 128 };
struct select_page {
    unsigned count;
    bool last;
    struct select_found {
        int64_t value;
        uint8_t length;
        char key[PXT_KEY_MAX + 1];
    } found[SELECT_PAGE];
};
struct select_search {
    struct select_plan plan;
    struct select_walk walk;
    struct select_place place;
    uint64_t limit;
    uint64_t hash; /* of the selection */
    bool random;   /* picks are asked for */
    bool hopeless; /* picks cannot be made */
    bool unplaced; /* there are rows to be placed first */
    bool dense;    /* the entries that live long enough are many: a walk through all soon meets one */
    struct select_page page;
};

/* select_memory.c: which selection it is, of any order. */
uint64_t sqlite_select_hash(const struct pxt_select *select);
/* The width of the windows of the last picks; UINT64_MAX: not known. */
uint64_t sqlite_select_width(const struct select_search *search);
void sqlite_select_keep_width(const struct select_search *search, uint64_t width);
/* Whether few entries had the time to live that is the only criterion. It stands in the place of a width: there are no picks. */
bool sqlite_select_was_few(const struct select_search *search);
void sqlite_select_keep_few(const struct select_search *search, bool few);
/* The candidate that is the smallest set. False: it is to be found, for the first time or again. */
bool sqlite_select_smallest(const struct select_search *search, unsigned *candidate);
void sqlite_select_keep_smallest(const struct select_search *search, unsigned candidate);

/* select_sets.c: opens one stream for all sets of the candidate's criterion, which are several, and of at most one health: one set
 * after the other, from the place on without a key. PXT_ENOTSUP: a set has no index; `missing` does not say which. */
pxt_status sqlite_select_walk_sets(struct select_walk *walk, const struct select_place *place, struct pxt_error *error);
/* Has a walk in the order of the ring leave out the sets that are remembered to have nothing: see walk->only. `*version`: as
 * below. */
pxt_status sqlite_select_sets_with_entries(struct select_walk *walk, uint64_t hash, unsigned *version,
                                           struct pxt_error *error);
/* The same, but leaves sets out that have nothing. Those are remembered for the hash of a selection. `*version`: at this data
 * version of the connection they have nothing; 0: none was left out. */
pxt_status sqlite_select_walk_some_sets(struct select_walk *walk, uint64_t hash, const struct select_place *place,
                                        unsigned *version, struct pxt_error *error);

/* If only one of the sets is remembered to have anything, opens one stream at its match number `n`, counted from 0. PXT_NOT_FOUND: it
 * is not so. `*version`: as above. */
pxt_status sqlite_select_walk_nth_of_one_set(struct select_walk *walk, uint64_t hash, const struct select_place *place,
                                             unsigned n, unsigned *version, struct pxt_error *error);

/* select_random.c: fills a page with picks, in no order; `last`: nothing matches. */
pxt_status sqlite_select_pick(struct select_search *search, struct pxt_error *error);

/* select_ttl.c: finds entries that have some time to live, of any other criterion but health: few of many. `*found`: the
 * page is filled; else there are so many that a walk finds them soon. */
pxt_status sqlite_select_by_ttl(struct select_search *search, bool *found, struct pxt_error *error);

/* select_check.c: whether the rows of a step, `from` < rowid <= `end`, are found through one of the indexes; the next call
 * looks at the next one. SQLITE_DONE: they are. SQLITE_ROW: one is not. */
int sqlite_select_check(struct store *store, sqlite3 *db, int64_t from, int64_t end);

#endif
