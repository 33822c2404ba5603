/* SPDX-License-Identifier: MIT
 *
 * plugin.h: what every plugin has: a descriptor, declared options, and the services of its host.
 *
 * A plugin is a shared object that exports one symbol, `pxt_plugin`, made by PXT_PLUGIN() at the end of its source.
 * It includes <proxtier/tier.h>, <proxtier/eviction.h> or <proxtier/encryptor.h>, and nothing else of proxtier; it
 * links against nothing of proxtier. It never prints, exits, aborts, or changes signal handlers, locale, umask or
 * working directory. The core has initialised libgcrypt (for threads, without its secure memory) before it loads the
 * first plugin; a program that initialises libgcrypt itself, before it first calls proxtier, has it its own way.
 *
 * This is plugin ABI 1.0. Plugins of the same PXT_ABI_MAJOR stay loadable:
 *  - A struct grows at its end only, and PXT_ABI_MINOR is raised. Each side says the size of what it hands over, or
 *    hands over pointers; nobody reads further than the other one's size. A struct without a size says that it is
 *    complete.
 *  - Of a word of flags the upper half (PXT_FLAGS_MUST) must be understood, and the lower half may be ignored. The core
 *    refuses a plugin with a flag of the upper half that it does not know. It gives such a flag of a call only to a
 *    plugin that has said that it knows the flag.
 *  - A number of an enumeration keeps its meaning, and new ones come at the end. So a plugin may be given a field, a
 *    health or a removal that is newer than its header: it keeps what it stores of it, and treats it as any other.
 *
 * ABI changes, newest first:
 *   1.0  2026-11-28  first
 */
#ifndef PROXTIER_PLUGIN_H
#define PROXTIER_PLUGIN_H

#include <proxtier/select.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PXT_ABI_MAJOR 1     /* plugins of another major are refused */
#define PXT_ABI_MINOR 0     /* raised when something is added at the end of a struct */
#define PXT_ABI_CANDIDATE 0 /* of a major before its release, its number; plugins of another one are refused */
#define PXT_ABI_TEXT "1.0"

#define PXT_FLAGS_MUST 0xffff0000u /* in every word of flags: those that must be understood */

enum pxt_plugin_kind { PXT_KIND_TIER = 1, PXT_KIND_EVICTION = 2, PXT_KIND_ENCRYPTOR = 3 };

/* ---- options -------------------------------------------------------------------------------------------------- */

enum pxt_option_type {
    PXT_OPTION_TEXT,
    PXT_OPTION_INTEGER,
    PXT_OPTION_BOOL,     /* true or false */
    PXT_OPTION_DURATION, /* 90, 90s, 15m, 1h, 7d, 250ms: read as microseconds; bounds are microseconds too */
    PXT_OPTION_SIZE,     /* 512, 4KiB, 64MiB, 1GiB: read as bytes */
    PXT_OPTION_PATH,     /* `~/`, `${cache}/`, `${state}/` and `${config}/` at the start are replaced by the core */
    PXT_OPTION_CHOICE,   /* one of the words in `choices`, separated by '|' ; read as text */
    /* A password or another secret: YAML says where it comes from, never what it is: `file:PATH`, `env:NAME`,
     * `credential:NAME` (of systemd) or `command:COMMAND` for /bin/sh. Read before open() with setting_secret(). */
    PXT_OPTION_SECRET
};

/* One declared option. The core reads YAML, checks it against this table and hands over values; a plugin never
 * parses. A table ends with an element whose name is NULL. The descriptor says how long an element is. */
struct pxt_option {
    const char *name;
    enum pxt_option_type type;
    const char *default_text; /* as it would stand in YAML; NULL: none, the setting is absent */
    int64_t min, max;         /* of INTEGER, DURATION, SIZE, inclusive; both 0: any that is >= 0 */
    const char *choices;      /* of CHOICE; of a number: words that may stand instead of it, read as -1 */
    const char *help;         /* one sentence, for `proxtier plugin info` and the manual */
};

/* An option by name with its value as it would stand in YAML. A table of them ends with a NULL name. Complete: it
 * does not grow. */
struct pxt_option_value {
    const char *name, *value;
};

/* The checked values of a plugin's options: owned by the core, valid until the plugin's instance is closed. */
struct pxt_settings;

/* ---- the host ------------------------------------------------------------------------------------------------- */

enum pxt_log_level { PXT_LOG_ERROR, PXT_LOG_WARNING, PXT_LOG_NOTICE, PXT_LOG_INFO, PXT_LOG_DEBUG };

/* A key with its length and hash, made by the core. Valid during the call; `text` ends in NUL. Plugins keep keys in
 * memory of their own, and in other structs: this one is complete, and does not grow. */
