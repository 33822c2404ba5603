/* SPDX-License-Identifier: MIT
 *
 * An entry is made from a draft, checked field by field, and reads back the same.
 */
#include "../lib/tap.h"
#include "base/fail.h"
#include "entry/entry.h"

static void fill(struct pxt_draft *draft)
{
    pxt_draft_init(draft);
    pxt_draft_set_text(draft, PXT_FIELD_KEY, "k1", 2);
    pxt_draft_set_text(draft, PXT_FIELD_PROXY_URL, "http://192.0.2.1:80", 19);
    pxt_draft_set_text(draft, PXT_FIELD_SOURCE, "s", 1);
    pxt_draft_set_number(draft, PXT_FIELD_FETCH_TIME, 1000);
    pxt_draft_set_number(draft, PXT_FIELD_LAST_ACCESSED, 2000);
    pxt_draft_set_number(draft, PXT_FIELD_TTL_SECONDS, 60);
    pxt_draft_set_number(draft, PXT_FIELD_EXPIRES_AT, 60001000);
}

static pxt_status refused(const struct pxt_draft *draft, struct pxt_error *error)
{
    pxt_entry *entry = NULL;
    pxt_status status = pxt_entry_new(draft, &entry, error);
    pxt_entry_release(entry);
    return status;
}

static void an_entry_reads_back_what_the_draft_said(void)
{
    struct pxt_draft draft, back;
    pxt_entry *entry;
    struct pxt_error error;
    size_t length;
    fill(&draft);
    pxt_draft_set_token(&draft, PXT_FIELD_PASSWORD, "gAAAAA==", 8);
    pxt_draft_set_text(&draft, PXT_FIELD_LAST_HEALTH_ERROR, "", 0);
    is_int(pxt_entry_new(&draft, &entry, &error), PXT_OK, "an entry with all required fields is made");
    is_str(pxt_entry_key(entry), "k1", "key");
    is_str(pxt_entry_url(entry), "http://192.0.2.1:80", "URL");
    is_int(pxt_entry_number(entry, PXT_FIELD_EXPIRES_AT), 60001000, "a time");
    is_int(pxt_entry_number(entry, PXT_FIELD_NEXT_CHECK_TIME), PXT_TIME_NONE, "an absent time is none");
    ok(!pxt_entry_has(entry, PXT_FIELD_NEXT_CHECK_TIME), "... and is not there");
    ok(pxt_entry_has(entry, PXT_FIELD_LAST_HEALTH_ERROR), "an empty text is there");
    ok(pxt_entry_has(entry, PXT_FIELD_PASSWORD) && !pxt_entry_has(entry, PXT_FIELD_USERNAME), "credentials");
    ok(!pxt_entry_text(entry, PXT_FIELD_PASSWORD, &length), "a credential cannot be read as text");
    pxt_draft_init(&back);
    pxt_entry_read(entry, &back);
    is_int(back.value[PXT_FIELD_PASSWORD].length, 8, "the token comes back in a draft");
    ok(back.value[PXT_FIELD_PASSWORD].sealed, "... as sealed");
    ok(pxt_entry_expired(entry, 60001000) && !pxt_entry_expired(entry, 60000999), "expired when the time is reached");
    pxt_entry_touch(entry, 3, 5000);
    pxt_entry_touch(entry, 2, 4000);
    is_int(pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT), 5, "hits add up");
    is_int(pxt_entry_number(entry, PXT_FIELD_LAST_ACCESSED), 5000, "the later access stays");
    is_int(pxt_entry_take_unflushed_hits(entry), 5, "hits that were not written down");
    is_int(pxt_entry_take_unflushed_hits(entry), 0, "... are told once");
    pxt_entry_touch(entry, UINT64_MAX, 5000);
    is_int(pxt_entry_number(entry, PXT_FIELD_ACCESS_COUNT), PXT_COUNT_MAX, "counts stop at their bound");
    pxt_entry_release(entry);
}

