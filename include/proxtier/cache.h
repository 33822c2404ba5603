/* SPDX-License-Identifier: MIT
 *
 * cache.h: the cache: a chain of tiers, opened from YAML, used from any number of threads.
 *
 * All functions are thread-safe but pxt_cache_close(), which must be the last call on a cache. Several processes may
 * open the same configuration: each sees what the others put and deleted with its next get. Where a call fails it
 * returns a status, fills `error` (NULL is allowed), and has changed nothing, unless its comment says otherwise.
 */
#ifndef PROXTIER_CACHE_H
#define PROXTIER_CACHE_H

#include <proxtier/select.h>
#include <proxtier/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pxt_cache pxt_cache;

enum pxt_message_level {
    PXT_MESSAGE_ERROR,
    PXT_MESSAGE_WARNING,
    PXT_MESSAGE_NOTICE,
    PXT_MESSAGE_INFO,
    PXT_MESSAGE_DEBUG
};
/* Receives one line of log, from any thread. `component` is "chain", "l2", "fernet" ... It must not call the cache. */
typedef void pxt_log_fn(void *arg, enum pxt_message_level level, const char *component, const char *message);
/* A clock: the time now. Called from any thread. */
typedef pxt_time pxt_clock_fn(void *arg);

#define PXT_OPEN_NO_JANITOR 1u /* no background thread: expiry on get, and by pxt_cache_tick() */

/* How to open a cache. Zero it, set `size`, then what is needed. */
struct pxt_cache_options {
    uint32_t size;           /* sizeof(struct pxt_cache_options) */
    uint32_t flags;          /* PXT_OPEN_*; one of the upper half that the library does not know is refused */
    const char *config_file; /* NULL: $PROXTIER_CONFIG, else the user's file, else /etc/proxtier/proxtier.yaml, else
                                the built-in chain; see proxtier.yaml(5) */
    const char *config_text; /* YAML in memory instead of any file */
    pxt_log_fn *log;         /* NULL: silent */
    void *log_arg;
    enum pxt_message_level log_level; /* the most talkative level that is delivered */
    pxt_clock_fn *clock;              /* NULL: the system's */
    void *clock_arg;
    pxt_clock_fn *monotonic; /* microseconds of a clock that is never set, with `clock_arg`; NULL: the system's */
};

/*
 * Opens a cache; `options` may be NULL. `*out` must be closed.
 * PXT_EINVAL: options without their size, or with a flag that must be understood and is not. PXT_ECONFIG with
 * file:line:column; PXT_EPLUGIN; what a required tier's open returned; PXT_ENOMEM.
 */
PXT_API pxt_status pxt_cache_open(const struct pxt_cache_options *options, pxt_cache **out, struct pxt_error *error);
/* Writes access counts down, stops the janitor and closes all tiers. NULL is allowed. Entries that are still held
 * stay valid. */
PXT_API void pxt_cache_close(pxt_cache *cache);

/* Makes the key of a proxy from its URL and `username`; if `username` is NULL, the user name in the URL is used.
 * `out` receives 16 hexadecimal digits and NUL. PXT_EINVAL if the URL is malformed. */
PXT_API pxt_status pxt_key_of_url(const char *url, const char *username, char out[17], struct pxt_error *error);

/* Finds the key under which the proxy of a URL is stored, whether proxtier or ProxyWhirl made the key. `out`
 * receives 16 hexadecimal digits and NUL. PXT_NOT_FOUND where none is stored: `out` is the key that pxt_cache_put()
 * would make. If a tier that may have it does not answer, and it can be stored under one key only, PXT_OK and that
 * key; under several, PXT_EUNAVAILABLE. PXT_EINVAL if the URL is malformed and none is stored under it. */
PXT_API pxt_status pxt_cache_find_key(pxt_cache *cache, const char *url, char out[17], struct pxt_error *error);

/*
 * Finds an unexpired entry, fastest tier first, and copies it into the faster ones. `*out` is held for the caller:
 * pxt_entry_release(). `tier` (may be NULL) receives the index of the tier that answered.
 * PXT_NOT_FOUND; PXT_EINVAL (NULL, empty or over-long key); PXT_EUNAVAILABLE: a tier that may have a newer version does
 * not answer; PXT_EBUSY: the key is changed all the time. In a chain with one durable tier, the error of that tier.
 */
