/* SPDX-License-Identifier: MIT
 *
 * policy_tracker.c: a hash table of the keys of a tier, each with the state of the policy. With it a capacity and every
 * policy work for a plugin of 30 lines. One lock, a leaf.
 */
#include "tier/policy_tracker.h"
#include "base/fail.h"
#include "base/key.h"
#include <pthread.h>
#include <string.h>

struct node {
    struct node *next;
    uint64_t hash;
    char *key;
    uint64_t state[];
};
struct pxt_policy_tracker {
    const struct pxt_eviction_ops *ops;
    void *policy;
    pthread_mutex_t lock;
    struct node **bucket;
    size_t bucket_count, count;
};

pxt_status pxt_policy_tracker_open(const struct pxt_eviction_ops *ops, const struct pxt_host *host,
                                   const struct pxt_settings *settings, uint64_t capacity,
                                   struct pxt_policy_tracker **out, struct pxt_error *error)
{
    struct pxt_policy_tracker *tracker = pxt_alloc(sizeof *tracker);
    if (!tracker)
        return pxt_fail_memory(error, "a policy's state");
    tracker->ops = ops;
    tracker->bucket_count = 64;
    tracker->bucket = pxt_alloc_array(tracker->bucket_count, sizeof(struct node *));
    pxt_status status = tracker->bucket ? ops->open(host, settings, capacity, &tracker->policy, error)
                                        : pxt_fail_memory(error, "a policy's state");
    if (status) {
        pxt_free(tracker->bucket);
        pxt_free(tracker);
        return status;
    }
    pthread_mutex_init(&tracker->lock, NULL);
    *out = tracker;
    return PXT_OK;
}

static void free_node(struct node *node)
{
    pxt_free(node->key);
    pxt_free(node);
}

void pxt_policy_tracker_close(struct pxt_policy_tracker *tracker)
{
    if (!tracker)
        return;
    tracker->ops->close(tracker->policy);
    for (size_t i = 0; i < tracker->bucket_count; i++)
        for (struct node *node = tracker->bucket[i], *next; node; node = next) {
            next = node->next;
            free_node(node);
        }
    pxt_free(tracker->bucket);
    pthread_mutex_destroy(&tracker->lock);
    pxt_free(tracker);
}

static struct node **find(struct pxt_policy_tracker *tracker, const struct pxt_key *key)
{
    struct node **place = &tracker->bucket[key->hash & (tracker->bucket_count - 1)];
    while (*place && !((*place)->hash == key->hash && !strcmp((*place)->key, key->text)))
        place = &(*place)->next;
    return place;
}

/* More buckets when there is memory; longer chains otherwise. */
static void grow(struct pxt_policy_tracker *tracker)
{
    size_t wanted = tracker->bucket_count * 2;
    struct node **bucket = tracker->count < tracker->bucket_count ? NULL : pxt_alloc_array(wanted, sizeof(*bucket));
    if (!bucket)
        return;
    for (size_t i = 0; i < tracker->bucket_count; i++)
        for (struct node *node = tracker->bucket[i], *next; node; node = next) {
            next = node->next;
            node->next = bucket[node->hash & (wanted - 1)];
            bucket[node->hash & (wanted - 1)] = node;
        }
    pxt_free(tracker->bucket);
    tracker->bucket = bucket;
    tracker->bucket_count = wanted;
}

static pxt_status insert(struct pxt_policy_tracker *tracker, const struct pxt_key *key, struct pxt_error *error)
{
    grow(tracker);
    struct node *node = pxt_alloc(sizeof *node + ((tracker->ops->state_size + 7) & ~(size_t)7));
    if (!node)
        return pxt_fail_memory(error, "a policy's state");
    node->hash = key->hash;
    node->key = pxt_strndup(key->text, key->length);
    pxt_status status = node->key ? tracker->ops->inserted(tracker->policy, node->state, key->hash, error)
                                  : pxt_fail_memory(error, "a policy's state");
    if (status) {
        free_node(node);
        return status;
    }
    struct node **place = find(tracker, key);
    node->next = *place;
    *place = node;
    tracker->count++;
    return PXT_OK;
}

pxt_status pxt_policy_tracker_put(struct pxt_policy_tracker *tracker, const struct pxt_key *key,
                                  struct pxt_error *error)
{
    pthread_mutex_lock(&tracker->lock);
    struct node *node = *find(tracker, key);
    pxt_status status = PXT_OK;
    if (!node)
        status = insert(tracker, key, error);
    else if (tracker->ops->replaced)
        tracker->ops->replaced(tracker->policy, node->state);
    else
        tracker->ops->accessed(tracker->policy, node->state, 1);
    pthread_mutex_unlock(&tracker->lock);
    return status;
}

void pxt_policy_tracker_hit(struct pxt_policy_tracker *tracker, const struct pxt_key *key)
{
    pthread_mutex_lock(&tracker->lock);
    struct node *node = *find(tracker, key);
    if (node)
        tracker->ops->accessed(tracker->policy, node->state, 1);
    pthread_mutex_unlock(&tracker->lock);
}

static void remove_at(struct pxt_policy_tracker *tracker, struct node **place, enum pxt_removal why)
{
    struct node *node = *place;
    *place = node->next;
    tracker->count--;
    tracker->ops->removed(tracker->policy, node->state, why);
    free_node(node);
}

void pxt_policy_tracker_remove(struct pxt_policy_tracker *tracker, const struct pxt_key *key, enum pxt_removal why)
{
    pthread_mutex_lock(&tracker->lock);
    struct node **place = find(tracker, key);
    if (*place)
        remove_at(tracker, place, why);
    pthread_mutex_unlock(&tracker->lock);
}

void pxt_policy_tracker_missed(struct pxt_policy_tracker *tracker, uint64_t hash)
{
    if (!tracker->ops->missed)
        return;
    pthread_mutex_lock(&tracker->lock);
    tracker->ops->missed(tracker->policy, hash);
    pthread_mutex_unlock(&tracker->lock);
}

bool pxt_policy_tracker_victim(struct pxt_policy_tracker *tracker, uint64_t newcomer, char *text, struct pxt_key *key)
{
    pthread_mutex_lock(&tracker->lock);
    void *state = tracker->ops->victim(tracker->policy, newcomer);
    text[0] = '\0';
    if (state && state != PXT_VICTIM_NEWCOMER) {
        struct node *node = (struct node *)(void *)((char *)state - offsetof(struct node, state));
        size_t length = strlen(node->key);
        memcpy(text, node->key, length + 1);
        pxt_key_init(key, text, length);
    }
    pthread_mutex_unlock(&tracker->lock);
    return state != NULL;
}
