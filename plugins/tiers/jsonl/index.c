/* SPDX-License-Identifier: MIT
 *
 * index.c: a hash table from keys to the places of their lines in a shard's log. The node of an entry also has the policy's
 * state; that of a tombstone is not in the policy.
 */
#include "jsonl.h"
#include <stdlib.h>
#include <string.h>

static struct jsonl_node **place_of(struct jsonl_shard *shard, const char *key, size_t length, uint64_t hash)
{
    struct jsonl_node **place = &shard->bucket[hash & (shard->bucket_count - 1)];
    while (*place && !((*place)->hash == hash && !strncmp((*place)->key, key, length) && !(*place)->key[length]))
        place = &(*place)->next;
    return place;
}

struct jsonl_node *jsonl_index_find(struct jsonl_shard *shard, const char *key, size_t length, uint64_t hash)
{
    return shard->count ? *place_of(shard, key, length, hash) : NULL;
}

static bool grow(struct jsonl_shard *shard)
{
    if (shard->count < shard->bucket_count)
        return true;
    size_t wanted = shard->bucket_count ? shard->bucket_count * 2 : 64;
    struct jsonl_node **bucket = calloc(wanted, sizeof(*bucket));
    if (!bucket)
        return shard->bucket_count != 0;
    for (size_t i = 0; i < shard->bucket_count; i++)
        for (struct jsonl_node *node = shard->bucket[i], *next; node; node = next) {
            next = node->next;
            node->next = bucket[node->hash & (wanted - 1)];
            bucket[node->hash & (wanted - 1)] = node;
        }
    free(shard->bucket);
    shard->bucket = bucket;
    shard->bucket_count = wanted;
    return true;
}

bool jsonl_index_enter_policy(struct jsonl *tier, struct jsonl_node *node)
{
    pthread_mutex_lock(&tier->policy_lock);
    node->in_policy = tier->policy->inserted(tier->policy_self, node->state, node->hash, NULL) == PXT_OK;
    pthread_mutex_unlock(&tier->policy_lock);
    return node->in_policy;
}

static size_t state_size(const struct jsonl *tier)
{
    return tier->policy ? (tier->policy->state_size + 7) & ~(size_t)7 : 0;
}

static struct jsonl_node *node_new(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key)
{
    size_t state = state_size(tier);
    struct jsonl_node *node = calloc(1, sizeof *node + state + key->length + 1);
    if (!node)
        return NULL;
    node->key = (char *)node->state + state;
    memcpy(node->key, key->text, key->length);
    node->hash = key->hash;
    node->shard = shard->number;
    return node;
}

static void leave_policy(struct jsonl *tier, struct jsonl_node *node, enum pxt_removal why)
{
    if (!node->in_policy)
        return;
    pthread_mutex_lock(&tier->policy_lock);
    tier->policy->removed(tier->policy_self, node->state, why);
    pthread_mutex_unlock(&tier->policy_lock);
    node->in_policy = false;
}

static void replaced(struct jsonl *tier, struct jsonl_node *node)
{
    if (!node->in_policy)
        return;
    pthread_mutex_lock(&tier->policy_lock);
    if (tier->policy->replaced)
        tier->policy->replaced(tier->policy_self, node->state);
    else
        tier->policy->accessed(tier->policy_self, node->state, 1);
    pthread_mutex_unlock(&tier->policy_lock);
}

/* Tells the policy that an entry or a tombstone takes the place of what the node has; false if memory ran out. */
static bool change_kind(struct jsonl *tier, struct jsonl_shard *shard, struct jsonl_node *node, uint32_t removed)
{
    bool was = node->line.removed != 0, is = removed != 0;
    if (!was && !is) {
        replaced(tier, node);
    } else if (is) {
        leave_policy(tier, node, (enum pxt_removal)(removed - 1));
    } else {
        node->early_hits = 0;
        memset(node->state, 0, state_size(tier));
        if (tier->policy_ready && !jsonl_index_enter_policy(tier, node))
            return false;
    }
    shard->tombstones = shard->tombstones + is - was;
    return true;
}

