/* SPDX-License-Identifier: MIT
 *
 * model.h: the rules of the chain, once more, as simple as can be: for model_test.c.
 */
#ifndef PXT_MODEL_H
#define PXT_MODEL_H

#include <proxtier/proxtier.h>

enum { MODEL_KEYS = 9, MODEL_LINKS = 4, MODEL_UNLIMITED = 1000 };
enum model_policy { MODEL_LRU, MODEL_LFU, MODEL_FIFO, MODEL_SIEVE, MODEL_OTHER };

/* What is stored under a key. */
struct model_entry {
    bool there;
    bool unsure; /* put anew after it had expired: whether it was still there, and has kept what was learnt, is open */
    int64_t version, failures, hits;
    pxt_time expires;
};
struct model_link {
    enum model_policy policy;
    unsigned capacity;
    /* The keys that it has, the one that came in (or was used, or reached its frequency) first at the front. */
    unsigned size, key[MODEL_KEYS], frequency[MODEL_KEYS];
    bool visited[MODEL_KEYS];
    int hand;         /* SIEVE: the key it points to; -1: the oldest */
    bool hand_newest; /* there was none newer when it stopped there */
    unsigned hits, misses, promotions, demotions, evictions_policy, evictions_ttl, evictions_health;
};
struct model {
    bool exact;
    bool written_behind; /* the slowest tier gets puts later */
    unsigned count, threshold, invalidate;
    struct model_link link[MODEL_LINKS];
    struct model_entry entry[MODEL_KEYS]; /* every tier that has a key has this */
};

/* Each does what the call of the same name does, and says what that should return. */
pxt_status model_put(struct model *model, unsigned key, int64_t version, pxt_time expires, pxt_time now);
pxt_status model_get(struct model *model, unsigned key, pxt_time now, struct model_entry *out, unsigned *tier);
pxt_status model_peek(const struct model *model, unsigned key, pxt_time now, struct model_entry *out);
pxt_status model_delete(struct model *model, unsigned key);
pxt_status model_report(struct model *model, unsigned key, bool good, pxt_time now, bool *evicted);
unsigned model_tick(struct model *model, pxt_time now);
unsigned model_live(const struct model *model, pxt_time now);
/* What the entry has whose state was unsure. */
void model_learn(struct model *model, unsigned key, int64_t failures, int64_t hits);
void model_clear(struct model *model);
void model_reopen(struct model *model);

#endif
