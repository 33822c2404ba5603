/* SPDX-License-Identifier: MIT
 *
 * board.h: memory that the conductor of a replay shares with its two worker processes, and with the plugins in them: what
 * the tiers have, and where each worker stands. One of the three runs at a time, so nothing in it is locked.
 */
#ifndef PXT_REPLAY_BOARD_H
#define PXT_REPLAY_BOARD_H

#include <proxtier/tier.h>
#include <semaphore.h>

enum { SHELVES = 3, SHELF_KEYS = 2, WORKERS = 2, IMAGES = 12, LINE_SIZE = 1400, NAME_SIZE = 24 };

/* ---- tiers ------------------------------------------------------------------------------------------------------- */

/* One version of a key, as a tier has it. */
struct copy {
    uint64_t version; /* 0: nothing */
    unsigned change;  /* the number of the change that made it, from 1 */
    bool tombstone;
    pxt_time expires; /* PXT_TIME_NONE: never */
    unsigned length;
    char line[LINE_SIZE]; /* JSON */
};

/* What a tier may have of a key after lost power: from what is surely on the disk to what readers see now. */
struct place {
    unsigned images;
    struct copy image[IMAGES];
    bool sync_failed; /* the next sync says OK, and does nothing: Linux tells an error once */
};

struct shelf {
    bool away;    /* each call fails */
    bool synced;  /* each write is synced before it returns */
    bool damaged; /* it has lost something, and nobody has noticed */
    unsigned sync_errors;
    bool record_there; /* the text that the core keeps with a tier */
    char record[PXT_RECORD_MAX + 1];
    struct place place[SHELF_KEYS];
};

static inline struct copy *newest_image(struct place *place)
{
    return &place->image[place->images - 1];
}

/* ---- workers ----------------------------------------------------------------------------------------------------- */

enum call {
    CALL_PUT,
    CALL_DELETE,
    CALL_GET,
    CALL_PEEK,
    CALL_LIST,
    CALL_EVICT,
    CALL_PASS,
    CALL_CHECKPOINT,
    CALL_DROP,
    CALL_TIER_GOES,
    CALL_TIER_COMES,
    CALL_PROBE,
    CALL_CLOSE,
    CALL_NONE
};

/* Accesses to a tier. A worker stops before those that its call is stepped through. */
enum access {
    ACCESS_GET = 1,
    ACCESS_EACH = 2,
    ACCESS_VERSIONS = 4,
    ACCESS_WRITE = 8,
    ACCESS_SYNC = 16,
    ACCESS_RECORD = 32
};
#define ACCESS_CHANGES (ACCESS_WRITE | ACCESS_SYNC | ACCESS_RECORD)
#define ACCESS_READ (ACCESS_GET | ACCESS_EACH | ACCESS_VERSIONS)

/* Which way an access goes: to the shelf, or through the plugin `fault` with one of these rules. */
enum route {
    ROUTE_SHELF,
    ROUTE_REFUSED,
    ROUTE_LOST,
    ROUTE_DONE,
    ROUTE_SYNC_FAILS,
    ROUTE_AWAY,
    ROUTE_NO_VERSIONS,
    ROUTES
};

struct worker {
    sem_t go, told;
    /* the call, by the conductor */
    enum call call;
    unsigned key, change, tier;
    int64_t ttl;
    unsigned stops; /* the accesses before which it stops; it stops after those that change something, too */
    /* where it stands, by the worker */
    bool running;       /* false: the call has returned */
    enum access access; /* before which it stops; 0: it has made one */
    unsigned access_tier;
    enum route route; /* by the conductor: which way that access goes */
    bool no_repair;   /* the repair on opening cannot list keys: so what is in doubt stays in doubt */
    /* what the call returned */
    pxt_status status;
    unsigned told_change[SHELF_KEYS], told_times[SHELF_KEYS]; /* get, peek, list */
    char message[400];
};

struct board {
    char folder[64], key[SHELF_KEYS][NAME_SIZE];
    char config[2000];
    pxt_time now;
    bool power_may_fail;
    struct shelf shelf[SHELVES];
    struct worker worker[WORKERS];
};

/* Both are exported by the program to its plugins. */
PXT_API extern struct board *replay_board;
/* Called in a worker before an access to a tier: waits for the conductor, if the call is stepped. Returns the way. */
PXT_API enum route replay_meet(unsigned tier, enum access access);
/* Called after it. */
PXT_API void replay_met(enum access access);
/* The number of the change that the worker makes, for a tombstone that is new. */
PXT_API unsigned replay_change(void);

#endif
