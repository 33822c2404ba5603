/* SPDX-License-Identifier: MIT
 *
 * eviction_kit.h: a store for a policy: nodes with the policy's state between guards.
 */
#ifndef CONFORMANCE_EVICTION_KIT_H
#define CONFORMANCE_EVICTION_KIT_H

#include "suite.h"

enum { NODES = 64 };

struct node {
    unsigned char *memory;
    bool in;
};
struct store {
    struct subject *subject;
    const struct pxt_eviction_ops *ops;
    void *self;
    size_t room; /* of a node's memory */
    struct node node[NODES];
};

void *state_of(const struct store *store, unsigned i);
/* With a capacity of half of the nodes, or of `capacity`. */
void store_open(struct store *store, struct subject *subject);
void store_open_for(struct store *store, struct subject *subject, uint64_t capacity);
void store_close(struct store *store);
void check_guards(const struct store *store);
void insert(struct store *store, unsigned i);
void insert_hashed(struct store *store, unsigned i, uint64_t hash);
void take_out(struct store *store, unsigned i, enum pxt_removal why);
/* The victim's node; NODES where there is none. */
unsigned victim_of(struct store *store);
/* Takes out one victim after the other: each of the `n` that are in it has to be one. */
void expect_all_evicted(struct store *store, unsigned n, const char *when);

#endif