PXT_API pxt_status pxt_cache_get(pxt_cache *cache, const char *key, pxt_entry **out, struct pxt_error *error);
PXT_API pxt_status pxt_cache_get_from(pxt_cache *cache, const char *key, pxt_entry **out, unsigned *tier,
                                      struct pxt_error *error);
/* The same without promotion, counting or touching of recency: for listings and exports. */
PXT_API pxt_status pxt_cache_peek(pxt_cache *cache, const char *key, pxt_entry **out, struct pxt_error *error);

/*
 * Stores an entry in every tier. Of the draft only `proxy_url` is needed: a URL with credentials is split, the key is
 * made from the URL, times and time to live come from the clock and the configuration; credentials are sealed.
 * An entry with that key is replaced, also an expired one that is not yet removed: address, credentials, source and
 * times come from the draft, and the fields with PXT_FIELD_LEARNT (health, checks, hits) stay as they are stored,
 * whatever the draft says of them. If the stored entry has learnt nothing (health unknown, no check, no hit), those
 * of the draft count, as for a new key. The history of checks stays too. To start anew, call pxt_cache_delete() first.
 * If a durable tier that may have a newer version does not answer, the put goes on without it, if another durable tier
 * takes the entry; what that tier has learnt is added later.
 * The only durable tier is asked again, if others can take the entry, until it is turned off (degrade.threshold); then
 * the key counts as new. If no other tier can take the entry, the put fails at once with the tier's error.
 * When it returns PXT_OK at least one durable tier has it (or, in a chain without one, any tier).
 * `key` (may be NULL; PXT_KEY_MAX + 1 bytes) receives the key. PXT_EINVAL names the field.
 */
PXT_API pxt_status pxt_cache_put(pxt_cache *cache, const struct pxt_draft *draft, char *key, struct pxt_error *error);
/* Stores many, in batches. All drafts have one field_count. `results` (may be NULL) receives a status each: PXT_OK
 * stored, others as pxt_cache_put(); `replaced` (may be NULL) whether the key was stored before. Several drafts of one
 * key are as a put of each in turn. A batch evicts nothing: if a slower tier stored the whole batch, a tier with a
 * capacity stores new entries only until it is full. Returns the first error that concerns the cache as a whole, else
 * PXT_OK. */
PXT_API pxt_status pxt_cache_put_many(pxt_cache *cache, const struct pxt_draft *drafts, size_t n, pxt_status *results,
                                      bool *replaced, struct pxt_error *error);
/* The same for what a list says: a proxy that failed too often, and is known as dead (health.dead_for), is not stored;
 * `dead[i]` says so. A put, also of many, brings such a proxy back. */
PXT_API pxt_status pxt_cache_put_list(pxt_cache *cache, const struct pxt_draft *drafts, size_t n, pxt_status *results,
                                      bool *replaced, bool *dead, struct pxt_error *error);
/* Gets many, each as pxt_cache_get_from(); what no faster tier has takes one call of a tier that offers it. `out[i]`
 * is NULL where `results[i]` is not PXT_OK; `tiers` (may be NULL) receives the tier that had each. A key may stand
 * twice. Returns the first result that is neither PXT_OK nor PXT_NOT_FOUND, else PXT_OK; the others count all the
 * same. */
PXT_API pxt_status pxt_cache_get_many(pxt_cache *cache, const char *const *keys, size_t n, pxt_entry **out,
                                      pxt_status *results, unsigned *tiers, struct pxt_error *error);
/* Removes an entry from every tier. PXT_NOT_FOUND where no tier had it. */
PXT_API pxt_status pxt_cache_delete(pxt_cache *cache, const char *key, struct pxt_error *error);
/* Removes many, each as pxt_cache_delete(), in batches; `results` (may be NULL) receives a status each. Returns the
 * first result that is neither PXT_OK nor PXT_NOT_FOUND, else PXT_OK; the others count all the same. */