static void what_is_out_of_bounds_is_refused_by_name(void)
{
    struct pxt_draft draft;
    struct pxt_error error;
    static char long_text[PXT_TEXT_MAX + 2];
    memset(long_text, 'x', sizeof long_text - 1);
    fill(&draft);
    pxt_draft_unset(&draft, PXT_FIELD_SOURCE);
    is_int(refused(&draft, &error), PXT_EINVAL, "a required field that is missing is refused");
    is_str(error.message, "source is not set", "... by name");
    fill(&draft);
    pxt_draft_set_number(&draft, PXT_FIELD_TTL_SECONDS, -1);
    is_int(refused(&draft, &error), PXT_EINVAL, "a negative time to live is refused");
    ok(strstr(error.message, "ttl_seconds is -1"), "... by name and value");
    fill(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, "", 0);
    is_int(refused(&draft, &error), PXT_EINVAL, "an empty key is refused");
    fill(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_KEY, long_text, PXT_KEY_MAX + 1);
    is_int(refused(&draft, &error), PXT_EINVAL, "an over-long key is refused");
    fill(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, "a\0b", 3);
    is_int(refused(&draft, &error), PXT_EINVAL, "a NUL is refused");
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, "\xc3\x28", 2);
    is_int(refused(&draft, &error), PXT_EINVAL, "malformed UTF-8 is refused");
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, "\xed\xa0\x80", 3);
    is_int(refused(&draft, &error), PXT_EINVAL, "a surrogate in UTF-8 is refused");
    pxt_draft_set_text(&draft, PXT_FIELD_SOURCE, "gr\xc3\xbc\xc3\x9f \xf0\x9f\x91\x8b", 11);
    is_int(refused(&draft, &error), PXT_OK, "other UTF-8 is taken");
    fill(&draft);
    pxt_draft_set_text(&draft, PXT_FIELD_PASSWORD, "secret", 6);
    is_int(refused(&draft, &error), PXT_EINVAL, "a credential that is not sealed is refused");
    ok(!strstr(error.message, "secret"), "... without naming it");
    fill(&draft);
    pxt_draft_set_number(&draft, PXT_FIELD_HEALTH_STATUS, 5);
    is_int(refused(&draft, &error), PXT_EINVAL, "an unknown health state is refused");
    fill(&draft);
    pxt_draft_set_number(&draft, PXT_FIELD_EXPIRES_AT, INT64_MAX);
    pxt_entry *entry;
    is_int(pxt_entry_new(&draft, &entry, &error), PXT_OK, "a time after the year 9999");
    is_int(pxt_entry_number(entry, PXT_FIELD_EXPIRES_AT), PXT_TIME_MAX, "... is clamped to it");
    pxt_entry_release(entry);
}

static void a_draft_of_an_older_program_is_understood(void)
{
    struct pxt_draft draft;
    struct pxt_error error;
    pxt_entry *entry;
    fill(&draft);
    draft.field_count = PXT_FIELD_EVICTED_FROM_L1; /* as if nothing behind it were known */
    is_int(pxt_entry_new(&draft, &entry, &error), PXT_OK, "a shorter draft makes an entry");
    is_int(pxt_entry_number(entry, PXT_FIELD_TOTAL_HEALTH_CHECKS), 0, "... with defaults for what it does not know");
    pxt_entry_release(entry);
}

static void a_put_inherits_what_was_learnt(void)
{
    struct pxt_draft draft;
    struct pxt_error error;
    pxt_entry *old, *entry;
    for (int texts = 0; texts < 2; texts++) {
        fill(&draft);
        pxt_draft_set_number(&draft, PXT_FIELD_TOTAL_HEALTH_CHECKS, 3);
        pxt_draft_set_number(&draft, PXT_FIELD_LEARNT_VERSION, 70);
        draft.value[PXT_FIELD_VERSION].elsewhere = draft.value[PXT_FIELD_REMOVED].elsewhere = 1;
        draft.value[PXT_FIELD_TALLIES].elsewhere = 1;
        if (texts)
            pxt_draft_set_text(&draft, PXT_FIELD_TALLIES, "0000beef:3:1", 12);
        is_int(pxt_entry_new(&draft, &old, &error), PXT_OK, "an entry that has learnt something");
        ok(!pxt_entry_is_partial(old), "... what the core keeps for itself is never elsewhere");
        fill(&draft);
        is_int(pxt_entry_new(&draft, &entry, &error), PXT_OK, "... and a new one of its key");
        is_int(pxt_entry_inherit(&entry, old, &error), PXT_OK, "... which takes over what was learnt");
        is_int(pxt_entry_number(entry, PXT_FIELD_TOTAL_HEALTH_CHECKS), 3, "... the checks");
        is_str(pxt_entry_text(entry, PXT_FIELD_TALLIES, NULL), texts ? "0000beef:3:1" : NULL, "... the tallies");
        is_int(pxt_entry_number(entry, PXT_FIELD_LEARNT_VERSION), 70, "... and when it was learnt");
        pxt_entry_release(entry);
        pxt_entry_release(old);
    }
}

int main(void)
{
    a_put_inherits_what_was_learnt();
    an_entry_reads_back_what_the_draft_said();
    what_is_out_of_bounds_is_refused_by_name();
    a_draft_of_an_older_program_is_understood();
    is_str(pxt_status_name(PXT_EDECRYPT), "PXT_EDECRYPT", "a status has a name");
    is_int(pxt_status_exit_code(PXT_ECONFIG), 78, "... and an exit code");
    is_str(pxt_status_text((pxt_status)99), "unknown status", "an unknown one has a text as well");
    return tap_done();
}
