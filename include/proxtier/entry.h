/* SPDX-License-Identifier: MIT
 *
 * entry.h: one proxy with all its fields.
 *
 * An entry is immutable once made (but for its two live counters, see PXT_FIELD_LIVE) and cheap to hand out. Entries
 * are made from a draft, a plain struct on the caller's stack, and are read back through accessors or into a draft.
 */
#ifndef PROXTIER_ENTRY_H
#define PROXTIER_ENTRY_H

#include <proxtier/error.h>
#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Microseconds since 1970-01-01T00:00:00Z, without leap seconds. */
typedef int64_t pxt_time;
#define PXT_TIME_NONE INT64_MIN                  /* no time: null in JSON, NULL in SQL */
#define PXT_TIME_MAX INT64_C(253402300799999999) /* 9999-12-31T23:59:59.999999Z; later times are clamped to it */
#define PXT_SECOND INT64_C(1000000)

#define PXT_KEY_MAX 255                         /* longest key in bytes, without the final NUL */
#define PXT_TEXT_MAX 4096                       /* longest text field in bytes */
#define PXT_SECRET_MAX 4096                     /* longest credential in bytes, before it is sealed */
#define PXT_COUNT_MAX INT64_C(9007199254740991) /* 2^53-1: what JSON and REAL columns carry exactly */

enum pxt_field_type {
    PXT_TYPE_TEXT,   /* UTF-8, no NUL, no control characters */
    PXT_TYPE_SECRET, /* a credential; sealed everywhere but in a draft that the caller made */
    PXT_TYPE_TIME,   /* pxt_time */
    PXT_TYPE_COUNT,  /* integer >= 0 */
    PXT_TYPE_HEALTH, /* enum pxt_health */
    PXT_TYPE_BOOL,   /* 0 or 1 */
    PXT_TYPE_VERSION /* integer >= 0 of up to 63 bits */
};

#define PXT_FIELD_REQUIRED 1u  /* must be set in a draft */
#define PXT_FIELD_OPTIONAL 2u  /* may be absent: null; of a number, 0 is the same */
#define PXT_FIELD_LIVE 4u      /* raised by use while the entry is stored: see pxt_cache_settle() */
#define PXT_FIELD_LEARNT 8u    /* learnt by use: stays with the key when it is put again, see pxt_cache_put() */
#define PXT_FIELD_INTERNAL 16u /* kept by the core for itself: ignored in a caller's draft, not listed, not exported */

/*
 * Every field of an entry, once: X(ID, name, type, default, flags, since, help).
 * The order is that of the JSONL log; new fields are added at the end. JSON, SQLite columns, CSV headers, validation,
 * help and manual are made from it.
 */
