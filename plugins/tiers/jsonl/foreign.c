/* SPDX-License-Identifier: MIT
 *
 * foreign.c: remembers the lines of another program that are entries, but none that proxtier can have, such as those of
 * a key over its limit: they are neither read nor damaged, and a compaction copies them. Start with scan.c.
 */
#include "jsonl.h"
#include <stdlib.h>

bool jsonl_foreign_add(struct jsonl_shard *shard, off_t offset, uint32_t length)
{
    if (shard->foreign_count == shard->foreign_capacity) {
        size_t capacity = shard->foreign_capacity ? shard->foreign_capacity * 2 : 16;
        struct jsonl_foreign *larger = realloc(shard->foreign, capacity * sizeof *larger);
        if (!larger)
            return false;
        shard->foreign = larger;
        shard->foreign_capacity = capacity;
    }
    shard->foreign[shard->foreign_count++] = (struct jsonl_foreign){.offset = offset, .length = length};
    shard->live += (off_t)length + 1;
    return true;
}

void jsonl_foreign_clear(struct jsonl_shard *shard)
{
    free(shard->foreign);
    shard->foreign = NULL;
    shard->foreign_count = shard->foreign_capacity = 0;
}
