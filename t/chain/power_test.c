/* SPDX-License-Identifier: MIT
 *
 * Level `power`: what is acknowledged has been synced by a tier that took it.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-power-XXXXXX";

/* The faster tier syncs each write and does not take this one; the slower one takes it. */
static pxt_status put_where_only_the_slower_takes_it(const char *place, const char *slower_faults)
{
    char yaml[1500];
    struct pxt_error error = {.message = ""};
    pxt_cache *cache = NULL;
    struct pxt_draft draft;
    snprintf(
        yaml, sizeof yaml,
        "encryptor: {plugin: plain}\ntiers: ["
        "{plugin: fault, tier: l2_jsonl, tier_options: \"dir=%s/%s/l2,sync=full\", "
        "faults: \"put all fail EIO; put_many all fail EIO\"}, "
        "{plugin: fault, tier: l3_sqlite, tier_options: \"path=%s/%s/l3.db\", faults: \"%s\", write_behind: true}]",
        folder, place, folder, place, slower_faults);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    if (!ok(pxt_cache_open(&options, &cache, &error) == PXT_OK, "a pool at level power opens %s", error.message))
        return PXT_EINVAL;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_status status = pxt_cache_put(cache, &draft, NULL, &error);
    pxt_cache_close(cache);
    return status;
}

/* The faster tier has room for two entries, and syncs each write. */
static pxt_status put_more_than_the_faster_has_room_for(const char *place, const char *slower_faults)
{
    enum { BATCH = 5 };
    char yaml[1500], url[BATCH][40];
    struct pxt_error error = {.message = ""};
    pxt_cache *cache = NULL;
    struct pxt_draft draft[BATCH];
    pxt_status result[BATCH] = {PXT_OK};
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: plain}\ntiers: ["
             "{plugin: l2_jsonl, max_entries: 2, eviction: fifo, dir: %s/%s/l2, sync: full}, "
             "{plugin: fault, tier: l3_sqlite, tier_options: \"path=%s/%s/l3.db\", faults: \"%s\"}]",
             folder, place, folder, place, slower_faults);
    struct pxt_cache_options options = {.size = sizeof options, .flags = PXT_OPEN_NO_JANITOR, .config_text = yaml};
    if (!ok(pxt_cache_open(&options, &cache, &error) == PXT_OK, "a pool at level power opens %s", error.message))
        return PXT_EINVAL;
    for (int i = 0; i < BATCH; i++) {
        snprintf(url[i], sizeof url[i], "http://192.0.2.%d:80", i + 1);
        pxt_draft_init(&draft[i]);
        pxt_draft_set_text(&draft[i], PXT_FIELD_PROXY_URL, url[i], strlen(url[i]));
    }
    pxt_status status = pxt_cache_put_many(cache, draft, BATCH, result, NULL, &error);
    pxt_cache_close(cache);
    return status ? status : result[BATCH - 1];
}

int main(void)
{
    char command[80];
    if (!mkdtemp(folder))
        return 1;
    is_int(put_where_only_the_slower_takes_it("a", ""), PXT_OK, "a put is acknowledged when the slower tier is synced");
    is_int(put_where_only_the_slower_takes_it("b", "sync all fail EIO"), PXT_EIO,
           "and is not if that sync fails, though the tier that did not take it can be synced");
    is_int(put_more_than_the_faster_has_room_for("c", ""), PXT_OK, "a batch that a faster tier has no room for is put");
    is_int(put_more_than_the_faster_has_room_for("d", "sync all fail EIO"), PXT_EIO,
           "and is not acknowledged if the slower tier, which alone has all of it, cannot be synced");
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command))
        diag("cannot clean up");
    return tap_done();
}