PXT_API pxt_status pxt_cache_delete_many(pxt_cache *cache, const char *const *keys, size_t n, pxt_status *results,
                                         struct pxt_error *error);
/* Removes all entries; `removed` (may be NULL) receives how many distinct entries there were. PXT_EUNAVAILABLE, and
 * nothing is removed, if a tier is off, or absent and may have entries that no other tier has. */
PXT_API pxt_status pxt_cache_clear(pxt_cache *cache, uint64_t *removed, struct pxt_error *error);

/* Calls `fn` once for each unexpired entry, each valid during the call; `fn` returns false to stop. It may call the
 * cache. Nothing is promoted or counted. PXT_EUNAVAILABLE, after `fn` was called for all entries that can be read, if a
 * tier that may have others, or newer versions, is off, absent or does not answer; the message names it. */
typedef bool pxt_cache_each_fn(void *arg, pxt_entry *entry);
PXT_API pxt_status pxt_cache_each(pxt_cache *cache, pxt_cache_each_fn *fn, void *arg, struct pxt_error *error);

/* Opens a credential (PXT_FIELD_USERNAME or PXT_FIELD_PASSWORD). `*out` must be freed with pxt_secret_free().
 * PXT_NOT_FOUND where the entry has none; PXT_EDECRYPT with a wrong key or damaged token. */
PXT_API pxt_status pxt_cache_open_secret(pxt_cache *cache, const pxt_entry *entry, enum pxt_field_id field,
                                         pxt_secret **out, struct pxt_error *error);

/* The outcome of using or checking a proxy. Zero it, set `size`, then what is known. */
struct pxt_report {
    uint32_t size;
    bool ok;
    double latency_ms;  /* < 0: unknown */
    const char *reason; /* of a failure; NULL: none */
    const char *url;    /* what was asked for; NULL: unknown */
};
/*
 * Records an outcome: counters, health, next check time, history; at `failure_threshold` failures in a row the entry
 * is evicted from all tiers, if health.invalidate is on. `health` (may be NULL) receives the health after it, `evicted`
 * (may be NULL) whether it was evicted. PXT_NOT_FOUND for unknown and expired keys.
 */
PXT_API pxt_status pxt_cache_report(pxt_cache *cache, const char *key, const struct pxt_report *report,
                                    enum pxt_health *health, bool *evicted, struct pxt_error *error);
/* ProxyWhirl's invalidate_by_health: a failure without details. */
PXT_API pxt_status pxt_cache_invalidate(pxt_cache *cache, const char *key, struct pxt_error *error);

/* One recorded outcome. Its texts are valid during the call. */
struct pxt_history_item {
    uint32_t size;
    pxt_time time;
    enum pxt_health health;    /* after it */
    double latency_ms;         /* < 0: unknown */
    const char *error_message; /* NULL: it was good, or no reason was given */
    const char *check_url;     /* "" where unknown */
};
/* Returns false to stop. */
typedef bool pxt_history_fn(void *arg, const struct pxt_history_item *item);
/* Calls `fn` for the outcomes recorded for a key, newest first, at most health.history of them. PXT_ENOTSUP where no
 * tier keeps a history (l3_sqlite does); PXT_OK without a call where there is none. */
PXT_API pxt_status pxt_cache_history(pxt_cache *cache, const char *key, pxt_history_fn *fn, void *arg,
                                     struct pxt_error *error);

/* ---- selection --------------------------------------------------------------------------------------------------- */

/*
 * Chooses entries of a selection and gets each, as pxt_cache_get() does. Zero the options, set `size`; NULL: one at
 * random.
 */
struct pxt_select_options {
    uint32_t size;
    enum pxt_choice choice;
    const char *session; /* for PXT_CHOOSE_STICKY */
    size_t after;    /* so many of the first ones in the order are passed over: for the second choice, the third... */
    unsigned *tiers; /* receives the tier that had each of `out`; NULL: not told */
};
/* Gets up to `n` distinct entries, in the order of the choice; `selection` may be NULL. `*found` receives how many;
 * each of `out` is held for the caller. PXT_NOT_FOUND where there is none. It does not scan the pool if a tier can
 * search by the selection: see proxtier(7). */
