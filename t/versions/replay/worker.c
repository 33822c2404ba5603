/* SPDX-License-Identifier: MIT
 *
 * worker.c: the calls of a worker. What no public call does alone is done with the functions of core/chain: one pass, one
 * checkpoint, one eviction.
 */
#include "worker.h"
#include "base/key.h"
#include "cache/cache_private.h"
#include "chain/demote.h"
#include "chain/stripes.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct worker *me;
static bool opening; /* a process does not start while a tier is away: then each tier answers */

/* ---- what the plugins call --------------------------------------------------------------------------------------- */

static void stop(enum access access)
{
    me->access = access;
    sem_post(&me->told);
    while (sem_wait(&me->go) && errno == EINTR) {
    }
    me->access = 0;
}

enum route replay_meet(unsigned tier, enum access access)
{
    if (opening)
        return access == ACCESS_VERSIONS && me && me->no_repair ? ROUTE_NO_VERSIONS : ROUTE_SHELF;
    me->route = ROUTE_SHELF;
    if (me->running && (me->stops & access)) {
        me->access_tier = tier;
        stop(access);
    }
    return replay_board->shelf[tier].away ? ROUTE_AWAY : me->route;
}

void replay_met(enum access access)
{
    if (!opening && me->running && (me->stops & access & ACCESS_CHANGES))
        stop(0);
}

unsigned replay_change(void)
{
    return me ? me->change : 0;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static unsigned number_of(const pxt_entry *entry)
{
    return (unsigned)strtoul(pxt_entry_text(entry, PXT_FIELD_SOURCE, NULL) + 1, NULL, 10);
}

static pxt_status put(pxt_cache *cache, struct pxt_error *error)
{
    struct pxt_draft draft;
    char source[20];
    const char *key = replay_board->key[me->key];
    pxt_draft_init(&draft);
    snprintf(source, sizeof source, "c%u", me->change);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, source, strlen(source));
    pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, me->ttl);
    return pxt_cache_put(cache, &draft, NULL, error);
}

static bool note_listed(void *arg, pxt_entry *entry)
{
    (void)arg;
    for (unsigned k = 0; k < SHELF_KEYS; k++)
        if (!strcmp(pxt_entry_key(entry), replay_board->key[k])) {
            me->told_change[k] = number_of(entry);
            me->told_times[k]++;
        }
    return true;
}

static pxt_status get(pxt_cache *cache, struct pxt_error *error)
{
    pxt_entry *entry = NULL;
    const char *key = replay_board->key[me->key];
    pxt_status status =
        me->call == CALL_GET ? pxt_cache_get(cache, key, &entry, error) : pxt_cache_peek(cache, key, &entry, error);
    if (!status)
        note_listed(NULL, entry);
    pxt_entry_release(entry);
    return status;
}

/* As if the policy of the tier had chosen the key. */
static pxt_status evict(struct pxt_chain *chain, struct pxt_error *error)
{
    struct pxt_key key;
    struct pxt_victims victims;
    const char *text = replay_board->key[me->key];
    pxt_victims_init(&victims);
    pxt_key_init(&key, text, strlen(text));
    pxt_status status = pxt_chain_lock(chain, &key, error);
    if (status)
        return status;
    pxt_demote_victim(chain, &chain->tier[me->tier], &key, &victims);
    pxt_chain_unlock(chain, &key);
    pxt_demote_victims(chain, &victims);
    return PXT_OK;
}

/* Calls the tier until it is turned off. */
static pxt_status find_off(struct pxt_tier *tier)
{
    uint64_t count;
    for (int i = 0; i < OFF_AFTER; i++)
        pxt_tier_count(tier, &count, NULL);
    return pxt_tier_on(tier) ? PXT_EINVAL : PXT_OK;
}

/* Has the back-off end now: it goes by a clock that cannot be replaced. The repair that follows a probe is a step of its
 * own in a schedule. */
static pxt_status find_on(struct pxt_tier *tier)
{
    uint64_t count;
    if (pxt_tier_on(tier))
        return pxt_tier_count(tier, &count, NULL);
    if (!pxt_breaker_may_probe(&tier->breaker, INT64_MAX) || tier->ops->count(tier->self, &count, NULL))
        return PXT_EINVAL;
    pxt_breaker_probed(&tier->breaker, true, 0, "");
    return pxt_tier_count(tier, &count, NULL);
}

/* The same as a call of the core does it, with the repair. */
static pxt_status probe(struct pxt_chain *chain, struct pxt_tier *tier)
{
    tier->breaker.probe_at_ms = 0;
    pxt_chain_probe_down_tiers(chain);
    return pxt_tier_on(tier) ? PXT_OK : PXT_EINVAL;
}

static pxt_status make_call(pxt_cache *cache, struct pxt_error *error)
{
    struct pxt_chain *chain = &cache->chain;
    uint64_t expired;
    switch (me->call) {
    case CALL_PUT:
        return put(cache, error);
    case CALL_DELETE:
        return pxt_cache_delete(cache, replay_board->key[me->key], error);
    case CALL_GET:
    case CALL_PEEK:
        return get(cache, error);
    case CALL_LIST:
        return pxt_cache_each(cache, note_listed, NULL, error);
    case CALL_EVICT:
        return evict(chain, error);
    case CALL_PASS:
        return pxt_chain_repair(chain, error);
    case CALL_CHECKPOINT:
        return pxt_members_checkpoint(chain, false, error);
    case CALL_DROP:
        return pxt_chain_expire(chain, &expired, error);
    case CALL_TIER_GOES:
        return find_off(&chain->tier[me->tier]);
    case CALL_TIER_COMES:
        return find_on(&chain->tier[me->tier]);
    case CALL_PROBE:
        return probe(chain, &chain->tier[me->tier]);
    case CALL_CLOSE:
    case CALL_NONE:
        break;
    }
    return PXT_OK;
}

/* ---- the process ------------------------------------------------------------------------------------------------- */

/* A clock that goes only when the conductor sets it. */
static pxt_time read_clock(void *arg)
{
    (void)arg;
    return replay_board->now;
}

static pxt_cache *open_pool(void)
{
    struct pxt_error error = {.message = ""};
    pxt_cache *cache = NULL;
    opening = true;
    struct pxt_cache_options options = {
        .size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = replay_board->config, .clock = read_clock};
    if (pxt_cache_open(&options, &cache, &error))
        printf("# a worker cannot open the pool: %s\n", error.message);
    opening = false;
    return cache;
}

bool warm_up(void)
{
    pxt_cache *cache = open_pool();
    opening = true;
    pxt_cache_close(cache);
    opening = false;
    return cache != NULL;
}

int work(unsigned number)
{
    struct worker *worker = &replay_board->worker[number];
    struct pxt_error error;
    worker->running = false;
    me = worker;
    pxt_cache *cache = open_pool();
    worker->status = cache ? PXT_OK : PXT_EIO;
    sem_post(&worker->told);
    while (cache) {
        while (sem_wait(&worker->go) && errno == EINTR) {
        }
        if (worker->call == CALL_CLOSE)
            break; /* what closing does is not stepped */
        memset(worker->told_change, 0, sizeof worker->told_change);
        memset(worker->told_times, 0, sizeof worker->told_times);
        error.message[0] = '\0';
        worker->running = true;
        worker->status = make_call(cache, &error);
        worker->running = false;
        snprintf(worker->message, sizeof worker->message, "%s", error.message);
        sem_post(&worker->told);
    }
    pxt_cache_close(cache);
    return cache ? 0 : 1;
}
