/* SPDX-License-Identifier: MIT
 *
 * arc: an eviction policy that learns whether recent or frequent entries are worth more (N. Megiddo, D. S. Modha, "ARC: A
 * Self-Tuning, Low Overhead Replacement Cache", FAST 2003). Entries that were used once are in the list `once`, the others
 * in `often`. Of those that were evicted the hashes stay for a while, as ghosts. A ghost of `once` that comes back says that
 * `once` ought to be longer, a ghost of `often` that it ought to be shorter: victim() is told who comes.
 *
 *   cc -shared -fPIC $(pkg-config --cflags proxtier-plugin) -o arc.so arc.c
 */
#include <proxtier/eviction.h>
#include <stdlib.h>

struct link {
    struct link *next, *previous;
};
struct list {
    struct link head; /* newest next to it */
    uint64_t count;
};
enum { ONCE, OFTEN };

/* The state of an entry. */
struct state {
    struct link link; /* first */
    uint64_t hash;
    uint64_t list;
};

struct ghost {
    struct link link;    /* first */
    struct ghost *chain; /* in the table, or of free ghosts */
    uint64_t hash;
    uint64_t list;
};

struct arc {
    uint64_t capacity, aim; /* how long `once` ought to be: p of the paper */
    struct list entries[2], ghosts[2];
    struct ghost *room, *free; /* as many as the capacity */
    struct ghost **table;
    uint64_t mask;
};

static void list_init(struct list *list)
{
    list->head.next = list->head.previous = &list->head;
    list->count = 0;
}

static void list_add(struct list *list, struct link *link)
{
    link->next = list->head.next;
    link->previous = &list->head;
    link->next->previous = list->head.next = link;
    list->count++;
}

static void list_take(struct list *list, struct link *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    list->count--;
}

/* ---- ghosts ----------------------------------------------------------------------------------------------------- */

/* The place of the pointer to a ghost, or where it would be. */
static struct ghost **ghost_place(struct arc *arc, uint64_t hash)
{
    struct ghost **place = &arc->table[hash & arc->mask];
    while (*place && (*place)->hash != hash)
        place = &(*place)->chain;
    return place;
}

static void ghost_forget(struct arc *arc, struct ghost **place)
{
    struct ghost *ghost = *place;
    *place = ghost->chain;
    list_take(&arc->ghosts[ghost->list], &ghost->link);
    ghost->chain = arc->free;
    arc->free = ghost;
}

static void forget_oldest(struct arc *arc, uint64_t list)
{
    struct ghost *oldest = (struct ghost *)(void *)arc->ghosts[list].head.previous;
    ghost_forget(arc, ghost_place(arc, oldest->hash));
}

static void ghost_add(struct arc *arc, uint64_t hash, uint64_t list)
{
    struct ghost **place = ghost_place(arc, hash);
    if (*place)
        ghost_forget(arc, place);
    /* Entries and ghosts that were used once are no more than the capacity: else they would push out all others. The
     * newcomer is among them already. */
    uint64_t more = list == ONCE;
    while (arc->ghosts[ONCE].count && arc->entries[ONCE].count + arc->ghosts[ONCE].count + more > arc->capacity)
        forget_oldest(arc, ONCE);
    if (arc->entries[ONCE].count + more > arc->capacity && list == ONCE)
        return;
    if (!arc->free)
        forget_oldest(arc, arc->ghosts[OFTEN].count ? OFTEN : ONCE);
    struct ghost *ghost = arc->free;
    arc->free = ghost->chain;
    ghost->hash = hash;
    ghost->list = list;
    place = ghost_place(arc, hash);
    ghost->chain = *place;
    *place = ghost;
    list_add(&arc->ghosts[list], &ghost->link);
}

/* ---- the policy ------------------------------------------------------------------------------------------------- */

static void arc_close(void *self)
{
    struct arc *arc = self;
    free(arc->room);
    free(arc->table);
    free(arc);
}

/* As calloc(), for a number that may be too large for this machine. */
static void *allocate(uint64_t n, size_t size)
{
    size_t count = (size_t)n;
    return count == n ? calloc(count, size) : NULL;
}