struct pxt_key {
    const char *text;
    uint32_t length;
    uint64_t hash; /* of `text`: well mixed, the same in every process and version */
};

/* A call of an operation, as the core makes it. */
struct pxt_call {
    uint32_t size;
    uint32_t flags; /* 0 */
    /* When the caller stops waiting, by host->monotonic(); 0: never. An operation that waits for another machine
     * returns PXT_EBUSY by then; others need not look at it. */
    int64_t deadline;
};

/* A tier under a tier: see tier_open. Its rules are those of tier.h; the tier that stands on it keeps them.
 * Complete: it does not grow. */
struct pxt_tier_ops;
struct pxt_tier_setup;
struct pxt_lower_tier {
    const struct pxt_tier_ops *ops; /* of this instance; what it does not offer is NULL */
    void *self;
};

/*
 * What the core offers. A function with the argument `host` takes the host that the plugin was opened with. All are
 * thread-safe, and may be called from open until close returns. A newer core has a longer struct: check `size`
 * before using what was added after ABI 1.0.
 */
struct pxt_host {
    uint32_t size; /* of this struct in the running core */
    /* The mode of files in the store: 0600, or 0660 if the pool belongs to a group. The umask may take from it: give
     * it to open(), and then to fchmod(). Files of other members of the group have it too, and belong to them. */
    uint32_t file_mode;

    /* ---- time, log, errors ---- */

    /* The time. Plugins call nothing else for it: tests replace this clock. */
    pxt_time (*now)(const struct pxt_host *host);
    /* Microseconds of a clock that is never set, for deadlines. Tests replace this clock too. */
    int64_t (*monotonic)(const struct pxt_host *host);
    /* The call that the core makes on this thread with an instance of this host; outside of one, a call without a
     * deadline. Never NULL; valid until the operation returns. */
    const struct pxt_call *(*call)(const struct pxt_host *host);
    /* Logs one line; never a secret. */
    void (*log)(const struct pxt_host *host, enum pxt_log_level level, const char *format, ...) PXT_PRINTF(3, 4);
    /* Fills `error` (NULL is allowed) and returns `status`, so that `return host->fail(...)` reads well. The text says
     * what failed, on what, and what to do. `system_errno` != 0 adds its text. */
    pxt_status (*fail)(const struct pxt_host *host, struct pxt_error *error, pxt_status status, int system_errno,
                       const char *format, ...) PXT_PRINTF(5, 6);
    /* The status for an errno: PXT_ENOSPC for ENOSPC, EDQUOT and EFBIG; PXT_EACCES for EACCES, EPERM and EROFS;
     * PXT_EBUSY for EBUSY and EAGAIN; PXT_ENOMEM for ENOMEM; else PXT_EIO. */
    pxt_status (*status_of_errno)(int system_errno);

    /* ---- settings and folders ---- */

    /* Settings by option name. A text or path lives as long as the settings; NULL where absent. Numbers: bool 0 or 1,
     * duration in microseconds, size in bytes; 0 where absent. */
    const char *(*setting_text)(const struct pxt_settings *settings, const char *name);
    int64_t (*setting_number)(const struct pxt_settings *settings, const char *name);
    bool (*setting_given)(const struct pxt_settings *settings, const char *name);
    /* A PXT_OPTION_SECRET, NUL-terminated; `length` may be NULL. NULL where absent. It lies in locked memory, is
     * wiped when the instance is closed, and is to be copied nowhere. (setting_text() of such an option says where
     * it comes from.) */
    const char *(*setting_secret)(const struct pxt_settings *settings, const char *name, size_t *length);

    /* Makes the folder (and missing parents) with mode 0700, or checks that it is owned by this user or root and
     * that no one else may write to it. If the pool belongs to a group: with mode 2770, so that files get its group;
     * or checks that it has these rights, and that only the group may write to it. PXT_EACCES with a remedy
     * otherwise. */
    pxt_status (*prepare_folder)(const struct pxt_host *host, const char *path, struct pxt_error *error);

    /* ---- keys and entries ---- */

    /* Fills `key` with text, length and hash of `text`. */
    void (*key_init)(struct pxt_key *key, const char *text, size_t length);
    /* The field table, as pointers to its rows; the same as pxt_fields() gives to programs. */
    const struct pxt_field *const *fields;
    size_t field_count;

