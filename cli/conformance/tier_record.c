/* SPDX-License-Identifier: MIT
 *
 * tier_record.c: what a tier promises of the record of the core.
 */
#include "tier_kit.h"
#include <string.h>

static void expect_record(struct subject *subject, void *self, const char *want, const char *when)
{
    char text[PXT_RECORD_MAX + 1];
    memset(text, '?', sizeof text);
    calling("record_get");
    expect_ok(subject, tier_ops(subject)->record_get(self, text, &subject->error), "record_get");
    expect(memchr(text, '\0', sizeof text) != NULL, "%s the record has no final NUL", when);
    expect(!strcmp(text, want), "%s the record comes back changed: %zu bytes of %zu", when, strlen(text), strlen(want));
}

static void put_record(struct subject *subject, void *self, const char *text)
{
    calling("record_put");
    expect_ok(subject, tier_ops(subject)->record_put(self, text, &subject->error), "record_put");
}

static void keeps_a_record(struct subject *subject)
{
    static const char small[] = "proxtier 1\ncheckpoint 17\n\"quoted\\\"\tgr\xc3\xbcn\n";
    char longest[PXT_RECORD_MAX + 1], text[PXT_RECORD_MAX + 1];
    void *self = tier_open(subject, NULL, NULL, 0);
    calling("record_get");
    expect(tier_ops(subject)->record_get(self, text, &subject->error) == PXT_NOT_FOUND,
           "a new tier has a record: record_get is not PXT_NOT_FOUND");
    put_record(subject, self, small);
    expect_record(subject, self, small, "after record_put");
    memset(longest, 'r', PXT_RECORD_MAX);
    longest[PXT_RECORD_MAX - 1] = '\n';
    longest[PXT_RECORD_MAX] = '\0';
    put_record(subject, self, longest);
    expect_record(subject, self, longest, "of the longest text,");
    put_version(subject, self, "k", 1, VERSION);
    expect(count_of(subject, self) == 1, "the record is counted as an entry");
    tier_close(subject, self);
    self = tier_open(subject, NULL, NULL, 0);
    expect_record(subject, self, longest, "opened again,");
    put_record(subject, self, small);
    tier_close(subject, self);
    self = tier_open(subject, NULL, NULL, 0);
    expect_record(subject, self, small, "opened again, after a shorter text,");
    expect_entry(subject, self, "k", 1, VERSION, "beside the record");
    if (tier_ops(subject)->clear) {
        uint64_t removed = 0;
        calling("clear");
        expect_ok(subject, tier_ops(subject)->clear(self, &removed, &subject->error), "clear");
        expect(removed == 1, "an entry and the record are there, clear removes %llu", (unsigned long long)removed);
        expect_record(subject, self, small, "after clear");
    }
    tier_close(subject, self);
}

/* It is the store's, not the instance's. */
static void shares_its_record(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0), *other = tier_open(subject, NULL, NULL, 0);
    put_record(subject, self, "first\n");
    expect_record(subject, other, "first\n", "put by another instance of the store,");
    put_record(subject, self, "second\n");
    expect_record(subject, other, "second\n", "put anew by another instance of the store,");
    tier_close(subject, self);
    tier_close(subject, other);
}

static const char *without_record(const struct subject *subject)
{
    return tier_ops(subject)->record_get && tier_ops(subject)->record_put ? NULL : "it leaves the record to the core";
}

static const char *without_shared_record(const struct subject *subject)
{
    const char *why = private_tier(subject);
    return why ? why : without_record(subject);
}

const struct check tier_record_checks[] = {
    {"keeps the record of the core", keeps_a_record, without_record},
    {"instances of a store have one record", shares_its_record, without_shared_record},
    {NULL, NULL, NULL}};