#define PXT_FIELDS(X)                                                                                                  \
    X(KEY, "key", TEXT, 0, PXT_FIELD_REQUIRED, "1.0",                                                                  \
      "identity: first 16 hex digits of SHA-256 of the URL, unless the caller gives one")                              \
    X(PROXY_URL, "proxy_url", TEXT, 0, PXT_FIELD_REQUIRED, "1.0", "scheme://host:port, without credentials")           \
    X(SOURCE, "source", TEXT, 0, PXT_FIELD_REQUIRED, "1.0", "where the proxy came from")                               \
    X(FETCH_TIME, "fetch_time", TIME, 0, PXT_FIELD_REQUIRED, "1.0", "when it was fetched")                             \
    X(LAST_ACCESSED, "last_accessed", TIME, 0, PXT_FIELD_REQUIRED | PXT_FIELD_LIVE | PXT_FIELD_LEARNT, "1.0",          \
      "last hit")                                                                                                      \
    X(ACCESS_COUNT, "access_count", COUNT, 0, PXT_FIELD_LIVE | PXT_FIELD_LEARNT, "1.0", "number of hits")              \
    X(TTL_SECONDS, "ttl_seconds", COUNT, 0, PXT_FIELD_REQUIRED, "1.0", "time to live from fetch_time, in seconds")     \
    X(EXPIRES_AT, "expires_at", TIME, 0, PXT_FIELD_REQUIRED, "1.0", "expired when the clock reaches it")               \
    X(HEALTH_STATUS, "health_status", HEALTH, PXT_HEALTH_UNKNOWN, PXT_FIELD_LEARNT, "1.0",                             \
      "unknown, healthy, degraded, unhealthy or dead")                                                                 \
    X(FAILURE_COUNT, "failure_count", COUNT, 0, PXT_FIELD_LEARNT, "1.0",                                               \
      "failures in a row, as counted by invalidation")                                                                 \
    X(EVICTED_FROM_L1, "evicted_from_l1", BOOL, 0, 0, "1.0", "was dropped by the first tier's policy")                 \
    X(LAST_HEALTH_CHECK, "last_health_check", TIME, PXT_TIME_NONE, PXT_FIELD_OPTIONAL | PXT_FIELD_LEARNT, "1.0",       \
      "last check")                                                                                                    \
    X(CONSECUTIVE_HEALTH_FAILURES, "consecutive_health_failures", COUNT, 0, PXT_FIELD_LEARNT, "1.0",                   \
      "failed checks in a row")                                                                                        \
    X(CONSECUTIVE_HEALTH_SUCCESSES, "consecutive_health_successes", COUNT, 0, PXT_FIELD_LEARNT, "1.0",                 \
      "good checks in a row")                                                                                          \
    X(RECOVERY_ATTEMPT, "recovery_attempt", COUNT, 0, PXT_FIELD_LEARNT, "1.0",                                         \
      "failed checks while unhealthy or dead")                                                                         \
    X(NEXT_CHECK_TIME, "next_check_time", TIME, PXT_TIME_NONE, PXT_FIELD_OPTIONAL | PXT_FIELD_LEARNT, "1.0",           \
      "when to check again")                                                                                           \
    X(LAST_HEALTH_ERROR, "last_health_error", TEXT, 0, PXT_FIELD_OPTIONAL | PXT_FIELD_LEARNT, "1.0",                   \
      "reason of the last failure")                                                                                    \
    X(TOTAL_HEALTH_CHECKS, "total_health_checks", COUNT, 0, PXT_FIELD_LEARNT, "1.0", "all checks")                     \
    X(TOTAL_HEALTH_CHECK_FAILURES, "total_health_check_failures", COUNT, 0, PXT_FIELD_LEARNT, "1.0",                   \
      "all failed checks")                                                                                             \
    X(USERNAME, "username", SECRET, 0, PXT_FIELD_OPTIONAL, "1.0", "user name at the proxy")                            \
    X(PASSWORD, "password", SECRET, 0, PXT_FIELD_OPTIONAL, "1.0", "password at the proxy")                             \
    X(VERSION, "version", VERSION, 0, PXT_FIELD_INTERNAL, "1.0",                                                       \
      "of the last change of the key: of two copies the one with the greater version counts; 0: not known")            \
    X(SUPPLIED_VERSION, "supplied_version", VERSION, 0, PXT_FIELD_INTERNAL, "1.0",                                     \
      "of the last put: the fields that are not learnt are of this version")                                           \
    X(LEARNT_VERSION, "learnt_version", VERSION, 0, PXT_FIELD_INTERNAL, "1.0",                                         \
      "of the last report: the learnt fields are of this version; 0: the put did not know them")                       \
    X(TALLIES, "tallies", TEXT, 0, PXT_FIELD_OPTIONAL | PXT_FIELD_INTERNAL | PXT_FIELD_LEARNT, "1.0",                  \
      "checks and failed checks of each writer (host), whose sums are the totals: WRITER:CHECKS:FAILURES;...")         \
    X(REMOVED, "removed", COUNT, 0, PXT_FIELD_INTERNAL, "1.0",                                                         \
      "not 0: a tombstone, which says that the key was removed; 1 + enum pxt_removal")                                 \
    X(COUNTRY, "country", TEXT, 0, PXT_FIELD_OPTIONAL, "1.0",                                                          \
      "where the proxy is, as its list says: the code of ISO 3166 where the list has one, else a name")                \
    X(METADATA, "metadata", TEXT, 0, PXT_FIELD_OPTIONAL, "1.0",                                                        \
      "what else its list publishes of it, as a JSON object: see proxtier-import(5)")                                  \
    X(TAGS, "tags", TEXT, 0, PXT_FIELD_OPTIONAL, "1.0", "words of its list or its user, separated by commas")          \
    X(LATENCY, "latency_us", COUNT, 0, PXT_FIELD_OPTIONAL | PXT_FIELD_LEARNT, "1.0",                                   \
      "moving average of the latencies of good reports, in microseconds")

