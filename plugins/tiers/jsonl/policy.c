/* SPDX-License-Identifier: MIT
 *
 * policy.c: brings the entries that a log has into the policy, in the policy's order, when the tier is asked for its first
 * victim.
 */
#include "jsonl.h"
#include <stdlib.h>

enum { ORDER_MAX = 4 };
struct ranked {
    int64_t rank[ORDER_MAX];
    uint64_t sequence; /* among equals, the first to arrive leaves first */
    struct jsonl_node *node;
};

static int by_rank(const void *a, const void *b)
{
    const struct ranked *left = a, *right = b;
    for (int i = 0; i < ORDER_MAX; i++)
        if (left->rank[i] != right->rank[i])
            return left->rank[i] < right->rank[i] ? -1 : 1;
    return (left->sequence > right->sequence) - (left->sequence < right->sequence);
}

/* Reads the fields by which the policy orders entries. */
static void rank(struct jsonl *tier, struct jsonl_shard *shard, struct jsonl_node *node, struct ranked *out)
{
    pxt_entry *entry = NULL;
    *out = (struct ranked){.sequence = node->sequence, .node = node};
    if (!tier->policy->order || jsonl_line_read(tier, shard, node, &entry, NULL) != PXT_OK)
        return; /* an unreadable entry comes first, and is found damaged when it is read */
    tier->host->entry_touch(entry, node->early_hits, node->early_last);
    for (int i = 0; i < ORDER_MAX && tier->policy->order[i] != PXT_FIELD_END; i++)
        out->rank[i] = tier->host->entry_number(entry, tier->policy->order[i]);
    tier->host->entry_release(entry);
}

pxt_status jsonl_policy_fill(struct jsonl *tier, struct pxt_error *error)
{
    size_t count = 0, n = 0;
    for (unsigned i = 0; i < tier->shard_count; i++)
        count += tier->shard[i].count - tier->shard[i].tombstones;
    struct ranked *all = calloc(count ? count : 1, sizeof *all);
    if (!all)
        return tier->host->fail(tier->host, error, PXT_ENOMEM, 0, "out of memory for the order of %s", tier->folder);
    for (unsigned i = 0; i < tier->shard_count; i++)
        for (size_t b = 0; b < tier->shard[i].bucket_count; b++)
            for (struct jsonl_node *node = tier->shard[i].bucket[b]; node; node = node->next)
                if (!node->line.removed)
                    rank(tier, &tier->shard[i], node, &all[n++]);
    qsort(all, n, sizeof *all, by_rank);
    bool good = true;
    for (size_t i = 0; i < n && good; i++)
        good = all[i].node->in_policy || jsonl_index_enter_policy(tier, all[i].node);
    free(all);
    tier->policy_ready = good;
    return good ? PXT_OK
                : tier->host->fail(tier->host, error, PXT_ENOMEM, 0, "out of memory for the order of %s", tier->folder);
}
