/* SPDX-License-Identifier: MIT
 *
 * Damage that a tier finds while a pass makes its keys equal: the tier stays in doubt also for the words of that pass, although the
 * pass puts another tier in doubt afterwards, as that needs a copy.
 */
#include "../lib/tap.h"
#include "base/key.h"
#include "cache/cache_private.h"
#include "chain/change.h"
#include "chain/repair.h"
#include "entry/entry.h"
#include <proxtier/proxtier.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-pass-XXXXXX";
static struct pxt_error error;
static const struct pxt_tier_ops *lower;
static struct pxt_tier_ops above;
static bool damages; /* the next get of the slowest tier finds that `lost` is damaged */
static struct pxt_key lost;
static uint64_t found;

static pxt_status get_damaged(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                              struct pxt_error *why)
{
    if (damages && !lower->del(self, &lost, PXT_REMOVE_DELETED, why))
        found++;
    damages = false;
    return lower->get(self, key, flags, out, why);
}

static uint64_t corruptions(void *self)
{
    (void)self;
    return found;
}

static bool has(struct pxt_tier *tier, const struct pxt_key *key)
{
    pxt_entry *entry = NULL;
    pxt_status status = pxt_tier_get(tier, key, PXT_GET_PEEK, &entry, &error);
    pxt_entry_release(entry);
    return status == PXT_OK;
}

static void put(pxt_cache *cache, const struct pxt_key *key)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key->text, key->length);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    is_int(pxt_cache_put(cache, &draft, NULL, &error), PXT_OK, "%s is stored", key->text);
}

/* Writes a newer version to one tier only: as a program does that knows no versions, or another host. */
static void write_newer(struct pxt_chain *chain, struct pxt_tier *tier, const struct pxt_key *key)
{
    pxt_entry *entry = NULL, *newer = NULL;
    if (pxt_tier_get(tier, key, PXT_GET_PEEK, &entry, &error) || pxt_entry_copy(entry, false, &newer, &error))
        exit(1);
    uint64_t version = pxt_version_next(&chain->page, pxt_entry_version(entry));
    pxt_entry_set_versions(newer, version, version, version);
    is_int(pxt_tier_put(tier, newer, &error), PXT_OK, "tier %s has a newer version of %s", tier->name, key->text);
    pxt_entry_release(entry);
    pxt_entry_release(newer);
}

static pxt_cache *open_chain(void)
{
    char yaml[600];
    pxt_cache *cache = NULL;
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: plain}\n"
             "tiers: [{name: l2, plugin: l2_jsonl, dir: %s/l2}, {name: l3, plugin: l3_sqlite, path: %s/l3.db}]",
             folder, folder);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

int main(void)
{
    char command[100], text[20];
    struct pxt_key key;
    if (!mkdtemp(folder))
        return 1;
    pxt_key_init(&lost, "lost", 4);
    for (unsigned i = 0;; i++) { /* another key of the same word */
        snprintf(text, sizeof text, "k%u", i);
        pxt_key_init(&key, text, strlen(text));
        if (key.hash % PXT_WORDS == lost.hash % PXT_WORDS)
            break;
    }
    pxt_cache *cache = open_chain();
    struct pxt_chain *chain = &cache->chain;
    struct pxt_tier *slow = &chain->tier[1];
    put(cache, &lost);
    put(cache, &key);
    is_int(pxt_cache_tick(cache, NULL, &error), PXT_OK, "all tiers agree, up to a checkpoint");
    write_newer(chain, slow, &key);
    pxt_word_begin(&chain->page, key.hash, pxt_chain_bit(chain, slow), NULL);
    lower = slow->ops;
    above = *lower;
    above.get = get_damaged;
    above.get_many = NULL;
    above.corruptions = corruptions;
    slow->ops = &above;
    atomic_store(&slow->corruptions_seen, 0);
    damages = true;
    pxt_chain_repair(chain, &error);
    is_int((int64_t)found, 1, "during a pass l3 finds damage");
    ok(!has(slow, &lost), "and has lost an entry that is older than the checkpoint");
    ok(pxt_word_doubts(pxt_word(&chain->page, lost.hash)) & pxt_chain_bit(chain, slow), "it stays in doubt for that");
    pxt_chain_repair(chain, &error);
    ok(has(slow, &lost), "so that the next pass gives it back");
    is_int(pxt_words_doubted(&chain->page, pxt_chain_members(chain), NULL), 0, "and no doubt is left");
    slow->ops = lower;
    pxt_cache_close(cache);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command))
        diag("cannot clean up");
    return tap_done();
}
