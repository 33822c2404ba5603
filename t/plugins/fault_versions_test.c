/* SPDX-License-Identifier: MIT
 *
 * The fault tier on a tier with versions, and on one without: it offers what the tier below offers, and rules name these
 * operations too.
 */
#include "../lib/tap.h"
#include "plugin/host.h"
#include <proxtier/tier.h>
#include <stdlib.h>

static char home[] = "/tmp/proxtier-fault-versions-XXXXXX";
static struct pxt_host_instance host;
static struct pxt_lower_tier *tier;
static struct pxt_error error;

static bool open_fault(const char *on, const char *faults)
{
    struct pxt_tier_setup setup = {.size = sizeof setup, .name = "l2"};
    const struct pxt_option_value options[] = {{"tier", on}, {"faults", faults}, {NULL, NULL}};
    pxt_status status = host.host.tier_open(&host.host, "fault", options, &setup, &host.host, &tier, &error);
    return ok(status == PXT_OK, "fault opens on %s, with faults \"%s\": %s", on, faults, status ? error.message : "");
}

static bool count_version(void *arg, const struct pxt_key *key, uint64_t version)
{
    (void)key, (void)version;
    return ++*(unsigned *)arg > 0;
}

static unsigned versions_above(uint64_t above, pxt_status want)
{
    unsigned count = 0;
    is_int(tier->ops->versions(tier->self, above, count_version, &count, &error), want, "versions above %d",
           (int)above);
    return count;
}

static void put_tombstones(uint64_t n)
{
    for (uint64_t version = 1; version <= n; version++) {
        struct pxt_key key;
        char text[20];
        pxt_entry *entry = NULL;
        snprintf(text, sizeof text, "key%d", (int)version);
        host.host.key_init(&key, text, strlen(text));
        pxt_status status = host.host.tombstone_new(&host.host, &key, version, 0, 1, &entry, &error);
        if (!status)
            status = tier->ops->put(tier->self, entry, &error);
        host.host.entry_release(entry);
        is_int(status, PXT_OK, "a tombstone of version %d is put", (int)version);
    }
}

static void what_the_tier_below_has_is_offered(void)
{
    char text[PXT_RECORD_MAX + 1] = "";
    if (!open_fault("versioned", ""))
        return;
    unsigned want = PXT_TIER_DURABLE | PXT_TIER_VERSIONS;
    is_int(tier->ops->flags & (want | PXT_TIER_SYNCED), want, "the flags are those of the tier below");
    put_tombstones(4);
    is_int(versions_above(0, PXT_OK), 4, "... gives all");
    is_int(versions_above(3, PXT_OK), 1, "... gives those above");
    is_int(tier->ops->record_get(tier->self, text, &error), PXT_NOT_FOUND, "there is no record");
    is_int(tier->ops->record_put(tier->self, "a record", &error), PXT_OK, "a record is put");
    is_int(tier->ops->record_get(tier->self, text, &error), PXT_OK, "... and got");
    is_str(text, "a record", "... unchanged");
    host.host.tier_close(tier);
}

static void what_it_has_not_is_not_offered(void)
{
    if (!open_fault("l1_memory", ""))
        return;
    ok(!tier->ops->versions && !tier->ops->record_get && !tier->ops->record_put,
       "memory has neither versions nor record");
    is_int(tier->ops->flags & (PXT_TIER_VERSIONS | PXT_TIER_SYNCED), 0, "... and says neither");
    host.host.tier_close(tier);
}

static void rules_name_the_operations(void)
{
    char text[PXT_RECORD_MAX + 1] = "";
    if (!open_fault("versioned", "versions 1 fail EBUSY;versions 2 tear;record_get 1 fail;record_put 1 fail ENOSPC"))
        return;
    is_int(versions_above(0, PXT_EBUSY), 0, "... fails, and gives nothing");
    is_int(versions_above(0, PXT_EIO), 2, "... is torn, and gives half");
    is_int(versions_above(0, PXT_OK), 4, "... gives all again");
    is_int(tier->ops->record_get(tier->self, text, &error), PXT_EIO, "record_get fails");
    is_int(tier->ops->record_put(tier->self, "another", &error), PXT_ENOSPC, "record_put fails");
    is_int(tier->ops->record_get(tier->self, text, &error), PXT_OK, "the next record_get does not");
    is_str(text, "a record", "... the record is as before");
    host.host.tier_close(tier);
}

int main(void)
{
    struct pxt_logger logger = {0};
    struct pxt_clock clock = {0};
    char command[100], versioned[1000];
    const char *build = getenv("abs_top_builddir");
    char *folders[] = {versioned, getenv("PROXTIER_PLUGIN_PATH"), NULL};
    if (!build || !folders[1] || !mkdtemp(home) || setenv("HOME", home, 1))
        return 1;
    snprintf(versioned, sizeof versioned, "%s/t/conformance/faulty/.libs", build);
    pxt_host_init(&host, "l2", &logger, &clock);
    host.plugin_folders = folders;
    what_the_tier_below_has_is_offered();
    what_it_has_not_is_not_offered();
    rules_name_the_operations();
    snprintf(command, sizeof command, "rm -rf %s", home);
    return system(command) | tap_done();
}
