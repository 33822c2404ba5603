/* SPDX-License-Identifier: MIT
 *
 * table: entries in a hash table, the next step after forgetful.c. It offers the seven required operations and no more:
 * capacity, policies, expiry and counting are the core's. It does not lock: the core calls it from one thread at a time.
 *
 *   cc -shared -fPIC $(pkg-config --cflags proxtier-plugin) -o table.so table.c
 */
#include <proxtier/tier.h>
#include <stdlib.h>
#include <string.h>

struct node {
    struct node *next;
    pxt_entry *entry; /* held */
};
struct table {
    const struct pxt_host *host;
    size_t bucket_count;
    uint64_t count;
    struct node *bucket[];
};

static const struct pxt_option options[] = {
    {"buckets", PXT_OPTION_INTEGER, "1024", 1, 1 << 24, NULL, "length of the table; best about the number of entries"},
    {NULL, PXT_OPTION_TEXT, NULL, 0, 0, NULL, NULL}};

static pxt_status table_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                             struct pxt_error *error)
{
    size_t buckets = (size_t)host->setting_number(setup->settings, "buckets");
    struct table *table = calloc(1, sizeof *table + buckets * sizeof(struct node *));
    if (!table)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory for %zu buckets: lower `buckets`", buckets);
    table->host = host;
    table->bucket_count = buckets;
    *self = table;
    return PXT_OK;
}

static void table_close(void *self)
{
    struct table *table = self;
    for (size_t i = 0; i < table->bucket_count; i++)
        for (struct node *node = table->bucket[i], *next; node; node = next) {
            next = node->next;
            table->host->entry_release(node->entry);
            free(node);
        }
    free(table);
}

/* Where the pointer to a key's node is, or would be. */
static struct node **place_of(struct table *table, const struct pxt_key *key)
{
    struct node **place = &table->bucket[key->hash % table->bucket_count];
    for (; *place; place = &(*place)->next) {
        struct pxt_key other;
        table->host->entry_key((*place)->entry, &other);
        if (other.length == key->length && !memcmp(other.text, key->text, key->length))
            break;
    }
    return place;
}

static pxt_status table_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                            struct pxt_error *error)
{
    struct table *table = self;
    struct node *node = *place_of(table, key);
    (void)flags, (void)error;
    if (!node)
        return PXT_NOT_FOUND;
    *out = table->host->entry_hold(node->entry); /* the caller's hold; the table keeps its own */
    return PXT_OK;
}

static pxt_status table_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    struct table *table = self;
    const struct pxt_host *host = table->host;
    struct pxt_key key;
    host->entry_key(entry, &key);
    struct node **place = place_of(table, &key);
    if (*place) {
        host->entry_release((*place)->entry);
    } else {
        struct node *node = calloc(1, sizeof *node);
        if (!node)
            return host->fail(host, error, PXT_ENOMEM, 0, "no memory for key %s", key.text);
        *place = node;
        table->count++;
    }
    (*place)->entry = host->entry_hold(entry);
    return PXT_OK;
}

static pxt_status table_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    struct table *table = self;
    struct node **place = place_of(table, key), *node = *place;
    (void)why, (void)error;
    if (!node)
        return PXT_NOT_FOUND;
    *place = node->next;
    table->count--;
    table->host->entry_release(node->entry);
    free(node);
    return PXT_OK;
}

static pxt_status table_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    struct table *table = self;
    (void)error;
    for (size_t i = 0; i < table->bucket_count; i++)
        for (struct node *node = table->bucket[i]; node; node = node->next)
            if (!fn(arg, node->entry))
                return PXT_OK;
    return PXT_OK;
}

static pxt_status table_count(void *self, uint64_t *out, struct pxt_error *error)
{
    (void)error;
    *out = ((struct table *)self)->count;
    return PXT_OK;
}

static const struct pxt_tier_ops ops = {.size = sizeof ops,
                                        .open = table_open,
                                        .close = table_close,
                                        .get = table_get,
                                        .put = table_put,
                                        .del = table_del,
                                        .each = table_each,
                                        .count = table_count};

PXT_PLUGIN(PXT_KIND_TIER, "table", "1.0", "MIT", "entries in a hash table", options, &ops);
