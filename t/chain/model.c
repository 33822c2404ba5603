/* SPDX-License-Identifier: MIT
 *
 * model.c: the rules of the chain, as simple as can be. In a durable chain the last tier has everything, so that only the
 * entries are kept; in an exact one also which tier has which.
 */
#include "model.h"
#include <string.h>

static int find(const struct model_link *link, unsigned key)
{
    for (unsigned i = 0; i < link->size; i++)
        if (link->key[i] == key)
            return (int)i;
    return -1;
}

static bool has(const struct model_link *link, unsigned key)
{
    return find(link, key) >= 0;
}

static void drop(struct model_link *link, unsigned key)
{
    int at = find(link, key);
    if (at < 0)
        return;
    if (link->hand == (int)key) /* SIEVE's hand goes on towards the newest; from there to the oldest */
        link->hand = (unsigned)at + 1 < link->size && !link->hand_newest ? (int)link->key[at + 1] : -1;
    memmove(&link->key[at], &link->key[at + 1], (link->size - (unsigned)at - 1) * sizeof *link->key);
    link->size--;
}

static void to_end(struct model_link *link, unsigned key)
{
    int at = find(link, key);
    memmove(&link->key[at], &link->key[at + 1], (link->size - (unsigned)at - 1) * sizeof *link->key);
    link->key[link->size - 1] = key;
}

/* A hit, or a put of what is there. */
static void use(struct model_link *link, unsigned key, bool stored_anew)
{
    link->visited[key] = true;
    link->frequency[key]++;
    if (link->policy == MODEL_LRU || link->policy == MODEL_LFU || (link->policy == MODEL_FIFO && stored_anew))
        to_end(link, key);
}

static unsigned victim(struct model_link *link)
{
    unsigned best = link->key[0];
    if (link->policy == MODEL_LFU)
        for (unsigned i = 1; i < link->size; i++)
            if (link->frequency[link->key[i]] < link->frequency[best])
                best = link->key[i];
    if (link->policy != MODEL_SIEVE)
        return best;
    int at = link->hand < 0 ? 0 : find(link, (unsigned)link->hand);
    while (link->visited[link->key[at]]) {
        link->visited[link->key[at]] = false;
        at = (unsigned)at + 1 < link->size ? at + 1 : 0;
    }
    link->hand = (int)link->key[at];
    link->hand_newest = (unsigned)at + 1 == link->size;
    return link->key[at];
}

/* Who has to leave, when the call that brought others in is over. */
struct pending {
    unsigned count, link[32], key[32];
};

/* Room is made before, so that the newcomer is not weighed. */
static void insert(struct model *model, unsigned i, unsigned key, struct pending *pending)
{
    struct model_link *link = &model->link[i];
    if (!link->capacity)
        return;
    if (has(link, key)) {
        use(link, key, true);
        return;
    }
    unsigned leaving = 0;
    for (unsigned p = 0; p < pending->count; p++)
        leaving += pending->link[p] == i;
    if (link->size >= link->capacity + leaving) {
        pending->link[pending->count] = i;
        pending->key[pending->count++] = victim(link);
    }
    link->key[link->size++] = key;
    link->visited[key] = false;
    link->frequency[key] = 1;
}

static void drop_everywhere(struct model *model, unsigned key)
{
    for (unsigned i = 0; i < model->count; i++)
        drop(&model->link[i], key);
    model->entry[key].there = false;
}

/* To the next tier that can have it, unless that has it; from the last one, away. */
static void evict(struct model *model, unsigned i, unsigned key, pxt_time now, struct pending *pending)
{
    struct model_link *link = &model->link[i];
    if (!has(link, key))
        return;
    if (model->entry[key].expires <= now) {
        drop_everywhere(model, key);
        link->evictions_ttl++;
        return;
    }
    unsigned next = i + 1;
    while (next < model->count && !model->link[next].capacity)
        next++;
    if (next < model->count) {
        link->demotions++;
        if (!has(&model->link[next], key))
            insert(model, next, key, pending);
    }
    drop(link, key);
    link->evictions_policy++;
    for (unsigned j = 0; j < model->count; j++)
        if (has(&model->link[j], key))
            return;
    model->entry[key].there = false;
}

static void finish(struct model *model, struct pending *pending, pxt_time now)
{
    while (pending->count) {
        bool touched[MODEL_LINKS] = {false};
        while (pending->count) {
            unsigned i = pending->link[--pending->count];
            touched[i] = true;
            evict(model, i, pending->key[pending->count], now, pending);
        }
        for (unsigned i = 0; i < model->count; i++)
            while (touched[i] && model->link[i].size > model->link[i].capacity)
                evict(model, i, victim(&model->link[i]), now, pending);
    }
}

static bool stores(const struct model *model)
{
    for (unsigned i = 0; i < model->count; i++)
        if (model->link[i].capacity)
            return true;
    return false;
}

