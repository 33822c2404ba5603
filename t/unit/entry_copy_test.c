/* SPDX-License-Identifier: MIT
 *
 * What the host offers for entries that are read, changed and written: a copy keeps fields that the plugin does not know, and
 * a line of JSON has its right size while hits go on.
 */
#include "../lib/tap.h"
#include "base/clock.h"
#include "plugin/host.h"
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

static struct pxt_host_instance instance;
static const struct pxt_host *host = &instance.host;
static struct pxt_error error;
static atomic_bool stop;

static pxt_entry *an_entry(void)
{
    struct pxt_draft draft;
    pxt_entry *entry = NULL;
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, "k", 1);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, "test", 4);
    pxt_draft_set_token(&draft, PXT_FIELD_PASSWORD, "token", 5);
    pxt_draft_set_text(&draft, PXT_FIELD_TALLIES, "0a0b0c0d:3:1", 12);
    for (size_t i = 0; i < host->field_count; i++)
        if (host->fields[i]->type == PXT_TYPE_TIME)
            pxt_draft_set_number(&draft, (enum pxt_field_id)i, 1000000);
        else if (host->fields[i]->type == PXT_TYPE_VERSION ||
                 (host->fields[i]->type == PXT_TYPE_COUNT && i != PXT_FIELD_REMOVED))
            pxt_draft_set_number(&draft, (enum pxt_field_id)i, 1);
    if (host->entry_new(host, &draft, &entry, &error))
        diag("%s", error.message);
    return entry;
}

static void a_copy_keeps_what_the_plugin_does_not_know(void)
{
    pxt_entry *entry = an_entry(), *copy = NULL;
    struct pxt_draft changes, before, after;
    pxt_draft_init(&changes);
    changes.field_count = PXT_FIELD_HEALTH_STATUS; /* as if nothing behind it were known */
    pxt_draft_set_number(&changes, PXT_FIELD_TTL_SECONDS, 77);
    if (!ok(host->entry_copy(host, entry, &changes, &copy, &error) == PXT_OK, "an entry is copied: %s", error.message))
        return;
    pxt_draft_init(&before);
    pxt_draft_init(&after);
    host->entry_read(entry, &before);
    host->entry_read(copy, &after);
    int other = 0;
    for (int i = 0; i < PXT_FIELD_COUNT; i++) {
        bool text = host->fields[i]->type == PXT_TYPE_TEXT || host->fields[i]->type == PXT_TYPE_SECRET;
        bool same = before.value[i].set == after.value[i].set && before.value[i].length == after.value[i].length &&
                    (!before.value[i].set ||
                     (text ? !memcmp(before.value[i].as.text, after.value[i].as.text, before.value[i].length)
                           : before.value[i].as.number == after.value[i].as.number));
        if (!same && i != PXT_FIELD_TTL_SECONDS)
            diag("%s differs", host->fields[i]->name);
        other += !same && i != PXT_FIELD_TTL_SECONDS;
    }
    is_int(other, 0, "... all fields are as they were, newer ones and the token too");
    is_int(host->entry_number(copy, PXT_FIELD_TTL_SECONDS), 77, "... but for the one that was changed");
    pxt_draft_init(&changes);
    pxt_draft_set_number(&changes, PXT_FIELD_TTL_SECONDS, -1);
    host->entry_release(copy);
    copy = NULL;
    is_int(host->entry_copy(host, entry, &changes, &copy, &error), PXT_EINVAL, "a change is checked: %s",
           error.message);
    host->entry_release(entry);
}

static void *hit(void *entry)
{
    while (!atomic_load(&stop))
        host->entry_touch(entry, 1, 0);
    return NULL;
}

static void a_line_has_its_size_while_hits_go_on(void)
{
    pxt_entry *entry = an_entry(), *back = NULL;
    pthread_t thread;
    int bad = 0;
    char *text = NULL;
    size_t length = 0, plain = 0;
    pthread_create(&thread, NULL, hit, entry);
    for (int i = 0; i < 20000; i++) {
        if (host->json_new(host, entry, 0, &text, &length, &error))
            break;
        bad += strlen(text) != length || text[length - 1] != '}';
        if (i % 1000 == 0) {
            bad += host->json_read(host, text, length, &back, &error) != PXT_OK;
            host->entry_release(back);
        }
        host->text_free(text);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    is_int(bad, 0, "20000 lines of an entry that is hit meanwhile are whole, and as long as is said");
    is_int(host->json_new(host, entry, PXT_JSON_PLAIN, &text, &plain, &error), PXT_OK, "a plain line");
    ok(!strstr(text, "version") && plain < length, "... has no internal field");
    host->text_free(text);
    host->text_free(NULL);
    host->entry_release(entry);
}

int main(void)
{
    struct pxt_logger logger = {0};
    struct pxt_clock clock = {0};
    pxt_host_init(&instance, "test", &logger, &clock);
    a_copy_keeps_what_the_plugin_does_not_know();
    a_line_has_its_size_while_hits_go_on();
    return tap_done();
}
