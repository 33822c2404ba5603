/* SPDX-License-Identifier: MIT
 *
 * jsonl.h: the data of l2_jsonl, and the functions that its files share: a log of JSON lines a shard, with an index of
 * the lines' places in memory. Start reading in l2_jsonl.c. The files include <proxtier/tier.h> and this header only;
 * a file calls only files that stand above its own section here.
 *
 * Locks, in this order: `shard->lock` (one at a time, or all in ascending order); the file lock of shard_NN.lock, among
 * processes; `policy_lock` and `report_lock` (leaves).
 */
#ifndef JSONL_H
#define JSONL_H

#include <gcrypt.h>
#include <proxtier/tier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/types.h>
#include <time.h>

enum { JSONL_SHARDS_MAX = 256, JSONL_LINE_MAX = 65536, JSONL_NAME = 32 };

enum jsonl_digest { JSONL_MD5, JSONL_CRC32, JSONL_DIGESTS };
enum { JSONL_CHECKSUM = 21 }; /* bytes that the checksum adds to a line */

/* The place of a line in its log, and what the index knows of it. */
struct jsonl_line {
    off_t offset;
    uint32_t length;  /* without the newline */
    uint32_t removed; /* 0: an entry; else a tombstone, as PXT_FIELD_REMOVED */
    uint64_t version; /* 0: not known */
    /* PXT_TIME_NONE: not known yet. Of a tombstone: when it was made, or until when the proxy is known as dead. */
    pxt_time expires_at;
};

static inline bool jsonl_known_dead(const struct jsonl_line *line, pxt_time now)
{
    return line->removed == 1 + PXT_REMOVE_HEALTH && line->expires_at > now;
}

/* The line of a key, an entry or a tombstone. A tombstone is not in the policy. */
struct jsonl_node {
    struct jsonl_node *next;
    uint64_t hash;
    struct jsonl_line line;
    uint32_t shard;
    char *key;
    uint64_t sequence; /* of its arrival, as far as this process saw it */
    bool in_policy;
    uint32_t early_hits; /* before it was in the policy */
    pxt_time early_last;
    uint64_t state[]; /* the policy's */
};

/* A place in a log that has a damaged line. */
struct jsonl_damage {
    off_t offset;
    size_t length; /* without the newline */
    uint64_t hash; /* of its bytes */
};

/* The place of another program's line that proxtier cannot have an entry of. */
struct jsonl_foreign {
    off_t offset;
    uint32_t length; /* without the newline */
};

struct jsonl_shard {
    pthread_mutex_t lock;
    unsigned number;
    int log, lock_file;                               /* -1: not open */
    char log_name[JSONL_NAME], lock_name[JSONL_NAME]; /* in the folder */
    dev_t device;
    ino_t inode;
    nlink_t links;
    bool name_in_doubt; /* the name of the log may not survive loss of power */
    dev_t lock_device;
    ino_t lock_inode;
    struct timespec changed;     /* ctime: it changes when the file is renamed over or removed */
    off_t indexed;               /* all lines before this are in the index */
    off_t live, dead;            /* bytes of lines that count, and of lines that do not */
    off_t blank;                 /* bytes of empty lines, in `dead` as well */
    struct jsonl_damage *damage; /* of this log, in the order of offsets */
    size_t damage_count, damage_capacity;
    struct jsonl_foreign *foreign; /* of this log, as far as it is indexed */
    size_t foreign_count, foreign_capacity;
    struct jsonl_node **bucket;
    size_t bucket_count, count; /* of all nodes */
    size_t tombstones;          /* of these, tombstones */
};