PXT_API pxt_status pxt_cache_select(pxt_cache *cache, const struct pxt_selection *selection,
                                    const struct pxt_select_options *options, size_t n, pxt_entry **out, size_t *found,
                                    struct pxt_error *error);
/* Whether an entry matches; expired ones do not. */
PXT_API bool pxt_selection_matches(const struct pxt_selection *selection, const pxt_entry *entry, pxt_time now);
/* pxt_cache_each() for the entries of a selection. */
PXT_API pxt_status pxt_cache_each_selected(pxt_cache *cache, const struct pxt_selection *selection,
                                           pxt_cache_each_fn *fn, void *arg, struct pxt_error *error);

/* ---- leases ------------------------------------------------------------------------------------------------------ */

/*
 * A lease gives an entry to one worker for a time. It ends when it is released, or by itself after its time to live:
 * a worker that goes on renews it before. The slowest shared tier that offers leases keeps them (l3_sqlite,
 * l2_sqlite), so that all processes of the pool see them. While that tier is off these functions return
 * PXT_EUNAVAILABLE, for two tiers would give one entry twice. Where no tier of the chain offers leases: PXT_ENOTSUP.
 * Only workers that take leases respect them: a get returns a leased entry as any other.
 */
#define PXT_LEASE_ID_MAX (PXT_KEY_MAX + 33)
struct pxt_lease_options {
    uint32_t size;
    /* Leases of one entry at the same time; 0: 1. Of several workers with different numbers the least counts. */
    uint32_t max_concurrent;
    const char *holder; /* a name for pxt_cache_leases(), up to 255 bytes; NULL: none */
    int64_t ttl;        /* seconds, up to 366 days; 0: 60 */
};
/* Chooses an entry, as pxt_cache_select(), of which one more lease may be held, and leases it. `*out` is held for
 * the caller; `id` (PXT_LEASE_ID_MAX + 1 bytes) receives the name of the lease, which any process may use.
 * `selection`, `options` and `lease` may be NULL. PXT_NOT_FOUND: no entry matches; PXT_EBUSY: all that match are
 * leased. After an error nothing is leased, or the lease ends by itself. */
PXT_API pxt_status pxt_cache_lease(pxt_cache *cache, const struct pxt_selection *selection,
                                   const struct pxt_select_options *options, const struct pxt_lease_options *lease,
                                   pxt_entry **out, char *id, struct pxt_error *error);
/* Has a lease end `ttl` seconds (0: 60) from now instead. PXT_NOT_FOUND: it was lost: it has ended, and another
 * worker may have the entry. After another error it ends as it would have. PXT_EINVAL: that is not the name of a
 * lease. */
PXT_API pxt_status pxt_cache_renew(pxt_cache *cache, const char *id, int64_t ttl, struct pxt_error *error);
/* Reports the outcome, if `report` is not NULL, as pxt_cache_report() does, and ends the lease. PXT_NOT_FOUND: the
 * lease was lost; the report counts all the same. If the entry is no longer stored the report is dropped, and
 * `*health` is PXT_HEALTH_UNKNOWN. If the report fails its error is returned, and the lease has ended unless that
 * fails too. */
PXT_API pxt_status pxt_cache_release(pxt_cache *cache, const char *id, const struct pxt_report *report,
                                     enum pxt_health *health, bool *evicted, struct pxt_error *error);

/* One held lease. Its texts are valid during the call. */
struct pxt_held {
    uint32_t size;
    uint32_t max_concurrent; /* that its worker asked for */
    const char *id, *key;
    const char *holder; /* "": without a name */
    pxt_time until;     /* when it ends by itself */
};
/* Returns false to stop. */
typedef bool pxt_held_fn(void *arg, const struct pxt_held *held);
/* Calls `fn` for each lease that is held: of the entry `key`, or, if that is NULL, of all. `fn` makes a note only. */
PXT_API pxt_status pxt_cache_leases(pxt_cache *cache, const char *key, pxt_held_fn *fn, void *arg,
                                    struct pxt_error *error);

