/* SPDX-License-Identifier: MIT
 *
 * A close after which nothing has changed costs nothing: it neither counts nor lists entries, of which a log may have
 * millions.
 */
#include "../lib/tap.h"
#include <proxtier/proxtier.h>
#include <unistd.h>

static char folder[] = "/tmp/proxtier-close-XXXXXX";

static void note_warning(void *arg, enum pxt_message_level level, const char *part, const char *text)
{
    (void)part;
    if (level <= PXT_MESSAGE_WARNING) {
        diag("%s", text);
        ++*(int *)arg;
    }
}

/* In the log, each call of `failing` fails, and a failure turns it off with a warning. */
static pxt_cache *open_with(const char *failing, int *warnings)
{
    char yaml[1200];
    struct pxt_error error;
    pxt_cache *cache = NULL;
    snprintf(yaml, sizeof yaml,
             "encryptor: {plugin: plain}\ndegrade: {threshold: 1}\ntiers: [{plugin: l1_memory, max_entries: 4}, "
             "{name: log, plugin: fault, tier: l2_jsonl, tier_options: 'dir=%s/l2', max_entries: 100, faults: '%s'}, "
             "{plugin: l3_sqlite, path: %s/l3.db}]",
             folder, failing, folder);
    struct pxt_cache_options options = {.size = sizeof options,
                                        .flags = PXT_OPEN_NO_JANITOR,
                                        .config_text = yaml,
                                        .log = note_warning,
                                        .log_arg = warnings,
                                        .log_level = PXT_MESSAGE_WARNING};
    if (pxt_cache_open(&options, &cache, &error)) {
        printf("Bail out! %s\n", error.message);
        exit(1);
    }
    return cache;
}

static void a_close_without_a_change(const char *call)
{
    char faults[60];
    int warnings = 0;
    snprintf(faults, sizeof faults, "%s 1- fail EIO", call);
    pxt_cache *cache = open_with(faults, &warnings);
    pxt_cache_close(cache);
    is_int(warnings, 0, "a close without a change makes no call of %s", call);
}

int main(void)
{
    struct pxt_draft draft;
    int warnings = 0;
    if (!mkdtemp(folder))
        return 1;
    pxt_cache *cache = open_with("", &warnings);
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    is_int(pxt_cache_put(cache, &draft, NULL, NULL), PXT_OK, "a put");
    pxt_cache_close(cache);
    is_int(warnings, 0, "a close after a put");
    a_close_without_a_change("count");
    a_close_without_a_change("each");
    a_close_without_a_change("versions");
    a_close_without_a_change("put");
    cache = open_with("count 1- fail EIO", &warnings);
    pxt_cache_tick(cache, NULL, NULL);
    ok(warnings > 0, "a tick counts: the warnings are seen here");
    pxt_cache_close(cache);
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) ? 1 : tap_done();
}