struct jsonl {
    const struct pxt_host *host;
    const struct pxt_eviction_ops *policy; /* NULL if the tier has no capacity */
    const struct pxt_host *policy_host;
    const struct pxt_settings *policy_settings;
    uint64_t capacity;
    void *policy_self;
    bool policy_ready; /* all entries are in the policy; written with the locks of all shards held */
    pthread_mutex_t policy_lock;
    char *folder, *shared_path;
    int folder_fd;
    int format_fd; /* of proxtier.format, with a shared lock; -1: there is no such file */
    bool full_sync, compatible;
    mode_t file_mode;     /* of new logs */
    int64_t lock_timeout; /* microseconds */
    unsigned shard_count;
    _Atomic uint64_t corruptions, sequence;
    /* Of each thread: opening a handle takes longer than using it. */
    _Atomic(gcry_md_hd_t) digest[JSONL_DIGESTS][PXT_THREAD_MAX];
    gcry_md_hd_t shared_digest[JSONL_DIGESTS]; /* for threads without one, with the lock */
    pthread_mutex_t shared_digest_lock;        /* a leaf */
    pthread_mutex_t report_lock;               /* of the reports of damaged lines */
    pxt_time report_since;
    uint64_t reports; /* since `report_since`, suppressed ones included */
    struct jsonl_shard shard[];
};

#define JSONL_KEY_START "{\"key\": \"" /* as proxtier and ProxyWhirl begin an entry */

/* A blank of JSON inside a line. */
static inline bool jsonl_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

enum { JSONL_MARK = 3 }; /* bytes of the byte order mark that editors write at the start of a file */

/* Writes the name of a file of the shard. */
static inline void jsonl_shard_name(const struct jsonl_shard *shard, const char *suffix, char name[JSONL_NAME])
{
    snprintf(name, JSONL_NAME, "shard_%02u.%s", shard->number, suffix);
}

/* ---- digest.c ---- */

/* Writes the digest, 16 bytes of JSONL_MD5 or 4 of JSONL_CRC32. */
void jsonl_digest(struct jsonl *tier, enum jsonl_digest which, const void *bytes, size_t length, unsigned char *out);
/* Opens the handles that are shared; false if memory is short. */
bool jsonl_digest_open(struct jsonl *tier);
void jsonl_digest_close(struct jsonl *tier);

/* ---- checksum.c: of lines without their newline ---- */

enum jsonl_checksum { JSONL_CHECKSUM_NONE, JSONL_CHECKSUM_RIGHT, JSONL_CHECKSUM_WRONG };
/* Adds the checksum to an object, which has room for JSONL_CHECKSUM more bytes; returns its length then. Does nothing
 * in a folder that is compatible with ProxyWhirl. */
size_t jsonl_checksum_add(struct jsonl *tier, char *line, size_t length);
enum jsonl_checksum jsonl_checksum_check(struct jsonl *tier, const char *line, size_t length);
/* Takes a checksum that is right off the line; returns its length then. */
size_t jsonl_checksum_strip(char *line, size_t length);
/* Turns the one bit back whose flip explains a wrong checksum; false if there is none. By chance, once in millions of
 * lines, other damage looks like that: so it tells of which key a damaged line was, and makes no entry. */
bool jsonl_checksum_mend(struct jsonl *tier, char *line, size_t length);
/* Finds a line with a right checksum at the start of a longer one: the newline between two lines was damaged. Returns
 * its length; 0 if there is no such line. */
size_t jsonl_checksum_fused(struct jsonl *tier, const char *line, size_t length);

/* ---- time.c ---- */

enum { JSONL_TIME_SIZE = 48 };
/* Writes a time as the lines of entries have it; false if it is none from 1970 to 9999. */
bool jsonl_time_write(pxt_time time, char text[JSONL_TIME_SIZE]);
/* Reads one with any offset and any number of digits; false if it is none. */
bool jsonl_time_read(const char *text, pxt_time *out);

/* ---- deletion.c ---- */

enum { JSONL_DELETION_MAX = 2 * PXT_KEY_MAX + 128 + JSONL_CHECKSUM };
/* What the line of a deletion says beside the key. */
struct jsonl_deletion {
    uint64_t version;     /* 0: the key has nothing, not even a tombstone */
    enum pxt_removal why; /* PXT_REMOVE_DELETED if the line does not say it */
    pxt_time at;          /* of a tombstone */
};
/* Writes the line that deletes a key, without newline; returns its length. */
size_t jsonl_deletion_write(struct jsonl *tier, const char *key, const struct jsonl_deletion *deletion,
                            char line[JSONL_DELETION_MAX]);
