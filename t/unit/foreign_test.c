/* SPDX-License-Identifier: MIT
 *
 * Entries of another program: values over a limit are read clipped, blanked out or clamped; credentials in a URL never
 * stay in it; what is no entry of that program either is refused.
 */
#include "../lib/tap.h"
#include "base/alloc.h"
#include "entry/foreign.h"
#include <stdlib.h>

/* Seals nothing, but shows what it was given. */
static char given_username[64], given_password[64];
static pxt_status seal(void *arg, const char *key, struct pxt_draft *draft, char **tokens, struct pxt_error *error)
{
    const struct pxt_value *username = &draft->value[PXT_FIELD_USERNAME], *password = &draft->value[PXT_FIELD_PASSWORD];
    (void)arg;
    (void)key;
    (void)error;
    snprintf(given_username, sizeof given_username, "%.*s", (int)username->length,
             username->set ? username->as.text : "");
    snprintf(given_password, sizeof given_password, "%.*s", (int)password->length,
             password->set ? password->as.text : "");
    *tokens = pxt_strdup("token");
    if (username->set)
        pxt_draft_set_token(draft, PXT_FIELD_USERNAME, *tokens, 5);
    if (password->set)
        pxt_draft_set_token(draft, PXT_FIELD_PASSWORD, *tokens, 5);
    return PXT_OK;
}

#define LINE(key, url, more)                                                                                           \
    "{\"key\": \"" key "\", \"proxy_url\": \"" url "\", \"source\": \"s\", \"fetch_time\": \"2026-01-02\", "           \
    "\"last_accessed\": \"2026-01-02\", \"expires_at\": \"2026-01-03\", \"ttl_seconds\": 60" more "}"
#define URL "http://192.0.2.1:80"

static pxt_status read_line(const char *line, struct pxt_foreign *foreign, pxt_entry **entry)
{
    *entry = NULL;
    return pxt_json_read_foreign(line, strlen(line), foreign, entry, NULL);
}

static void text_is_read(const char *more, enum pxt_field_id field, const char *wanted, const char *name)
{
    struct pxt_foreign foreign = {.seal = seal};
    pxt_entry *entry;
    char line[1000];
    snprintf(line, sizeof line, LINE("k", URL, "%s"), more);
    is_int(read_line(line, &foreign, &entry), PXT_OK, "%s is read", name);
    is_str(entry ? pxt_entry_text(entry, field, NULL) : NULL, wanted, "%s: as it can be", name);
    ok(foreign.changed, "%s: and it is told", name);
    pxt_entry_release(entry);
}

static void number_is_read(const char *more, enum pxt_field_id field, int64_t wanted, const char *name)
{
    struct pxt_foreign foreign = {.seal = seal};
    pxt_entry *entry;
    char line[1000];
    snprintf(line, sizeof line, LINE("k", URL, "%s"), more);
    is_int(read_line(line, &foreign, &entry), PXT_OK, "%s is read", name);
    is_int(entry ? pxt_entry_number(entry, field) : -1, wanted, "%s: clamped", name);
    pxt_entry_release(entry);
}

static void url_is_split(const char *line, const char *url, const char *username, const char *password)
{
    struct pxt_foreign foreign = {.seal = seal};
    pxt_entry *entry;
    given_username[0] = given_password[0] = '\0';
    is_int(read_line(line, &foreign, &entry), PXT_OK, "%s is read", url);
    is_str(entry ? pxt_entry_text(entry, PXT_FIELD_PROXY_URL, NULL) : NULL, url, "%s: without credentials", url);
    is_str(given_username, username, "%s: the user name is sealed", url);
    is_str(given_password, password, "%s: the password is sealed", url);
    pxt_entry_release(entry);
    foreign.seal = NULL;
    is_int(read_line(line, &foreign, &entry), *username || *password ? PXT_ENOTSUP : PXT_OK,
           "%s: without an encryptor its credentials do not stay in the clear", url);
    pxt_entry_release(entry);
}

static void ends_as(const char *line, pxt_status wanted, const char *name)
{
    struct pxt_foreign foreign = {.seal = seal};
    pxt_entry *entry;
    is_int(read_line(line, &foreign, &entry), wanted, "%s", name);
    pxt_entry_release(entry);
}

