/* SPDX-License-Identifier: MIT
 *
 * pool.c: see pool.h.
 */
#include "pool.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { TTL = 1000000 }; /* of value 0, in seconds: the time to live tells what was put */

const char server_name[] = "far";
const char *const lease_source[2] = {"leased", "leased-by-two"};

void key_text(int key, char text[KEY_TEXT])
{
    snprintf(text, KEY_TEXT, "key%d", key);
}

int key_number(const char *text)
{
    return atoi(text + 3);
}

static const char *source_of(int key)
{
    return key < FIRST_LEASED ? "list" : lease_source[key >= FIRST_SHARED];
}

static void files_text(const struct host *host, char *text, size_t size)
{
    *text = '\0';
    if (host->files == JSONL)
        snprintf(text, size, "{name: l2, plugin: l2_jsonl, dir: %s/l2, max_entries: %d, lock_timeout: 60s}",
                 host->folder, JSONL_CAPACITY);
    else if (host->files == SQLITE)
        snprintf(text, size, "{name: l3, plugin: l3_sqlite, path: %s/l3.db, busy_timeout: 60s}", host->folder);
}

pxt_status pool_open(const struct host *host, pxt_cache **cache, struct pxt_error *error)
{
    char text[2000], files[600], server[500] = "";
    mkdir(host->folder, 0700);
    setenv("PROXTIER_STATE_DIR", host->folder, 1);
    files_text(host, files, sizeof files);
    if (host->server)
        snprintf(server, sizeof server, ", {name: %s, %s, required: false}", server_name, host->server);
    snprintf(text, sizeof text,
             "lock_timeout: 60s\nhealth: {invalidate: false}\n"
             "degrade: {threshold: 2, backoff: 20ms, backoff_max: 100ms}\n"
             "tiers: [{name: l1, plugin: l1_memory, max_entries: 40}%s%s%s]",
             *files ? ", " : "", files, server);
    struct pxt_cache_options options = {
        .size = sizeof options, .flags = host->janitor ? 0 : PXT_OPEN_NO_JANITOR, .config_text = text};
    *cache = NULL;
    return pxt_cache_open(&options, cache, error);
}

pxt_status pool_put(pxt_cache *cache, struct event *event, struct pxt_error *error)
{
    struct pxt_draft draft;
    char key[KEY_TEXT], url[60];
    const char *source = source_of(event->key);
    key_text(event->key, key);
    snprintf(url, sizeof url, "http://192.0.2.%d:8080", event->key + 1);
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, url, strlen(url));
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, source, strlen(source));
    pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, TTL + event->value);
    event->call = CALL_PUT;
    event->begin = monotonic_ns();
    pxt_status status = pxt_cache_put(cache, &draft, NULL, error);
    event->end = monotonic_ns();
    event->status = (uint8_t)status;
    return status;
}

pxt_status pool_get(pxt_cache *cache, struct event *event, struct pxt_error *error)
{
    char key[KEY_TEXT];
    pxt_entry *entry = NULL;
    key_text(event->key, key);
    event->call = CALL_GET;
    event->begin = monotonic_ns();
    pxt_status status = pxt_cache_get(cache, key, &entry, error);
    event->end = monotonic_ns();
    event->status = (uint8_t)status;
    event->value = NOTHING;
    if (!status) {
        event->value = (int32_t)(pxt_entry_number(entry, PXT_FIELD_TTL_SECONDS) - TTL);
        event->version = pxt_entry_number(entry, PXT_FIELD_VERSION);
        event->supplied = pxt_entry_number(entry, PXT_FIELD_SUPPLIED_VERSION);
        event->checks = (int32_t)pxt_entry_number(entry, PXT_FIELD_TOTAL_HEALTH_CHECKS);
    }
    pxt_entry_release(entry);
    return status;
}
