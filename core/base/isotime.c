/* SPDX-License-Identifier: MIT
 *
 * isotime.c: ISO 8601 times without libc's time functions, which know locales and time zones. Days are counted by the
 * civil calendar algorithms of H. Hinnant ("chrono-Compatible Low-Level Date Algorithms").
 */
#include "base/isotime.h"
#include <string.h>

enum { DAY = 86400 };
static const int64_t year_1 = INT64_C(-62135596800), year_10000 = INT64_C(253402300800); /* seconds */

static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned of_era = (unsigned)(year - era * 400);
    unsigned of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned day_of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    return era * 146097 + (int64_t)day_of_era - 719468;
}

static void date_of(int64_t days, unsigned *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned of_era = (unsigned)(days - era * 146097);
    unsigned years = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * years + years / 4 - years / 100);
    unsigned shifted = (5 * of_year + 2) / 153;
    *day = of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = (unsigned)(years + era * 400) + (*month <= 2);
}

static char *digits(char *at, unsigned value, unsigned width)
{
    for (unsigned i = width; i-- > 0; value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + width;
}

size_t pxt_isotime_write(pxt_time time, char out[PXT_ISOTIME_SIZE])
{
    int64_t seconds = time / PXT_SECOND, micros = time % PXT_SECOND;
    if (micros < 0) {
        micros += PXT_SECOND;
        seconds--;
    }
    if (seconds < year_1) {
        seconds = year_1;
        micros = 0;
    } else if (seconds >= year_10000) {
        seconds = year_10000 - 1;
        micros = PXT_SECOND - 1;
    }
    int64_t days = (seconds >= 0 ? seconds : seconds - DAY + 1) / DAY;
    unsigned rest = (unsigned)(seconds - days * DAY), year, month, day;
    date_of(days, &year, &month, &day);
    char *at = digits(out, year, 4);
    *at++ = '-';
    at = digits(at, month, 2);
    *at++ = '-';
    at = digits(at, day, 2);
    *at++ = 'T';
    at = digits(at, rest / 3600, 2);
    *at++ = ':';
    at = digits(at, rest / 60 % 60, 2);
    *at++ = ':';
    at = digits(at, rest % 60, 2);
    if (micros) {
        *at++ = '.';
        at = digits(at, (unsigned)micros, 6);
    }
    memcpy(at, "+00:00", 7);
    return (size_t)(at - out) + 6;
}

/* Reads exactly `width` digits. */
static bool take(const char **at, const char *end, unsigned width, unsigned *out)
{
    *out = 0;
    if (end - *at < (ptrdiff_t)width)
        return false;
    for (unsigned i = 0; i < width; i++, ++*at) {
        if (**at < '0' || **at > '9')
            return false;
        *out = *out * 10 + (unsigned)(**at - '0');
    }
    return true;
}

static bool take_char(const char **at, const char *end, char wanted)
{
    if (*at == end || **at != wanted)
        return false;
    ++*at;
    return true;
}

static bool take_fraction(const char **at, const char *end, int64_t *micros)
{
    unsigned n = 0;
    *micros = 0;
    if (!take_char(at, end, '.') && !take_char(at, end, ','))
        return true;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at, n++)
        if (n < 6)
            *micros = *micros * 10 + (**at - '0');
    if (n > 9)
        return false;
    for (unsigned i = n; i < 6; i++)
        *micros *= 10;
    return true;
}

/* `Z`, `+hh`, `+hh:mm`, `+hhmm`, `+hh:mm:ss`, or nothing, which is UTC. */
static bool take_offset(const char **at, const char *end, int64_t *seconds)
{
    unsigned hours, minutes = 0, rest = 0;
    *seconds = 0;
    if (*at == end || take_char(at, end, 'Z') || take_char(at, end, 'z'))
        return true;
    bool minus = **at == '-';
    if (!minus && **at != '+')
        return false;
    ++*at;
    if (!take(at, end, 2, &hours))
        return false;
    bool colon = take_char(at, end, ':');
    if ((colon || *at < end) && !take(at, end, 2, &minutes))
        return false;
    if (take_char(at, end, ':') && !take(at, end, 2, &rest))
        return false;
    if (hours > 23 || minutes > 59 || rest > 59)
        return false;
    *seconds = (int64_t)hours * 3600 + minutes * 60 + rest;
    if (minus)
        *seconds = -*seconds;
    return true;
}

static unsigned days_in_month(unsigned year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap ? 1u : 0u);
}

bool pxt_isotime_read(const char *text, size_t length, pxt_time *out)
{
    const char *at = text, *end = text + length;
    unsigned year, month, day, hour = 0, minute = 0, second = 0;
    int64_t micros = 0, offset = 0;
    if (!take(&at, end, 4, &year) || !take_char(&at, end, '-') || !take(&at, end, 2, &month) ||
        !take_char(&at, end, '-') || !take(&at, end, 2, &day))
        return false;
    if (at < end) {
        if (!take_char(&at, end, 'T') && !take_char(&at, end, ' ') && !take_char(&at, end, 't'))
            return false;
        if (!take(&at, end, 2, &hour) || !take_char(&at, end, ':') || !take(&at, end, 2, &minute))
            return false;
        if (take_char(&at, end, ':') && (!take(&at, end, 2, &second) || !take_fraction(&at, end, &micros)))
            return false;
        if (!take_offset(&at, end, &offset))
            return false;
    }
    /* Second 60 is a leap second: the same instant as the next one's 00. */
    if (at != end || year < 1 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) || hour > 23 ||
        minute > 59 || second > 60)
        return false;
    *out = (days_of(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset) * PXT_SECOND + micros;
    return true;
}
