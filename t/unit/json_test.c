/* SPDX-License-Identifier: MIT
 *
 * An entry as a line of JSON: ProxyWhirl's lines are read unchanged, and written byte for byte.
 */
#include "../lib/tap.h"
#include "entry/entry.h"
#include "entry/foreign.h"
#include "entry/json.h"
#include <stdlib.h>

static const char proxywhirl[] =
    "{\"key\": \"abc\", \"proxy_url\": \"http://192.0.2.1:80\", \"source\": \"gr\\u00fc\\u00df \\ud83d\\udc4b\", "
    "\"fetch_time\": \"2026-01-02T03:04:05.123456+00:00\", \"last_accessed\": \"2026-01-02T03:04:05+00:00\", "
    "\"access_count\": 3, \"ttl_seconds\": 3600, \"expires_at\": \"2026-01-02T04:04:05.123456+00:00\", "
    "\"health_status\": \"degraded\", \"failure_count\": 1, \"evicted_from_l1\": true, \"last_health_check\": null, "
    "\"consecutive_health_failures\": 1, \"consecutive_health_successes\": 0, \"recovery_attempt\": 2, "
    "\"next_check_time\": \"2026-01-02T03:09:05+00:00\", \"last_health_error\": \"tab\\there \\\"q\\\" \\\\\", "
    "\"total_health_checks\": 9, \"total_health_check_failures\": 4, \"password_encrypted\": \"674141\"}";

static pxt_entry *read_line(const char *line, struct pxt_error *error)
{
    pxt_entry *entry = NULL;
    pxt_json_read(line, strlen(line), &entry, error);
    return entry;
}

static void a_line_of_proxywhirl_survives_to_the_byte(void)
{
    struct pxt_error error = {.message = ""};
    char out[2000];
    struct pxt_draft draft;
    /* A control character is no value of a field of ours, so the one in the line is refused first. */
    pxt_entry *entry = read_line(proxywhirl, &error);
    ok(!entry && strstr(error.message, "last_health_error"), "a control character is refused by the field's name");
    char line[sizeof proxywhirl];
    strcpy(line, proxywhirl);
    memmove(strstr(line, "\\t"), strstr(line, "\\t") + 2, strlen(strstr(line, "\\t") + 2) + 1);
    entry = read_line(line, &error);
    ok(entry, "a line with every field is read%s%s", entry ? "" : ": ", entry ? "" : error.message);
    if (!entry)
        return;
    is_str(pxt_entry_text(entry, PXT_FIELD_SOURCE, NULL), "gr\xc3\xbc\xc3\x9f \xf0\x9f\x91\x8b",
           "escapes become UTF-8");
    is_int(pxt_entry_number(entry, PXT_FIELD_FETCH_TIME), INT64_C(1767323045123456), "a time to the microsecond");
    is_int(pxt_entry_number(entry, PXT_FIELD_HEALTH_STATUS), PXT_HEALTH_DEGRADED, "a health state");
    pxt_draft_init(&draft);
    pxt_entry_read(entry, &draft);
    ok(draft.value[PXT_FIELD_PASSWORD].length == 3 && !memcmp(draft.value[PXT_FIELD_PASSWORD].as.text, "gAA", 3),
       "a token comes out of its hexadecimal");
    size_t length = pxt_json_write(entry, out, sizeof out);
    out[length] = '\0';
    is_str(out, line, "written, it is the same to the byte");
    is_int(pxt_json_write(entry, out, 10), length, "without room it says how much it needs");
    pxt_entry_release(entry);
}

static void refuses(const char *line, const char *why)
{
    struct pxt_error error = {.message = ""};
    pxt_entry *entry = read_line(line, &error);
    ok(!entry && error.status == PXT_EINVAL, "%s is refused (%s)", why, error.message);
    pxt_entry_release(entry);
}

#define BASE                                                                                                           \
    "\"key\": \"k\", \"proxy_url\": \"http://192.0.2.1:80\", \"source\": \"s\", \"fetch_time\": \"2026-01-02\", "      \
    "\"last_accessed\": \"2026-01-02\", \"expires_at\": \"2026-01-03\""

static void order_and_strangers_do_not_matter(void)
{
    struct pxt_error error = {.message = ""};
    pxt_entry *entry =
        read_line(" { \"ttl_seconds\" : 60.0 , \"x\": {\"y\": [1, -2.5e3, null, \"\\u0041\"]}, " BASE " } ", &error);
    ok(entry, "blanks, other members, any order, 60.0 as a whole number %s", error.message);
    pxt_entry_release(entry);
}

/* `read` is pxt_json_read(), or the same for another program's lines. */
typedef pxt_entry *reader_fn(const char *line, struct pxt_error *error);

static pxt_entry *read_foreign_line(const char *line, struct pxt_error *error)
{
    struct pxt_foreign foreign = {.seal = NULL};
    pxt_entry *entry = NULL;
    pxt_json_read_foreign(line, strlen(line), &foreign, &entry, error);
    return entry;
}