enum pxt_field_id {
#define X(id, name, type, def, flags, since, help) PXT_FIELD_##id,
    PXT_FIELDS(X)
#undef X
        PXT_FIELD_COUNT,       /* number of fields that this header knows; the library may know more */
    PXT_FIELD_END = 0x7fffffff /* ends a list of fields, in every version */
};

#define PXT_HEALTHS(X)                                                                                                 \
    X(UNKNOWN, "unknown") X(HEALTHY, "healthy") X(DEGRADED, "degraded") X(UNHEALTHY, "unhealthy") X(DEAD, "dead")
enum pxt_health {
#define X(id, name) PXT_HEALTH_##id,
    PXT_HEALTHS(X)
#undef X
        PXT_HEALTH_COUNT
};
/* "healthy" and so on; of an unknown number, "unknown". */
PXT_API const char *pxt_health_name(enum pxt_health health);

/* One row of the table above, as data. A later version may have more at its end. */
struct pxt_field {
    const char *name;
    enum pxt_field_type type;
    int64_t default_number;
    unsigned flags;
    const char *since;
    const char *help;
};
/* The table as the running library knows it, as pointers to its rows; `*count` receives their number, which is >=
 * PXT_FIELD_COUNT. */
PXT_API const struct pxt_field *const *pxt_fields(size_t *count);

/* A value in a draft. For TEXT and SECRET: `text` and `length`; for all others: `number`. Values stand in an array:
 * this struct is complete, and does not grow. */
struct pxt_value {
    uint8_t set;    /* 0: absent, the default applies */
    uint8_t sealed; /* SECRET only: `text` is a token of the encryptor, not plain text */
    /* 1: the tier that has the entry has no place for this field, so that a slower tier's value counts. Set by
     * tiers, read by the core; of no meaning in a draft for pxt_cache_put(). */
    uint16_t elsewhere;
    uint32_t length;
    union {
        int64_t number;
        const char *text; /* borrowed: must stay valid while the draft is used; need not end in NUL */
    } as;
};

/*
 * A draft: the fields of an entry to be made. Initialise with pxt_draft_init(), set what is known, hand it to
 * pxt_cache_put() (which fills in key, times and time to live by the configuration). It owns nothing.
 */
struct pxt_draft {
    uint32_t field_count; /* PXT_FIELD_COUNT of the program's compile time */
    uint32_t reserved;
    struct pxt_value value[PXT_FIELD_COUNT];
};

