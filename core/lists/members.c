/* SPDX-License-Identifier: MIT
 *
 * members.c: makes a record from its members. What a list publishes about a proxy becomes metadata, and a start for the
 * learnt fields. Only names that field_names.c knows are kept: a member of another name may be a credential.
 */
#include "lists/members.h"
#include "base/isotime.h"
#include "entry/entry.h"
#include "entry/json.h"
#include <inttypes.h>
#include <string.h>

void pxt_members_start(struct pxt_members *members, uint64_t line, uint64_t column, const char *scheme,
                       struct pxt_list_room room)
{
    members->record = (struct pxt_list_record){.line = line, .column = column, .scheme = scheme};
    pxt_draft_init(&members->record.draft);
    members->room = room;
    members->host[0] = members->port[0] = members->scheme[0] = members->country[0] = members->problem[0] = '\0';
    members->metadata_length = 0;
    members->rate = -1;
    members->successes = -1;
}

const char *pxt_members_keep(struct pxt_members *members, const char *text, size_t length)
{
    char *kept = members->room.at;
    if ((size_t)(members->room.end - kept) < length + 1)
        return NULL;
    memcpy(kept, text, length);
    kept[length] = '\0';
    members->room.at += length + 1;
    return kept;
}

static bool wrong(struct pxt_members *members, const char *name, const char *problem)
{
    snprintf(members->problem, sizeof members->problem, "the value of \"%.60s\" %s", name, problem);
    return false;
}

/* False if it does not fit. */
static bool copy(char *out, size_t size, const char *text, size_t length)
{
    if (length >= size)
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

/* The first of `HTTP, HTTPS` or `http/socks5`. */
static bool set_scheme(struct pxt_members *members, const char *name, const char *value, size_t length)
{
    static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h", NULL};
    while (length && *value == ' ') {
        value++;
        length--;
    }
    size_t word = 0;
    while (word < length && value[word] && !strchr(" ,;/|+", value[word]))
        word++;
    if (!word)
        return true;
    for (const char *const *scheme = schemes; *scheme; scheme++)
        if (strlen(*scheme) == word && !strncasecmp(value, *scheme, word))
            return copy(members->scheme, sizeof members->scheme, *scheme, word);
    return wrong(members, name, "must be http, https, socks4, socks4a, socks5 or socks5h");
}

/* ---- what the list publishes ------------------------------------------------------------------------------------- */

/* A decimal number without exponent, in any locale. */
static bool read_number(const char *value, size_t length, double *out)
{
    double number = 0, unit = 0;
    bool minus = length && *value == '-', digits = false;
    for (size_t i = minus ? 1 : 0; i < length; i++) {
        if (value[i] == '.' && unit == 0) {
            unit = 1;
            continue;
        }
        if (value[i] < '0' || value[i] > '9' || i >= 40)
            return false;
        digits = true;
        unit /= 10;
        number = unit > 0 ? number + (value[i] - '0') * unit : number * 10 + (value[i] - '0');
    }
    *out = minus ? -number : number;
    return digits;
}

/* At most three digits behind the point. */
static size_t write_number(char *text, size_t size, double number)
{
    int64_t thousandths = (int64_t)((number < 0 ? -number : number) * 1000 + 0.5);
    int n = snprintf(text, size, "%s%" PRId64, number < 0 ? "-" : "", thousandths / 1000);
    if (thousandths % 1000)
        n += snprintf(text + n, size - (size_t)n, ".%03d", (int)(thousandths % 1000));
    while (thousandths % 1000 && text[n - 1] == '0')
        n--;
    return (size_t)n;
}

/* Adds a member to the metadata, unless there is no room. */
static void add_fact(struct pxt_members *members, const struct pxt_list_name *known, const char *value, size_t length,
                     bool plain)
{
    char number_text[40], name[64], *text = members->metadata;
    double number;
    enum { ROOM = PXT_TEXT_MAX - 1 }; /* without the brace at the end */
    size_t at = members->metadata_length, head = (size_t)snprintf(name, sizeof name, "\"%s\": ", known->fact);
    if (at + head + 2 >= ROOM || memmem(text, at, name, head)) /* the first one stays */
        return;
    at = (size_t)(stpcpy(stpcpy(text + at, at ? ", " : "{"), name) - text);
    bool numeric = read_number(value, length, &number) && number > -1e12 && number < 1e12 && known->scale > 0;
    bool verbatim = plain && (read_number(value, length, &number) || *value == 't' || *value == 'f');
    if (numeric) {
        length = write_number(number_text, sizeof number_text, number * known->scale);
        value = number_text;
    }
    if (!numeric && !verbatim) {
        at = pxt_json_string(text, ROOM, at, value, length);
    } else if (at + length <= ROOM) {
        memcpy(text + at, value, length);
        at += length;
    } else {
        return;
    }
    members->metadata_length = at <= ROOM ? at : members->metadata_length;
}

bool pxt_members_is_export(const struct pxt_members *members)
{
    const struct pxt_value *value = members->record.draft.value;
    return value[PXT_FIELD_KEY].set && value[PXT_FIELD_EXPIRES_AT].set;
}

/* A code of two letters is better than a name. */
static void set_country(struct pxt_members *members, const char *value, size_t length)
{
    bool code = length == 2 && strlen(members->country) != 2;
    if (length >= sizeof members->country || (members->country[0] && !code))
        return;
    copy(members->country, sizeof members->country, value, length);
    for (size_t i = 0; code && i < length; i++)
        if (members->country[i] >= 'a' && members->country[i] <= 'z')
            members->country[i] = (char)(members->country[i] - 'a' + 'A');
}

/* What lists say of a proxy that works, and of one that does not. */
static bool read_status(const char *value, size_t length, int64_t *out)
{
    static const struct {
        const char *word;
        enum pxt_health health;
    } words[] = {{"true", PXT_HEALTH_HEALTHY},     {"1", PXT_HEALTH_HEALTHY},          {"ok", PXT_HEALTH_HEALTHY},
                 {"alive", PXT_HEALTH_HEALTHY},    {"active", PXT_HEALTH_HEALTHY},     {"working", PXT_HEALTH_HEALTHY},
                 {"up", PXT_HEALTH_HEALTHY},       {"false", PXT_HEALTH_UNHEALTHY},    {"0", PXT_HEALTH_UNHEALTHY},
                 {"failed", PXT_HEALTH_UNHEALTHY}, {"inactive", PXT_HEALTH_UNHEALTHY}, {"down", PXT_HEALTH_UNHEALTHY}};
    for (int health = 0; health < PXT_HEALTH_COUNT; health++) {
        const char *name = pxt_health_name((enum pxt_health)health);
        if (strlen(name) == length && !strncasecmp(value, name, length)) {
            *out = health;
            return true;
        }
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i].word) == length && !strncasecmp(value, words[i].word, length)) {
            *out = words[i].health;
            return true;
        }
    return false;
}