/* Reads a deletion, its key into `text`; false if the line is not a deletion. */
bool jsonl_deletion_read(const struct jsonl *tier, const char *line, size_t length, struct pxt_key *key,
                         char text[PXT_KEY_MAX + 1], struct jsonl_deletion *deletion);
/* Reads the key at the start of an entry or a deletion that may be damaged behind it; false if there is none. */
bool jsonl_damaged_key(const struct jsonl *tier, const char *line, size_t length, struct pxt_key *key,
                       char text[PXT_KEY_MAX + 1]);

/* ---- quarantine.c ---- */

/* Appends damaged bytes, and a newline, to shard_NN.bad. Logs a failure and returns false. Shard lock and file lock are
 * held. */
bool jsonl_quarantine(struct jsonl *tier, const struct jsonl_shard *shard, const char *bytes, size_t length);

/* ---- damage.c: the shard's lock is held ---- */

/* True if these bytes at this place were found damaged before. */
bool jsonl_damage_known(const struct jsonl_shard *shard, off_t offset, const char *line, size_t length);
/* Counts, reports and remembers a damaged line; false if memory ran out. */
bool jsonl_damage_add(struct jsonl *tier, struct jsonl_shard *shard, off_t offset, const char *line, size_t length);
/* Forgets all places: the log is another file. */
void jsonl_damage_clear(struct jsonl_shard *shard);
/* Puts all damaged lines aside; false, after a log line, if that fails. The file lock is held. */
bool jsonl_damage_quarantine(struct jsonl *tier, const struct jsonl_shard *shard);
/* Warns of damage, unless it was warned of too often lately. */
void jsonl_damage_report(struct jsonl *tier, const char *format, ...) PXT_PRINTF(2, 3);
/* Logs how many warnings were suppressed, if the period has ended or `now` is true. No lock need be held. */
void jsonl_damage_report_rest(struct jsonl *tier, bool now);

/* ---- foreign.c: the shard's lock is held ---- */

/* Remembers a line; false if memory ran out. */
bool jsonl_foreign_add(struct jsonl_shard *shard, off_t offset, uint32_t length);
void jsonl_foreign_clear(struct jsonl_shard *shard);

/* ---- replace.c: shard lock and file lock are held; the index is the caller's ---- */

/* Makes shard_NN.compact, with owner and mode of the log; `*fd` must be given to one of the next two. */
pxt_status jsonl_replace_open(struct jsonl *tier, struct jsonl_shard *shard, int *fd, struct pxt_error *error);
/* Puts that file in the place of the log. On failure the old log stays, and the file must be abandoned. */
pxt_status jsonl_replace_log(struct jsonl *tier, struct jsonl_shard *shard, int fd, struct pxt_error *error);
void jsonl_replace_abandon(struct jsonl *tier, struct jsonl_shard *shard, int fd);
/* Removes the log; it is made again with the next entry. The folder is yet to be synced. */
pxt_status jsonl_replace_remove(struct jsonl *tier, struct jsonl_shard *shard, struct pxt_error *error);
/* Takes back lines that were appended at `end` and that other processes may have read. Logs a failure. The log may be
 * removed afterwards. */
void jsonl_replace_take_back(struct jsonl *tier, struct jsonl_shard *shard, off_t end);

/* ---- index.c: the shard's lock is held ---- */

struct jsonl_node *jsonl_index_find(struct jsonl_shard *shard, const char *key, size_t length, uint64_t hash);
/* Makes or moves the node of a key; NULL if memory ran out. */
struct jsonl_node *jsonl_index_put(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key,
                                   const struct jsonl_line *line);
