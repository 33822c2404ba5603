/* SPDX-License-Identifier: MIT
 *
 * evict.c: victim and expire of l2_jsonl.
 */
#include "jsonl.h"
#include <stdlib.h>
#include <string.h>

static pxt_status fill_policy(struct jsonl *tier, struct pxt_error *error)
{
    pxt_status status = PXT_OK;
    jsonl_lock_all(tier);
    for (unsigned i = 0; i < tier->shard_count && !status && !tier->policy_ready; i++)
        status = jsonl_shard_refresh(tier, &tier->shard[i], false, error);
    if (!status && !tier->policy_ready)
        status = jsonl_policy_fill(tier, error);
    jsonl_unlock_all(tier);
    return status;
}

/* The key of the victim; "" if the policy keeps the newcomer out. False if there is no victim. */
static bool victim_key(struct jsonl *tier, uint64_t newcomer, char text[PXT_KEY_MAX + 1])
{
    pthread_mutex_lock(&tier->policy_lock);
    void *state = tier->policy->victim(tier->policy_self, newcomer);
    text[0] = '\0';
    if (state && state != PXT_VICTIM_NEWCOMER) {
        const struct jsonl_node *node =
            (const struct jsonl_node *)(void *)((char *)state - offsetof(struct jsonl_node, state));
        memcpy(text, node->key, strlen(node->key) + 1);
    }
    pthread_mutex_unlock(&tier->policy_lock);
    return state != NULL;
}

pxt_status jsonl_victim(void *self, uint64_t incoming, pxt_entry **out, struct pxt_error *error)
{
    struct jsonl *tier = self;
    char text[PXT_KEY_MAX + 1];
    pxt_status status = fill_policy(tier, error);
    uint64_t tries = 0;
    if (!status)
        status = jsonl_count(self, &tries, error);
    /* An entry whose line turns out damaged leaves the index and the policy: then the next victim is asked for. Other
     * processes may add lines meanwhile, damaged ones too: the loop ends after as many tries as there were entries. */
    for (tries++; !status && tries && victim_key(tier, incoming, text); tries--) {
        *out = NULL;
        if (!text[0])
            return PXT_OK;
        struct pxt_key key;
        tier->host->key_init(&key, text, strlen(text));
        status = jsonl_get(tier, &key, PXT_GET_PEEK, out, error);
        bool tombstone = !status && tier->host->entry_number(*out, PXT_FIELD_REMOVED) != 0;
        if (!tombstone && status != PXT_NOT_FOUND)
            return status;
        if (tombstone) /* another thread or process has removed it meanwhile */
            tier->host->entry_release(*out);
        *out = NULL;
        status = PXT_OK;
    }
    return status ? status : PXT_NOT_FOUND;
}

static pxt_time expiry_of(struct jsonl *tier, struct jsonl_shard *shard, struct jsonl_node *node)
{
    pxt_entry *entry = NULL;
    if (node->line.expires_at != PXT_TIME_NONE)
        return node->line.expires_at;
    if (jsonl_line_read(tier, shard, node, &entry, NULL) != PXT_OK)
        return PXT_TIME_MAX;
    node->line.expires_at = tier->host->entry_number(entry, PXT_FIELD_EXPIRES_AT);
    tier->host->entry_release(entry);
    return node->line.expires_at;
}

/* What is asked for by expire(). */
struct dead {
    pxt_time now;
    uint64_t up_to; /* no later version */
    size_t limit;
};

static struct jsonl_node *next_dead(struct jsonl *tier, struct jsonl_shard *shard, size_t *bucket,
                                    const struct dead *dead)
{
    for (; *bucket < shard->bucket_count; ++*bucket)
        for (struct jsonl_node *node = shard->bucket[*bucket]; node; node = node->next)
            if (node->line.version <= dead->up_to && (node->line.removed ? !jsonl_known_dead(&node->line, dead->now)
                                                                         : expiry_of(tier, shard, node) <= dead->now))
                return node;
    return NULL;
}

/* The keys of removed entries: their caller is told without a lock. */
struct gone {
    char **key;
    size_t count; /* of keys */
    size_t nodes; /* of removed entries and tombstones */
};

static pxt_status remove_dead(struct jsonl *tier, struct jsonl_shard *shard, struct jsonl_node *node, struct gone *gone,
                              struct pxt_error *error)
{
    char *key = node->line.removed ? NULL : strdup(node->key);
    if (!key && !node->line.removed)
        return tier->host->fail(tier->host, error, PXT_ENOMEM, 0, "out of memory for keys");
    pxt_status status = jsonl_del_locked(tier, shard, node, PXT_REMOVE_EXPIRED, error);
    gone->nodes += !status;
    if (key && !status)
        gone->key[gone->count++] = key;
    else
        free(key);
    return status;
}

static pxt_status expire_shard(struct jsonl *tier, struct jsonl_shard *shard, const struct dead *dead,
                               struct gone *gone, struct pxt_error *error)
{
    size_t bucket = 0;
    struct jsonl_node *node;
    pxt_status status = jsonl_shard_refresh(tier, shard, false, error);
    if (status || !next_dead(tier, shard, &bucket, dead))
        return status;
    status = jsonl_shard_lock_file(tier, shard, error);
    if (status)
        return status;
    bucket = 0;
    while (!status && gone->nodes < dead->limit && (node = next_dead(tier, shard, &bucket, dead)))
        status = remove_dead(tier, shard, node, gone, error);
    jsonl_shard_unlock_file(shard);
    return status;
}

pxt_status jsonl_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                        uint64_t *removed, struct pxt_error *error)
{
    struct jsonl *tier = self;
    struct dead dead = {now, up_to, limit};
    struct gone gone = {.key = calloc(limit, sizeof(char *))};
    pxt_status status =
        gone.key ? PXT_OK : tier->host->fail(tier->host, error, PXT_ENOMEM, 0, "out of memory for keys");
    for (unsigned i = 0; i < tier->shard_count && !status && gone.nodes < limit; i++) {
        pthread_mutex_lock(&tier->shard[i].lock);
        status = expire_shard(tier, &tier->shard[i], &dead, &gone, error);
        pthread_mutex_unlock(&tier->shard[i].lock);
    }
    *removed = gone.nodes;
    for (size_t i = 0; i < gone.count; i++) {
        struct pxt_key key;
        tier->host->key_init(&key, gone.key[i], strlen(gone.key[i]));
        fn(arg, &key);
        free(gone.key[i]);
    }
    free(gone.key);
    return status;
}