/* ISO 8601, or seconds or milliseconds since 1970. */
static bool read_time(const char *value, size_t length, int64_t *out)
{
    double number;
    if (pxt_isotime_read(value, length, out))
        return true;
    if (!read_number(value, length, &number) || number < 1e8 || number > 1e14)
        return false;
    *out = (int64_t)(number * (number < 1e11 ? 1e6 : 1e3));
    return true;
}

/* What cannot be read as a value of the field is no reason to refuse a proxy. */
static void start_field(struct pxt_members *members, enum pxt_field_id field, const char *value, size_t length)
{
    size_t count;
    int64_t number;
    double real;
    bool good;
    switch (pxt_field_table(&count)[field].type) {
    case PXT_TYPE_HEALTH:
        good = read_status(value, length, &number);
        break;
    case PXT_TYPE_TIME:
        good = read_time(value, length, &number);
        break;
    default:
        good = read_number(value, length, &real) && real >= 0 && real <= (double)PXT_COUNT_MAX;
        number = good ? (int64_t)real : 0;
    }
    if (good && !members->record.draft.value[field].set)
        pxt_draft_set_number(&members->record.draft, field, number);
}

/* 0 is "not measured", in lists and in the field. */
static void start_latency(struct pxt_members *members, double ms)
{
    const double max_ms = 1e9;
    if (ms > 0 && ms <= max_ms && !members->record.draft.value[PXT_FIELD_LATENCY].set)
        pxt_draft_set_number(&members->record.draft, PXT_FIELD_LATENCY, ms < 0.001 ? 1 : (int64_t)(ms * 1000 + 0.5));
}

/* Where a list tells how many checks there were and how many were good, the rest were not. */
static void complete_checks(struct pxt_members *members)
{
    struct pxt_value *value = members->record.draft.value;
    if (!value[PXT_FIELD_TOTAL_HEALTH_CHECKS].set || value[PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES].set)
        return;
    int64_t total = value[PXT_FIELD_TOTAL_HEALTH_CHECKS].as.number, good = members->successes;
    if (good < 0 && members->rate >= 0 && members->rate <= 100)
        good = (int64_t)((double)total * members->rate / 100 + 0.5);
    if (good >= 0 && good <= total)
        pxt_draft_set_number(&members->record.draft, PXT_FIELD_TOTAL_HEALTH_CHECK_FAILURES, total - good);
}