    /* Makes an entry from a draft, checked against the field table (PXT_EINVAL says which field and why). Credentials
     * must be sealed. `*out` must be released. */
    pxt_status (*entry_new)(const struct pxt_host *host, const struct pxt_draft *draft, pxt_entry **out,
                            struct pxt_error *error);
    /* Makes an entry like `entry`, but for the fields that `changes` has set. Fields that are newer than the plugin
     * stay as they are, where a copy by way of entry_read() and entry_new() would lose them. Errors as entry_new(). */
    pxt_status (*entry_copy)(const struct pxt_host *host, const pxt_entry *entry, const struct pxt_draft *changes,
                             pxt_entry **out, struct pxt_error *error);
    /* Makes a tombstone, for a tier that keeps tombstones apart from its entries: `why` is PXT_FIELD_REMOVED - 1,
     * and `at` PXT_FIELD_FETCH_TIME. PXT_ENOMEM. */
    pxt_status (*tombstone_new)(const struct pxt_host *host, const struct pxt_key *key, uint64_t version, unsigned why,
                                pxt_time at, pxt_entry **out, struct pxt_error *error);
    /* Fills a draft from an entry: pxt_entry_read(). */
    void (*entry_read)(const pxt_entry *entry, struct pxt_draft *draft);
    /* The entry's key; lives as long as the entry is held. */
    void (*entry_key)(const pxt_entry *entry, struct pxt_key *key);
    /* A number, time, health or bool of the entry, without reading all of it. */
    int64_t (*entry_number)(const pxt_entry *entry, enum pxt_field_id field);
    /* Takes a further hold by counting; for an entry that the caller holds already. */
    pxt_entry *(*entry_hold)(pxt_entry *entry);
    /* Lets go of a hold, however it was taken. */
    void (*entry_release)(pxt_entry *entry);
    /*
     * Holds the entry that `*place` points to, without writing to memory that other threads read: the hold is announced
     * in a slot of the calling thread (M. Michael, "Hazard Pointers", IEEE TPDS 2004). `*place` is written by other
     * threads with release order while this runs, and whoever removes the entry from it calls entry_release()
     * afterwards, never before. NULL where `*place` is NULL. The memory of `place` itself must stay readable.
     */
    pxt_entry *(*entry_acquire)(pxt_entry *const *place);
    /* entry_acquire(), where the entry at `*place` has this key; NULL where it has another, or there is none. */
    pxt_entry *(*entry_acquire_key)(pxt_entry *const *place, const struct pxt_key *key);
    /* Raises the live counters of an entry: adds `hits` to access_count; last_accessed becomes the later of the two. */
    void (*entry_touch)(pxt_entry *entry, uint64_t hits, pxt_time last_accessed);

    /* ---- an entry as a line of JSON ---- */

    /* Writes an entry as one line of JSON with the separators and field order of the JSONL log, without newline.
     * Returns the length that it needs; writes nothing where `capacity` is smaller. Hits make an entry's line longer
     * at any time: a caller that measures first has to look at the length again. Credentials are written as
     * `username_encrypted` and `password_encrypted`: hexadecimal of the token. */
    size_t (*json_write)(const pxt_entry *entry, char *buffer, size_t capacity);
    /* json_write() without the fields that have PXT_FIELD_INTERNAL: the line as ProxyWhirl writes it. */
    size_t (*json_write_plain)(const pxt_entry *entry, char *buffer, size_t capacity);
    /* json_write() into memory of its own, which has the right size also while hits go on, and ends in NUL; to be freed
     * with text_free(). `flags`: PXT_JSON_*. PXT_ENOMEM. */
    pxt_status (*json_new)(const struct pxt_host *host, const pxt_entry *entry, unsigned flags, char **text,
                           size_t *length, struct pxt_error *error);
    void (*text_free)(char *text); /* NULL is allowed */
    /* Reads such a line (NUL-terminated after `length`); unknown members are ignored, wrong values give PXT_EINVAL
     * with the member's name. */
    pxt_status (*json_read)(const struct pxt_host *host, const char *text, size_t length, pxt_entry **out,
                            struct pxt_error *error);

    /* ---- entries of another program ---- */

    /*
     * entry_new() and json_read() for what another program may have written, ProxyWhirl above all: it has wider
     * limits. A text over a limit is clipped, what no text may have is blanked out, a count is clamped; credentials
     * in the URL are split off and sealed. The core logs this once a host. What is stored stays as it is, until the
     * entry is put. PXT_EINVAL: it is no entry. PXT_ENOTSUP: it is an entry that proxtier cannot have (its key is
     * too long, its credentials cannot be sealed): a tier passes it over, and neither removes nor counts it as
     * damaged.
     */
    pxt_status (*entry_new_foreign)(const struct pxt_host *host, const struct pxt_draft *draft, pxt_entry **out,
                                    struct pxt_error *error);
    pxt_status (*json_read_foreign)(const struct pxt_host *host, const char *text, size_t length, pxt_entry **out,
                                    struct pxt_error *error);

    /* ---- threads ---- */

    /* A small number that no other running thread has: an index for memory of a thread's own. Numbers of ended
     * threads are given out again. Below PXT_THREAD_MAX; equal to it where so many threads run that none is left, and
     * the caller must do without. */
    unsigned (*thread_index)(void);