/* From the slowest tier up. */
static void store(struct model *model, unsigned key, pxt_time now)
{
    struct pending pending = {0};
    for (unsigned i = model->count; i-- > 0;)
        insert(model, i, key, &pending);
    finish(model, &pending, now);
}

pxt_status model_put(struct model *model, unsigned key, int64_t version, pxt_time expires, pxt_time now)
{
    if (!stores(model))
        return PXT_EUNAVAILABLE;
    struct model_entry *entry = &model->entry[key];
    if (!entry->there) /* else what was learnt stays: failures and hits */
        *entry = (struct model_entry){.there = true};
    else if (!model->exact && entry->expires <= now)
        entry->unsure = true;
    entry->version = version;
    entry->expires = expires;
    if (model->exact)
        store(model, key, now);
    return PXT_OK;
}

static pxt_status get_exactly(struct model *model, unsigned key, pxt_time now, unsigned *tier)
{
    struct pending pending = {0};
    for (unsigned i = 0; i < model->count; i++) {
        struct model_link *link = &model->link[i];
        if (!link->capacity)
            continue;
        if (has(link, key) && model->entry[key].expires <= now) {
            drop_everywhere(model, key);
            link->evictions_ttl++;
            link->misses++;
            return PXT_NOT_FOUND; /* slower tiers are not asked */
        }
        if (!has(link, key)) {
            link->misses++;
            continue;
        }
        link->hits++;
        use(link, key, false);
        *tier = i;
        for (unsigned j = i; j-- > 0;)
            if (model->link[j].capacity) {
                insert(model, j, key, &pending);
                model->link[j].promotions++;
            }
        finish(model, &pending, now);
        return PXT_OK;
    }
    return PXT_NOT_FOUND;
}

pxt_status model_get(struct model *model, unsigned key, pxt_time now, struct model_entry *out, unsigned *tier)
{
    struct model_entry *entry = &model->entry[key];
    if (model->exact) {
        *out = *entry;
        pxt_status status = get_exactly(model, key, now, tier);
        if (!status && entry->there)
            entry->hits++;
        return status;
    }
    if (!entry->there || entry->expires <= now) /* an expired one stays until the next sweep */
        return PXT_NOT_FOUND;
    entry->hits++;
    *out = *entry;
    return PXT_OK;
}

pxt_status model_peek(const struct model *model, unsigned key, pxt_time now, struct model_entry *out)
{
    *out = model->entry[key];
    return out->there && out->expires > now ? PXT_OK : PXT_NOT_FOUND;
}

pxt_status model_delete(struct model *model, unsigned key)
{
    bool there = model->entry[key].there;
    drop_everywhere(model, key);
    return there ? PXT_OK : PXT_NOT_FOUND;
}

pxt_status model_report(struct model *model, unsigned key, bool good, pxt_time now, bool *evicted)
{
    struct model_entry *entry = &model->entry[key];
    if (entry->there && entry->expires <= now) {
        drop_everywhere(model, key);
        model->link[0].evictions_ttl++;
    }
    if (!entry->there)
        return PXT_NOT_FOUND;
    entry->failures = good ? 0 : entry->failures + 1;
    *evicted = !good && model->invalidate && entry->failures >= model->threshold;
    if (*evicted) {
        for (unsigned i = 0; i < model->count; i++)
            model->link[i].evictions_health += has(&model->link[i], key);
        drop_everywhere(model, key);
    } else if (model->exact) {
        store(model, key, now);
    }
    return PXT_OK;
}

/* Counted in the slowest tier that has it. */
unsigned model_tick(struct model *model, pxt_time now)
{
    unsigned expired = 0;
    for (unsigned i = model->count; i-- > 0;)
        for (unsigned key = 0; key < MODEL_KEYS; key++)
            if (has(&model->link[i], key) && model->entry[key].expires <= now) {
                drop_everywhere(model, key);
                model->link[i].evictions_ttl++;
                expired++;
            }
    for (unsigned key = 0; !model->exact && key < MODEL_KEYS; key++)
        if (model->entry[key].expires <= now)
            model->entry[key].there = false;
    return expired;
}

unsigned model_live(const struct model *model, pxt_time now)
{
    unsigned live = 0;
    for (unsigned key = 0; key < MODEL_KEYS; key++)
        live += model->entry[key].there && model->entry[key].expires > now;
    return live;
}

void model_learn(struct model *model, unsigned key, int64_t failures, int64_t hits)
{
    model->entry[key].unsure = false;
    model->entry[key].failures = failures;
    model->entry[key].hits = hits;
}

void model_clear(struct model *model)
{
    for (unsigned key = 0; key < MODEL_KEYS; key++)
        drop_everywhere(model, key);
}

void model_reopen(struct model *model)
{
    (void)model; /* the last tier has everything, in a file */
}