static void a_tombstone_is_a_line(reader_fn *read)
{
    static const char line[] = "{\"key\": \"k\\u00fc\", \"fetch_time\": \"2026-01-02T03:04:05.123456+00:00\", "
                               "\"version\": 9223372036854775807, \"removed\": 2}";
    struct pxt_error error = {.message = ""};
    struct pxt_key key = {.text = "k\xc3\xbc", .length = 3};
    char out[2000];
    pxt_entry *entry = NULL, *copy = NULL;
    is_int(pxt_tombstone_new(&key, INT64_MAX, 1, INT64_C(1767323045123456), &entry, &error), PXT_OK, "a tombstone");
    pxt_entry_set_versions(entry, INT64_MAX, 5, 6);
    out[pxt_json_write(entry, out, sizeof out)] = '\0';
    is_str(out, line, "... is written with what it has");
    pxt_entry_release(entry);
    entry = read(out, &error);
    ok(entry && pxt_entry_is_tombstone(entry), "... and read again %s", error.message);
    if (!entry)
        return;
    is_int(pxt_entry_version(entry), INT64_MAX, "... with its version");
    is_int(pxt_entry_number(entry, PXT_FIELD_REMOVED), 2, "... with why it was removed");
    is_int(pxt_entry_number(entry, PXT_FIELD_FETCH_TIME), INT64_C(1767323045123456), "... with its time");
    ok(!pxt_entry_url(entry) && pxt_entry_expired(entry, 0), "... without a URL, and expired at any time");
    out[pxt_json_write(entry, out, sizeof out)] = '\0';
    is_str(out, line, "... and is the same to the byte");
    is_int(pxt_entry_copy(entry, true, &copy, &error), PXT_OK, "... it is copied");
    out[pxt_json_write(copy, out, sizeof out)] = '\0';
    is_str(out, line, "... the same");
    pxt_entry_release(copy);
    pxt_entry_release(entry);
    entry = read("{" BASE ", \"ttl_seconds\": 60, \"removed\": 3, \"version\": 5, \"access_count\": 7}", &error);
    ok(entry && pxt_entry_is_tombstone(entry) && !pxt_entry_url(entry), "a line that has more is a tombstone only");
    pxt_entry_release(entry);
    entry = read("{\"key\": \"k\", \"removed\": 1}", &error);
    ok(entry && pxt_entry_is_tombstone(entry), "a tombstone needs no time");
    if (entry) {
        out[pxt_json_write(entry, out, sizeof out)] = '\0';
        is_str(out, "{\"key\": \"k\", \"fetch_time\": null, \"removed\": 1}", "... and is written without");
        pxt_entry_release(entry);
    }
    entry = read(out, &error);
    ok(entry && pxt_entry_is_tombstone(entry) && !pxt_entry_has(entry, PXT_FIELD_FETCH_TIME), "... and read again");
    pxt_entry_release(entry);
}

static void internal_fields_are_written_where_they_say_something(void)
{
    struct pxt_error error = {.message = ""};
    char out[2000];
    pxt_entry *entry = read_line("{" BASE ", \"ttl_seconds\": 60, \"version\": 9223372036854775807, "
                                 "\"learnt_version\": 3, \"tallies\": \"0000beef:2:1\", \"removed\": 0}",
                                 &error);
    ok(entry && !pxt_entry_is_tombstone(entry), "an entry with a version %s", error.message);
    if (!entry)
        return;
    is_int(pxt_entry_version(entry), INT64_MAX, "... of 63 bits");
    is_int(pxt_entry_number(entry, PXT_FIELD_SUPPLIED_VERSION), 0, "... a version that is not there stays unknown");
    out[pxt_json_write(entry, out, sizeof out)] = '\0';
    ok(strstr(out, ", \"version\": 9223372036854775807, \"learnt_version\": 3, \"tallies\": \"0000beef:2:1\"}"),
       "... is written, and not what is 0");
    out[pxt_json_write_plain(entry, out, sizeof out)] = '\0';
    ok(strstr(out, "\"total_health_check_failures\": 0}"), "... and not in a plain line");
    pxt_entry_release(entry);
}

int main(void)
{
    a_line_of_proxywhirl_survives_to_the_byte();
    order_and_strangers_do_not_matter();
    a_tombstone_is_a_line(read_line);
    a_tombstone_is_a_line(read_foreign_line);
    internal_fields_are_written_where_they_say_something();
    refuses("{" BASE ", \"ttl_seconds\": 60, \"version\": 9223372036854775808}", "a version of 64 bits");
    refuses("{" BASE ", \"ttl_seconds\": 60, \"version\": -1}", "a negative version");
    refuses("{" BASE ", \"ttl_seconds\": 60, \"removed\": -1}", "a negative mark of removal");
    refuses("{\"version\": 1, \"removed\": 1, \"fetch_time\": \"2026-01-02\"}", "a tombstone without a key");
    refuses("{" BASE ", \"removed\": 4294967296}", "a reason of removal that is none");
    refuses("", "nothing");
    refuses("[]", "an array");
    refuses("{" BASE ", \"ttl_seconds\": 60", "an object without end");
    refuses("{" BASE ", \"ttl_seconds\": 60} x", "something behind it");
    refuses("{" BASE ", \"ttl_seconds\": 60.5}", "a fraction of a second");
    refuses("{" BASE ", \"ttl_seconds\": 99999999999999999999}", "a number too large");
    refuses("{" BASE ", \"ttl_seconds\": -1}", "a negative count");
    refuses("{" BASE ", \"ttl_seconds\": \"60\"}", "a text for a number");
    refuses("{" BASE ", \"ttl_seconds\": 60, \"health_status\": \"fine\"}", "an unknown health state");
    refuses("{" BASE ", \"ttl_seconds\": 60, \"next_check_time\": \"tomorrow\"}", "a text that is no time");
    refuses("{" BASE ", \"ttl_seconds\": 60, \"source\": \"\\ud800\"}", "half a surrogate pair");
    refuses("{" BASE ", \"ttl_seconds\": 60, \"password_encrypted\": \"6\"}", "half a byte of hexadecimal");
    refuses("{" BASE ", \"ttl_seconds\": NaN}", "NaN");
    refuses("{\"proxy_url\": \"http://192.0.2.1:80\"}", "an object without key");
    char deep[400] = "{\"x\": ";
    memset(deep + 6, '[', 200);
    refuses(deep, "deep nesting");
    return tap_done();
}
