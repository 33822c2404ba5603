/* SPDX-License-Identifier: MIT
 *
 * time.c: the times of tombstones as text, ISO 8601 as in the lines of entries.
 */
#include "jsonl.h"
#include <string.h>

/* The days from 1970-01-01 to a date of the Gregorian calendar; months are counted from March, so that a leap day ends a
 * year. */
static int64_t days_to(int year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t since_march = (month + 9) % 12;
    return 365 * y + y / 4 - y / 100 + y / 400 + (153 * since_march + 2) / 5 + day - 1 - 719468;
}

bool jsonl_time_write(pxt_time time, char text[JSONL_TIME_SIZE])
{
    struct tm parts;
    if (time < 0 || time > PXT_TIME_MAX)
        return false;
    time_t seconds = (time_t)(time / PXT_SECOND);
    if (!gmtime_r(&seconds, &parts))
        return false;
    size_t length = strftime(text, JSONL_TIME_SIZE, "%Y-%m-%dT%H:%M:%S", &parts);
    int fraction = (int)(time % PXT_SECOND);
    if (fraction)
        length += (size_t)snprintf(text + length, JSONL_TIME_SIZE - length, ".%06d", fraction);
    memcpy(text + length, "+00:00", sizeof "+00:00");
    return true;
}

bool jsonl_time_read(const char *text, pxt_time *out)
{
    int year, month, day, hour, minute, second, used = 0, zone_hour = 0, zone_minute = 0;
    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &used) != 6 ||
        year < 1970 || month < 1 || month > 12)
        return false;
    text += used;
    int64_t fraction = 0;
    if (*text == '.')
        for (int64_t unit = PXT_SECOND / 10; *++text >= '0' && *text <= '9'; unit /= 10)
            fraction += unit * (*text - '0');
    if (strcmp(text, "Z") &&
        (sscanf(text + (*text != '\0'), "%2d:%2d", &zone_hour, &zone_minute) != 2 || (*text != '+' && *text != '-')))
        return false;
    int64_t zone = (zone_hour * 60 + zone_minute) * (*text == '-' ? -60 : 60);
    int64_t seconds = days_to(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - zone;
    *out = seconds * PXT_SECOND + fraction;
    return true;
}
