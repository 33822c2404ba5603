/* SPDX-License-Identifier: MIT
 *
 * proxyline.c: the forms in which lists write a proxy, told apart by rules without guessing; in this order:
 *   scheme://[user[:password]@]host:port      a URL
 *   type host port [user password]            with blanks, as proxychains has it
 *   scheme:host:port[:user:password]
 *   host:port@user:password                   where what stands before the @ is host:port and what follows is not
 *   [user[:password]@]host:port               where what follows the last @ is host:port
 *   host:port:user:password                   the second field is a port; the password is all the rest, with any @
 *   user:password:host:port                   the fourth field is a port and the second is not
 *   [v6]:port, host:port
 */
#include "base/fail.h"
#include "proxy/proxyurl_parts.h"
#include <arpa/inet.h>
#include <string.h>

enum { FIELDS = 5 };

struct field {
    const char *text;
    size_t length;
};

/* Splits at blanks. Returns how many there are, FIELDS + 1 for more than FIELDS. */
static size_t split_blanks(const char *text, size_t length, struct field field[FIELDS])
{
    const char *end = text + length;
    size_t n = 0;
    while (text < end) {
        while (text < end && (*text == ' ' || *text == '\t'))
            text++;
        const char *start = text;
        while (text < end && *text != ' ' && *text != '\t')
            text++;
        if (text == start)
            break;
        if (n == FIELDS)
            return FIELDS + 1;
        field[n++] = (struct field){start, (size_t)(text - start)};
    }
    return n;
}

/* Splits at colons, but not inside the brackets that a leading IPv6 address has; the last field takes all the rest. */
static size_t split_colons(const char *text, size_t length, struct field field[FIELDS], size_t most)
{
    const char *end = text + length;
    size_t n = 0;
    for (;;) {
        const char *from = text;
        if (*text == '[') {
            const char *bracket = memchr(text, ']', (size_t)(end - text));
            from = bracket ? bracket : text;
        }
        const char *colon = n + 1 < most ? memchr(from, ':', (size_t)(end - from)) : NULL;
        field[n++] = (struct field){text, (size_t)((colon ? colon : end) - text)};
        if (!colon)
            return n;
        text = colon + 1;
        if (text == end) {
            field[n++] = (struct field){text, 0};
            return n;
        }
    }
}

static bool is_port(struct field field)
{
    uint16_t port;
    return pxt_port_read(field.text, field.length, &port);
}

static bool is_address(struct field field)
{
    char text[16];
    struct in_addr address;
    if (field.length && field.text[0] == '[')
        return true;
    if (field.length >= sizeof text)
        return false;
    memcpy(text, field.text, field.length);
    text[field.length] = '\0';
    return inet_pton(AF_INET, text, &address) == 1;
}

/* Whether an IPv6 address without brackets may begin like that: a host has a dot, or a letter beyond f. */
static bool is_group(struct field field)
{
    return field.length <= 4 && strspn(field.text, "0123456789abcdefABCDEF") >= field.length;
}

static const char *host_and_port(struct pxt_proxy *out, struct field host, struct field port)
{
    return pxt_host_set(out, host.text, host.length, port.text, port.length);
}

static const char *with_credentials(struct pxt_proxy *out, struct field host, struct field port, struct field user,
                                    struct field password)
{
    const char *problem = host_and_port(out, host, port);
    return problem ? problem : pxt_userinfo_set(out, user.text, user.length, password.text, password.length, false);
}

static const char *blank_separated(struct pxt_proxy *out, const char *text, size_t length)
{
    struct field field[FIELDS];
    size_t n = split_blanks(text, length, field);
    if (n != 3 && n != 5)
        return "a line with blanks is expected as: type host port [user password]";
    if (!pxt_scheme_set(out, field[0].text, field[0].length))
        return "the type must be http, https, socks4, socks4a, socks5 or socks5h";
    return n == 3 ? host_and_port(out, field[1], field[2])
                  : with_credentials(out, field[1], field[2], field[3], field[4]);
}

