/* SPDX-License-Identifier: MIT
 *
 * field_names.c: what the members of objects and the columns of tables are called in real lists: those of ProxyWhirl,
 * monosans, ProxyBroker, jhao104, scylla, Geonode, ProxyScrape and Webshare.
 */
#include "base/isotime.h"
#include "entry/entry.h"
#include "lists/base64.h"
#include "lists/list.h"
#include <stdlib.h>
#include <string.h>

/* Names without case, blanks, `_` and `-`. */
static const struct {
    const char *name;
    struct pxt_list_name known;
} aliases[] = {
    /* where the proxy is */
    {"proxyurl", {PXT_NAME_URL, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"url", {PXT_NAME_URL, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"proxy", {PXT_NAME_URL, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"host", {PXT_NAME_HOST, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"ip", {PXT_NAME_HOST, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"server", {PXT_NAME_HOST, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"address", {PXT_NAME_HOST, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"ipaddress", {PXT_NAME_HOST, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"proxyaddress", {PXT_NAME_HOST, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"proxyhost", {PXT_NAME_HOST, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"proxyip", {PXT_NAME_HOST, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"port", {PXT_NAME_PORT, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"proxyport", {PXT_NAME_PORT, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"protocol", {PXT_NAME_SCHEME, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"protocols", {PXT_NAME_SCHEME, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"scheme", {PXT_NAME_SCHEME, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"type", {PXT_NAME_SCHEME, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"types", {PXT_NAME_SCHEME, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"proxytype", {PXT_NAME_SCHEME, PXT_FIELD_PROXY_URL, NULL, 0}},
    /* credentials */
    {"user", {PXT_NAME_FIELD, PXT_FIELD_USERNAME, NULL, 0}},
    {"login", {PXT_NAME_FIELD, PXT_FIELD_USERNAME, NULL, 0}},
    {"proxyuser", {PXT_NAME_FIELD, PXT_FIELD_USERNAME, NULL, 0}},
    {"username", {PXT_NAME_FIELD, PXT_FIELD_USERNAME, NULL, 0}},
    {"pass", {PXT_NAME_FIELD, PXT_FIELD_PASSWORD, NULL, 0}},
    {"proxypass", {PXT_NAME_FIELD, PXT_FIELD_PASSWORD, NULL, 0}},
    {"password", {PXT_NAME_FIELD, PXT_FIELD_PASSWORD, NULL, 0}},
    /* times */
    {"ttl", {PXT_NAME_FIELD, PXT_FIELD_TTL_SECONDS, NULL, 0}},
    /* what others have learnt of it */
    {"status", {PXT_NAME_PUBLISHED, PXT_FIELD_HEALTH_STATUS, "status", 0}},
    {"state", {PXT_NAME_PUBLISHED, PXT_FIELD_HEALTH_STATUS, "status", 0}},
    {"alive", {PXT_NAME_PUBLISHED, PXT_FIELD_HEALTH_STATUS, "status", 0}},
    {"valid", {PXT_NAME_PUBLISHED, PXT_FIELD_HEALTH_STATUS, "status", 0}},
    {"isvalid", {PXT_NAME_PUBLISHED, PXT_FIELD_HEALTH_STATUS, "status", 0}},
    {"laststatus", {PXT_NAME_PUBLISHED, PXT_FIELD_HEALTH_STATUS, "status", 0}},
    {"lastchecked", {PXT_NAME_PUBLISHED, PXT_FIELD_LAST_HEALTH_CHECK, "last_checked", 0}},
    {"lastcheck", {PXT_NAME_PUBLISHED, PXT_FIELD_LAST_HEALTH_CHECK, "last_checked", 0}},
    {"lastcheckat", {PXT_NAME_PUBLISHED, PXT_FIELD_LAST_HEALTH_CHECK, "last_checked", 0}},
    {"lastverification", {PXT_NAME_PUBLISHED, PXT_FIELD_LAST_HEALTH_CHECK, "last_checked", 0}},
    {"lasttime", {PXT_NAME_PUBLISHED, PXT_FIELD_LAST_HEALTH_CHECK, "last_checked", 0}},
    {"lasthealthcheckat", {PXT_NAME_PUBLISHED, PXT_FIELD_LAST_HEALTH_CHECK, "last_checked", 0}},
    {"totalchecks", {PXT_NAME_PUBLISHED, PXT_FIELD_TOTAL_HEALTH_CHECKS, "total_checks", 1}},
    {"checkcount", {PXT_NAME_PUBLISHED, PXT_FIELD_TOTAL_HEALTH_CHECKS, "total_checks", 1}},
    {"totalrequests", {PXT_NAME_PUBLISHED, PXT_FIELD_TOTAL_HEALTH_CHECKS, "total_checks", 1}},
    {"totalfailures", {PXT_NAME_PUBLISHED, PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES, "total_failures", 1}},
    {"failcount", {PXT_NAME_PUBLISHED, PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES, "total_failures", 1}},
    {"totalsuccesses", {PXT_NAME_SUCCESSES, PXT_FIELD_PROXY_URL, "total_successes", 1}},
    {"consecutivefailures", {PXT_NAME_PUBLISHED, PXT_FIELD_CONSECUTIVE_HEALTH_FAILURES, "consecutive_failures", 1}},
    {"consecutivesuccesses", {PXT_NAME_PUBLISHED, PXT_FIELD_CONSECUTIVE_HEALTH_SUCCESSES, "consecutive_successes", 1}},
    {"successrate", {PXT_NAME_RATE, PXT_FIELD_PROXY_URL, "success_rate", 1}},
    {"uptime", {PXT_NAME_RATE, PXT_FIELD_PROXY_URL, "success_rate", 1}},
    {"latency", {PXT_NAME_LATENCY, PXT_FIELD_LATENCY, "latency_ms", 1}},
    {"latencyms", {PXT_NAME_LATENCY, PXT_FIELD_LATENCY, "latency_ms", 1}},
    {"responsetime", {PXT_NAME_LATENCY, PXT_FIELD_LATENCY, "latency_ms", 1}},
    {"responsetimems", {PXT_NAME_LATENCY, PXT_FIELD_LATENCY, "latency_ms", 1}},
    {"averageresponsetimems", {PXT_NAME_LATENCY, PXT_FIELD_LATENCY, "latency_ms", 1}},
    {"avgresponsetimems", {PXT_NAME_LATENCY, PXT_FIELD_LATENCY, "latency_ms", 1}},
    {"averagelatency", {PXT_NAME_LATENCY, PXT_FIELD_LATENCY, "latency_ms", 1}},
    {"avgresptime", {PXT_NAME_LATENCY, PXT_FIELD_LATENCY, "latency_ms", 1000}},
    {"speed", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "speed", 1}},
    /* what it is */
    {"anonymity", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "anonymity", 0}},
    {"anonymitylevel", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "anonymity", 0}},
    {"anonymous", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "anonymity", 0}},
    {"anon", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "anonymity", 0}},
    {"google", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "google", 0}},
    {"https", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "https", 0}},
    {"ssl", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "https", 0}},
    {"isresidential", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "is_residential", 0}},
    {"isdatacenter", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "is_datacenter", 0}},
    {"tags", {PXT_NAME_FIELD, PXT_FIELD_TAGS, NULL, 0}},
    /* where it stands */
    {"country", {PXT_NAME_COUNTRY, PXT_FIELD_COUNTRY, "country", 0}},
    {"countryname", {PXT_NAME_COUNTRY, PXT_FIELD_COUNTRY, "country", 0}},
    {"countrycode", {PXT_NAME_COUNTRY, PXT_FIELD_COUNTRY, "country_code", 0}},
    {"code", {PXT_NAME_COUNTRY, PXT_FIELD_COUNTRY, "country_code", 0}},
    {"isocode", {PXT_NAME_COUNTRY, PXT_FIELD_COUNTRY, "country_code", 0}},
    {"continentcode", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "continent_code", 0}},
    {"region", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "region", 0}},
    {"regionname", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "region", 0}},
    {"city", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "city", 0}},
    {"cityname", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "city", 0}},
    {"isp", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "isp", 0}},
    {"ispname", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "isp", 0}},
    {"org", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "organization", 0}},
    {"organization", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "organization", 0}},
    {"asnname", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "organization", 0}},
    {"asn", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "asn", 0}},
    {"asnnumber", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "asn", 0}},
    {"latitude", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "latitude", 0}},
    {"lat", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "latitude", 0}},
    {"longitude", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "longitude", 0}},
    {"lon", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "longitude", 0}},
    /* where its listing comes from */
    {"sourceurl", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "source_url", 0}},
    {"createdat", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "created_at", 0}},
    {"discoveredat", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "discovered_at", 0}},
    {"updatedat", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "updated_at", 0}},
    {"lastsuccessat", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "last_success_at", 0}},
    {"lastfailureat", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "last_failure_at", 0}},
    {"successrate7d", {PXT_NAME_FACT, PXT_FIELD_PROXY_URL, "success_rate_7d", 1}},
    /* objects that hold some of these */
    {"geo", {PXT_NAME_GROUP, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"geolocation", {PXT_NAME_GROUP, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"location", {PXT_NAME_GROUP, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"ipdata", {PXT_NAME_GROUP, PXT_FIELD_PROXY_URL, NULL, 0}},
    {"geoip", {PXT_NAME_GROUP, PXT_FIELD_PROXY_URL, NULL, 0}},
};
enum { NAME_MAX_BYTES = 48 };

static bool same(const char *a, const char *b, size_t length)
{
    return strlen(a) == length && !strncasecmp(a, b, length);
}

/* False if the name is longer than any that is known. */
static bool fold(const char *name, size_t length, char folded[NAME_MAX_BYTES])
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        char c = name[i];
        if (c == ' ' || c == '\t' || c == '_' || c == '-')
            continue;
        if (n == NAME_MAX_BYTES - 1)
            return false;
        folded[n++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    folded[n] = '\0';
    return n;
}

/* A field of the table, or a credential in another form. */
static struct pxt_list_name field_of(const char *name, size_t length)
{
    size_t count;
    const struct pxt_field *fields = pxt_field_table(&count);
    for (size_t i = 0; i < PXT_FIELD_COUNT; i++) {
        enum pxt_field_id field = (enum pxt_field_id)i;
        size_t own = strlen(fields[i].name);
        if (fields[i].flags & PXT_FIELD_INTERNAL)
            continue;
        if (same(fields[i].name, name, length))
            return (struct pxt_list_name){.kind = PXT_NAME_FIELD, .field = field};
        if (fields[i].type != PXT_TYPE_SECRET || length <= own || strncasecmp(name, fields[i].name, own))
            continue;
        if (same("_encrypted", name + own, length - own))
            return (struct pxt_list_name){.kind = PXT_NAME_TOKEN, .field = field};
        if (same("_base64", name + own, length - own))
            return (struct pxt_list_name){.kind = PXT_NAME_BASE64, .field = field};
    }
    return (struct pxt_list_name){.kind = PXT_NAME_OTHER};
}

struct pxt_list_name pxt_list_name(const char *name, size_t length)
{
    char folded[NAME_MAX_BYTES];
    if (fold(name, length, folded))
        for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
            if (aliases[i].name[0] == folded[0] && !strcmp(aliases[i].name, folded))
                return aliases[i].known;
    return field_of(name, length);
}

static int hex(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool set_token(struct pxt_draft *draft, enum pxt_field_id field, const char *text, size_t length,
                      struct pxt_list_room *room)
{
    if (!length || length % 2 || (size_t)(room->end - room->at) < length / 2)
        return false;
    for (size_t i = 0; i < length; i += 2) {
        int high = hex(text[i]), low = hex(text[i + 1]);
        if (high < 0 || low < 0)
            return false;
        room->at[i / 2] = (char)(high << 4 | low);
    }
    pxt_draft_set_token(draft, field, room->at, length / 2);
    room->at += length / 2;
    return true;
}

static bool set_base64(struct pxt_draft *draft, enum pxt_field_id field, const char *text, size_t length,
                       struct pxt_list_room *room)
{
    size_t decoded;
    if ((size_t)(room->end - room->at) < length || !pxt_base64_decode(text, length, room->at, &decoded))
        return false;
    pxt_draft_set_text(draft, field, room->at, decoded);
    room->at += decoded;
    return true;
}

static bool read_count(const char *text, size_t length, int64_t *out)
{
    char copy[32], *end;
    size_t minus = length && *text == '-';
    if (length == minus || length >= sizeof copy || strspn(text + minus, "0123456789.") + minus < length)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    *out = strtoll(copy, &end, 10);
    return !*end || (*end == '.' && strspn(end + 1, "0") == strlen(end + 1));
}

/* A text that only describes is no reason to refuse a proxy: it is clipped and made plain, as the tiers do it with what
 * ProxyWhirl stored. */
static bool set_plain_text(struct pxt_draft *draft, enum pxt_field_id field, const char *text, size_t length,
                           struct pxt_list_room *room)
{
    char *plain = room->at;
    size_t n = 0;
    if ((size_t)(room->end - room->at) < PXT_TEXT_MAX)
        return false;
    for (size_t i = 0, step; i < length; i += step ? step : 1) {
        step = pxt_utf8_step((const unsigned char *)text + i, length - i);
        if (n + (step ? step : 1) > PXT_TEXT_MAX)
            break;
        memcpy(plain + n, step ? text + i : " ", step ? step : 1);
        n += step ? step : 1;
    }
    pxt_draft_set_text(draft, field, plain, n);
    room->at += n;
    return true;
}

static bool read_health(const char *text, size_t length, int64_t *out)
{
    for (*out = 0; *out < PXT_HEALTH_COUNT; ++*out)
        if (same(pxt_health_name((enum pxt_health) * out), text, length))
            return true;
    return false;
}

static bool read_bool(const char *text, size_t length, int64_t *out)
{
    *out = same("true", text, length) || same("1", text, length);
    return *out || same("false", text, length) || same("0", text, length);
}

bool pxt_list_set(struct pxt_draft *draft, enum pxt_field_id field, enum pxt_list_kind kind, const char *text,
                  size_t length, struct pxt_list_room *room)
{
    size_t count;
    int64_t number = 0;
    bool good, learnt = pxt_field_table(&count)[field].flags & PXT_FIELD_LEARNT;
    if (kind == PXT_NAME_TOKEN)
        return set_token(draft, field, text, length, room);
    if (kind == PXT_NAME_BASE64)
        return set_base64(draft, field, text, length, room);
    switch (pxt_field_table(&count)[field].type) {
    case PXT_TYPE_TEXT:
        if (learnt || field == PXT_FIELD_SOURCE || field == PXT_FIELD_TAGS)
            return set_plain_text(draft, field, text, length, room);
        pxt_draft_set_text(draft, field, text, length);
        return true;
    case PXT_TYPE_SECRET:
        pxt_draft_set_text(draft, field, text, length);
        return true;
    case PXT_TYPE_TIME:
        good = pxt_isotime_read(text, length, &number);
        break;
    case PXT_TYPE_HEALTH:
        good = read_health(text, length, &number);
        break;
    case PXT_TYPE_BOOL:
        good = read_bool(text, length, &number);
        break;
    default:
        good = read_count(text, length, &number);
        if (learnt)
            number = number < 0 ? 0 : number > PXT_COUNT_MAX ? PXT_COUNT_MAX : number;
    }
    if (good)
        pxt_draft_set_number(draft, field, number);
    return good;
}
