/* SPDX-License-Identifier: MIT
 *
 * tiers_kit.h: one stock tier, opened through the ABI alone, for tests that are the same for all tiers.
 */
#ifndef TIERS_KIT_H
#define TIERS_KIT_H

#include "base/fail.h"
#include "base/key.h"
#include "entry/entry.h"
#include "plugin_user.h"
#include "tap.h"
#include <stdlib.h>
#include <unistd.h>

static const char *name;
static char yaml[200];
static struct plugin_user user, policy;
static const struct pxt_tier_ops *ops;
static void *self;
static struct pxt_error error;
#define T0 INT64_C(1767225600000000)

__attribute__((unused)) static void set_place(const char *tier, const char *sub)
{
    name = tier;
    if (!strcmp(tier, "l1_memory"))
        strcpy(yaml, "{shards: 4}");
    else if (!strcmp(tier, "l3_sqlite"))
        snprintf(yaml, sizeof yaml, "{path: %s/%s-%s.db, busy_timeout: 300ms}", test_folder(), sub, tier);
    else if (!strcmp(tier, "l2_sqlite"))
        snprintf(yaml, sizeof yaml, "{dir: %s/%s-%s, busy_timeout: 300ms}", test_folder(), sub, tier);
    else
        snprintf(yaml, sizeof yaml, "{dir: %s/%s-%s, lock_timeout: 300ms}", test_folder(), sub, tier);
}

__attribute__((unused)) static pxt_status open_tier(const char *eviction, uint64_t capacity)
{
    struct pxt_tier_setup setup;
    use_plugin(&user, name, yaml);
    use_policy(&user, &policy, &setup, eviction ? eviction : "lru", capacity);
    if (!eviction)
        setup.policy = NULL;
    ops = user.module->ops;
    pxt_status status = ops->open(&user.host.host, &setup, &self, &error);
    if (status)
        diag("%s", error.message);
    return status;
}

__attribute__((unused)) static void close_tier(void)
{
    ops->close(self);
    leave_plugin(&policy);
    leave_plugin(&user);
}

__attribute__((unused)) static struct pxt_key key_of(const char *text)
{
    struct pxt_key key;
    pxt_key_init(&key, text, strlen(text));
    return key;
}

__attribute__((unused)) static pxt_status put(const char *key, pxt_time fetched, int64_t count, pxt_time accessed,
                                              pxt_time expires)
{
    pxt_entry *entry = make_entry(&user, key, fetched, count, accessed, expires);
    pxt_status status = ops->put(self, entry, &error);
    pxt_entry_release(entry);
    return status;
}

__attribute__((unused)) static pxt_status put_simply(const char *key)
{
    return put(key, T0, 0, T0, T0 + 3600 * PXT_SECOND);
}

__attribute__((unused)) static pxt_status get(const char *text, pxt_entry **out)
{
    struct pxt_key key = key_of(text);
    *out = NULL;
    return ops->get(self, &key, 0, out, &error);
}

__attribute__((unused)) static bool has(const char *text)
{
    pxt_entry *entry;
    pxt_status status = get(text, &entry);
    pxt_entry_release(entry);
    return status == PXT_OK;
}

__attribute__((unused)) static uint64_t count(void)
{
    uint64_t number = 0;
    ops->count(self, &number, &error);
    return number;
}

__attribute__((unused)) static bool count_one(void *arg, pxt_entry *entry)
{
    (void)entry;
    return ++*(int *)arg > 0;
}

__attribute__((unused)) static void count_key(void *arg, const struct pxt_key *key)
{
    ++*(int *)arg;
    (void)key;
}

#endif