static inline void pxt_draft_init(struct pxt_draft *draft)
{
    size_t i;
    draft->field_count = PXT_FIELD_COUNT;
    draft->reserved = 0;
    for (i = 0; i < PXT_FIELD_COUNT; i++) {
        draft->value[i].set = 0;
        draft->value[i].sealed = 0;
        draft->value[i].elsewhere = 0;
        draft->value[i].length = 0;
        draft->value[i].as.number = 0;
    }
}
/* Sets a number, time, health or bool. */
static inline void pxt_draft_set_number(struct pxt_draft *draft, enum pxt_field_id field, int64_t number)
{
    draft->value[field].set = 1;
    draft->value[field].elsewhere = 0;
    draft->value[field].as.number = number;
}
/* Sets a text, or a credential in plain text; the bytes are borrowed. */
static inline void pxt_draft_set_text(struct pxt_draft *draft, enum pxt_field_id field, const char *text, size_t length)
{
    draft->value[field].set = 1;
    draft->value[field].sealed = 0;
    draft->value[field].elsewhere = 0;
    draft->value[field].length = (uint32_t)length;
    draft->value[field].as.text = text;
}
/* Sets a credential that is sealed already: the encryptor's token. */
static inline void pxt_draft_set_token(struct pxt_draft *draft, enum pxt_field_id field, const char *token,
                                       size_t length)
{
    pxt_draft_set_text(draft, field, token, length);
    draft->value[field].sealed = 1;
}
static inline void pxt_draft_unset(struct pxt_draft *draft, enum pxt_field_id field)
{
    draft->value[field].set = 0;
    draft->value[field].sealed = 0;
    draft->value[field].elsewhere = 0;
    draft->value[field].length = 0;
    draft->value[field].as.number = 0;
}

/*
 * A stored entry. Whoever is handed one holds it and must let go with pxt_entry_release(), from any thread; until
 * then it stays valid, whatever happens to the cache. All functions on entries are thread-safe.
 */
typedef struct pxt_entry pxt_entry;

/* Lets go of an entry; NULL is allowed. */
PXT_API void pxt_entry_release(pxt_entry *entry);
/* Takes a further hold, to be released once more. Returns its argument. */
PXT_API pxt_entry *pxt_entry_hold(pxt_entry *entry);
/* A text field, NUL-terminated, valid as long as the entry is held; NULL where absent and for fields that are not
 * TEXT (a credential is opened with pxt_cache_open_secret()). `length` may be NULL. */
PXT_API const char *pxt_entry_text(const pxt_entry *entry, enum pxt_field_id field, size_t *length);
/* A number, time, health or bool; 0 for fields of other types. */
PXT_API int64_t pxt_entry_number(const pxt_entry *entry, enum pxt_field_id field);
/* Whether the field has a value; for credentials, whether there is one. */
PXT_API bool pxt_entry_has(const pxt_entry *entry, enum pxt_field_id field);
/* Fills a draft with all fields; texts and tokens point into the entry and live as long as it is held. The draft's
 * field_count must be set (pxt_draft_init()). */
PXT_API void pxt_entry_read(const pxt_entry *entry, struct pxt_draft *draft);
/* Whether its time has come: now >= expires_at. */
PXT_API bool pxt_entry_expired(const pxt_entry *entry, pxt_time now);
/* Whether a get served it although no tier could say that it is the newest version, or although its time to live has
 * ended: with `fail_safe: true` in the configuration; see proxtier.yaml(5). */
PXT_API bool pxt_entry_is_stale(const pxt_entry *entry);

static inline const char *pxt_entry_key(const pxt_entry *entry)
{
    return pxt_entry_text(entry, PXT_FIELD_KEY, NULL);
}
static inline const char *pxt_entry_url(const pxt_entry *entry)
{
    return pxt_entry_text(entry, PXT_FIELD_PROXY_URL, NULL);
}

/*
 * A credential in the clear: in memory that is locked (as far as RLIMIT_MEMLOCK allows), kept out of core dumps, and
 * wiped when freed. It can be read with pxt_secret_text() only, so that each use can be found.
 */
typedef struct pxt_secret pxt_secret;
/* Copies `length` bytes (<= PXT_SECRET_MAX) into a new secret; NULL when out of memory. */
PXT_API pxt_secret *pxt_secret_new(const char *text, size_t length);
/* Its bytes, NUL-terminated, valid until it is freed. `length` may be NULL. */
PXT_API const char *pxt_secret_text(const pxt_secret *secret, size_t *length);
/* Wipes and frees; NULL is allowed. */
PXT_API void pxt_secret_free(pxt_secret *secret);

#ifdef __cplusplus
}
#endif
#endif
