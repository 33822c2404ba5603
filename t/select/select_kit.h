/* SPDX-License-Identifier: MIT
 *
 * select_kit.h: pools to choose from.
 */
#ifndef SELECT_KIT_H
#define SELECT_KIT_H

#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define T0 INT64_C(1767225600000000) /* 2026-01-01 */
static struct pxt_error error;
static pxt_time clock_now = T0;

static __attribute__((unused)) pxt_time test_clock(void *arg)
{
    (void)arg;
    return clock_now;
}

/* Opens a chain of the tiers that the YAML flow list `tiers` names. */
static __attribute__((unused)) pxt_cache *open_pool(const char *tiers)
{
    char text[2000];
    pxt_cache *cache;
    snprintf(text, sizeof text,
             "plugin_dirs: [%s]\nencryptor: {plugin: plain}\nhealth: {invalidate: false}\ntiers: [%s]",
             getenv("PROXTIER_REFUSED_PLUGINS"), tiers);
    struct pxt_cache_options options = {
        .size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = text, .clock = test_clock};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

/* Stores an entry with a key of its own; `url` NULL: one made of the key's number. */
static __attribute__((unused)) void put(pxt_cache *cache, const char *key, const char *url, const char *source)
{
    struct pxt_draft draft;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, key, strlen(key));
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, url, strlen(url));
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, source, strlen(source));
    if (pxt_cache_put(cache, &draft, NULL, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
}

/* The key that is chosen; "" where there is none. */
static __attribute__((unused)) const char *choose(pxt_cache *cache, const struct pxt_selection *selection,
                                                  enum pxt_choice choice, const char *session)
{
    static char key[PXT_KEY_MAX + 1];
    struct pxt_select_options options = {.size = sizeof options, .choice = choice, .session = session};
    pxt_entry *entry = NULL;
    size_t found;
    pxt_status status = pxt_cache_select(cache, selection, &options, 1, &entry, &found, &error);
    snprintf(key, sizeof key, "%s", status ? "" : pxt_entry_key(entry));
    pxt_entry_release(entry);
    return key;
}

#endif
