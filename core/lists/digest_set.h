/* SPDX-License-Identifier: MIT
 *
 * digest_set.h: the keys of a list as 64-bit digests, in at most 13 bytes a distinct key: tells which keys come again.
 */
#ifndef PXT_DIGEST_SET_H
#define PXT_DIGEST_SET_H

#include <proxtier/tier.h>

enum { PXT_DIGEST_PARTS = 256 };
struct pxt_digest_part {
    uint64_t *slot; /* open addressing, linear probing; 0: free */
    uint32_t capacity, count;
};
struct pxt_digest_set {
    struct pxt_digest_part
        part[PXT_DIGEST_PARTS]; /* by digest; each grows by itself, so that little is copied at once */
    uint64_t seed;              /* whoever writes a list cannot choose where its keys fall */
    bool seeded, has_zero;
};
/*
 * Adds a key; `*seen` says whether it was there before. Keys that pxt_key_of_url() makes are told apart exactly; others
 * by the first 64 bits of their SHA-256, so that two of 2^32 keys might be taken for one. False when out of memory.
 */
bool pxt_digest_set_add(struct pxt_digest_set *set, const struct pxt_key *key, bool *seen);
/* `set` was zeroed, and maybe used. */
void pxt_digest_set_free(struct pxt_digest_set *set);

#endif
