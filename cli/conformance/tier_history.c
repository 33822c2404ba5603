/* SPDX-License-Identifier: MIT
 *
 * tier_history.c: what a tier promises of the history of checks.
 */
#include "tier_kit.h"
#include <string.h>

/* Adds the check of this number, whose texts do not outlive the call. */
static void add_check(struct subject *subject, void *self, const char *text, unsigned number, pxt_time time,
                      uint64_t keep)
{
    char message[30], url[30];
    snprintf(message, sizeof message, "refused %u", number);
    snprintf(url, sizeof url, "http://192.0.2.1/");
    struct pxt_check check = {.size = sizeof check,
                              .key = key_named(subject, text),
                              .time = time,
                              .status = PXT_HEALTH_UNHEALTHY,
                              .response_time_ms = 12.5 + number,
                              .error_message = message,
                              .check_url = url};
    calling("check_add");
    expect_ok(subject, tier_ops(subject)->check_add(self, &check, keep, &subject->error), "check_add");
}

struct history {
    const char *key;
    unsigned newest; /* the number of the newest check */
    unsigned count, stop_after;
};

static bool newest_first(void *arg, const struct pxt_check *check)
{
    struct history *history = arg;
    unsigned number = history->newest - history->count++;
    char message[30];
    snprintf(message, sizeof message, "refused %u", number);
    expect(!strcmp(check->key.text, history->key), "check_each of \"%s\" gives a check of the key \"%s\"", history->key,
           check->key.text);
    expect(check->error_message && !strcmp(check->error_message, message),
           "check_each does not give the newest check first, or gives one of another key");
    expect(check->status == PXT_HEALTH_UNHEALTHY && check->response_time_ms == 12.5 + number && check->check_url &&
               !strcmp(check->check_url, "http://192.0.2.1/"),
           "a check comes back changed");
    return history->count != history->stop_after;
}

static bool count_check(void *arg, const struct pxt_check *check)
{
    (void)check;
    ++*(unsigned *)arg;
    return true;
}

static void read_history(struct subject *subject, void *self, const char *text, pxt_check_fn *fn, void *arg)
{
    struct pxt_key key = key_named(subject, text);
    expect(tier_ops(subject)->check_each != NULL, "it has check_add without check_each");
    calling("check_each");
    pxt_status status = tier_ops(subject)->check_each(self, &key, fn, arg, &subject->error);
    if (status != PXT_NOT_FOUND)
        expect_ok(subject, status, "check_each");
}

static unsigned checks_of_key(struct subject *subject, void *self, const char *text)
{
    unsigned count = 0;
    read_history(subject, self, text, count_check, &count);
    return count;
}

static void keeps_a_history(struct subject *subject)
{
    struct history all = {.key = "h", .newest = 9}, some = {.key = "h", .newest = 9, .stop_after = 2};
    void *self = tier_open(subject, NULL, NULL, 0);
    put_named(subject, self, "h", 1);
    for (unsigned i = 0; i < 10; i++)
        add_check(subject, self, "h", i, TIME + (int64_t)i, 4);
    read_history(subject, self, "h", newest_first, &all);
    expect(all.count == 4, "of 10 checks 4 are to be kept, %u are kept", all.count);
    read_history(subject, self, "h", newest_first, &some);
    expect(some.count == 2, "check_each goes on after its function returned false");
    expect(checks_of_key(subject, self, "other") == 0, "a key that was never checked has a history");
    tier_close(subject, self);
}

static void keeps_all_of_a_time(struct subject *subject)
{
    struct history all = {.key = "h", .newest = 5};
    void *self = tier_open(subject, NULL, NULL, 0);
    put_named(subject, self, "h", 1);
    for (unsigned i = 0; i < 6; i++) /* two checks at a time; 0: no limit */
        add_check(subject, self, "h", i, TIME + (int64_t)i / 2, 0);
    read_history(subject, self, "h", newest_first, &all);
    expect(all.count == 6, "of 6 checks, two at a time, all are to be kept (`keep` is 0), %u are", all.count);
    tier_close(subject, self);
}

static void tells_keys_apart(struct subject *subject)
{
    static const char *const keys[] = {"h", "h1", "H", "h%", "_", "h "};
    enum { N = sizeof keys / sizeof *keys };
    void *self = tier_open(subject, NULL, NULL, 0);
    for (unsigned i = 0; i < N; i++) {
        put_named(subject, self, keys[i], 1);
        add_check(subject, self, keys[i], i, TIME, 1);
    }
    for (unsigned i = 0; i < N; i++) {
        struct history one = {.key = keys[i], .newest = i};
        read_history(subject, self, keys[i], newest_first, &one);
        expect(one.count == 1, "each of some keys has one check, \"%s\" has %u", keys[i], one.count);
    }
    tier_close(subject, self);
}

