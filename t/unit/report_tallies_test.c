/* SPDX-License-Identifier: MIT
 *
 * A report counts as a check of the writer that the chain is, and of nobody else. A caller's draft says nothing of tallies,
 * nor of what else the core keeps for itself.
 */
#include "../lib/tap.h"
#include "cache/cache_private.h"
#include <proxtier/proxtier.h>

static pxt_cache *cache;
static struct pxt_error error;

static void as_writer(const char *writer, bool good)
{
    struct pxt_report report = {.size = sizeof report, .ok = good, .latency_ms = 1};
    snprintf(cache->chain.writer, sizeof cache->chain.writer, "%s", writer);
    is_int(pxt_cache_report(cache, "k", &report, NULL, NULL, &error), PXT_OK, "a %s report of writer \"%s\"",
           good ? "good" : "bad", writer);
}

static void tallies_are(const char *tallies, int checks, int failures)
{
    pxt_entry *entry = NULL;
    is_int(pxt_cache_peek(cache, "k", &entry, &error), PXT_OK, "the entry");
    if (!entry)
        return;
    is_str(pxt_entry_text(entry, PXT_FIELD_TALLIES, NULL), tallies, "... its tallies");
    is_int(pxt_entry_number(entry, PXT_FIELD_TOTAL_HEALTH_CHECKS), checks, "... checks in all");
    is_int(pxt_entry_number(entry, PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES), failures, "... failures in all");
    pxt_entry_release(entry);
}

static void put(void)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, "k", 1);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    is_int(pxt_cache_put(cache, &draft, NULL, &error), PXT_OK, "a put");
}

static void a_draft_cannot_say_what_the_core_keeps_for_itself(bool batch)
{
    struct pxt_draft draft;
    pxt_entry *entry = NULL;
    const char *how = batch ? "put_many" : "put", *key = batch ? "b" : "a";
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, 1);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_number(&draft, PXT_FIELD_VERSION, INT64_MAX);
    pxt_draft_set_number(&draft, PXT_FIELD_SUPPLIED_VERSION, -1);
    pxt_draft_set_number(&draft, PXT_FIELD_LEARNT_VERSION, INT64_MAX);
    pxt_draft_set_number(&draft, PXT_FIELD_REMOVED, 1);
    pxt_draft_set_text(&draft, PXT_FIELD_TALLIES, "feedbeef:9:9", 12);
    is_int(batch ? pxt_cache_put_many(cache, &draft, 1, NULL, NULL, &error)
                 : pxt_cache_put(cache, &draft, NULL, &error),
           PXT_OK, "%s: a draft with fields that are the core's", how);
    is_int(pxt_cache_peek(cache, key, &entry, &error), PXT_OK, "%s: ... is stored, and not removed", how);
    if (!entry)
        return;
    ok(pxt_entry_number(entry, PXT_FIELD_VERSION) != INT64_MAX, "%s: ... without its version", how);
    ok(pxt_entry_number(entry, PXT_FIELD_LEARNT_VERSION) != INT64_MAX, "%s: ... nor that of a report", how);
    ok(!pxt_entry_has(entry, PXT_FIELD_TALLIES), "%s: ... nor tallies", how);
    pxt_entry_release(entry);
}

int main(void)
{
    struct pxt_cache_options options = {.size = sizeof options,
                                        .flags = PXT_OPEN_NO_JANITOR,
                                        .config_text = "encryptor: {plugin: plain}\nhealth: {invalidate: false}\n"
                                                       "tiers: [{plugin: l1_memory}]"};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        return 1;
    }
    put();
    tallies_are(NULL, 0, 0);
    as_writer("0000beef", false);
    tallies_are("0000beef:1:1", 1, 1);
    as_writer("00000001", true);
    as_writer("0000beef", true);
    tallies_are("00000001:1:0;0000beef:2:1", 3, 1);
    put();
    tallies_are("00000001:1:0;0000beef:2:1", 3, 1);
    as_writer("", false);
    tallies_are("0:1:1;00000001:1:0;0000beef:2:1", 4, 2);
    a_draft_cannot_say_what_the_core_keeps_for_itself(false);
    a_draft_cannot_say_what_the_core_keeps_for_itself(true);
    pxt_cache_close(cache);
    return tap_done();
}