/* ---- care of the cache ------------------------------------------------------------------------------------------- */

/* Applies noted accesses of all threads, so that live counters (PXT_FIELD_LIVE) of entries in memory are exact. */
PXT_API pxt_status pxt_cache_settle(pxt_cache *cache, struct pxt_error *error);
/* A number of an entry as it is now: of a live counter, with all hits of this process so far. */
PXT_API int64_t pxt_cache_entry_number(pxt_cache *cache, const pxt_entry *entry, enum pxt_field_id field);
/* Does at once what the janitor does at intervals: removes expired entries, writes access counts down, lets
 * degraded tiers back in, compacts. `expired` (may be NULL) receives how many entries expired. */
PXT_API pxt_status pxt_cache_tick(pxt_cache *cache, uint64_t *expired, struct pxt_error *error);
/* Makes everything acknowledged survive loss of power. */
PXT_API pxt_status pxt_cache_sync(pxt_cache *cache, struct pxt_error *error);

/* Fills `stats`, after pxt_stats_init(). The counters are those of this cache since it was opened. PXT_EINVAL. */
PXT_API pxt_status pxt_cache_stats(pxt_cache *cache, struct pxt_stats *stats, struct pxt_error *error);
/* The same, but the counters are those of all processes that share the pool, since the file PATH.stats was made.
 * Another cache adds its own to them with each turn of its janitor, in pxt_cache_tick() and when it is closed. The
 * counters of this cache alone if no tier is shared, or the file cannot be used, which is logged. */
PXT_API pxt_status pxt_cache_stats_total(pxt_cache *cache, struct pxt_stats *stats, struct pxt_error *error);
/* The number of tiers, and their names ("l1"); NULL beyond. */
PXT_API unsigned pxt_cache_tier_count(const pxt_cache *cache);
PXT_API const char *pxt_cache_tier_name(const pxt_cache *cache, unsigned tier);
/* The time by the cache's clock. */
PXT_API pxt_time pxt_cache_now(const pxt_cache *cache);

/* ---- lists in and out ----------------------------------------------------------------------------------------- */

enum pxt_list_format {
    PXT_LIST_AUTO,       /* by its beginning, else by the end of its name */
    PXT_LIST_TEXT,       /* one proxy a line, in any of the forms that proxtier-import(5) names */
    PXT_LIST_JSON,       /* an array of objects, or an object that contains one */
    PXT_LIST_JSONL,      /* an object a line */
    PXT_LIST_CSV,        /* with a header */
    PXT_LIST_YAML,       /* the nodes of a configuration of Clash or mihomo */
    PXT_LIST_PROXYCHAINS /* the section [ProxyList] of a proxychains.conf */
};

/* Where the library fills it, the caller sets `size` first. */
struct pxt_warm_counts {
    uint32_t size;
    uint32_t reserved;
    uint64_t loaded;    /* stored, new */
    uint64_t updated;   /* stored, replacing one that was there before */
    uint64_t duplicate; /* the same key again in this call: the last one stays */
    uint64_t refused;   /* not stored: the record is not a valid proxy */
    uint64_t dead;      /* not stored: the proxy failed too often, and is known as dead */
};

/* Called for each refused record, with its place and the reason, which names the member; never with a credential. The
 * column is 1 for reasons that are found only when the record is stored. */
typedef void pxt_refused_fn(void *arg, const char *path, uint64_t line, uint64_t column, const char *reason);
/* Called now and then, and when a read was interrupted by a signal, with the bytes read so far and the size of the
 * list (0: unknown). Returns false to end the call: what was read is stored and counted. */
typedef bool pxt_progress_fn(void *arg, uint64_t done, uint64_t total, const struct pxt_warm_counts *counts);

