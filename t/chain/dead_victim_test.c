/* SPDX-License-Identifier: MIT
 *
 * A proxy that fails too often after the policy has chosen it as a victim, and before it leaves: it stays known as dead.
 */
#include "../lib/tap.h"
#include "base/key.h"
#include "cache/cache_private.h"
#include "chain/demote.h"
#include "chain/stripes.h"
#include <proxtier/proxtier.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-dead-victim-XXXXXX";
static struct pxt_error error;

static pxt_cache *open_chain(const char *tier)
{
    char yaml[600];
    pxt_cache *cache = NULL;
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: plain}\nhealth: {failure_threshold: 1}\n"
             "tiers: [{plugin: l1_memory}, {plugin: %s, dir: %s/%s, max_entries: 5}]",
             tier, folder, tier);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

static void a_victim_dies(const char *tier, bool in_hurry)
{
    struct pxt_draft draft;
    struct pxt_report outcome = {.size = sizeof outcome, .ok = false, .latency_ms = -1};
    struct pxt_victims victims;
    struct pxt_key key;
    bool dead = false, evicted = false;
    pxt_cache *cache = open_chain(tier);
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, "k", 1);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    is_int(pxt_cache_put(cache, &draft, NULL, &error), PXT_OK, "%s: a put", tier);
    is_int(pxt_cache_report(cache, "k", &outcome, NULL, &evicted, &error), PXT_OK, "%s: a failure", tier);
    ok(evicted, "%s: too many", tier);
    pxt_key_init(&key, "k", 1);
    pxt_victims_init(&victims);
    victims.in_hurry = in_hurry;
    is_int(pxt_chain_lock(&cache->chain, &key, &error), PXT_OK, "%s: it was chosen as a victim before", tier);
    ok(pxt_demote_victim(&cache->chain, &cache->chain.tier[1], &key, &victims), "%s: it is not there any more", tier);
    pxt_chain_unlock(&cache->chain, &key);
    is_int(pxt_cache_put_list(cache, &draft, 1, NULL, NULL, &dead, &error), PXT_OK, "%s: the next list", tier);
    ok(dead, "%s: does not bring it back", tier);
    pxt_cache_clear(cache, NULL, NULL);
    pxt_cache_close(cache);
}

int main(void)
{
    char command[100];
    if (!mkdtemp(folder))
        return 1;
    for (int in_hurry = 0; in_hurry < 2; in_hurry++) {
        a_victim_dies("l2_jsonl", in_hurry);
        a_victim_dies("l2_sqlite", in_hurry);
    }
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command))
        diag("cannot clean up");
    return tap_done();
}