static pxt_status arc_open(const struct pxt_host *host, const struct pxt_settings *settings, uint64_t capacity,
                           void **self, struct pxt_error *error)
{
    struct arc *arc = calloc(1, sizeof *arc);
    uint64_t slots = 16;
    (void)settings;
    if (!arc)
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory for the policy");
    arc->capacity = capacity ? capacity : 1;
    while (slots < arc->capacity)
        slots *= 2;
    arc->mask = slots - 1;
    arc->table = allocate(slots, sizeof(struct ghost *));
    arc->room = allocate(arc->capacity, sizeof *arc->room);
    if (!arc->table || !arc->room) {
        arc_close(arc);
        return host->fail(host, error, PXT_ENOMEM, 0, "no memory for the hashes of %llu entries: lower max_entries",
                          (unsigned long long)capacity);
    }
    for (uint64_t i = 0; i < arc->capacity; i++) {
        arc->room[i].chain = arc->free;
        arc->free = &arc->room[i];
    }
    for (int i = ONCE; i <= OFTEN; i++) {
        list_init(&arc->entries[i]);
        list_init(&arc->ghosts[i]);
    }
    *self = arc;
    return PXT_OK;
}

/* The aim after this entry has come in. */
static uint64_t aim_with(struct arc *arc, uint64_t hash)
{
    const struct ghost *ghost = *ghost_place(arc, hash);
    if (!ghost)
        return arc->aim;
    uint64_t mine = arc->ghosts[ghost->list].count, other = arc->ghosts[!ghost->list].count;
    uint64_t step = other > mine ? other / mine : 1;
    if (ghost->list == OFTEN)
        return arc->aim > step ? arc->aim - step : 0;
    return arc->capacity - arc->aim > step ? arc->aim + step : arc->capacity;
}

static pxt_status arc_inserted(void *self, void *at, uint64_t hash, struct pxt_error *error)
{
    struct arc *arc = self;
    struct state *state = at;
    struct ghost **place = ghost_place(arc, hash);
    (void)error;
    arc->aim = aim_with(arc, hash);
    state->hash = hash;
    state->list = *place ? OFTEN : ONCE;
    if (*place)
        ghost_forget(arc, place);
    list_add(&arc->entries[state->list], &state->link);
    return PXT_OK;
}

static void arc_accessed(void *self, void *at, uint64_t times)
{
    struct arc *arc = self;
    struct state *state = at;
    (void)times;
    list_take(&arc->entries[state->list], &state->link);
    state->list = OFTEN;
    list_add(&arc->entries[OFTEN], &state->link);
}

static void arc_removed(void *self, void *at, enum pxt_removal why)
{
    struct arc *arc = self;
    struct state *state = at;
    list_take(&arc->entries[state->list], &state->link);
    if (why == PXT_REMOVE_POLICY)
        ghost_add(arc, state->hash, state->list);
}

/* Only looks: the newcomer may not come, or the caller may ask again. */
static void *arc_victim(void *self, uint64_t newcomer)
{
    struct arc *arc = self;
    const struct ghost *ghost = newcomer ? *ghost_place(arc, newcomer) : NULL;
    uint64_t aim = newcomer ? aim_with(arc, newcomer) : arc->aim, once = arc->entries[ONCE].count;
    bool from_once = once && (once > aim || (once == aim && ghost && ghost->list == OFTEN));
    if (!from_once && !arc->entries[OFTEN].count)
        from_once = once > 0;
    struct list *list = &arc->entries[from_once ? ONCE : OFTEN];
    return list->count ? list->head.previous : NULL;
}

static const struct pxt_eviction_ops ops = {.size = sizeof ops,
                                            .state_size = sizeof(struct state),
                                            .open = arc_open,
                                            .close = arc_close,
                                            .inserted = arc_inserted,
                                            .accessed = arc_accessed,
                                            .removed = arc_removed,
                                            .victim = arc_victim};

PXT_PLUGIN(PXT_KIND_EVICTION, "arc", "1.0", "MIT", "learns whether recent or frequent entries count: ARC (FAST 2003)",
           NULL, &ops);