/* What became of one list. Valid during the call. */
struct pxt_list_result {
    uint32_t size;
    enum pxt_list_format format;
    const char *path;
    pxt_status status;                    /* why it was not read to its end; PXT_OK: it was, or it was stopped */
    const char *problem;                  /* the message for that; NULL: none */
    const struct pxt_warm_counts *counts; /* of this list alone */
    bool stopped;                         /* by the function for progress */
    bool scheme_from_name;      /* `guessed_scheme` is a word of the list's name; otherwise it is the default */
    uint64_t line;              /* of the last record that was read */
    uint64_t guessed;           /* records whose scheme nothing in the list names */
    const char *guessed_scheme; /* which they were given */
    uint64_t ambiguous;         /* records of four fields that could be read as user:password:host:port too */
};
typedef void pxt_list_result_fn(void *arg, const struct pxt_list_result *result);

/* Opens a list in the place of the library, which closes it with fclose(). `*stream` (a FILE *) stays NULL where the
 * library is to open the path itself. What else than PXT_OK is returned ends the list. */
typedef pxt_status pxt_list_open_fn(void *arg, const char *path, void **stream, struct pxt_error *error);

struct pxt_warm_options {
    uint32_t size;
    enum pxt_list_format format;
    const char *default_scheme; /* for records without one; NULL: what the list says, else its name, else http */
    const char *source;         /* for records without one; NULL: "warmed" */
    int64_t ttl_override;       /* seconds for all records; < 0: none */
    bool dry_run;               /* read and count, store nothing */
    pxt_refused_fn *refused;
    void *refused_arg;
    pxt_progress_fn *progress;
    void *progress_arg;
    /* Called for each record with a masked credential (only asterisks). That credential is taken as absent; the one
     * that is stored under the record's key is kept. NULL: not told. */
    pxt_refused_fn *masked;
    void *masked_arg;
    bool reset; /* forget what was learnt of the entries: each is deleted before it is stored */
    /* Called for each list when no more of it is read, also where it could not be opened. NULL: not told. */
    pxt_list_result_fn *finished;
    void *finished_arg;
    pxt_list_open_fn *open; /* NULL: paths of files, and "-" */
    void *open_arg;
    /* Called for each record that is not stored because its proxy is known as dead; the reason names the key. NULL: not
     * told. With `reset` such a proxy is stored. */
    pxt_refused_fn *dead;
    void *dead_arg;
};
#define PXT_WARM_OPTIONS_INIT                                                                                          \
    {                                                                                                                  \
        sizeof(struct pxt_warm_options), PXT_LIST_AUTO, NULL, NULL, -1, false, NULL, NULL, NULL, NULL, NULL, NULL,     \
            false, NULL, NULL, NULL, NULL, NULL, NULL                                                                  \
    }
/* Loads a list, packed by gzip or not; path "-" is standard input. `options` and `counts` may be NULL. PXT_ENOINPUT
 * where it cannot be opened; PXT_EINVAL where the whole is not of its format. What was stored before a failure stays
 * stored and counted. */
PXT_API pxt_status pxt_cache_warm(pxt_cache *cache, const char *path, const struct pxt_warm_options *options,
                                  struct pxt_warm_counts *counts, struct pxt_error *error);
/* Loads several lists one after the other; a key that comes in several is counted once, and the last one stays. A
 * list that cannot be opened, or is not of its format, does not keep the others from being loaded; the first such
 * failure is returned at the end. Any other failure ends the call. */
PXT_API pxt_status pxt_cache_warm_many(pxt_cache *cache, const char *const *paths, size_t n,
                                       const struct pxt_warm_options *options, struct pxt_warm_counts *counts,
                                       struct pxt_error *error);
/* A form in which entries are written; see proxtier-export(5). */
struct pxt_export_format {
    uint32_t size;
    const char *name; /* "jsonl", "squid" ... */
    const char *help; /* what it is, in one line */
};
/* The formats by index, from 0; NULL behind the last one. For help, manuals and completions. */
PXT_API const struct pxt_export_format *pxt_export_format(size_t index);

/* Called for each entry that the format cannot carry, with the reason; never with a credential. */
typedef void pxt_export_skipped_fn(void *arg, const char *key, const char *reason);

