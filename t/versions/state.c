/* SPDX-License-Identifier: MIT
 *
 * state.c: packs a state into few words, by the table of its fields, so that many fit into memory.
 */
#include "state.h"
#include <string.h>

#define BITS_OF(type, name, dimensions, bits) +(bits) * sizeof(((struct state *)0)->name) / sizeof(type)
_Static_assert(0 STATE_FIELDS(BITS_OF) <= STATE_WORDS * 64, "STATE_WORDS is too small");

struct bits {
    uint64_t *word;
    uint64_t held;
    unsigned count;
};

static inline void put_bits(struct bits *out, uint64_t value, unsigned width)
{
    out->held |= value << out->count;
    out->count += width;
    if (out->count >= 64) {
        *out->word++ = out->held;
        out->count -= 64;
        out->held = out->count ? value >> (width - out->count) : 0;
    }
}

static inline uint64_t get_bits(const uint64_t *words, unsigned *at, unsigned width)
{
    unsigned offset = *at % 64;
    uint64_t value = words[*at / 64] >> offset;
    if (offset + width > 64)
        value |= words[*at / 64 + 1] << (64 - offset);
    *at += width;
    return value & ((UINT64_C(1) << width) - 1);
}

void state_pack(const struct state *state, struct packed_state *packed)
{
    memset(packed, 0, sizeof *packed);
    struct bits out = {.word = packed->word};
#define PACK(type, name, dimensions, bits)                                                                             \
    for (unsigned i = 0; i < sizeof state->name / sizeof(type); i++)                                                   \
        put_bits(&out, ((const type *)&state->name)[i], bits);
    STATE_FIELDS(PACK)
#undef PACK
    if (out.count)
        *out.word = out.held;
}

void state_unpack(const struct packed_state *packed, struct state *state)
{
    unsigned at = 0;
    memset(state, 0, sizeof *state);
#define UNPACK(type, name, dimensions, bits)                                                                           \
    for (unsigned i = 0; i < sizeof state->name / sizeof(type); i++)                                                   \
        ((type *)&state->name)[i] = (type)get_bits(packed->word, &at, bits);
    STATE_FIELDS(UNPACK)
#undef UNPACK
}