    /* ---- for tiers that stand on another ---- */

    /*
     * For a tier that stands on another: opens the tier `plugin`, found and checked as one of the chain is.
     * `options` ends with a NULL name; NULL: none. It gets name, capacity and policy of `setup`, which is that of
     * the caller, and `lower_host` as its host: usually `host`. `*out` must be given to tier_close(), in the
     * caller's close(). PXT_EPLUGIN, PXT_ECONFIG, and what the tier's open returns.
     */
    pxt_status (*tier_open)(const struct pxt_host *host, const char *plugin, const struct pxt_option_value *options,
                            const struct pxt_tier_setup *setup, const struct pxt_host *lower_host,
                            struct pxt_lower_tier **out, struct pxt_error *error);
    /* Closes and unloads it. NULL is allowed. */
    void (*tier_close)(struct pxt_lower_tier *lower);

    /* ---- for tiers with PXT_TIER_REMOTE, from any thread, also inside an operation ---- */

    /* Says that another host may have changed a key, or, if `key` is NULL, any: no faster tier answers for it any more
     * before this tier was asked. Calls for changes of this host's own do no harm, but cost time. */
    void (*changed)(const struct pxt_host *host, const struct pxt_key *key);
    /* With false: the server is gone; the core goes on without the tier, and probes it with a back-off. With true:
     * it is there. A tier that connects again calls this before it answers anything from the new connection:
     * whatever was acknowledged or heard before may be lost, and the core compares the tiers. */
    void (*available)(const struct pxt_host *host, bool available);

    /* ---- for tiers that offer select() ---- */

    /* Whether an entry matches; expired ones and tombstones do not: pxt_selection_matches(). */
    bool (*selection_matches)(const struct pxt_selection *selection, const pxt_entry *entry, pxt_time now);
};
/* Whether the running core has a service: for those that come after 1.0. */
#define PXT_HOST_HAS(host, service) ((host)->size >= offsetof(struct pxt_host, service) + sizeof((host)->service))
#define PXT_THREAD_MAX 4096
#define PXT_JSON_PLAIN 1u /* as json_write_plain() */

/* ---- the descriptor ------------------------------------------------------------------------------------------- */

struct pxt_plugin {
    char magic[8];        /* PXT_PLUGIN_MAGIC */
    uint32_t struct_size; /* of this struct at the plugin's compile time: the core reads no further */
    uint16_t abi_major, abi_minor;
    uint32_t kind;                    /* enum pxt_plugin_kind */
    uint16_t option_size;             /* sizeof(struct pxt_option), the same */
    uint16_t candidate;               /* PXT_ABI_CANDIDATE */
    const char *name;                 /* that of the file without .so */
    const char *version;              /* of the plugin */
    const char *licence;              /* SPDX identifier */
    const char *summary;              /* one line */
    const struct pxt_option *options; /* NULL: none */
    const void *ops;                  /* struct pxt_tier_ops, pxt_eviction_ops or pxt_encryptor_ops */
};
#define PXT_PLUGIN_MAGIC "proxtier"

#ifdef __cplusplus
#define PXT_PLUGIN_LINKAGE extern "C"
#else
#define PXT_PLUGIN_LINKAGE extern
#endif
/* Defines the exported descriptor: PXT_PLUGIN(PXT_KIND_TIER, "name", "1.0", "MIT", "summary", options, &ops); */
#define PXT_PLUGIN(kind_, name_, version_, licence_, summary_, options_, ops_)                                         \
    PXT_PLUGIN_LINKAGE PXT_API const struct pxt_plugin pxt_plugin;                                                     \
    const struct pxt_plugin pxt_plugin = {{'p', 'r', 'o', 'x', 't', 'i', 'e', 'r'},                                    \
                                          (uint32_t)sizeof(struct pxt_plugin),                                         \
                                          PXT_ABI_MAJOR,                                                               \
                                          PXT_ABI_MINOR,                                                               \
                                          (uint32_t)(kind_),                                                           \
                                          (uint16_t)sizeof(struct pxt_option),                                         \
                                          PXT_ABI_CANDIDATE,                                                           \
                                          name_,                                                                       \
                                          version_,                                                                    \
                                          licence_,                                                                    \
                                          summary_,                                                                    \
                                          options_,                                                                    \
                                          ops_}

/* The option of a plugin's descriptor with this index, from 0; NULL behind the last one. */
static inline const struct pxt_option *pxt_plugin_option(const struct pxt_plugin *plugin, size_t index)
{
    const char *table = (const char *)plugin->options;
    const struct pxt_option *option =
        table ? (const struct pxt_option *)(const void *)(table + index * plugin->option_size) : NULL;
    return option && option->name ? option : NULL;
}

#ifdef __cplusplus
}
#endif
#endif