static void publish(struct pxt_members *members, const struct pxt_list_name *known, const char *value, size_t length)
{
    double number;
    bool numeric = read_number(value, length, &number) && number >= 0;
    if (known->kind == PXT_NAME_COUNTRY)
        set_country(members, value, length);
    else if (known->kind == PXT_NAME_PUBLISHED)
        start_field(members, known->field, value, length);
    else if (known->kind == PXT_NAME_LATENCY && numeric)
        start_latency(members, number * known->scale);
    else if (known->kind == PXT_NAME_RATE && numeric)
        members->rate = number;
    else if (known->kind == PXT_NAME_SUCCESSES && numeric && number <= (double)PXT_COUNT_MAX)
        members->successes = (int64_t)number;
}

/* ---- the record -------------------------------------------------------------------------------------------------- */

static bool set_field(struct pxt_members *members, const struct pxt_list_name *known, const char *name,
                      const char *value, size_t length)
{
    if (known->kind == PXT_NAME_BASE64)
        members->record.is_literal[known->field == PXT_FIELD_PASSWORD] = true;
    return pxt_list_set(&members->record.draft, known->field, known->kind, value, length, &members->room) ||
           wrong(members, name, "is not what is expected there");
}

bool pxt_members_set(struct pxt_members *members, const struct pxt_list_name *known, const char *name,
                     const char *value, size_t length, bool plain)
{
    switch (known->kind) {
    case PXT_NAME_URL:
        members->record.url = value;
        members->record.url_length = length;
        return !plain || wrong(members, name, "must be a text");
    case PXT_NAME_HOST:
        return (!plain && copy(members->host, sizeof members->host, value, length)) ||
               wrong(members, name, plain ? "must be a text" : "is too long");
    case PXT_NAME_PORT:
        return copy(members->port, sizeof members->port, value, length) || wrong(members, name, "is no port");
    case PXT_NAME_SCHEME:
        return set_scheme(members, name, value, length);
    case PXT_NAME_FIELD:
    case PXT_NAME_TOKEN:
    case PXT_NAME_BASE64:
        return set_field(members, known, name, value, length);
    case PXT_NAME_OTHER:
    case PXT_NAME_GROUP:
        return true;
    case PXT_NAME_COUNTRY:
        if (pxt_members_is_export(members)) {
            pxt_draft_set_text(&members->record.draft, PXT_FIELD_COUNTRY, value, length);
            return true;
        } /* fallthrough */
    default:
        publish(members, known, value, length);
        if (known->fact && length && (known->kind != PXT_NAME_COUNTRY || length != 2)) /* a code is in the field */
            add_fact(members, known, value, length, plain);
        return true;
    }
}

static void join_address(struct pxt_members *members)
{
    const char *host = members->host;
    bool bare_v6 = strchr(host, ':') && host[0] != '[' && members->port[0];
    int n = members->port[0] ? snprintf(members->address, sizeof members->address, bare_v6 ? "[%s]:%s" : "%s:%s", host,
                                        members->port)
                             : snprintf(members->address, sizeof members->address, "%s", host);
    members->record.url = members->address;
    members->record.url_length = (size_t)n;
}

bool pxt_members_finish(struct pxt_members *members)
{
    struct pxt_list_record *record = &members->record;
    struct pxt_draft *draft = &record->draft;
    record->scheme_is_own = members->scheme[0] != '\0';
    record->scheme = record->scheme_is_own ? members->scheme : record->scheme;
    if (!record->url && members->host[0])
        join_address(members);
    if (!record->url) {
        snprintf(members->problem, sizeof members->problem,
                 "it names no proxy: proxy_url, or host and port, is expected");
        return false;
    }
    complete_checks(members);
    if (members->country[0])
        pxt_draft_set_text(draft, PXT_FIELD_COUNTRY, members->country, strlen(members->country));
    if (members->metadata_length && !draft->value[PXT_FIELD_METADATA].set) {
        members->metadata[members->metadata_length] = '}';
        pxt_draft_set_text(draft, PXT_FIELD_METADATA, members->metadata, members->metadata_length + 1);
    }
    return true;
}
