/* SPDX-License-Identifier: MIT
 *
 * The hash of a key is the same on every machine: words of 32 bits, or in the other order of bytes, change nothing.
 */
#include "base/key.h"
#include "../lib/tap.h"

int main(void)
{
    static const struct {
        const char *text;
        uint64_t hash;
    } known[] = {{"", 0xa5506ff52926ac13},
                 {"a", 0x17185d47170d129a},
                 {"12345678", 0x160dd54925385848},
                 {"dd762d9dc6dfff7e", 0x7595982923ddebe0},
                 {"dd762d9dc6dfff7e1", 0xb1f519a681f6e5c1},
                 {"a key of more than thirty-two bytes, at an odd length", 0xf27ae5748a51c74c}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        ok(pxt_key_hash(known[i].text, strlen(known[i].text)) == known[i].hash, "the hash of \"%s\"", known[i].text);
    return tap_done();
}
