/* SPDX-License-Identifier: MIT
 *
 * chain.c: opens and closes a chain.
 */
#include "chain/chain.h"
#include "base/fail.h"
#include "base/paths.h"
#include "chain/exchange.h"
#include "chain/members.h"
#include "chain/promote_late.h"
#include "chain/remote.h"
#include "chain/soft_read.h"
#include <unistd.h>

/* The slowest remote tier that is durable is the authority, also while it is absent. */
static pxt_status note_remote(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_tier_config *config,
                              struct pxt_error *error)
{
    if (!(tier->flags & PXT_TIER_REMOTE))
        return tier->soft_timeout && tier->ops
                   ? pxt_fail(error, PXT_ECONFIG, 0,
                              "tier %s is on this machine: soft_timeout is for others; remove it", tier->name)
                   : PXT_OK;
    pxt_status status = pxt_soft_open(tier, error);
    if (status)
        return status;
    chain->max_staleness_ms = pxt_settings_number(config->settings, "max_staleness") / 1000;
    if (tier->write_behind)
        return pxt_fail(
            error, PXT_ECONFIG, 0,
            "tier %s is shared with other hosts, whose changes are put in order there: it cannot be written "
            "behind; remove write_behind",
            tier->name);
    if (!pxt_tier_durable(tier))
        return PXT_OK;
    chain->authority = tier;
    chain->any_durable = true;
    return PXT_OK;
}

/* Refuses two tiers on one store, where their options do not show that: of two plugins, or below other tiers. */
static pxt_status check_stores_apart(const struct pxt_chain *chain, struct pxt_error *error)
{
    for (unsigned i = 0; i < chain->count; i++)
        for (unsigned j = 0; j < i; j++) {
            const char *one = pxt_tier_shared_path(&chain->tier[j]), *other = pxt_tier_shared_path(&chain->tier[i]);
            if (one && other && pxt_path_same(one, other))
                return pxt_fail(error, PXT_ECONFIG, 0, "tiers %s and %s have the same store, %s: give each its own",
                                chain->tier[j].name, chain->tier[i].name, one);
        }
    return PXT_OK;
}

/* Whether a get finds a key also while a change of it is open, which makes copies in private tiers stale: another tier has
 * it, and the word of the key tells of the change. */
static bool changes_leave_copies_readable(const struct pxt_chain *chain)
{
    bool all_shared = true;
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_tier_present(&chain->tier[i]) && pxt_tier_durable(&chain->tier[i]))
            all_shared &= (chain->tier[i].flags & PXT_TIER_SHARED) != 0;
    return chain->generations && (all_shared || chain->page.fd < 0);
}

pxt_status pxt_chain_open(struct pxt_chain *chain, const struct pxt_config *config, const struct pxt_logger *logger,
                          const struct pxt_clock *clock, pxt_seal_fn *seal, void *seal_arg, struct pxt_error *error)
{
    chain->clock = *clock;
    chain->logger = logger;
    chain->with_proxywhirl = config->with_proxywhirl;
    chain->sharing = config->sharing;
    chain->page.fd = -1; /* pxt_chain_close() looks at it, even if this function fails */
    chain->expire_batch = (size_t)pxt_settings_number(config->settings, "cleanup.batch");
    chain->max_skew = pxt_settings_number(config->settings, "max_skew");
    chain->opened = pxt_clock_now(clock);
    chain->totals_process = getpid();
    pthread_mutex_init(&chain->totals_lock, NULL);
    chain->clock_tolerance = pxt_settings_number(config->settings, "clock_tolerance");
    chain->fail_safe = pxt_settings_number(config->settings, "fail_safe");
    chain->fail_safe_max = pxt_settings_number(config->settings, "fail_safe_max");
    chain->tombstone_keep = pxt_settings_number(config->settings, "tombstone_keep");
    /* ProxyWhirl knows no tombstones: none may be left in its files. */
    chain->dead_for = chain->with_proxywhirl ? 0 : pxt_settings_number(config->settings, "health.dead_for");
    chain->dead_max = (uint64_t)pxt_settings_number(config->settings, "health.dead_max");
    pthread_mutex_init(&chain->join_lock, NULL);
    pxt_word_locks_init(&chain->word_locks);
    pxt_flights_init(&chain->flights);
    chain->promote_late = pxt_promote_late;
    const struct pxt_tier_context context = {
        config->settings, config->plugin_folders, logger, &chain->clock, config->sharing, seal, seal_arg};
    for (; chain->count < config->tier_count; chain->count++) {
        struct pxt_tier *tier = &chain->tier[chain->count];
        pxt_remote_listen(chain, tier);
        pxt_status status = pxt_tier_open(tier, chain->count, &config->tier[chain->count], &context, error);
        if (!status)
            status = note_remote(chain, tier, &config->tier[chain->count], error);
        if (status) {
            chain->count++; /* its locks exist */
            return status;
        }
        chain->any_durable |= pxt_tier_present(tier) && pxt_tier_durable(tier);
    }
    pxt_status status = pxt_exchange_open(chain, error);
    for (unsigned i = 0; i < chain->count; i++)
        if (pxt_tier_shared_path(&chain->tier[i]) && pxt_tier_stores(&chain->tier[i]))
            chain->shared = &chain->tier[i]; /* the slowest has everything */
    if (!status)
        status = check_stores_apart(chain, error);
    if (!status)
        status = pxt_remote_places(chain, config, error);
    if (status)
        return status;
    status = pxt_members_open(chain, pxt_settings_number(config->settings, "lock_timeout") / 1000, error);
    chain->gets_need_no_lock = status == PXT_OK && changes_leave_copies_readable(chain);
    chain->is_open = status == PXT_OK;
    return status;
}

void pxt_chain_close(struct pxt_chain *chain)
{
    pxt_soft_close(chain);
    for (unsigned i = 0; i < chain->count; i++)
        pxt_tier_close(&chain->tier[i]);
    pxt_page_close(&chain->page);
    pxt_free(chain->page_place);
    pxt_free(chain->remote_place);
    for (unsigned i = 0; i < PXT_THREAD_MAX; i++)
        pxt_free(atomic_load(&chain->counts[i]));
    pxt_flights_destroy(&chain->flights);
    pxt_word_locks_destroy(&chain->word_locks);
    pthread_mutex_destroy(&chain->join_lock);
    pthread_mutex_destroy(&chain->totals_lock);
    pxt_hazard_reclaim();
}
