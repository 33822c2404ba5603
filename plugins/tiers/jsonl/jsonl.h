/* SPDX-License-Identifier: MIT
 *
 * jsonl.h: the parts of l2_jsonl: a log of JSON lines a shard, with an index of offsets in memory.
 *
 * Locks, in this order: `shard->lock` (one at a time, or all in ascending order), the file lock of shard_NN.lock among
 * processes, `policy_lock` (a leaf).
 */
#ifndef JSONL_H
#define JSONL_H

#include <gcrypt.h>
#include <proxtier/tier.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

enum { JSONL_SHARDS_MAX = 256, JSONL_LINE_MAX = 65536, JSONL_NAME = 32 };

/* Where an entry stands in its log. */
struct jsonl_node {
    struct jsonl_node *next;
    uint64_t hash;
    off_t offset;
    uint32_t length; /* without the newline */
    uint32_t shard;
    pxt_time expires_at; /* PXT_TIME_NONE: not looked at yet */
    char *key;
    uint64_t sequence; /* in which it came, as far as this process saw it */
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
    off_t live, dead;        /* bytes of lines that count, and of those that do not */
    bool broken_lines;
    struct jsonl_node **bucket;
    size_t bucket_count, count;
};

struct jsonl {
    const struct pxt_host *host;
    const struct pxt_eviction_ops *policy; /* NULL where the tier has no capacity */
    const struct pxt_host *policy_host;
    const struct pxt_settings *policy_settings;
    uint64_t capacity;
    void *policy_self;
    bool policy_ready; /* all entries are in it; under all shards' locks to change */
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

/* l2_jsonl.c */
void jsonl_lock_all(struct jsonl *tier);
void jsonl_unlock_all(struct jsonl *tier);
/* With shard lock and file lock. */
pxt_status jsonl_put_locked(struct jsonl *tier, struct jsonl_shard *shard, pxt_entry *entry, struct pxt_error *error);

/* jsonl_batch.c: operations of the tier. */
pxt_status jsonl_put_many(void *self, pxt_entry *const *entries, size_t n, struct pxt_error *error);
pxt_status jsonl_touch(void *self, const struct pxt_touch *touches, size_t n, struct pxt_error *error);

/* jsonl_index.c: under the shard's lock. */
struct jsonl_node *index_find(struct jsonl_shard *shard, const char *key, size_t length, uint64_t hash);
/* Makes or moves the node of a key; NULL when out of memory. */
struct jsonl_node *index_put(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key, off_t offset,
                             uint32_t length, pxt_time expires_at);
void index_remove(struct jsonl *tier, struct jsonl_shard *shard, struct jsonl_node *node, enum pxt_removal why);
void index_clear(struct jsonl *tier, struct jsonl_shard *shard);
void index_accessed(struct jsonl *tier, struct jsonl_node *node);
/* Takes all entries into the policy, in its order. All shards must be locked and refreshed. */
pxt_status index_fill_policy(struct jsonl *tier, struct pxt_error *error);

/* jsonl_shard.c */
unsigned shard_number(struct jsonl *tier, const struct pxt_key *key);
void shard_name(const struct jsonl_shard *shard, const char *suffix, char name[JSONL_NAME]);
/* Brings the index up to what the file holds now. `locked`: this process has the file lock, so a torn tail can be cut
 * off. */
pxt_status shard_refresh(struct jsonl *tier, struct jsonl_shard *shard, bool locked, struct pxt_error *error);
/* The lock among processes, and a refresh. */
pxt_status shard_lock_file(struct jsonl *tier, struct jsonl_shard *shard, struct pxt_error *error);
void shard_unlock_file(struct jsonl_shard *shard);
/* Appends whole lines in one write; `*offset` receives where. On failure the file is as before. */
pxt_status shard_append(struct jsonl *tier, struct jsonl_shard *shard, const char *lines, size_t length, off_t *offset,
                        struct pxt_error *error);
/* Reads the entry of a node; PXT_ECORRUPT where the line is none, or another's. */
pxt_status shard_read(struct jsonl *tier, struct jsonl_shard *shard, const struct jsonl_node *node, pxt_entry **out,
                      struct pxt_error *error);
/* Forgets what is indexed and reads the file anew. */
pxt_status shard_reindex(struct jsonl *tier, struct jsonl_shard *shard, bool locked, struct pxt_error *error);
void shard_close_files(struct jsonl_shard *shard);

/* jsonl_scan.c: reads lines into the index. */
pxt_status shard_scan(struct jsonl *tier, struct jsonl_shard *shard, off_t end, bool locked, struct pxt_error *error);

/* jsonl_deletion.c */
enum { DELETION_MAX = 2 * PXT_KEY_MAX + 32 };
/* Writes the line with its newline; returns its length. */
size_t deletion_write(const char *key, char line[DELETION_MAX]);
/* The key of such a line, in `text`; false where it is none. */
bool deletion_read(const struct jsonl *tier, const char *line, size_t length, struct pxt_key *key,
                   char text[PXT_KEY_MAX + 1]);

/* jsonl_compact.c: with shard lock and file lock. */
bool compact_is_due(const struct jsonl *tier, const struct jsonl_shard *shard);
pxt_status compact(struct jsonl *tier, struct jsonl_shard *shard, struct pxt_error *error);
void quarantine(struct jsonl *tier, const struct jsonl_shard *shard, const char *bytes, size_t length);

#endif