void jsonl_index_remove(struct jsonl *tier, struct jsonl_shard *shard, struct jsonl_node *node, enum pxt_removal why);
/* Returns all nodes in the order of the log, malloc()ed; NULL if memory ran out. */
struct jsonl_node **jsonl_index_sorted(const struct jsonl_shard *shard);
void jsonl_index_clear(struct jsonl *tier, struct jsonl_shard *shard);
/* Counts a hit: tells the policy, or keeps it until the entry is in the policy. */
void jsonl_index_accessed(struct jsonl *tier, struct jsonl_node *node);
/* Tells the policy, if it wants to know, that a get has found nothing. */
void jsonl_index_missed(struct jsonl *tier, const struct pxt_key *key);
/* Brings an entry into the policy; false if memory ran out. */
bool jsonl_index_enter_policy(struct jsonl *tier, struct jsonl_node *node);

/* ---- scan.c ---- */

/* Reads the lines from `indexed` to `end` into the index. `locked`: this process has the file lock, and so may cut off a
 * torn last line. The shard's lock is held. */
pxt_status jsonl_shard_scan(struct jsonl *tier, struct jsonl_shard *shard, off_t end, bool locked,
                            struct pxt_error *error);

/* ---- shard.c: the shard's lock is held ---- */

unsigned jsonl_shard_number(struct jsonl *tier, const struct pxt_key *key);
/* Brings the index up to the state of the file. `locked`: as for jsonl_shard_scan(). */
pxt_status jsonl_shard_refresh(struct jsonl *tier, struct jsonl_shard *shard, bool locked, struct pxt_error *error);
/* Takes the file lock, refreshes the index, and opens the log. PXT_EBUSY if another process keeps the lock. */
pxt_status jsonl_shard_lock_file(struct jsonl *tier, struct jsonl_shard *shard, struct pxt_error *error);
void jsonl_shard_unlock_file(struct jsonl_shard *shard);
/* Clears the index and reads the whole log. `locked`: as for jsonl_shard_scan(). */
pxt_status jsonl_shard_reindex(struct jsonl *tier, struct jsonl_shard *shard, bool locked, struct pxt_error *error);
void jsonl_shard_close_files(struct jsonl_shard *shard);
/* Microseconds of a clock that only goes forward. */
int64_t jsonl_monotonic_us(void);
/* Takes a lock of flock(2), LOCK_EX or LOCK_SH; false, with errno EWOULDBLOCK, if others hold it for longer than `timeout`
 * (microseconds). */
bool jsonl_flock(int fd, int operation, int64_t timeout);
/* Gives a file of the folder its mode, as far as this user may: the folder keeps others out as well. Those of ProxyWhirl keep
 * theirs. */
void jsonl_set_mode(const struct jsonl *tier, int fd);
/* Opens a file of the folder. What another member of a group is just making has its mode a moment later: this waits for it. */
int jsonl_open_file(const struct jsonl *tier, const char *name, int flags, mode_t mode);
/* Take and release the locks of all shards. */
void jsonl_lock_all(struct jsonl *tier);
void jsonl_unlock_all(struct jsonl *tier);

/* ---- line.c: the shard's lock is held ---- */

/* Writes an entry or a tombstone as a line with its checksum, without newline. Returns the length that it needs; writes
 * nothing where `room` is smaller. */
size_t jsonl_line_write(struct jsonl *tier, pxt_entry *entry, char *buffer, size_t room);
/* PXT_ESTALE if the index has a newer version of the entry's key. */
pxt_status jsonl_line_is_newest(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key,
                                const pxt_entry *entry, struct pxt_error *error);
/* Takes the line of an entry or a tombstone into the index, at the place where it was appended. If memory runs out, the
 * next refresh takes it in. */
void jsonl_line_index(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key, const pxt_entry *entry,
                      off_t offset, uint32_t length);
/* Appends whole lines in one write; `*offset` receives their place. On failure the file is as before. The file lock is
 * held. */
pxt_status jsonl_line_append(struct jsonl *tier, struct jsonl_shard *shard, const char *lines, size_t length,
                             off_t *offset, struct pxt_error *error);
/* Reads the entry of a node; PXT_ECORRUPT if the line is damaged or has another key; PXT_ENOTSUP if it is another
 * program's and cannot be had. */
