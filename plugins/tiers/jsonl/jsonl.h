/* SPDX-License-Identifier: MIT
 *
 * jsonl.h: the data of l2_jsonl, and the functions that its files share: a log of JSON lines a shard, with an index of
 * the lines' places in memory. Start reading in l2_jsonl.c. The files include <proxtier/tier.h> and this header only;
 * a file calls only files that stand above its own section here.
 *
 * Locks, in this order: `shard->lock` (one at a time, or all in ascending order); the file lock of shard_NN.lock, among
 * processes; `policy_lock` (a leaf).
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

/* The place of an entry's line in its log. */
struct jsonl_node {
    struct jsonl_node *next;
    uint64_t hash;
    off_t offset;
    uint32_t length; /* without the newline */
    uint32_t shard;
    pxt_time expires_at; /* PXT_TIME_NONE: not known yet */
    char *key;
    uint64_t sequence; /* of its arrival, as far as this process saw it */
    bool in_policy;
    uint32_t early_hits; /* before it was in the policy */
    pxt_time early_last;
    uint64_t state[]; /* the policy's */
};

struct jsonl_shard {
    pthread_mutex_t lock;
    unsigned number;
    int log, lock_file;                               /* -1: not open */
    char log_name[JSONL_NAME], lock_name[JSONL_NAME]; /* in the folder */
    dev_t device;
    ino_t inode;
    nlink_t links;
    struct timespec changed; /* ctime: a link that came or went */
    off_t indexed;           /* all lines before this are in the index */
    off_t live, dead;        /* bytes of lines that count, and of lines that do not */
    bool broken_lines;
    struct jsonl_node **bucket;
    size_t bucket_count, count;
};

struct jsonl {
    const struct pxt_host *host;
    const struct pxt_eviction_ops *policy; /* NULL if the tier has no capacity */
    const struct pxt_host *policy_host;
    const struct pxt_settings *policy_settings;
    uint64_t capacity;
    void *policy_self;
    bool policy_ready; /* all entries are in it; changed with the locks of all shards */
    pthread_mutex_t policy_lock;
    char *folder, *shared_path;
    int folder_fd;
    bool full_sync, compatible;
    int64_t lock_timeout; /* microseconds */
    unsigned shard_count;
    _Atomic uint64_t corruptions, sequence;
    _Atomic(gcry_md_hd_t) digest[PXT_THREAD_MAX]; /* of each thread: opening one takes longer than using it */
    struct jsonl_shard shard[];
};

/* Writes the name of a file of the shard. */
static inline void jsonl_shard_name(const struct jsonl_shard *shard, const char *suffix, char name[JSONL_NAME])
{
    snprintf(name, JSONL_NAME, "shard_%02u.%s", shard->number, suffix);
}

/* ---- deletion.c ---- */

enum { JSONL_DELETION_MAX = 2 * PXT_KEY_MAX + 32 };
/* Writes the line that deletes a key, with its newline; returns its length. */
size_t jsonl_deletion_write(const char *key, char line[JSONL_DELETION_MAX]);
/* Reads the key of a deletion into `text`; false if the line is not a deletion. */
bool jsonl_deletion_read(const struct jsonl *tier, const char *line, size_t length, struct pxt_key *key,
                         char text[PXT_KEY_MAX + 1]);

/* ---- quarantine.c ---- */

/* Appends damaged bytes, and a newline, to shard_NN.bad. Logs a failure. Shard lock and file lock are held. */
void jsonl_quarantine(struct jsonl *tier, const struct jsonl_shard *shard, const char *bytes, size_t length);

/* ---- index.c: the shard's lock is held ---- */

struct jsonl_node *jsonl_index_find(struct jsonl_shard *shard, const char *key, size_t length, uint64_t hash);
/* Makes or moves the node of a key; NULL if memory ran out. */
struct jsonl_node *jsonl_index_put(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key,
                                   off_t offset, uint32_t length, pxt_time expires_at);
void jsonl_index_remove(struct jsonl *tier, struct jsonl_shard *shard, struct jsonl_node *node, enum pxt_removal why);
void jsonl_index_clear(struct jsonl *tier, struct jsonl_shard *shard);
/* Counts a hit: tells the policy, or keeps it until the entry is in the policy. */
void jsonl_index_accessed(struct jsonl *tier, struct jsonl_node *node);
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
/* Appends whole lines in one write; `*offset` receives their place. On failure the file is as before. The file lock is
 * held. */
pxt_status jsonl_shard_append(struct jsonl *tier, struct jsonl_shard *shard, const char *lines, size_t length,
                              off_t *offset, struct pxt_error *error);
/* Reads the entry of a node; PXT_ECORRUPT if the line is damaged or has another key. */
pxt_status jsonl_shard_read(struct jsonl *tier, struct jsonl_shard *shard, const struct jsonl_node *node,
                            pxt_entry **out, struct pxt_error *error);
/* Clears the index and reads the whole log. `locked`: as for jsonl_shard_scan(). */
pxt_status jsonl_shard_reindex(struct jsonl *tier, struct jsonl_shard *shard, bool locked, struct pxt_error *error);
void jsonl_shard_close_files(struct jsonl_shard *shard);
/* Take and release the locks of all shards. */
void jsonl_lock_all(struct jsonl *tier);
void jsonl_unlock_all(struct jsonl *tier);

/* ---- policy.c ---- */

/* Brings all entries into the policy, in its order. All shards are locked and refreshed. */
pxt_status jsonl_policy_fill(struct jsonl *tier, struct pxt_error *error);

/* ---- operations of the tier: see <proxtier/tier.h> ---- */

/* read.c */
pxt_status jsonl_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out, struct pxt_error *error);
pxt_status jsonl_contains(void *self, const struct pxt_key *key, struct pxt_error *error);
pxt_status jsonl_count(void *self, uint64_t *out, struct pxt_error *error);
pxt_status jsonl_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error);

/* write.c */
pxt_status jsonl_put(void *self, pxt_entry *entry, struct pxt_error *error);
pxt_status jsonl_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error);
pxt_status jsonl_clear(void *self, uint64_t *removed, struct pxt_error *error);
/* The same for one shard, whose lock and file lock are held. */
pxt_status jsonl_put_locked(struct jsonl *tier, struct jsonl_shard *shard, pxt_entry *entry, struct pxt_error *error);
pxt_status jsonl_del_locked(struct jsonl *tier, struct jsonl_shard *shard, struct jsonl_node *node,
                            enum pxt_removal why, struct pxt_error *error);

/* batch.c */
pxt_status jsonl_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error);
pxt_status jsonl_touch(void *self, const struct pxt_touch *touches, size_t n, struct pxt_error *error);

/* evict.c */
pxt_status jsonl_victim(void *self, uint64_t incoming, pxt_entry **out, struct pxt_error *error);
pxt_status jsonl_expire(void *self, pxt_time now, size_t limit, pxt_key_fn *fn, void *arg, uint64_t *removed,
                        struct pxt_error *error);

/* compact.c */
pxt_status jsonl_maintain(void *self, struct pxt_error *error);

#endif
