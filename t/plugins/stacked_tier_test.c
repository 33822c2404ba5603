/* SPDX-License-Identifier: MIT
 *
 * A stacking plugin that obeys the size rule never reads beyond the table of its lower tier, also if that was built
 * against a later minor of the ABI, whose table is longer. The test is the stacking plugin.
 */
#include "../lib/tap.h"
#include "plugin/host.h"
#include <proxtier/tier.h>
#include <stdlib.h>

static struct pxt_host_instance host;

/* Copies the table as an ABI of a later minor would: as many bytes as the table says that it has. */
static void the_table_is_as_long_as_it_says(const char *plugin)
{
    struct pxt_tier_setup setup = {.size = sizeof setup, .name = "l2"};
    struct pxt_lower_tier *lower = NULL;
    struct pxt_error error = {.message = ""};
    pxt_status status = host.host.tier_open(&host.host, plugin, NULL, &setup, &host.host, &lower, &error);
    if (!ok(!status, "%s opens as a lower tier: %s", plugin, error.message))
        return;
    size_t size = lower->ops->size;
    ok(size <= sizeof(struct pxt_tier_ops), "the core says %zu bytes of the %zu that it has", size,
       sizeof(struct pxt_tier_ops));
    void *copy = malloc(size);
    memcpy(copy, lower->ops, size); /* ASan reports it if the table is shorter */
    ok(((struct pxt_tier_ops *)copy)->get == lower->ops->get, "all bytes that it says can be read");
    free(copy);
    host.host.tier_close(lower);
}

static void a_table_of_this_abi_keeps_its_length(void)
{
    struct pxt_tier_setup setup = {.size = sizeof setup, .name = "l2"};
    struct pxt_lower_tier *lower = NULL;
    struct pxt_error error = {.message = ""};
    if (!ok(host.host.tier_open(&host.host, "forgetful", NULL, &setup, &host.host, &lower, &error) == PXT_OK,
            "a tier of this ABI opens: %s", error.message))
        return;
    is_int(lower->ops->size, sizeof(struct pxt_tier_ops), "its table has the size that it was built with");
    host.host.tier_close(lower);
}

int main(void)
{
    struct pxt_logger logger = {0};
    struct pxt_clock clock = {0};
    char *folders[] = {getenv("PROXTIER_REFUSED_PLUGINS"), NULL};
    if (!folders[0])
        return 1;
    pxt_host_init(&host, "l2", &logger, &clock);
    host.plugin_folders = folders;
    the_table_is_as_long_as_it_says("long_struct");
    the_table_is_as_long_as_it_says("long_instance");
    a_table_of_this_abi_keeps_its_length();
    return tap_done();
}