pxt_status jsonl_line_read(struct jsonl *tier, struct jsonl_shard *shard, const struct jsonl_node *node,
                           pxt_entry **out, struct pxt_error *error);

/* ---- format.c and reshard.c ---- */

/* What proxtier.format says. */
struct jsonl_format {
    unsigned shards; /* number of logs; 0: not known */
    unsigned moving; /* number of new logs that are about to take their place; 0: none are */
    bool unwritten;  /* all is well, but the file could not be written */
    bool outdated;   /* the file has the format of the candidate */
};
/* Takes the shared lock of the folder for as long as the tier is open. Makes the file where there is none, and rewrites
 * the folder if it has another number of logs. PXT_ECONFIG: its format is another. PXT_EBUSY: it is to be rewritten, but
 * another process has it open. */
pxt_status jsonl_format_claim(struct jsonl *tier, struct pxt_error *error);
/* Writes the file anew and forces it to disk. The exclusive lock is held, and goes over to the new file. */
pxt_status jsonl_format_write(struct jsonl *tier, const struct jsonl_format *format, struct pxt_error *error);
/* Makes the folder one of `tier->shard_count` logs, and says so in the file; `*format` is what the file says. The exclusive
 * lock is held. On failure what was there is there. */
pxt_status jsonl_reshard(struct jsonl *tier, struct jsonl_format *format, struct pxt_error *error);

/* ---- policy.c ---- */

/* Brings all entries into the policy, in its order. All shards are locked and refreshed. */
pxt_status jsonl_policy_fill(struct jsonl *tier, struct pxt_error *error);

/* ---- l2_jsonl.c ---- */

/* Makes a tier without options, which has nothing open; jsonl_close() frees it. */
pxt_status jsonl_new(const struct pxt_host *host, const char *folder, unsigned shards, struct jsonl **out,
                     struct pxt_error *error);

/* ---- operations of the tier: see <proxtier/tier.h> ---- */

/* l2_jsonl.c */
void jsonl_close(void *self);

/* read.c */
pxt_status jsonl_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out, struct pxt_error *error);
pxt_status jsonl_get_many(void *self, const struct pxt_key *const *keys, size_t n, unsigned flags, pxt_entry **out,
                          struct pxt_error *error);
pxt_status jsonl_contains(void *self, const struct pxt_key *key, struct pxt_error *error);
pxt_status jsonl_count(void *self, uint64_t *out, struct pxt_error *error);
pxt_status jsonl_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error);
pxt_status jsonl_tombstones(void *self, uint64_t *out, struct pxt_error *error);
pxt_status jsonl_known_dead_count(void *self, pxt_time now, uint64_t *out, struct pxt_error *error);
pxt_status jsonl_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error);

/* write.c */
pxt_status jsonl_put(void *self, pxt_entry *entry, struct pxt_error *error);
pxt_status jsonl_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error);
pxt_status jsonl_clear(void *self, uint64_t *removed, struct pxt_error *error);
/* The same for one shard, whose lock and file lock are held. */
pxt_status jsonl_put_locked(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key, pxt_entry *entry,
                            struct pxt_error *error);
pxt_status jsonl_del_locked(struct jsonl *tier, struct jsonl_shard *shard, struct jsonl_node *node,
                            enum pxt_removal why, struct pxt_error *error);

/* batch.c */
pxt_status jsonl_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error);
pxt_status jsonl_touch(void *self, const struct pxt_touch *const *touches, size_t n, struct pxt_error *error);

/* evict.c */
pxt_status jsonl_victim(void *self, uint64_t incoming, pxt_entry **out, struct pxt_error *error);
pxt_status jsonl_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                        uint64_t *removed, struct pxt_error *error);

/* record.c */
pxt_status jsonl_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error);
pxt_status jsonl_record_put(void *self, const char *text, struct pxt_error *error);

/* compact.c */
pxt_status jsonl_maintain(void *self, struct pxt_error *error);

#endif