static struct jsonl_node *add(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key,
                              struct jsonl_node **place, bool tombstone)
{
    struct jsonl_node *node = node_new(tier, shard, key);
    if (node && !tombstone && tier->policy_ready && !jsonl_index_enter_policy(tier, node)) {
        free(node);
        return NULL;
    }
    if (node) {
        *place = node;
        shard->count++;
        shard->tombstones += tombstone;
    }
    return node;
}

struct jsonl_node *jsonl_index_put(struct jsonl *tier, struct jsonl_shard *shard, const struct pxt_key *key,
                                   const struct jsonl_line *line)
{
    if (!grow(shard))
        return NULL;
    struct jsonl_node **place = place_of(shard, key->text, key->length, key->hash), *node = *place;
    if (node) {
        if (!change_kind(tier, shard, node, line->removed))
            return NULL;
        shard->dead += node->line.length + 1;
        shard->live -= node->line.length + 1;
    } else {
        node = add(tier, shard, key, place, line->removed != 0);
        if (!node)
            return NULL;
    }
    node->sequence = ++tier->sequence;
    node->line = *line;
    shard->live += line->length + 1;
    return node;
}

static void node_free(struct jsonl *tier, struct jsonl_node *node, enum pxt_removal why)
{
    leave_policy(tier, node, why);
    free(node);
}

void jsonl_index_remove(struct jsonl *tier, struct jsonl_shard *shard, struct jsonl_node *node, enum pxt_removal why)
{
    struct jsonl_node **place = place_of(shard, node->key, strlen(node->key), node->hash);
    *place = node->next;
    shard->count--;
    shard->tombstones -= node->line.removed != 0;
    shard->dead += node->line.length + 1;
    shard->live -= node->line.length + 1;
    node_free(tier, node, why);
}

static int by_offset(const void *a, const void *b)
{
    const struct jsonl_node *left = *(struct jsonl_node *const *)a, *right = *(struct jsonl_node *const *)b;
    return (left->line.offset > right->line.offset) - (left->line.offset < right->line.offset);
}

struct jsonl_node **jsonl_index_sorted(const struct jsonl_shard *shard)
{
    struct jsonl_node **nodes = calloc(shard->count + 1, sizeof(struct jsonl_node *));
    size_t n = 0;
    for (size_t i = 0; nodes && i < shard->bucket_count; i++)
        for (struct jsonl_node *node = shard->bucket[i]; node; node = node->next)
            nodes[n++] = node;
    if (nodes)
        qsort(nodes, n, sizeof(struct jsonl_node *), by_offset);
    return nodes;
}

void jsonl_index_clear(struct jsonl *tier, struct jsonl_shard *shard)
{
    for (size_t i = 0; i < shard->bucket_count; i++)
        for (struct jsonl_node *node = shard->bucket[i], *next; node; node = next) {
            next = node->next;
            node_free(tier, node, PXT_REMOVE_DELETED);
        }
    free(shard->bucket);
    shard->bucket = NULL;
    shard->bucket_count = shard->count = shard->tombstones = 0;
    jsonl_foreign_clear(shard);
    shard->live = shard->dead = shard->blank = 0;
    shard->indexed = 0;
}

void jsonl_index_accessed(struct jsonl *tier, struct jsonl_node *node)
{
    if (!node->in_policy) {
        node->early_hits++;
        node->early_last = tier->policy ? tier->host->now(tier->host) : 0;
        return;
    }
    pthread_mutex_lock(&tier->policy_lock);
    tier->policy->accessed(tier->policy_self, node->state, 1);
    pthread_mutex_unlock(&tier->policy_lock);
}

void jsonl_index_missed(struct jsonl *tier, const struct pxt_key *key)
{
    if (!tier->policy || !tier->policy->missed)
        return;
    pthread_mutex_lock(&tier->policy_lock);
    tier->policy->missed(tier->policy_self, key->hash);
    pthread_mutex_unlock(&tier->policy_lock);
}
