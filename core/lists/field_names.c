/* SPDX-License-Identifier: MIT
 *
 * field_names.c: what the members of objects and the columns of tables are called in real lists. Those of ProxyWhirl,
 * monosans, ProxyBroker, jhao104 and scylla are read unchanged.
 */
#include "base/isotime.h"
#include "entry/entry.h"
#include "lists/base64.h"
#include "lists/list.h"
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum pxt_list_name kind;
    enum pxt_field_id field;
} aliases[] = {
    {"proxy_url", PXT_NAME_URL, PXT_FIELD_PROXY_URL},   {"url", PXT_NAME_URL, PXT_FIELD_PROXY_URL},
    {"proxy", PXT_NAME_URL, PXT_FIELD_PROXY_URL},       {"host", PXT_NAME_HOST, PXT_FIELD_PROXY_URL},
    {"ip", PXT_NAME_HOST, PXT_FIELD_PROXY_URL},         {"server", PXT_NAME_HOST, PXT_FIELD_PROXY_URL},
    {"address", PXT_NAME_HOST, PXT_FIELD_PROXY_URL},    {"port", PXT_NAME_PORT, PXT_FIELD_PROXY_URL},
    {"protocol", PXT_NAME_SCHEME, PXT_FIELD_PROXY_URL}, {"scheme", PXT_NAME_SCHEME, PXT_FIELD_PROXY_URL},
    {"type", PXT_NAME_SCHEME, PXT_FIELD_PROXY_URL},     {"types", PXT_NAME_SCHEME, PXT_FIELD_PROXY_URL},
    {"user", PXT_NAME_FIELD, PXT_FIELD_USERNAME},       {"login", PXT_NAME_FIELD, PXT_FIELD_USERNAME},
    {"pass", PXT_NAME_FIELD, PXT_FIELD_PASSWORD},
};

static bool same(const char *a, const char *b, size_t length)
{
    return strlen(a) == length && !strncasecmp(a, b, length);
}

enum pxt_list_name pxt_list_name(const char *name, size_t length, enum pxt_field_id *field)
{
    size_t count;
    const struct pxt_field *fields = pxt_field_table(&count);
    for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
        if (same(aliases[i].name, name, length)) {
            *field = aliases[i].field;
            return aliases[i].kind;
        }
    for (size_t i = 0; i < count; i++) {
        if (fields[i].flags & PXT_FIELD_INTERNAL)
            continue;
        *field = (enum pxt_field_id)i;
        if (same(fields[i].name, name, length))
            return PXT_NAME_FIELD;
        size_t own = strlen(fields[i].name);
        if (fields[i].type != PXT_TYPE_SECRET || length <= own || strncasecmp(name, fields[i].name, own))
            continue;
        if (same("_encrypted", name + own, length - own))
            return PXT_NAME_TOKEN;
        if (same("_base64", name + own, length - own))
            return PXT_NAME_BASE64;
    }
    return PXT_NAME_OTHER;
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
    if (!length || length >= sizeof copy || strspn(text, "0123456789.") < length)
        return false;
    memcpy(copy, text, length);
    copy[length] = '\0';
    *out = strtoll(copy, &end, 10);
    return !*end || (*end == '.' && strspn(end + 1, "0") == strlen(end + 1));
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

bool pxt_list_set(struct pxt_draft *draft, enum pxt_field_id field, enum pxt_list_name kind, const char *text,
                  size_t length, struct pxt_list_room *room)
{
    size_t count;
    int64_t number = 0;
    bool good;
    if (kind == PXT_NAME_TOKEN)
        return set_token(draft, field, text, length, room);
    if (kind == PXT_NAME_BASE64)
        return set_base64(draft, field, text, length, room);
    switch (pxt_field_table(&count)[field].type) {
    case PXT_TYPE_TEXT:
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
    }
    if (good)
        pxt_draft_set_number(draft, field, number);
    return good;
}
