/* SPDX-License-Identifier: MIT
 *
 * select.h: which entries, and in which order: for programs (pxt_cache_select() and others) and for tiers (select()).
 */
#ifndef PROXTIER_SELECT_H
#define PROXTIER_SELECT_H

#include <proxtier/entry.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A health as a member of a set: (1u << PXT_HEALTH_HEALTHY) | ... */
#define PXT_HEALTH_BIT(health) (1u << (unsigned)(health))

/*
 * What entries must be like; all that is set must hold. Initialise with pxt_selection_init(), then set what is
 * wanted: a selection without anything set takes each entry that has not expired. Texts are borrowed.
 */
struct pxt_selection {
    uint32_t size;         /* sizeof(struct pxt_selection) */
    uint32_t health;       /* a set of PXT_HEALTH_BIT(); 0: any */
    const char *source;    /* exactly this one; NULL: any */
    const char *scheme;    /* of the URL: "http", "socks5"; NULL: any */
    const char *host;      /* of the URL, with * for any characters and ? for one, in any case; NULL: any */
    const char *country;   /* exactly, in any case; NULL: any */
    const char *tag;       /* one of PXT_FIELD_TAGS, exactly; NULL: any */
    int64_t min_ttl;       /* seconds that are left at least; 0: any */
    int64_t max_failures;  /* of PXT_FIELD_FAILURE_COUNT; < 0: any */
    double max_latency_ms; /* of PXT_FIELD_LATENCY, which must be known; < 0: any */
};

static inline void pxt_selection_init(struct pxt_selection *selection)
{
    selection->size = (uint32_t)sizeof *selection;
    selection->health = 0;
    selection->source = NULL;
    selection->scheme = NULL;
    selection->host = NULL;
    selection->country = NULL;
    selection->tag = NULL;
    selection->min_ttl = 0;
    selection->max_failures = -1;
    selection->max_latency_ms = -1;
}

/*
 * The ways to choose among the entries of a selection: X(ID, name, help). Names are those of the command, help and
 * manual.
 */
#define PXT_CHOICES(X)                                                                                                 \
    X(RANDOM, "random", "each with the same chance")                                                                   \
    X(ROUND_ROBIN, "round-robin", "the next one of a circle, whose place all processes of the pool share")             \
    X(LEAST_USED, "least-used", "the one with the fewest hits")                                                        \
    X(LEAST_RECENTLY_USED, "least-recently-used", "the one whose last hit is longest ago")                             \
    X(FASTEST, "fastest", "the one with the lowest average latency; unknown ones last")                                \
    X(WEIGHTED, "weighted", "at random, each in proportion to the share of its checks that were good")                 \
    X(STICKY, "sticky", "the same one for the same session as long as it is there")
enum pxt_choice {
#define X(id, name, help) PXT_CHOOSE_##id,
    PXT_CHOICES(X)
#undef X
        PXT_CHOICE_COUNT
};

#ifdef __cplusplus
}
#endif
#endif
