/* SPDX-License-Identifier: MIT
 *
 * l2_jsonl.c: the tier l2_jsonl: entries as lines of JSON in ProxyWhirl's files, shard_00.jsonl and so on. Each file is
 * an append-only log: a put is one append, a get is one read at an offset that an index in memory knows. The files can
 * be read and mended by hand. This file opens and closes the tier.
 *
 * Other processes: each operation first compares the log's inode and size with those of the index. Lines that another
 * process appended are taken in; a log that was replaced is read anew (shard.c, scan.c).
 */
#include "jsonl.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct pxt_option options[] = {
    {"dir", PXT_OPTION_PATH, "${cache}", 0, 0, NULL, "folder of the shards"},
    {"shards", PXT_OPTION_INTEGER, "16", 1, JSONL_SHARDS_MAX, NULL,
     "number of files; a folder that has another number is rewritten when it is opened"},
    {"sync", PXT_OPTION_CHOICE, "none", 0, 0, "none|full",
     "none survives kill -9, full also loss of power, at the cost of a disk's write for each put"},
    {"lock_timeout", PXT_OPTION_DURATION, "5s", 0, INT64_C(3600000000), NULL,
     "how long to wait for another process that writes to the same shard"},
    {"compatible", PXT_OPTION_CHOICE, "none", 0, 0, "none|proxywhirl",
     "proxywhirl: use the folder together with ProxyWhirl, with its keys, and with owner and mode of its files"},
    {0}};

static pxt_status open_folder(struct jsonl *tier, struct pxt_error *error)
{
    const struct pxt_host *host = tier->host;
    pxt_status status = host->prepare_folder(host, tier->folder, error);
    if (status)
        return status;
    tier->folder_fd = open(tier->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (tier->folder_fd < 0)
        return host->fail(host, error, host->status_of_errno(errno), errno, "cannot open folder %s", tier->folder);
    struct stat folder;
    tier->file_mode = host->file_mode;
    if (tier->compatible && !fstat(tier->folder_fd, &folder)) /* ProxyWhirl may be another user of the folder's group */
        tier->file_mode = folder.st_mode & 0666;
    return PXT_OK;
}

static pxt_status open_policy(struct jsonl *tier, const struct pxt_tier_setup *setup, struct pxt_error *error)
{
    tier->policy = setup->policy;
    tier->policy_host = setup->policy_host;
    tier->policy_settings = setup->policy_settings;
    tier->capacity = setup->max_entries;
    if (!tier->policy)
        return PXT_OK;
    return tier->policy->open(tier->policy_host, tier->policy_settings, tier->capacity, &tier->policy_self, error);
}

pxt_status jsonl_new(const struct pxt_host *host, const char *folder, unsigned shards, struct jsonl **out,
                     struct pxt_error *error)
{
    struct jsonl *tier = calloc(1, sizeof *tier + shards * sizeof tier->shard[0]);
    if (!tier)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for %u shards", shards);
    tier->host = host;
    tier->folder_fd = tier->format_fd = -1;
    pthread_mutex_init(&tier->policy_lock, NULL);
    pthread_mutex_init(&tier->report_lock, NULL);
    pthread_mutex_init(&tier->shared_digest_lock, NULL);
    for (; tier->shard_count < shards; tier->shard_count++) {
        struct jsonl_shard *shard = &tier->shard[tier->shard_count];
        pthread_mutex_init(&shard->lock, NULL);
        shard->number = tier->shard_count;
        shard->log = shard->lock_file = -1;
        jsonl_shard_name(shard, "jsonl", shard->log_name);
        jsonl_shard_name(shard, "lock", shard->lock_name);
    }
    size_t size = strlen(folder) + sizeof "/proxtier";
    tier->folder = strdup(folder);
    tier->shared_path = malloc(size);
    if (!tier->folder || !tier->shared_path || !jsonl_digest_open(tier)) {
        jsonl_close(tier);
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for a path or a digest");
    }
    snprintf(tier->shared_path, size, "%s/proxtier", folder);
    *out = tier;
    return PXT_OK;
}

static pxt_status jsonl_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                             struct pxt_error *error)
{
    const struct pxt_settings *settings = setup->settings;
    struct jsonl *tier = NULL;
    pxt_status status = jsonl_new(host, host->setting_text(settings, "dir"),
                                  (unsigned)host->setting_number(settings, "shards"), &tier, error);
    if (status)
        return status;
    tier->full_sync = !strcmp(host->setting_text(settings, "sync"), "full");
    tier->compatible = !strcmp(host->setting_text(settings, "compatible"), "proxywhirl");
    tier->lock_timeout = host->setting_number(settings, "lock_timeout");
    status = open_folder(tier, error);
    if (!status)
        status = jsonl_format_claim(tier, error);
    if (!status)
        status = open_policy(tier, setup, error);
    if (status)
        jsonl_close(tier);
    else
        *self = tier;
    return status;
}

