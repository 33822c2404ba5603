/* SPDX-License-Identifier: MIT
 *
 * A secret is kept in pages that are locked and left out of core dumps.
 */
#include "base/secret.h"
#include "../lib/tap.h"
#include <stdio.h>
#include <stdlib.h>

/* The flags of the mapping that an address is in, from /proc/self/smaps. */
static bool mapping_has(const void *address, const char *flag)
{
    char line[512];
    unsigned long from = 0, to = 0;
    bool inside = false, has = false;
    FILE *maps = fopen("/proc/self/smaps", "r");
    while (maps && fgets(line, sizeof line, maps)) {
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2 && !strncmp(line + strcspn(line, " "), " r", 2))
            inside = (unsigned long)address >= from && (unsigned long)address < to;
        if (inside && !strncmp(line, "VmFlags:", 8))
            has = strstr(line, flag) != NULL;
    }
    if (maps)
        fclose(maps);
    return has;
}

int main(void)
{
    size_t length;
    static char large[PXT_SECRET_MAX + 1];
    pxt_secret *secret = pxt_secret_new("hunter2", 7);
    ok(secret, "a secret is made");
    is_str(pxt_secret_text(secret, &length), "hunter2", "its text");
    is_int(length, 7, "its length");
    ok(mapping_has(pxt_secret_text(secret, NULL), " dd"), "it is left out of core dumps");
    if (mapping_has(pxt_secret_text(secret, NULL), " lo"))
        ok(1, "it is locked in memory");
    else
        skip("the limit of locked memory forbids it", 1);
    pxt_secret_free(secret);
    ok(!pxt_secret_new(large, sizeof large), "one that is too long is refused");
    secret = pxt_secret_new("", 0);
    is_str(pxt_secret_text(secret, NULL), "", "an empty one");
    pxt_secret_free(secret);
    pxt_secret_free(NULL);
    return tap_done();
}