static void a_long_text_is_clipped_after_a_whole_character(void)
{
    struct pxt_foreign foreign = {.seal = seal};
    pxt_entry *entry;
    struct pxt_draft draft;
    char text[PXT_TEXT_MAX + 10];
    memset(text, 'x', sizeof text);
    memcpy(text + PXT_TEXT_MAX - 1, "\xc3\xbc", 2);
    pxt_draft_init(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, "k", 1);
    pxt_draft_set_text(&draft, PXT_FIELD_PROXY_URL, URL, strlen(URL));
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, text, sizeof text);
    for (int id = PXT_FIELD_FETCH_TIME; id <= PXT_FIELD_EXPIRES_AT; id++)
        pxt_draft_set_number(&draft, (enum pxt_field_id)id, 1);
    is_int(pxt_entry_new_foreign(&draft, &foreign, &entry, NULL), PXT_OK, "a long text is read");
    size_t length = 0;
    if (entry)
        pxt_entry_text(entry, PXT_FIELD_SOURCE, &length);
    is_int((long long)length, PXT_TEXT_MAX - 1, "a long text is clipped after a whole character");
    pxt_entry_release(entry);
}

int main(void)
{
    text_is_read(", \"last_health_error\": \"a\\tb\\u0000c\"", PXT_FIELD_LAST_HEALTH_ERROR, "a b c",
                 "a control character");
    text_is_read(", \"last_health_error\": \"a \\ud83d b\"", PXT_FIELD_LAST_HEALTH_ERROR, "a \xef\xbf\xbd b",
                 "half a surrogate pair");
    text_is_read(", \"last_health_error\": \"\\t\\ud83d\\u0041\\udc00\"", PXT_FIELD_LAST_HEALTH_ERROR,
                 " \xef\xbf\xbd"
                 "A\xef\xbf\xbd",
                 "half a pair before another escape");
    text_is_read(", \"source\": \"\"", PXT_FIELD_SOURCE, "unknown", "an empty source");
    number_is_read(", \"access_count\": -1", PXT_FIELD_ACCESS_COUNT, 0, "a negative count of hits");
    number_is_read(", \"access_count\": 9007199254740992", PXT_FIELD_ACCESS_COUNT, PXT_COUNT_MAX, "2^53");
    number_is_read(", \"failure_count\": 99999999999999999999999", PXT_FIELD_FAILURE_COUNT, PXT_COUNT_MAX, "10^23");
    a_long_text_is_clipped_after_a_whole_character();
    url_is_split(LINE("k", "http://bob:secret@192.0.2.1:80", ""), URL, "bob", "secret");
    url_is_split(LINE("k", "http://bob@192.0.2.1:80", ""), URL, "bob", "");
    url_is_split(LINE("k", "http://b%40b:s@:cret@no-port.test/x", ""), "http://no-port.test/x", "b@b", "s@:cret");
    url_is_split(LINE("k", "bob:secret@no-scheme.test", ""), "no-scheme.test", "bob", "secret");
    url_is_split(LINE("k", "http://@192.0.2.1:80", ""), URL, "", "");
    ends_as(LINE("", URL, ""), PXT_ENOTSUP, "an empty key cannot be had");
    ends_as(LINE("a\\nb", URL, ""), PXT_ENOTSUP, "nor a key with a newline");
    ends_as(LINE("k", "", ""), PXT_ENOTSUP, "nor an empty URL");
    ends_as(LINE("k", "http://a\\tb:1", ""), PXT_ENOTSUP, "nor a URL with a tab");
    ends_as(LINE("k", URL, ", \"failure_count\": -1"), PXT_EINVAL,
            "a negative count of failures is no value of theirs");
    ends_as(LINE("k", URL, ", \"health_status\": \"sick\""), PXT_EINVAL, "an unknown health state is refused");
    ends_as(LINE("k", URL, ", \"expires_at\": \"tomorrow\""), PXT_EINVAL, "a text that is no time is refused");
    ends_as("{\"key\": \"k\", \"proxy_url\": \"" URL "\"}", PXT_EINVAL,
            "an object without the required members is refused");
    ends_as("{\"proxy_url\": \"" URL "\"}", PXT_EINVAL, "an object without a key is refused");
    return tap_done();
}
