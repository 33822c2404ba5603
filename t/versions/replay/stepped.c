/* SPDX-License-Identifier: MIT
 *
 * stepped: a tier for replays: stands on a shelf, and stops before each access until the conductor lets it go on. The
 * conductor says which way the access goes: to the shelf, or to the shelf through the plugin `fault`, whose rule makes it
 * fail as the schedule says.
 */
#include "board.h"
#include <stdio.h>
#include <stdlib.h>

struct stepped {
    const struct pxt_host *host;
    struct pxt_tier_setup setup;
    unsigned number;
    struct pxt_lower_tier *lower[ROUTES]; /* opened when they are needed */
    struct pxt_tier_ops ops;
};

static const struct pxt_option options[] = {
    {"place", PXT_OPTION_INTEGER, "0", 0, SHELVES - 1, NULL, "the number of the shelf"},
    {NULL, PXT_OPTION_TEXT, NULL, 0, 0, NULL, NULL}};

/* The rules of `fault` for each way. A torn write of one entry has its effect. */
static const char *const faults[ROUTES] = {
    [ROUTE_REFUSED] = "put all fail ENOSPC;del all fail ENOSPC",
    [ROUTE_LOST] = "put all fail EIO;del all fail EIO",
    [ROUTE_DONE] = "put all tear EIO;del all tear EIO",
    [ROUTE_SYNC_FAILS] = "sync all tear EIO",
    [ROUTE_AWAY] = "any all fail EIO",
    [ROUTE_NO_VERSIONS] = "versions all fail EBUSY",
};

static pxt_status open_way(struct stepped *stepped, enum route route, struct pxt_error *error)
{
    char text[200];
    const struct pxt_host *host = stepped->host;
    if (stepped->lower[route])
        return PXT_OK;
    if (!faults[route]) {
        snprintf(text, sizeof text, "place=%u", stepped->number);
        return host->tier_open(host, "shelf", text, &stepped->setup, host, &stepped->lower[route], error);
    }
    snprintf(text, sizeof text, "tier=shelf,tier_options=place=%u%s,faults=%s", stepped->number,
             route == ROUTE_SYNC_FAILS ? "f" : "", faults[route]);
    return host->tier_open(host, "fault", text, &stepped->setup, host, &stepped->lower[route], error);
}

/* Calls an operation of the tier below. */
#define PASS_ON(access, operation, ...)                                                                                \
    struct stepped *stepped = self;                                                                                    \
    enum route route = replay_meet(stepped->number, access);                                                           \
    pxt_status status = open_way(stepped, route, error);                                                               \
    if (!status)                                                                                                       \
        status = stepped->lower[route]->ops->operation(stepped->lower[route]->self, __VA_ARGS__);                      \
    replay_met(access);                                                                                                \
    return status

static pxt_status on_get(void *self, const struct pxt_key *key, unsigned flags, pxt_entry **out,
                         struct pxt_error *error)
{
    PASS_ON(ACCESS_GET, get, key, flags, out, error);
}

static pxt_status on_put(void *self, pxt_entry *entry, struct pxt_error *error)
{
    PASS_ON(ACCESS_WRITE, put, entry, error);
}

static pxt_status on_del(void *self, const struct pxt_key *key, enum pxt_removal why, struct pxt_error *error)
{
    PASS_ON(ACCESS_WRITE, del, key, why, error);
}

static pxt_status on_each(void *self, pxt_entry_fn *fn, void *arg, struct pxt_error *error)
{
    PASS_ON(ACCESS_EACH, each, fn, arg, error);
}

static pxt_status on_count(void *self, uint64_t *out, struct pxt_error *error)
{
    PASS_ON(0, count, out, error);
}

static pxt_status on_touch(void *self, const struct pxt_touch *touches, size_t n, struct pxt_error *error)
{
    PASS_ON(0, touch, touches, n, error);
}

static pxt_status on_expire(void *self, pxt_time now, uint64_t up_to, size_t limit, pxt_key_fn *fn, void *arg,
                            uint64_t *removed, struct pxt_error *error)
{
    PASS_ON(0, expire, now, up_to, limit, fn, arg, removed, error);
}

static pxt_status on_sync(void *self, struct pxt_error *error)
{
    PASS_ON(ACCESS_SYNC, sync, error);
}

static pxt_status on_versions(void *self, uint64_t above, pxt_version_fn *fn, void *arg, struct pxt_error *error)
{
    PASS_ON(ACCESS_VERSIONS, versions, above, fn, arg, error);
}

static pxt_status on_record_get(void *self, char text[PXT_RECORD_MAX + 1], struct pxt_error *error)
{
    PASS_ON(0, record_get, text, error);
}

static pxt_status on_record_put(void *self, const char *text, struct pxt_error *error)
{
    PASS_ON(ACCESS_RECORD, record_put, text, error);
}

static const char *shared_path(void *self)
{
    const struct pxt_lower_tier *lower = ((const struct stepped *)self)->lower[ROUTE_SHELF];
    return lower->ops->shared_path(lower->self);
}

static uint64_t corruptions(void *self)
{
    const struct stepped *stepped = self;
    uint64_t sum = 0;
    for (unsigned i = 0; i < ROUTES; i++)
        sum += stepped->lower[i] ? stepped->lower[i]->ops->corruptions(stepped->lower[i]->self) : 0;
    return sum;
}

static const struct pxt_tier_ops *instance_ops(void *self)
{
    return &((const struct stepped *)self)->ops;
}

static void stepped_close(void *self)
{
    struct stepped *stepped = self;
    for (unsigned i = 0; i < ROUTES; i++)
        stepped->host->tier_close(stepped->lower[i]);
    free(stepped);
}

static pxt_status stepped_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                               struct pxt_error *error);

static const struct pxt_tier_ops ops = {
    .size = sizeof ops,
    .flags = PXT_TIER_CONCURRENT | PXT_TIER_DURABLE | PXT_TIER_SHARED | PXT_TIER_VERSIONS,
    .open = stepped_open,
    .close = stepped_close,
    .get = on_get,
    .put = on_put,
    .del = on_del,
    .each = on_each,
    .count = on_count,
    .touch = on_touch,
    .expire = on_expire,
    .sync = on_sync,
    .shared_path = shared_path,
    .corruptions = corruptions,
    .instance_ops = instance_ops,
    .versions = on_versions,
    .record_get = on_record_get,
    .record_put = on_record_put,
};

static pxt_status stepped_open(const struct pxt_host *host, const struct pxt_tier_setup *setup, void **self,
                               struct pxt_error *error)
{
    struct stepped *stepped = calloc(1, sizeof *stepped);
    if (!stepped)
        return host->fail(host, error, PXT_ENOMEM, 0, "out of memory for a tier");
    stepped->host = host;
    /* A tier below is opened later than this call: it gets what stays valid. */
    stepped->setup = (struct pxt_tier_setup){.size = sizeof stepped->setup, .name = "below"};
    stepped->number = (unsigned)host->setting_number(setup->settings, "place");
    pxt_status status = open_way(stepped, ROUTE_SHELF, error);
    if (status) {
        stepped_close(stepped);
        return status;
    }
    stepped->ops = ops;
    stepped->ops.flags = stepped->lower[ROUTE_SHELF]->ops->flags;
    *self = stepped;
    return PXT_OK;
}

PXT_PLUGIN(PXT_KIND_TIER, "stepped", "1.0.0", "MIT", "a tier that a replay leads", options, &ops);