struct pxt_export_options {
    uint32_t size;
    const char *format;             /* a name of pxt_export_format(); NULL: "jsonl" */
    const char *pattern;            /* a template that is written for each entry, in place of a format; NULL: none */
    bool reveal;                    /* write credentials in the clear */
    pxt_export_skipped_fn *skipped; /* NULL: not told */
    void *skipped_arg;
    const struct pxt_selection *selection; /* NULL: all */
    pxt_entry *const *entries;             /* these, in the place of a selection; NULL: none */
    size_t entry_count;
};
#define PXT_EXPORT_OPTIONS_INIT                                                                                        \
    {                                                                                                                  \
        sizeof(struct pxt_export_options), NULL, NULL, false, NULL, NULL, NULL, NULL, 0                                \
    }
/* Whether an export by these options can begin: PXT_EINVAL says what is wrong with format or template. */
PXT_API pxt_status pxt_export_check(const struct pxt_export_options *options, struct pxt_error *error);

/* Set `size` first. */
struct pxt_export_counts {
    uint32_t size;
    uint64_t written;
    uint64_t skipped; /* the format cannot carry them */
    uint64_t bare;    /* of those written: without the credentials that they have, as `reveal` is not set */
};
/* Writes the entries of a selection to `stream` (a FILE *). `options` and `counts` may be NULL. An entry that the
 * format cannot carry is skipped and told. Without `reveal`, jsonl, json and csv have credentials sealed
 * (`username_encrypted`), and other formats have none. PXT_EINVAL for an unknown format or a malformed template;
 * PXT_EDECRYPT; PXT_EUNAVAILABLE, as pxt_cache_each(), if the export is incomplete; what can be read is written. */
PXT_API pxt_status pxt_cache_export_as(pxt_cache *cache, void *stream, const struct pxt_export_options *options,
                                       struct pxt_export_counts *counts, struct pxt_error *error);
/* The same as JSONL, all fields. `count` (may be NULL) receives how many were written. */
PXT_API pxt_status pxt_cache_export(pxt_cache *cache, void *stream, bool reveal, uint64_t *count,
                                    struct pxt_error *error);

/* ---- backups ---------------------------------------------------------------------------------------------------- */

/* Set `size` first. */
struct pxt_backup_counts {
    uint32_t size;
    uint64_t entries; /* written, or restored */
    uint64_t checks;  /* of their history */
    uint64_t expired; /* not restored: their time has come */
    uint64_t kept;    /* not restored: the pool has what is newer */
};
/* Writes the pool to `stream` (a FILE *): all unexpired entries with all fields, what was learnt and the history of
 * their checks; credentials stay sealed. Others may write meanwhile: each entry is whole, and every entry that is
 * stored during the whole call is in the backup; one that is stored or removed meanwhile may be. `counts` may be
 * NULL. Without PXT_OK there is no backup, whatever was written: PXT_EUNAVAILABLE, as pxt_cache_each(), if entries
 * may be missing. */
PXT_API pxt_status pxt_cache_backup(pxt_cache *cache, void *stream, struct pxt_backup_counts *counts,
                                    struct pxt_error *error);

enum pxt_restore_mode {
    PXT_RESTORE_EMPTY,  /* a pool that has entries is refused */
    PXT_RESTORE_MERGE,  /* the newer put, report or delete of a key counts; other entries of the pool stay */
    PXT_RESTORE_REPLACE /* the pool is cleared first */
};
struct pxt_restore_options {
    uint32_t size;
    enum pxt_restore_mode mode;
    bool dry_run;     /* check the backup, and change nothing */
    const char *name; /* of the backup, for messages; NULL: "backup" */
};
/* Brings a backup into the pool. It is read twice: if it is torn, changed, foreign, or sealed with another key,
 * nothing is changed, and the error names its line. A stream that cannot be read twice is copied to a temporary
 * file. `options` and `counts` may be NULL. PXT_ECORRUPT; PXT_EDECRYPT: the encryptor has not the key of the backup;
 * PXT_EINVAL: the pool has entries; those of putting. */
PXT_API pxt_status pxt_cache_restore(pxt_cache *cache, void *stream, const struct pxt_restore_options *options,
                                     struct pxt_backup_counts *counts, struct pxt_error *error);

/* The version of the running library, "1.0.0". */
PXT_API const char *pxt_version(void);

#ifdef __cplusplus
}
#endif
#endif
