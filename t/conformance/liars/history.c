/* SPDX-License-Identifier: MIT
 *
 * history.c: the history of the tier, and its faults.
 */
#include "tier.h"
#include <stdio.h>

static bool is_of(const struct kept_check *check, const char *key)
{
    return check->used &&
           (!strcmp(check->key, key) || (lies("history_by_prefix") && !strncmp(check->key, key, strlen(key))));
}

void history_forget(struct tier *tier, const char *key)
{
    for (struct kept_check *check = tier->store->check; check < tier->store->check + CHECKS; check++)
        if (is_of(check, key))
            check->used = false;
}

/* The newest of a key that came before; NULL: none is left. */
static struct kept_check *newest(struct tier *tier, const char *key, int64_t before)
{
    struct kept_check *found = NULL;
    for (struct kept_check *check = tier->store->check; check < tier->store->check + CHECKS; check++)
        if (is_of(check, key) && check->came < before && (!found || check->came > found->came))
            found = check;
    return found;
}

static void shorten(struct tier *tier, const char *key, uint64_t keep)
{
    uint64_t n = 0;
    struct kept_check *check = newest(tier, key, INT64_MAX);
    while (check) {
        int64_t came = check->came;
        if (++n > keep)
            check->used = false;
        check = newest(tier, key, came);
    }
}

pxt_status tier_check_add(void *self, const struct pxt_check *check, uint64_t keep, struct pxt_error *error)
{
    struct tier *tier = self;
    struct kept_check *place = NULL;
    lock(tier);
    for (struct kept_check *other = tier->store->check; other < tier->store->check + CHECKS; other++)
        if (!place && (!other->used || (lies("one_check_of_a_time") && !strcmp(other->key, check->key.text) &&
                                        other->time == check->time)))
            place = other;
    if (!place) {
        unlock(tier);
        return tier->host->fail(tier->host, error, PXT_ENOSPC, 0, "the history is full");
    }
    *place = (struct kept_check){.used = true,
                                 .has_message = check->error_message || lies("takes_no_error_for_an_empty_one"),
                                 .came = ++tier->store->came,
                                 .time = check->time,
                                 .status = check->status,
                                 .response_time_ms = check->response_time_ms};
    snprintf(place->key, sizeof place->key, "%s", check->key.text);
    snprintf(place->message, sizeof place->message, "%s", check->error_message ? check->error_message : "");
    snprintf(place->url, sizeof place->url, "%s", check->check_url);
    if (keep || lies("takes_0_for_no_history"))
        shorten(tier, place->key, keep);
    unlock(tier);
    return PXT_OK;
}

pxt_status tier_check_each(void *self, const struct pxt_key *key, pxt_check_fn *fn, void *arg, struct pxt_error *error)
{
    struct tier *tier = self;
    bool more = true;
    (void)error;
    if (lies("holds_a_lock_in_check_each"))
        pthread_mutex_lock(&tier->get_lock);
    lock(tier);
    for (int64_t before = INT64_MAX; more;) {
        struct kept_check *found = newest(tier, key->text, before), copy;
        if (!found)
            break;
        copy = *found;
        before = copy.came;
        unlock(tier);
        struct pxt_check check = {.size = sizeof check,
                                  .time = copy.time,
                                  .status = copy.status,
                                  .response_time_ms = copy.response_time_ms,
                                  .error_message = copy.has_message ? copy.message : NULL,
                                  .check_url = copy.url};
        tier->host->key_init(&check.key, copy.key, strlen(copy.key));
        more = fn(arg, &check);
        lock(tier);
    }
    unlock(tier);
    if (lies("holds_a_lock_in_check_each"))
        pthread_mutex_unlock(&tier->get_lock);
    return PXT_OK;
}
