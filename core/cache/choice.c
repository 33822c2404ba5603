/* SPDX-License-Identifier: MIT
 *
 * choice.c: goes through the keys of a selection at random.
 */
#include "cache/choice.h"
#include "base/fail.h"
#include "base/key.h"
#include "entry/entry.h"
#include <string.h>
#include <sys/random.h>

struct gathered {
    pxt_cache *cache;
    const struct pxt_selection *selection;
    char **keys;
    size_t count, room;
    bool failed;
};

bool pxt_selection_matches(const struct pxt_selection *selection, const pxt_entry *entry, pxt_time now)
{
    int64_t health = pxt_entry_number(entry, PXT_FIELD_HEALTH_STATUS);
    size_t scheme = selection->scheme ? strlen(selection->scheme) : 0;
    return !pxt_entry_expired(entry, now) && (!selection->health || (selection->health & PXT_HEALTH_BIT(health))) &&
           (!scheme ||
            (!strncmp(pxt_entry_url(entry), selection->scheme, scheme) && pxt_entry_url(entry)[scheme] == ':')) &&
           (!selection->source || !strcmp(selection->source, pxt_entry_text(entry, PXT_FIELD_SOURCE, NULL)));
}

static bool gather(void *arg, pxt_entry *entry)
{
    struct gathered *gathered = arg;
    if (gathered->selection &&
        !pxt_selection_matches(gathered->selection, entry, pxt_clock_now(&gathered->cache->clock)))
        return true;
    if (gathered->count == gathered->room) {
        size_t room = gathered->room ? 2 * gathered->room : 64;
        char **keys = pxt_realloc(gathered->keys, room * sizeof *keys);
        if (!keys)
            return !(gathered->failed = true);
        gathered->keys = keys;
        gathered->room = room;
    }
    const char *key = pxt_entry_key(entry);
    char *copy = pxt_alloc(strlen(key) + 1);
    if (!copy)
        return !(gathered->failed = true);
    gathered->keys[gathered->count++] = strcpy(copy, key);
    return true;
}

pxt_status pxt_choose(pxt_cache *cache, const struct pxt_selection *selection, const struct pxt_select_options *options,
                      pxt_chosen_fn *fn, void *arg, struct pxt_error *error)
{
    struct gathered gathered = {.cache = cache, .selection = selection};
    (void)options;
    pxt_status status = pxt_chain_each(&cache->chain, gather, &gathered, error);
    if (gathered.failed)
        status = pxt_fail_memory(error, "a list of keys");
    bool more = !status;
    for (size_t left = gathered.count; left; left--) {
        uint64_t random = 0;
        struct pxt_key key;
        if (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
            random = 0;
        char **chosen = &gathered.keys[random % left], *text = *chosen;
        *chosen = gathered.keys[left - 1];
        pxt_key_init(&key, text, strlen(text));
        more = more && fn(arg, &key);
        pxt_free(text);
    }
    pxt_free(gathered.keys);
    return status;
}

struct first {
    pxt_cache *cache;
    pxt_entry *entry;
};

static bool take_first(void *arg, const struct pxt_key *key)
{
    struct first *first = arg;
    unsigned tier;
    return pxt_chain_get(&first->cache->chain, key, &first->entry, &tier, NULL) != PXT_OK;
}

pxt_status pxt_cache_select(pxt_cache *cache, const struct pxt_selection *selection,
                            const struct pxt_select_options *options, size_t n, pxt_entry **out, size_t *found,
                            struct pxt_error *error)
{
    struct first first = {.cache = cache};
    (void)n;
    pxt_status status = pxt_choose(cache, selection, options, take_first, &first, error);
    *out = first.entry;
    *found = first.entry != NULL;
    return status ? status : first.entry ? PXT_OK : PXT_NOT_FOUND;
}
