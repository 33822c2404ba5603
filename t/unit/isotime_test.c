/* SPDX-License-Identifier: MIT
 *
 * Times are written as Python's isoformat() writes them, and all usual forms are read.
 */
#include "base/isotime.h"
#include "../lib/tap.h"

static void writes(pxt_time time, const char *want)
{
    char text[PXT_ISOTIME_SIZE];
    size_t length = pxt_isotime_write(time, text);
    is_str(text, want, "%lld is written as it should", (long long)time);
    is_int(length, strlen(want), "... with its length");
    pxt_time back = 0;
    ok(pxt_isotime_read(text, length, &back) && back == time, "... and read back");
}

static void reads(const char *text, pxt_time want)
{
    pxt_time got = -1;
    ok(pxt_isotime_read(text, strlen(text), &got), "%s is read", text);
    is_int(got, want, "... as it should");
}

static void refuses(const char *text)
{
    pxt_time got;
    ok(!pxt_isotime_read(text, strlen(text), &got), "\"%s\" is refused", text);
}

int main(void)
{
    writes(0, "1970-01-01T00:00:00+00:00");
    writes(INT64_C(1767323045123456), "2026-01-02T03:04:05.123456+00:00");
    writes(INT64_C(1709164800000001), "2024-02-29T00:00:00.000001+00:00");
    writes(-1, "1969-12-31T23:59:59.999999+00:00");
    writes(INT64_C(2147483648000000), "2038-01-19T03:14:08+00:00");
    writes(PXT_TIME_MAX, "9999-12-31T23:59:59.999999+00:00");
    writes(INT64_C(-62135596800000000), "0001-01-01T00:00:00+00:00");
    reads("2026-01-02T03:04:05Z", INT64_C(1767323045000000));
    reads("2026-01-02T03:04:05.5", INT64_C(1767323045500000));
    reads("2026-01-02 03:04:05+02:30", INT64_C(1767323045000000) - 9000 * PXT_SECOND);
    reads("2026-01-02T03:04:05.123456789-0130", INT64_C(1767323045123456) + 5400 * PXT_SECOND);
    reads("2026-01-02", INT64_C(1767312000000000));
    reads("2016-12-31T23:59:60Z", INT64_C(1483228800000000));
    refuses("");
    refuses("2026-13-01T00:00:00Z");
    refuses("2026-02-29T00:00:00Z");
    refuses("2026-01-02T24:00:00Z");
    refuses("2026-01-02T03:04:05 nonsense");
    refuses("26-01-02T03:04:05");
    return tap_done();
}