static bool is_unknown(void *arg, const struct pxt_check *check)
{
    ++*(unsigned *)arg;
    expect(check->response_time_ms < 0, "a response time that is not known comes back as %g", check->response_time_ms);
    expect(!check->error_message, "a check without an error comes back with one");
    expect(check->check_url && !*check->check_url, "a URL that is not known does not come back as \"\"");
    return true;
}

static void keeps_what_is_unknown(struct subject *subject)
{
    unsigned count = 0;
    void *self = tier_open(subject, NULL, NULL, 0);
    put_named(subject, self, "h", 1);
    struct pxt_check check = {.size = sizeof check,
                              .key = key_named(subject, "h"),
                              .time = TIME,
                              .status = PXT_HEALTH_HEALTHY,
                              .response_time_ms = -1,
                              .error_message = NULL,
                              .check_url = ""};
    calling("check_add");
    expect_ok(subject, tier_ops(subject)->check_add(self, &check, 0, &subject->error), "check_add");
    read_history(subject, self, "h", is_unknown, &count);
    expect(count == 1, "one check was added, %u are there", count);
    tier_close(subject, self);
}

static void ignore_key(void *arg, const struct pxt_key *key)
{
    (void)arg, (void)key;
}

/* A put leaves it, all that removes the entry removes it. */
static void goes_with_its_entry(struct subject *subject)
{
    static const char *const keys[] = {"deleted", "expired", "cleared"};
    uint64_t removed;
    void *self = tier_open(subject, NULL, NULL, 0);
    for (unsigned i = 0; i < 3; i++) {
        expect_ok(subject, put_and_release(subject, self, entry_named(subject, keys[i], 1, i == 1 ? TIME : LATER)),
                  "put");
        add_check(subject, self, keys[i], 1, TIME, 0);
    }
    put_named(subject, self, "cleared", 2);
    expect(checks_of_key(subject, self, "cleared") == 1, "a put in place of an entry removes its history");
    expect_ok(subject, delete_named(subject, self, "deleted"), "del");
    put_named(subject, self, "deleted", 2);
    expect(checks_of_key(subject, self, "deleted") == 0, "del leaves the history of the entry");
    if (tier_ops(subject)->expire) {
        calling("expire");
        expect_ok(subject,
                  tier_ops(subject)->expire(self, TIME, UINT64_MAX, 10, ignore_key, NULL, &removed, &subject->error),
                  "expire");
        put_named(subject, self, "expired", 2);
        expect(checks_of_key(subject, self, "expired") == 0, "expire leaves the history of the entry");
    }
    if (tier_ops(subject)->clear) {
        calling("clear");
        expect_ok(subject, tier_ops(subject)->clear(self, &removed, &subject->error), "clear");
        put_named(subject, self, "cleared", 2);
        expect(checks_of_key(subject, self, "cleared") == 0, "clear leaves the history of an entry");
    }
    tier_close(subject, self);
}

/* What the function of check_each calls. */
struct calling_back {
    struct subject *subject;
    void *self;
    unsigned count;
};

static bool call_back(void *arg, const struct pxt_check *check)
{
    struct calling_back *back = arg;
    (void)check;
    back->count++;
    calling("get, in the function of check_each");
    expect(version_named(back->subject, back->self, "h") == 1, "get in the function of check_each gives another entry");
    calling("put, in the function of check_each");
    put_named(back->subject, back->self, "other", back->count);
    return true;
}

static void may_be_called_for_each_check(struct subject *subject)
{
    void *self = tier_open(subject, NULL, NULL, 0);
    struct calling_back back = {subject, self, 0};
    put_named(subject, self, "h", 1);
    for (unsigned i = 0; i < 4; i++)
        add_check(subject, self, "h", i, TIME + (int64_t)i, 0);
    read_history(subject, self, "h", call_back, &back);
    expect(back.count == 4, "of 4 checks check_each gives %u, while its function calls the tier", back.count);
    tier_close(subject, self);
}

static const char *without_check_add(const struct subject *subject)
{
    return tier_ops(subject)->check_add ? NULL : "it leaves check_add to the core";
}

static const char *without_calls_back(const struct subject *subject)
{
    const char *why = without_check_add(subject);
    return why ? why : serialised(subject);
}

const struct check tier_history_checks[] = {
    {"keeps a history of checks, newest first, no longer than asked", keeps_a_history, without_check_add},
    {"keeps checks of the same time, and all of them if asked", keeps_all_of_a_time, without_check_add},
    {"a history is of one key", tells_keys_apart, without_check_add},
    {"keeps what is not known of a check", keeps_what_is_unknown, without_check_add},
    {"may be called for each check of a history", may_be_called_for_each_check, without_calls_back},
    {"a history goes with its entry", goes_with_its_entry, without_check_add},
    {NULL, NULL, NULL}};
