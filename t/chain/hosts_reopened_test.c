/* SPDX-License-Identifier: MIT
 *
 * A host opens its files while the server is away, and the server is opened later, by another thread while a key is locked: until
 * the server has joined the members of the pool it decides nothing.
 */
#include "cache/cache_private.h"
#include "chain/decide.h"
#include "chain/repair.h"
#include "hosts.h"

/* What the tiers say of a key; -1: that it is dead, or not there. */
static int64_t decided(pxt_cache *cache, const char *name, unsigned flags)
{
    struct pxt_key key;
    struct pxt_decision decision;
    pxt_key_init(&key, name, strlen(name));
    pxt_status status = pxt_chain_decide(&cache->chain, &key, flags, &decision, &error);
    bool alive = status == PXT_OK && !pxt_chain_dead(&cache->chain, decision.entry);
    int64_t value = alive ? pxt_entry_number(decision.entry, PXT_FIELD_TTL_SECONDS) - TTL : -1;
    pxt_entry_release(decision.entry);
    return value;
}

static void a_server_that_has_not_joined_decides_nothing(void)
{
    static const char quick[] = "degrade: {threshold: 1, backoff: 1ms, backoff_max: 1ms}\n";
    static const struct host host_a = {"a", false, false, "", quick},
                             host_b = {"b", true, false, ", required: false", quick};
    empty_folder();
    pxt_cache *a = open_host(&host_a), *b = open_host(&host_b);
    put(a, "k", 1);
    is_int(get(b, "k"), 1, "both hosts have an entry");
    is_int(pxt_cache_delete(a, "k", &error), PXT_OK, "a deletes it");
    pxt_cache_tick(b, NULL, NULL);
    close_hosts(a, b);
    set_down(true);
    b = open_host(&host_b);
    is_int(put(b, "k", 2), PXT_OK, "without the server b puts it again");
    set_down(false);
    sleep_ms(5);
    pxt_chain_reopen(&b->chain, &b->chain.tier[2]);
    ok(pxt_tier_on(&b->chain.tier[2]), "the server is opened");
    is_int(decided(b, "k", PXT_GET_PEEK), 2, "what b has counts");
    is_int(decided(b, "k", PXT_GET_PEEK | PXT_TIER_GET_FOR_WRITE), 2, "for a change, too");
    is_int(get(b, "k"), 2, "and when the server has joined");
    pxt_cache_tick(b, NULL, NULL);
    a = open_host(&host_a);
    is_int(get(a, "k"), 2, "the server is given it");
    close_hosts(a, b);
}

int main(void)
{
    begin_tests();
    a_server_that_has_not_joined_decides_nothing();
    return end_tests();
}
