/* SPDX-License-Identifier: MIT
 *
 * eviction_kit.c: a store for a policy.
 */
#include "eviction_kit.h"
#include <stdlib.h>
#include <string.h>

enum { GUARD = 64, PATTERN = 0xA5 };

void *state_of(const struct store *store, unsigned i)
{
    return store->node[i].memory + GUARD;
}

void store_open(struct store *store, struct subject *subject)
{
    store_open_for(store, subject, NODES / 2);
}

void store_open_for(struct store *store, struct subject *subject, uint64_t capacity)
{
    memset(store, 0, sizeof *store);
    store->subject = subject;
    store->ops = subject->plugin->ops;
    store->room = GUARD + ((store->ops->state_size + 7) & ~(size_t)7) + GUARD;
    for (unsigned i = 0; i < NODES; i++) {
        store->node[i].memory = malloc(store->room);
        expect(store->node[i].memory != NULL, "out of memory");
        memset(store->node[i].memory, PATTERN, store->room);
    }
    calling("open");
    expect_ok(
        subject,
        store->ops->open(subject->host, pxt_trial_settings(subject->trial), capacity, &store->self, &subject->error),
        "open");
    expect(store->self != NULL, "open succeeds, but leaves *self NULL");
}

void store_close(struct store *store)
{
    calling("close");
    store->ops->close(store->self);
    for (unsigned i = 0; i < NODES; i++)
        free(store->node[i].memory);
}

void check_guards(const struct store *store)
{
    for (unsigned i = 0; i < NODES; i++)
        for (size_t at = 0; at < store->room; at++) {
            bool guard = at < GUARD || at >= GUARD + store->ops->state_size || !store->node[i].in;
            expect(!guard || store->node[i].memory[at] == PATTERN,
                   store->node[i].in ? "it writes beyond the state that it asked for"
                                     : "it writes to the state of an entry that was removed");
        }
}

void insert(struct store *store, unsigned i)
{
    insert_hashed(store, i, i * 0x9e3779b97f4a7c15u);
}

void insert_hashed(struct store *store, unsigned i, uint64_t hash)
{
    memset(state_of(store, i), 0, store->ops->state_size);
    calling("inserted");
    expect_ok(store->subject, store->ops->inserted(store->self, state_of(store, i), hash, &store->subject->error),
              "inserted");
    store->node[i].in = true;
}

void take_out(struct store *store, unsigned i, enum pxt_removal why)
{
    calling("removed");
    store->ops->removed(store->self, state_of(store, i), why);
    store->node[i].in = false;
    memset(store->node[i].memory, PATTERN, store->room);
}

unsigned victim_of(struct store *store)
{
    calling("victim");
    const unsigned char *state = store->ops->victim(store->self);
    if (!state)
        return NODES;
    for (unsigned i = 0; i < NODES; i++)
        if (state == (const unsigned char *)state_of(store, i)) {
            expect(store->node[i].in, "its victim is an entry that was removed");
            return i;
        }
    expect(false, "its victim is not the state of any entry");
    return NODES;
}

void expect_all_evicted(struct store *store, unsigned n, const char *when)
{
    for (unsigned left = n; left; left--) {
        unsigned victim = victim_of(store);
        expect(victim < NODES, "%s %u entries are in it, and it has no victim: each has to be one some day", when,
               left);
        take_out(store, victim, PXT_REMOVE_POLICY);
    }
    expect(victim_of(store) == NODES, "%s it has a victim after all entries were removed", when);
}
