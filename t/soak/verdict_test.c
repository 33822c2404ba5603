/* SPDX-License-Identifier: MIT
 *
 * A judge that finds nothing proves nothing: the judge of the soak finds each fault in a history that has it, and none in one that is
 * right.
 */
#include "../lib/tap.h"
#include "pool.h"
#include "verdict.h"
#include <unistd.h>

/* Each call takes one unit of time. */
enum { UNIT = 1000, MAX = 20 };
static struct event events[MAX];
static size_t count;

static struct event *called(enum call call, unsigned host, int at, pxt_status status, int value)
{
    events[count] = (struct event){.begin = (int64_t)at * UNIT,
                                   .end = (int64_t)at * UNIT + UNIT - 1,
                                   .value = value,
                                   .call = (uint8_t)call,
                                   .status = (uint8_t)status,
                                   .host = (uint8_t)host};
    return &events[count++];
}

/* A get; its version is that of the put, or a newer one. */
static struct event *got(unsigned host, int at, int value, int version)
{
    struct event *event = called(CALL_GET, host, at, value == NOTHING ? PXT_NOT_FOUND : PXT_OK, value);
    event->version = version;
    event->supplied = value;
    return event;
}

/* Judges what was called; `only` is the fault that it has, or FAULT_COUNT. */
static void has(enum fault only, const char *what)
{
    struct findings findings = {.faults = {0}};
    bool right = true;
    judge_keys(events, count, &findings);
    for (int i = 0; i < FAULT_COUNT; i++)
        right = right && (findings.faults[i] > 0) == (i == (int)only);
    ok(right, "%s: %s", what, only == FAULT_COUNT ? "no fault" : fault_text[only]);
    for (int i = 0; i < FAULT_COUNT && !right; i++)
        if (findings.faults[i])
            diag("%s: %s", fault_text[i], findings.first[i]);
    count = 0;
}

static void registers(void)
{
    called(CALL_PUT, 0, 1, PXT_OK, 1);
    called(CALL_PUT, 1, 2, PXT_OK, 2);
    got(0, 3, 1, 1);
    got(1, 4, 2, 2);
    has(FAULT_COUNT, "a host does not yet know of the other's put");
    called(CALL_PUT, 0, 1, PXT_OK, 1);
    called(CALL_PUT, 1, 2, PXT_OK, 2);
    got(0, 3, 2, 2);
    got(0, 4, 1, 2)->supplied = 3;
    has(FAULT_SUPERSEDED, "a host goes back to what was put before");
    called(CALL_PUT, 0, 1, PXT_EIO, 1);
    called(CALL_PUT, 0, 2, PXT_OK, 2);
    got(0, 3, 1, 1);
    has(FAULT_SUPERSEDED, "a refused put comes late");
    called(CALL_PUT, 0, 1, PXT_EIO, 1);
    got(0, 3, 1, 1);
    has(FAULT_COUNT, "a refused put has taken effect");
    called(CALL_PUT, 0, 1, PXT_OK, 1);
    called(CALL_DELETE, 0, 2, PXT_OK, NOTHING);
    got(0, 3, 1, 1);
    has(FAULT_BACK, "a deleted entry is got");
    called(CALL_PUT, 0, 1, PXT_OK, 1);
    called(CALL_DELETE, 1, 2, PXT_EUNAVAILABLE, NOTHING);
    got(0, 3, NOTHING, 0);
    has(FAULT_COUNT, "a refused delete has taken effect");
    called(CALL_DELETE, 1, 1, PXT_OK, NOTHING);
    called(CALL_PUT, 0, 2, PXT_OK, 1);
    called(CALL_REPORT, 0, 3, PXT_NOT_FOUND, NOTHING);
    has(FAULT_LOST, "an entry is not there");
    got(0, 3, 7, 7);
    has(FAULT_INVENTED, "a value comes from nowhere");
}

static void versions(void)
{
    called(CALL_PUT, 0, 1, PXT_OK, 1);
    got(0, 2, 1, 9);
    got(1, 3, 1, 8);
    has(FAULT_COUNT, "another host has an older version");
    called(CALL_PUT, 0, 1, PXT_OK, 1);
    got(0, 2, 1, 9);
    got(0, 3, 1, 8);
    has(FAULT_VERSION_BACK, "the same host has an older version");
    called(CALL_PUT, 0, 1, PXT_OK, 1);
    called(CALL_PUT, 1, 1, PXT_OK, 2);
    got(0, 2, 1, 9)->supplied = 5;
    got(1, 2, 2, 9)->supplied = 5;
    has(FAULT_TWO_VALUES, "two puts have one version");
}

static void at_rest(void)
{
    called(CALL_PUT, 0, 1, PXT_OK, 1);
    called(CALL_PUT, 1, 2, PXT_OK, 2);
    got(0, 3, 1, 1)->process = AT_REST;
    has(FAULT_SUPERSEDED, "at rest a host lacks the other's put");
    called(CALL_PUT, 0, 1, PXT_OK, 1)->key = FIRST_COUNTER;
    called(CALL_REPORT, 0, 2, PXT_OK, NOTHING)->key = FIRST_COUNTER;
    called(CALL_REPORT, 1, 2, PXT_EIO, NOTHING)->key = FIRST_COUNTER;
    struct event *rest = got(1, 3, 1, 1);
    rest->process = AT_REST;
    rest->key = FIRST_COUNTER;
    size_t all = count;
    for (int checks = 0; checks < 4; checks++) {
        count = all;
        for (size_t i = 0; i < count; i++)
            if (events[i].process == AT_REST)
                events[i].checks = checks;
        has(checks < 1   ? FAULT_REPORTS_LOST
            : checks > 2 ? FAULT_REPORTS_MANY
                         : FAULT_COUNT,
            "a report that was acknowledged, and one that was not");
    }
}

static void lease(unsigned host, int at, enum call call, int key, pxt_status status, int number)
{
    struct event *event = called(call, host, at, status, number);
    event->key = key;
}

static void leases(void)
{
    char path[] = "/tmp/proxtier-leases-XXXXXX";
    struct findings findings = {.faults = {0}};
    int fd = mkstemp(path);
    lease(0, 1, CALL_LEASE, FIRST_LEASED, PXT_OK, 1);
    lease(1, 3, CALL_LEASE, FIRST_SHARED, PXT_OK, 2);
    lease(0, 5, CALL_LEASE, FIRST_SHARED, PXT_OK, 3);
    lease(0, 7, CALL_RELEASE, FIRST_LEASED, PXT_OK, 1);
    lease(1, 9, CALL_LEASE, FIRST_LEASED, PXT_OK, 4);
    judge_leases(events, count, path, &findings);
    is_int(findings.faults[FAULT_LEASED_TWICE] + findings.faults[FAULT_LEASE_LOST], 0, "leases that are right");
    lease(1, 11, CALL_RENEW, FIRST_LEASED, PXT_NOT_FOUND, 4);
    lease(0, 6, CALL_LEASE, FIRST_LEASED, PXT_OK, 5);
    judge_leases(events, count, path, &findings);
    is_int(findings.faults[FAULT_LEASED_TWICE], 1, "a proxy that was leased is leased to another worker");
    is_int(findings.faults[FAULT_LEASE_LOST], 1, "a lease is lost before its time");
    close(fd);
    unlink(path);
}

int main(void)
{
    registers();
    versions();
    at_rest();
    leases();
    return tap_done();
}