static const char *colon_separated(struct pxt_proxy *out, const char *text, size_t length)
{
    struct field field[FIELDS];
    size_t n = split_colons(text, length, field, 4);
    char kept[sizeof out->scheme];
    memcpy(kept, out->scheme, sizeof kept);
    if (n >= 3 && !is_port(field[1]) && pxt_scheme_set(out, field[0].text, field[0].length)) {
        n = split_colons(text, length, field, 5);
        return n == 3   ? host_and_port(out, field[1], field[2])
               : n == 5 ? with_credentials(out, field[1], field[2], field[3], field[4])
                        : "after scheme:host:port user:password is expected";
    }
    memcpy(out->scheme, kept, sizeof kept);
    if (n == 1)
        return "the port is missing";
    if (n == 2)
        return host_and_port(out, field[0], field[1]);
    /* Groups of an IPv6 address can look like ports. */
    if (n >= 3 && memmem(text, length, "::", 2) && is_group(field[0]))
        return "an IPv6 address needs brackets: [2001:db8::1]:8080";
    out->ambiguous = n == 4 && is_port(field[1]) && is_port(field[3]) && !is_address(field[0]);
    if (n == 4 && is_port(field[1]))
        return with_credentials(out, field[0], field[1], field[2], field[3]);
    if (n == 4 && is_port(field[3]))
        return with_credentials(out, field[2], field[3], field[0], field[1]);
    return n == 3 ? "host:port:user lacks a password" : "an IPv6 address needs brackets: [2001:db8::1]:8080";
}

/* Whether the fields are those of a line whose password may have an @ in it. */
static bool is_colon_form(const char *text, size_t length)
{
    struct field field[FIELDS];
    size_t n = split_colons(text, length, field, FIELDS);
    if (n < 4)
        return false;
    return is_port(field[1]) || (n == 4 && is_port(field[3])) || (n == FIELDS && is_port(field[2]));
}

static const char *around_at(struct pxt_proxy *out, const char *text, size_t length, size_t *column)
{
    const char *at = memchr(text, '@', length);
    struct field left[FIELDS], right[FIELDS];
    size_t lefts = split_colons(text, (size_t)(at - text), left, FIELDS);
    const char *rest = memrchr(text, '@', length) + 1;
    size_t rights = rest < text + length ? split_colons(rest, length - (size_t)(rest - text), right, FIELDS) : 0;
    bool right_is_host = rights == 2 && is_port(right[1]);
    if (!right_is_host && (lefts != 2 || !is_port(left[1])) && is_colon_form(text, length))
        return colon_separated(out, text, length);
    if (lefts != 2 || !is_port(left[1]) || right_is_host || at == text)
        return pxt_authority_set(out, text, length, column);
    const char *user = at + 1, *end = text + length, *colon = memchr(user, ':', (size_t)(end - user));
    if (!colon)
        return "after host:port@ user:password is expected";
    return with_credentials(out, left[0], left[1], (struct field){user, (size_t)(colon - user)},
                            (struct field){colon + 1, (size_t)(end - colon - 1)});
}

/* What lists put around a proxy. */
static void trim(const char **text, size_t *length, size_t *column)
{
    while (*length && strchr(" \t\r\n\"'", **text)) {
        ++*text;
        --*length;
        ++*column;
    }
    while (*length && strchr(" \t\r\n\"',;", (*text)[*length - 1]))
        --*length;
}

pxt_status pxt_proxy_parse_line(const char *text, size_t length, const char *default_scheme, struct pxt_proxy *out,
                                size_t *column, struct pxt_error *error)
{
    size_t at = 1;
    const char *problem = memchr(text, '\0', length) ? "it has a NUL in it" : NULL;
    if (!problem)
        trim(&text, &length, &at);
    explicit_bzero(out, sizeof *out);
    if (!problem && !length)
        problem = "it is empty";
    else if (!problem && memmem(text, length, "://", 3))
        problem = pxt_url_set(out, text, length, &at);
    else if (!problem && !pxt_scheme_set(out, default_scheme, strlen(default_scheme)))
        problem = "the default scheme is unknown";
    else if (!problem && (memchr(text, ' ', length) || memchr(text, '\t', length)))
        problem = blank_separated(out, text, length);
    else if (!problem && memchr(text, '@', length))
        problem = around_at(out, text, length, &at);
    else if (!problem)
        problem = colon_separated(out, text, length);
    if (column)
        *column = at;
    if (!problem)
        return PXT_OK;
    pxt_proxy_wipe(out);
    return pxt_fail(error, PXT_EINVAL, 0, "%s", problem);
}
