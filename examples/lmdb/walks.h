/* SPDX-License-Identifier: MIT
 *
 * walks.h: the operations of the tier that go through the store; see proxtier-tier(3). `self` is a struct store_place.
 */
#ifndef LMDB_WALKS_H
#define LMDB_WALKS_H

#include "rows.h"

pxt_status lmdb_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error);
pxt_status lmdb_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error);
pxt_status lmdb_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                       uint64_t *removed, struct pxt_error *error);

#endif