void jsonl_close(void *self)
{
    struct jsonl *tier = self;
    jsonl_damage_report_rest(tier, true);
    for (unsigned i = 0; i < tier->shard_count; i++) {
        struct jsonl_shard *shard = &tier->shard[i];
        jsonl_index_clear(tier, shard);
        jsonl_damage_clear(shard);
        jsonl_shard_close_files(shard);
        pthread_mutex_destroy(&shard->lock);
    }
    jsonl_digest_close(tier);
    if (tier->policy_self)
        tier->policy->close(tier->policy_self);
    if (tier->format_fd >= 0)
        close(tier->format_fd);
    if (tier->folder_fd >= 0)
        close(tier->folder_fd);
    pthread_mutex_destroy(&tier->policy_lock);
    pthread_mutex_destroy(&tier->report_lock);
    pthread_mutex_destroy(&tier->shared_digest_lock);
    free(tier->folder);
    free(tier->shared_path);
    free(tier);
}

static pxt_status jsonl_sync(void *self, struct pxt_error *error)
{
    struct jsonl *tier = self;
    bool good = true;
    for (unsigned i = 0; i < tier->shard_count; i++) {
        pthread_mutex_lock(&tier->shard[i].lock);
        good = (tier->shard[i].log < 0 || !fdatasync(tier->shard[i].log)) && good;
        pthread_mutex_unlock(&tier->shard[i].lock);
    }
    good = !fsync(tier->folder_fd) && good;
    return good ? PXT_OK : tier->host->fail(tier->host, error, PXT_EIO, errno, "cannot force %s to disk", tier->folder);
}

static const char *jsonl_shared_path(void *self)
{
    return ((struct jsonl *)self)->shared_path;
}

static uint64_t jsonl_corruptions(void *self)
{
    return ((struct jsonl *)self)->corruptions;
}

/* What an instance offers in both kinds of `sync`. */
#define OPS(flags_)                                                                                                    \
    {                                                                                                                  \
        .size = sizeof(struct pxt_tier_ops),                                                                           \
        .flags = PXT_TIER_CONCURRENT | PXT_TIER_DURABLE | PXT_TIER_SHARED | PXT_TIER_POLICY_STATE |                    \
                 PXT_TIER_VERSIONS | (flags_),                                                                         \
        .open = jsonl_open, .close = jsonl_close, .get = jsonl_get, .get_many = jsonl_get_many, .put = jsonl_put,      \
        .del = jsonl_del, .each = jsonl_each, .count = jsonl_count, .clear = jsonl_clear, .contains = jsonl_contains,  \
        .put_many = jsonl_put_many, .touch = jsonl_touch, .victim = jsonl_victim, .expire = jsonl_expire,              \
        .maintain = jsonl_maintain, .sync = jsonl_sync, .shared_path = jsonl_shared_path,                              \
        .corruptions = jsonl_corruptions, .instance_ops = jsonl_instance_ops, .versions = jsonl_versions,              \
        .record_get = jsonl_record_get, .record_put = jsonl_record_put, .tombstones = jsonl_tombstones,                \
        .known_dead = jsonl_known_dead_count                                                                           \
    }

static const struct pxt_tier_ops *jsonl_instance_ops(void *self);
static const struct pxt_tier_ops ops = OPS(0), synced_ops = OPS(PXT_TIER_SYNCED);

static const struct pxt_tier_ops *jsonl_instance_ops(void *self)
{
    return ((struct jsonl *)self)->full_sync ? &synced_ops : &ops;
}

PXT_PLUGIN(PXT_KIND_TIER, "l2_jsonl", "1.0.0", "MIT", "entries in sharded JSON Lines logs, ProxyWhirl's files", options,
           &ops);
